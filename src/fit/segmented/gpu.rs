//! The segmented fit in WGSL.

use std::fmt::Write as _;

use super::{LEAST_EXPONENT, N_PARAMETERS, SegmentedKernel, SegmentedOutput};
use crate::device::Shader;
use crate::fit::{BadSamples, line};

/// `shaders/segmented.wgsl` with what is known before a run as constants: a driver removes what is not wanted.
pub(super) fn shader(kernel: &SegmentedKernel) -> Shader {
    let options = &kernel.options;
    let place = |output| kernel.outputs.iter().position(|&o| o == output);
    let mut body = line::wgsl::columns(SegmentedOutput::ALL.map(place));
    let (d, dstar) = (options.d_bounds_inside(), options.dstar_bounds_inside());
    for (name, [low, high]) in [("D", d), ("F", options.f_bounds), ("DSTAR", dstar)] {
        // Writing to a string cannot fail.
        let _ = writeln!(body, "const {name}_LOW: f32 = {:e};", low as f32);
        let _ = writeln!(body, "const {name}_HIGH: f32 = {:e};", high as f32);
    }
    for (name, yes) in [
        ("WANTS_DSTAR", kernel.wants_dstar()),
        ("DROP_BAD_SAMPLES", options.bad_samples == BadSamples::Drop),
        ("UNTIL_IT_STAYS", options.plain_reweightings.is_none()),
    ] {
        let _ = writeln!(body, "const {name}: bool = {yes};");
    }
    for (name, count) in [
        ("PLAIN_REWEIGHTINGS", options.plain_reweightings.unwrap_or(0) as usize),
        ("N_LOWEST", kernel.n_lowest),
        ("N_GRID", kernel.grid.dstar.len()),
    ] {
        let _ = writeln!(body, "const {name}: u32 = {count}u;");
    }
    for (name, value) in [("N_PARAMETERS", N_PARAMETERS), ("LEAST_EXPONENT", LEAST_EXPONENT)] {
        let _ = writeln!(body, "const {name}: f32 = {value:e};");
    }
    let rows = kernel.rows.iter().map(|&row| row as f32);
    let numbers = kernel.b.iter().chain(&kernel.grid.dstar).chain(&kernel.grid.decay).map(|&x| x as f32);
    let mut params: Vec<f32> = numbers.chain(rows).collect();
    body += &line::wgsl::line(kernel.line_b(), options.max_iterations, &mut params);
    body += include_str!("../../../shaders/segmented.wgsl");
    Shader { body, params, turns: Shader::ANY }
}
