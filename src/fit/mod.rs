//! Fitting signal models to the voxels of a series.

pub mod adc;
mod blocks;
pub mod design;
mod fitted;
pub mod fitting;
pub mod goodness;
mod late;
mod likelihood;
mod line;
pub mod method;
pub mod nlls;
pub mod plot;
pub mod prior;
pub mod regions;
pub mod results;
pub mod robust;
pub mod run;
mod samples;
pub mod segmented;
pub mod select;
pub mod sigma;
pub mod status;
mod student;
pub mod synthesize;
mod weak;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, Method};
pub use fitting::Fitting;
pub use goodness::GoodnessOptions;
pub use method::{FitMethod, FitOutput, Role};
pub use plot::PlotPlace;
pub use results::Results;
pub use run::{FitRequest, FitSummary, run};
pub use samples::BadSamples;
pub use segmented::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
pub use sigma::Sigma;
