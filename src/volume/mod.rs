//! Volumes and the files they come from: the only place that knows files.

pub mod grid;
pub mod image;
pub mod read;
pub mod voxel;

pub use grid::Grid;
pub use image::Image;
pub use read::{ReadOptions, read};
pub use voxel::{Scaling, VoxelType};
