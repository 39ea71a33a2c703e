//! Regions, lesions and their tables; the noise of images.

pub mod anatomy;
pub mod criteria;
pub mod noise;
mod numbers;
pub mod reference;
mod regions;
mod summary;
mod table;

pub use anatomy::{Anatomy, Numbering, Organ};
pub use criteria::Criterion;
pub use noise::Noise;
pub use numbers::{exact, rounded};
pub use reference::{Reference, liver_voxels, reference};
pub use regions::{RegionMap, Regions, region_table};
pub use summary::{Summary, quantile, summarise};
pub use table::{Cell, Table};
