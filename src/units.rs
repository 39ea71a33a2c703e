//! Conversions between the units of files and the command line, and those inside.
//!
//! Inside, b is in ms/µm² and diffusivities are in µm²/ms, so that values are near 1 in f32.

/// b-value: s/mm² (files) → ms/µm² (inside).
pub fn b_inside(b_s_per_mm2: f64) -> f64 {
    b_s_per_mm2 / 1000.0
}

/// Diffusivity in mm²/s (files) for one µm²/ms (inside).
pub const MM2_PER_S_PER_UM2_PER_MS: f64 = 1e-3;
