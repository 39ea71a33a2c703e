//! The ADC fit in WGSL.

use std::fmt::Write as _;

use super::{AdcKernel, AdcOutput};
use crate::device::Shader;
use crate::fit::{BadSamples, line};

/// Re-weightings that a voxel is thought to take at most: noise in air takes up to some thirty.
const MANY_ROUNDS: u32 = 30;

/// `shaders/adc.wgsl` with what is known before a run as constants: a driver removes what is not wanted.
pub(super) fn shader(kernel: &AdcKernel) -> Shader {
    let place = |output| kernel.outputs.iter().position(|&o| o == output);
    let mut body = line::wgsl::columns(AdcOutput::ALL.map(place));
    let _ = writeln!(body, "const METHOD: u32 = {}u;", kernel.options.method as u32);
    let _ = writeln!(body, "const DROP_BAD_SAMPLES: bool = {};", kernel.options.bad_samples == BadSamples::Drop);
    let mut params: Vec<f32> = kernel.b.iter().map(|&b| b as f32).collect();
    body += &line::wgsl::line(&kernel.b, kernel.options.max_iterations, &mut params);
    body += include_str!("../../../shaders/adc.wgsl");
    // Of loops over the observations: some, and four a re-weighting.
    let rounds = kernel.options.max_iterations.min(MANY_ROUNDS) as usize;
    let n_obs = kernel.b.len();
    let turns = 9 * n_obs + rounds * (4 * n_obs + 2);
    Shader { body, params, turns }
}
