//! Fitting signal models to the voxels of a series.

pub mod adc;
mod blocks;
pub mod design;
mod line;
pub mod nlls;
pub mod regions;
pub mod run;
mod samples;
pub mod segmented;
pub mod series;
pub mod status;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, Method};
pub use run::{FitRequest, FitSummary, run};
pub use samples::BadSamples;
pub use segmented::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
pub use series::fit_series;
