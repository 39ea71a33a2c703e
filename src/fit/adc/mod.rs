//! Mono-exponential diffusion, S(b) = S0·exp(−b·ADC), by linear regression of log-signals.
//!
//! - [`Method::Lls`]: every sample counts the same.
//! - [`Method::Wlls`]: one re-weighting by the squared signal that LLS predicts.
//! - [`Method::Iwlls`]: re-weighting until the estimate stays (Veraart J et al. NeuroImage 2013;81:335,
//!   doi:10.1016/j.neuroimage.2013.05.028).
//!
//! `fit::line` has the lines and how re-weighting finds its fixed point.

mod cpu;
mod gpu;
#[cfg(test)]
mod tests;

use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
use crate::fit::BadSamples;
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
    /// Whether each output is one of them: asked for by the vector.
    wanted: [bool; AdcOutput::ALL.len()],
    /// b-values in ms/µm².
    b: Vec<f64>,
}

impl AdcKernel {
    /// A fit of images at `b_values` (s/mm², in the order of the rows) that computes `outputs` alone.
    pub fn new(options: AdcOptions, b_values: &[f64], outputs: &[AdcOutput]) -> Self {
        let b = b_values.iter().map(|&b| units::b_inside(b)).collect();
        Self { options, outputs: outputs.to_vec(), wanted: AdcOutput::ALL.map(|output| outputs.contains(&output)), b }
    }

    fn wants(&self, output: AdcOutput) -> bool {
        self.wanted[output as usize]
    }

    /// Whether anything needs more of the line than its slope.
    fn wants_line(&self) -> bool {
        [AdcOutput::S0, AdcOutput::AdcSe, AdcOutput::Rmse, AdcOutput::R2].into_iter().any(|output| self.wants(output))
    }
}

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

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        Some(gpu::shader(self))
    }

    /// For the ADC alone, counted in `fit::line` and `cpu.rs`.
    fn flops_per_voxel(&self, iterations: f64) -> Option<f64> {
        let n_obs = self.b.len() as f64;
        // Largest, scale and logarithm of a sample, and its part in five sums.
        let logs = n_obs * (3.0 + lanes::FLOPS_OF_LOG2 + 11.0);
        // Moments of a line, and what is made of them.
        let line = n_obs * 20.0 + 16.0;
        // The weight of a sample: its exponent and an exponential; that of the lowest b is 1.
        let weights = (n_obs - 1.0) * (3.0 + lanes::FLOPS_OF_EXP2);
        let step = 23.0;
        // A power series of five terms, its derivative, and Newton's step.
        let second_step = 22.0;
        Some(logs + step + second_step + iterations * (weights + line + step))
    }
}
