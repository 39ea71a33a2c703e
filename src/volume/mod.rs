//! Volumes and the files they come from: the only place that knows files.

pub mod atomic;
pub mod axes;
pub mod beside;
pub mod bvalues;
pub mod filter;
pub mod grid;
pub mod image;
pub mod info;
pub mod labels;
pub mod mask;
mod nearest;
pub mod nifti;
mod positioned;
pub mod series;
pub mod sidecar;
pub mod voxel;
pub mod write;

pub use axes::{AxisSource, SeriesAxis};
pub use filter::Average;
pub use grid::Grid;
pub use image::Image;
pub use info::{Info, info};
pub use labels::{Labels, read_labels};
pub use mask::{Mask, MaskChoice};
pub use nifti::placement::{AffineSource, Form, Placement};
pub use nifti::read::{ReadOptions, read, read_in_place};
pub use series::{Appended, Protocol, Selection, Series, SeriesOptions, TableColumn, VolumeChoice};
pub use sidecar::{Sidecar, read_sidecar};
pub use voxel::{Scaling, Stored, VoxelType};
pub use write::{Format, MapData, NiftiStream, pending_nifti, write_nifti};
