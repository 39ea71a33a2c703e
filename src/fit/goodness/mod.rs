//! How well a fit describes its signals, found from the fitted parameters alone, and so the same for every method and
//! device: residuals, their correlation from sample to sample, and χ² against a known noise level.
//!
//! - A residual is the signal less what the fit expects of it, in f64: the model's at the fitted parameters, and under Rician
//!   noise the magnitude that this and σ make, the mean of the likelihood that was fitted.
//! - The lag-1 correlation is r = Σ eᵢeᵢ₊₁ / Σ eᵢ² over the samples in the order of the first axis (of the next axes, then
//!   of the series, where that is the same). White residuals have r near 0, or somewhat below for the parameters that were
//!   fitted; a curve of another form leaves runs of one sign and r above 0. With Durbin and Watson's statistic d, r ≈ 1 − d/2
//!   (Durbin and Watson 1950, doi:10.1093/biomet/37.3-4.409).
//! - χ² is Σ eᵢ²/σ² over the samples less the fitted parameters: near 1 where the model holds and σ is that of the noise.
//!   Magnitudes scatter less than σ where signals are not well above it: where there is none, σ²·(3 − √(2π)) about σ, so that
//!   χ² is near 0.49.
//!
//! Samples that are not finite are left out, and their neighbours are taken for neighbours.

mod evaluate;
pub mod quality;
mod written;

pub use evaluate::{Evaluated, Evaluation};
pub(super) use written::GoodnessMaps;

use super::{FitOutput, Role};

/// The name of the residuals, one volume a sample.
pub const RESIDUALS: &str = "residuals";

/// The name of the map of lag-1 correlations.
pub const LAG1: &str = "residual_lag1";

/// The name of the map of χ² a degree of freedom.
pub const CHI2: &str = "chi2_reduced";

/// Maps that are found from the fitted parameters.
pub fn outputs() -> [FitOutput; 2] {
    let new = |name: &str, title: &str| FitOutput {
        name: name.into(),
        unit: String::new(),
        title: title.into(),
        role: Role::Goodness,
        n_volumes: 1,
    };
    [
        new(LAG1, "Correlation of residuals from one sample to the next along the first axis"),
        new(CHI2, "Chi-squared of the residuals against the noise's sigma, a degree of freedom"),
    ]
}
