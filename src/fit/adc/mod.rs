//! Mono-exponential diffusion, S(b) = S0·exp(−b·ADC), by linear regression of log-signals.
//!
//! - [`Method::Lls`]: every sample counts the same.
//! - [`Method::Wlls`]: one re-weighting by the squared signal that LLS predicts.
//! - [`Method::Iwlls`]: re-weighting until the estimate stays (Veraart J et al. NeuroImage 2013;81:335,
//!   doi:10.1016/j.neuroimage.2013.05.028).
//!
//! The weights exp(−2·b·ADC) of the last depend on the ADC alone, so the re-weighting is a fixed point g(D) = D of one
//! unknown. Its derivative costs two more sums, and a Newton step on it, kept inside the bracket that the signs of
//! g(D) − D give, reaches the same fixed point in 3 iterations where plain re-weighting takes tens, or circles for ever.

mod cpu;
mod gpu;
mod line;
#[cfg(test)]
mod tests;

use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
use crate::lanes;
use crate::units;

/// How the log-signals are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Method {
    /// Log-linear least squares.
    Lls,
    /// Weighted once, by the predicted squared signal.
    Wlls,
    /// Weighted until the estimate stays.
    #[default]
    Iwlls,
}

impl Method {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lls => "lls",
            Self::Wlls => "wlls",
            Self::Iwlls => "iwlls",
        }
    }
}

/// What happens where a sample is ≤ 0 or not finite, and so has no logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum BadSamples {
    /// The sample gets no weight.
    #[default]
    Drop,
    /// The voxel is not fitted.
    Voxel,
}

impl BadSamples {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Voxel => "voxel",
        }
    }
}

/// What the fit can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AdcOutput {
    /// Apparent diffusion coefficient, mm²/s.
    #[value(name = "ADC")]
    Adc,
    /// Signal at b = 0, in the image's own unit.
    #[value(name = "S0")]
    S0,
    /// Standard error of the ADC from the weighted residuals, n − 2 degrees of freedom; NaN for two samples.
    #[value(name = "ADC_se")]
    AdcSe,
    /// Root mean square of signal − fit over the samples used, in the image's own unit.
    Rmse,
    /// 1 − residual sum of squares / sum of squares about the mean, of signals.
    #[value(name = "R2")]
    R2,
    /// Re-weightings done.
    Iterations,
    /// Remarks on each voxel, a bit each; the sidecar lists them.
    Status,
}

impl AdcOutput {
    /// All, in the order of writing.
    pub const ALL: [Self; 7] = [Self::Adc, Self::S0, Self::AdcSe, Self::Rmse, Self::R2, Self::Iterations, Self::Status];

    /// The map's name, as in its file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adc => "ADC",
            Self::S0 => "S0",
            Self::AdcSe => "ADC_se",
            Self::Rmse => "rmse",
            Self::R2 => "R2",
            Self::Iterations => "iterations",
            Self::Status => "status",
        }
    }

    /// Unit of the map on disk; empty for plain numbers.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Adc | Self::AdcSe => "mm^2/s",
            Self::S0 | Self::Rmse => "a.u.",
            Self::R2 | Self::Iterations | Self::Status => "",
        }
    }

    /// One line for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Adc => "Apparent diffusion coefficient",
            Self::S0 => "Signal at b = 0, extrapolated",
            Self::AdcSe => "Standard error of the ADC",
            Self::Rmse => "Root mean square residual of the signal",
            Self::R2 => "Coefficient of determination",
            Self::Iterations => "Re-weightings until the estimate stayed",
            Self::Status => "Status bits of the fit",
        }
    }

    /// How it is stored.
    pub fn kind(self) -> ColumnType {
        match self {
            Self::Iterations | Self::Status => ColumnType::U16,
            _ => ColumnType::F32,
        }
    }
}

/// Every choice that changes a number.
#[derive(Debug, Clone, PartialEq)]
pub struct AdcOptions {
    /// How the log-signals are weighted.
    pub method: Method,
    /// What happens to samples without a logarithm.
    pub bad_samples: BadSamples,
    /// Most re-weightings.
    pub max_iterations: u32,
}

impl Default for AdcOptions {
    fn default() -> Self {
        Self { method: Method::default(), bad_samples: BadSamples::default(), max_iterations: 200 }
    }
}

/// The ADC fit as a kernel. Diffusivities leave it in mm²/s.
#[derive(Debug, Clone)]
pub struct AdcKernel {
    options: AdcOptions,
    outputs: Vec<AdcOutput>,
    /// b-values in ms/µm².
    b: Vec<f64>,
}

impl AdcKernel {
    /// A fit of images at `b_values` (s/mm², in the order of the rows) that computes `outputs` alone.
    pub fn new(options: AdcOptions, b_values: &[f64], outputs: &[AdcOutput]) -> Self {
        let b = b_values.iter().map(|&b| units::b_inside(b)).collect();
        Self { options, outputs: outputs.to_vec(), b }
    }

    /// Arithmetic operations a voxel for the ADC alone, counted in `line.rs` and `cpu.rs`: a fused multiply-add is two,
    /// a division or a comparison one.
    pub fn flops_per_voxel(&self, iterations: f64) -> f64 {
        let n_obs = self.b.len() as f64;
        // Load, largest, scale and logarithm of a sample.
        let logs = n_obs * (6.0 + 25.0);
        // Moments of a line, and what is made of them.
        let line = n_obs * 16.0 + 12.0;
        // The weight of a sample: its exponent and an exponential.
        let weights = n_obs * (4.0 + 18.0);
        let newton = 16.0;
        logs + line + iterations * (weights + line + newton)
    }

    fn wants(&self, output: AdcOutput) -> bool {
        self.outputs.contains(&output)
    }

    /// No step is longer, in µm²/ms: it would change weights by more than e¹⁶ at once, and the weights of a wild start
    /// would leave f32's range before they could be judged.
    fn longest_step(&self) -> f64 {
        let (b_min, b_max) = self.b_range();
        8.0 / (b_max - b_min).max(LEAST_SPREAD.sqrt())
    }

    /// Least and greatest b-value in ms/µm².
    fn b_range(&self) -> (f64, f64) {
        self.b.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &b| (lo.min(b), hi.max(b)))
    }
}

/// The iteration ends where the next change of the ADC, relative to max(|ADC|, 1 µm²/ms), would be below this. In f32 it
/// is a few roundings of the log-signals.
fn tolerance(epsilon: f64) -> f64 {
    if epsilon < f64::from(f32::EPSILON) { 1e-13 } else { 1e-6 }
}

/// Largest 1/(1 − g′) that a step is lengthened by: near a double root, g′ → 1, Newton's step is far too long.
const MAX_LENGTHENING: f64 = 50.0;

/// Least Σ(b − mean b)² in (ms/µm²)² that counts as two different b-values.
const LEAST_SPREAD: f64 = 1e-9;

impl VoxelKernel for AdcKernel {
    fn label(&self) -> String {
        format!("adc {}", self.options.method.name())
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        self.outputs.iter().map(|o| ColumnSpec { name: o.name().into(), kind: o.kind() }).collect()
    }

    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]) {
        let work = cpu::Fit { kernel: self, batch, out };
        match precision {
            Precision::F32 => lanes::run_f32(work),
            Precision::F64 => lanes::run_f64(work),
        }
    }

    fn shader(&self, _n_obs: usize) -> Shader {
        gpu::shader(self)
    }
}
