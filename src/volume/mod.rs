//! Volumes and the files they come from: the only place that knows files.

pub mod atomic;
pub mod beside;
pub mod bvalues;
mod bytes;
mod extension;
mod fields;
pub mod filter;
pub mod grid;
mod gzip;
mod hash;
mod header;
pub mod image;
pub mod info;
mod input;
mod pair;
pub mod placement;
pub mod read;
pub mod series;
pub mod sidecar;
mod sniff;
pub mod voxel;
pub mod write;

pub use bvalues::BvalueSource;
pub use filter::Average;
pub use grid::Grid;
pub use image::Image;
pub use info::{Info, info};
pub use placement::{AffineSource, Form, Placement};
pub use read::{ReadOptions, read};
pub use series::{Appended, Selection, Series, SeriesOptions, VolumeChoice};
pub use sidecar::{Sidecar, read_sidecar};
pub use voxel::{Scaling, Stored, VoxelType};
pub use write::{Format, MapData, write_nifti};
