//! Fitting signal models to the voxels of a series.

pub mod adc;
mod blocks;
pub mod design;
pub mod fitting;
mod late;
mod likelihood;
mod line;
pub mod method;
pub mod nlls;
pub mod regions;
pub mod results;
pub mod robust;
pub mod run;
mod samples;
pub mod segmented;
pub mod sigma;
pub mod status;
mod weak;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, Method};
pub use fitting::Fitting;
pub use method::{FitMethod, FitOutput, Role};
pub use results::Results;
pub use run::{FitRequest, FitSummary, run};
pub use samples::BadSamples;
pub use segmented::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
pub use sigma::Sigma;
