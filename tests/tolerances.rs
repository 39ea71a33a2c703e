//! How far results may lie apart, and why: every tolerance between devices or programs stands here.

/// Noiseless decays, f32: relative to max(ADC, [`ADC_FLOOR`]). The logarithms of four signals near 1 are known to 1e-7;
/// a slope of 0.1 over 0.7 ms/µm² turns that into some 1e-6.
pub const ADC_NOISELESS: f64 = 1e-5;
/// mm²/s.
pub const ADC_FLOOR: f64 = 0.5e-3;

/// LLS against numpy's float64, f32: relative to max(|ADC|, [`ADC_LLS_FLOOR`]), by the same argument.
pub const ADC_LLS_F32: f64 = 1e-5;
/// LLS against numpy's float64, f64: two ways to solve the same normal equations.
pub const ADC_LLS_F64: f64 = 1e-9;
/// mm²/s.
pub const ADC_LLS_FLOOR: f64 = 1e-4;

/// IWLLS on a GPU against the CPU, mm²/s: the iteration ends where the next step would be below 1e-9 mm²/s.
pub const ADC_DEVICES: f64 = 1e-8;
/// And of the standard error: where noise leaves the slope loose, rounding moves it along.
pub const ADC_DEVICES_SE: f64 = 1e-4;
