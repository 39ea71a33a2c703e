//! Volumes and the files they come from: the only place that knows files.

mod bytes;
mod extension;
mod fields;
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
mod sniff;
pub mod voxel;

pub use grid::Grid;
pub use image::Image;
pub use info::{Info, info};
pub use placement::{AffineSource, Form, Placement};
pub use read::{ReadOptions, read};
pub use voxel::{Scaling, VoxelType};
