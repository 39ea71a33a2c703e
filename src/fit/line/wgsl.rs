//! What fits share in WGSL.

use std::fmt::Write as _;

use super::equal::slopes;
use super::reweigh::{LEAST_SLACK, LONGEST_SECOND_STEP, MAX_LENGTHENING};
use super::{LEAST_SPREAD, b_range, left_of_cube, longest_step, lowest_adc, tolerance};
use crate::fit::status;
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

/// `shaders/common/line.wgsl` for a line through samples at `b` (ms/µm²), after the constants that it needs. What the shader
/// reads beside b-values comes behind the other `params`.
pub(in crate::fit) fn line(b: &[f64], max_iterations: u32, params: &mut Vec<f32>) -> String {
    let next_terms = params.len();
    // Natural logarithms: a weight is exp(−2·b·ADC).
    let (_, [_, _, _, third, fourth]) = slopes(b, 2.0);
    params.extend(third.iter().chain(&fourth).map(|&factor| factor as f32));
    let (b_min, _) = b_range(b);
    let floats = [
        ("TOLERANCE", tolerance(f64::from(f32::EPSILON))),
        ("MAX_LENGTHENING", MAX_LENGTHENING),
        ("LONGEST_STEP", longest_step(b)),
        ("LEFT_OF_CUBE", left_of_cube(b)),
        ("LEAST_SLACK", LEAST_SLACK),
        ("LONGEST_SECOND_STEP", LONGEST_SECOND_STEP),
        ("LEAST_SPREAD", LEAST_SPREAD),
        ("MM2_PER_S", MM2_PER_S_PER_UM2_PER_MS),
        ("B_MIN", b_min),
        ("LOWEST_ADC", lowest_adc(b)),
    ];
    let bits = [
        ("SAMPLES_DROPPED", status::SAMPLES_DROPPED),
        ("BAD_INPUT", status::BAD_INPUT),
        ("SINGULAR", status::SINGULAR),
        ("NEGATIVE", status::NEGATIVE),
        ("ITERATION_LIMIT", status::ITERATION_LIMIT),
        ("AT_BOUND", status::AT_BOUND),
    ];
    // Writing to a string cannot fail.
    let mut text = format!("const N_LINE: u32 = {}u;\nconst MAX_ITERATIONS: u32 = {max_iterations}u;\n", b.len());
    let _ = writeln!(text, "const NEXT_TERMS: u32 = {next_terms}u;");
    for (name, value) in floats {
        let _ = writeln!(text, "const {name}: f32 = {:e};", value as f32);
    }
    for (name, bit) in bits {
        let _ = writeln!(text, "const {name}: u32 = {bit}u;");
    }
    text + include_str!("../../../shaders/common/line.wgsl")
}

/// Constants that say which of a kernel's outputs are written, and to which column.
pub(in crate::fit) fn columns(places: impl IntoIterator<Item = Option<usize>>) -> String {
    let mut text = String::new();
    for (i, column) in places.into_iter().enumerate() {
        let _ = writeln!(text, "const WRITE_{i}: bool = {};", column.is_some());
        let _ = writeln!(text, "const COLUMN_{i}: u32 = {}u;", column.unwrap_or(0));
    }
    text
}
