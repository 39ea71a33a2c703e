//! The ADC fit in WGSL.

use std::fmt::Write as _;

use super::{AdcKernel, AdcOutput, BadSamples, LEAST_SPREAD, MAX_LENGTHENING, tolerance};
use crate::device::Shader;
use crate::fit::status;
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

/// `shaders/adc.wgsl` with what is known before a run as constants: a driver removes what is not wanted.
pub(super) fn shader(kernel: &AdcKernel) -> Shader {
    let mut body = String::new();
    for (i, output) in AdcOutput::ALL.into_iter().enumerate() {
        let column = kernel.outputs.iter().position(|&o| o == output);
        let _ = writeln!(body, "const WRITE_{i}: bool = {};", column.is_some());
        let _ = writeln!(body, "const COLUMN_{i}: u32 = {}u;", column.unwrap_or(0));
    }
    let _ = writeln!(body, "const METHOD: u32 = {}u;", kernel.options.method as u32);
    let _ = writeln!(body, "const DROP_BAD_SAMPLES: bool = {};", kernel.options.bad_samples == BadSamples::Drop);
    let _ = writeln!(body, "const MAX_ITERATIONS: u32 = {}u;", kernel.options.max_iterations);
    let _ = writeln!(body, "const TOLERANCE: f32 = {:e};", tolerance(f64::from(f32::EPSILON)));
    let _ = writeln!(body, "const MAX_LENGTHENING: f32 = {MAX_LENGTHENING:e};");
    let _ = writeln!(body, "const LEAST_SPREAD: f32 = {LEAST_SPREAD:e};");
    let _ = writeln!(body, "const MM2_PER_S: f32 = {:e};", MM2_PER_S_PER_UM2_PER_MS);
    let _ = writeln!(body, "const LONGEST_STEP: f32 = {:e};", kernel.longest_step() as f32);
    let (b_min, b_max) = kernel.b_range();
    let _ = writeln!(body, "const B_MIN: f32 = {:e};\nconst B_MAX: f32 = {:e};", b_min as f32, b_max as f32);
    for (bit, name) in [
        (status::SAMPLES_DROPPED, "SAMPLES_DROPPED"),
        (status::BAD_INPUT, "BAD_INPUT"),
        (status::SINGULAR, "SINGULAR"),
        (status::NEGATIVE, "NEGATIVE"),
        (status::ITERATION_LIMIT, "ITERATION_LIMIT"),
    ] {
        let _ = writeln!(body, "const {name}: u32 = {bit}u;");
    }
    body.push_str(include_str!("../../../shaders/adc.wgsl"));
    Shader { body, params: kernel.b.iter().map(|&b| b as f32).collect() }
}
