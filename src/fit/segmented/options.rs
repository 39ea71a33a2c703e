//! What the segmented fit can be asked for.

use crate::fit::BadSamples;
use crate::units::MM2_PER_S_PER_UM2_PER_MS;
use crate::{Error, Result};

/// Every choice that changes a number.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedOptions {
    /// Images at this b-value and above determine D and f, s/mm².
    pub threshold_s_per_mm2: f64,
    /// Least and greatest D, mm²/s.
    pub d_bounds: [f64; 2],
    /// Least and greatest f.
    pub f_bounds: [f64; 2],
    /// Least and greatest D*, mm²/s; the least is above 0.
    pub dstar_bounds: [f64; 2],
    /// What happens to samples without a logarithm: dropped, they count neither for the line nor for D*.
    pub bad_samples: BadSamples,
    /// `None` re-weighs the line until it stays. A number re-weighs so many times, as published programs do: the same
    /// wherever that settles, but in noisy voxels where it circles the number decides the result.
    pub plain_reweightings: Option<u32>,
    /// Most re-weightings, and most steps of D*.
    pub max_iterations: u32,
}

impl Default for SegmentedOptions {
    fn default() -> Self {
        Self {
            threshold_s_per_mm2: 200.0,
            d_bounds: [0.0, 0.005],
            f_bounds: [0.0, 1.0],
            dstar_bounds: [0.005, 0.2],
            bad_samples: BadSamples::default(),
            plain_reweightings: None,
            max_iterations: 200,
        }
    }
}

impl SegmentedOptions {
    /// D's bounds in µm²/ms.
    pub(super) fn d_bounds_inside(&self) -> [f64; 2] {
        self.d_bounds.map(|d| d / MM2_PER_S_PER_UM2_PER_MS)
    }

    /// The bounds of D* in µm²/ms.
    pub(super) fn dstar_bounds_inside(&self) -> [f64; 2] {
        self.dstar_bounds.map(|d| d / MM2_PER_S_PER_UM2_PER_MS)
    }

    pub(super) fn check(&self) -> Result<()> {
        let within = |[low, high]: [f64; 2], least: f64, most: f64| least <= low && low <= high && high <= most;
        let bounds = [
            ("D", self.d_bounds, -f64::MAX, f64::MAX, "finite"),
            ("f", self.f_bounds, 0.0, 1.0, "within 0 to 1"),
            ("D*", self.dstar_bounds, f64::MIN_POSITIVE, f64::MAX, "finite and above 0"),
        ];
        for (name, bounds, least, most, range) in bounds {
            if !within(bounds, least, most) {
                let [low, high] = bounds;
                return Err(Error::Usage(format!(
                    "{name} cannot be bounded by {low} and {high}\n  remedy: give the smaller one first, both {range}"
                )));
            }
        }
        Ok(())
    }
}

/// What the fit can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SegmentedOutput {
    /// Mean signal at the lowest b-value, in the image's own unit.
    #[value(name = "S0")]
    S0,
    /// Tissue diffusion coefficient, mm²/s.
    #[value(name = "D")]
    D,
    /// Perfusion fraction.
    #[value(name = "f")]
    F,
    /// Pseudo-diffusion coefficient, mm²/s.
    #[value(name = "Dstar")]
    Dstar,
    /// f·D*, mm²/s: better determined than either factor.
    #[value(name = "fDstar")]
    FDstar,
    /// Root mean square of signal − fit over the samples used, in the image's own unit.
    Rmse,
    /// 1 − residual sum of squares / sum of squares about the mean, of signals.
    #[value(name = "R2")]
    R2,
    /// Akaike's criterion for small samples, n·ln(rss/n) + 2k + 2k(k + 1)/(n − k − 1), with the residual sum of squares of
    /// the n signals used and k = 5: four parameters and σ. NaN for n ≤ 6, and where the fit leaves no residual.
    #[value(name = "AICc")]
    Aicc,
    /// Re-weightings and steps of D* together.
    Iterations,
    /// Remarks on each voxel, a bit each; the sidecar lists them.
    Status,
}

impl SegmentedOutput {
    /// All, in the order of writing.
    pub const ALL: [Self; 10] = [
        Self::S0,
        Self::D,
        Self::F,
        Self::Dstar,
        Self::FDstar,
        Self::Rmse,
        Self::R2,
        Self::Aicc,
        Self::Iterations,
        Self::Status,
    ];

    /// The map's name, as in its file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::D => "D",
            Self::F => "f",
            Self::Dstar => "Dstar",
            Self::FDstar => "fDstar",
            Self::Rmse => "rmse",
            Self::R2 => "R2",
            Self::Aicc => "AICc",
            Self::Iterations => "iterations",
            Self::Status => "status",
        }
    }

    /// Unit of the map on disk; empty for plain numbers.
    pub fn unit(self) -> &'static str {
        match self {
            Self::D | Self::Dstar | Self::FDstar => "mm^2/s",
            Self::S0 | Self::Rmse => "a.u.",
            Self::F | Self::R2 | Self::Aicc | Self::Iterations | Self::Status => "",
        }
    }

    /// One line for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::S0 => "Mean signal at the lowest b-value",
            Self::D => "Tissue diffusion coefficient",
            Self::F => "Perfusion fraction",
            Self::Dstar => "Pseudo-diffusion coefficient",
            Self::FDstar => "Perfusion fraction times pseudo-diffusion coefficient",
            Self::Rmse => "Root mean square residual of the signal",
            Self::R2 => "Coefficient of determination",
            Self::Aicc => "Akaike's information criterion for small samples",
            Self::Iterations => "Re-weightings and steps of D* until the estimate stayed",
            Self::Status => "Status bits of the fit",
        }
    }
}
