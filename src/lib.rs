//! Liver image analysis: NIfTI in; parametric maps, tables and pictures out; on a GPU or the CPU.
//!
//! Research use only. Not a medical device. Not for diagnosis or treatment decisions.
//!
//! Data flows `load → align → fit / enhance → measure → report`, as plain functions over plain values:
//! [`volume`] reads and writes files, [`model`] turns formulas into code, [`device`] runs kernels over batches of
//! voxels, [`fit`] and [`enhance`] are those kernels, [`measure`] and [`report`] make tables and pictures.

pub mod bench;
pub mod cli;
pub mod device;
pub mod enhance;
pub mod error;
pub mod fit;
pub mod lanes;
pub mod measure;
pub mod model;
pub mod report;
pub mod simulate;
pub mod units;
pub mod volume;

pub use error::{Error, Result};

/// The sentence that stands on every output a person reads.
pub const RESEARCH_USE_ONLY: &str =
    "Research use only. Not a medical device. Not for diagnosis or treatment decisions.";
