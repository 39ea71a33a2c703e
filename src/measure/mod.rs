//! Regions, lesions and their tables; the noise of images.

mod above;
pub mod noise;
mod numbers;
mod regions;
mod summary;
mod table;

pub use above::{Difference, difference};
pub use noise::Noise;
pub use numbers::{exact, rounded};
pub use regions::{RegionMap, Regions, region_table};
pub use summary::{Summary, quantile, summarise};
pub use table::{Cell, Table};
