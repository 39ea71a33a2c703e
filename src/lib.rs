//! Liver image analysis: NIfTI in; parametric maps, tables and pictures out; on a GPU or the CPU.
//!
//! Research use only. Not a medical device. Not for diagnosis or treatment decisions.
//!
//! Data flows `load → align → fit / enhance → measure → report`, as plain functions over plain values:
//! [`volume`] reads and writes files, [`model`] turns formulas into code, [`device`] runs kernels over batches of
//! voxels, [`fit`] and [`enhance`] are those kernels, [`measure`] and [`report`] make tables and pictures.
//!
//! The ADC of a series in memory, on the CPU ([`device::Device::open`] gives a GPU in its place):
//!
//! ```
//! use hepar::device::{Column, Cpu, Precision, Source};
//! use hepar::fit::{AdcKernel, AdcOptions, AdcOutput};
//! use hepar::volume::{Grid, Image, VoxelType};
//!
//! # fn main() -> hepar::Result<()> {
//! // Two voxels, at b = 0 and 1000 s/mm²: S falls to half, and to a quarter.
//! let affine = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.], [0., 0., 0., 1.]];
//! let grid = Grid { shape: [2, 1, 1], affine };
//! let dwi = Image::from_values("dwi", grid, VoxelType::I16, &[800i16, 800, 400, 200]);
//! assert_eq!(dwi.to_array()?[[1, 0, 0, 1]], 200.0);
//!
//! let kernel = AdcKernel::new(AdcOptions::default(), &[0.0, 1000.0], &[AdcOutput::Adc]);
//! let source = Source::new(vec![dwi.row(0), dwi.row(1)], 2, None);
//! let columns = Cpu::new(1, Precision::F64)?.run(&kernel, &source);
//!
//! let Column::F64(adc) = &columns[0] else { unreachable!("computed in f64") };
//! assert!((adc[0] - 2f64.ln() / 1000.0).abs() < 1e-12); // mm²/s
//! assert!((adc[1] - 4f64.ln() / 1000.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

pub mod bench;
pub mod case;
pub mod cli;
pub mod device;
pub mod enhance;
pub mod error;
pub mod fit;
pub mod lanes;
pub mod measure;
pub mod model;
pub mod remarks;
pub mod report;
pub mod simulate;
pub mod units;
pub mod volume;

pub use error::{Error, Result};

/// The sentence that stands on every output a person reads.
pub const RESEARCH_USE_ONLY: &str =
    "Research use only. Not a medical device. Not for diagnosis or treatment decisions.";
