//! Fitting signal models to the voxels of a series.

pub mod adc;
pub mod nlls;
pub mod regions;
pub mod run;
pub mod series;
pub mod status;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, BadSamples, Method};
pub use run::{FitRequest, FitSummary, run};
pub use series::fit_series;
