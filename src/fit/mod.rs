//! Fitting signal models to the voxels of a series.

pub mod adc;
mod blocks;
pub mod design;
mod late;
mod line;
pub mod method;
pub mod nlls;
pub mod regions;
pub mod results;
pub mod run;
mod samples;
pub mod segmented;
pub mod spectrum;
pub mod status;
mod weak;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, Method};
pub use method::{FitMethod, FitOutput, Role};
pub use results::Results;
pub use run::{FitRequest, FitSummary, run};
pub use samples::BadSamples;
pub use segmented::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
pub use spectrum::{SpectrumKernel, SpectrumOptions, SpectrumOutput};
