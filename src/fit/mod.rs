//! Fitting signal models to the voxels of a series.

pub mod adc;
pub mod status;

pub use adc::{AdcKernel, AdcOptions, AdcOutput, BadSamples, Method};
