//! Regions, lesions and their statistics, sizes and tables; the noise of images.

mod column;
mod entropy;
mod geometry;
mod label_table;
pub mod noise;
mod numbers;
mod regions;
mod summary;
mod table;
mod values;

pub use column::column_name;
pub use entropy::{Discretisation, Entropy, entropy};
pub use geometry::{Shape, shape_table, shapes};
pub use label_table::label_table;
pub use noise::Noise;
pub use numbers::{exact, rounded};
pub use regions::{RegionMap, Regions, region_name, region_table};
pub use summary::{Summary, quantile, quantiles, summarise};
pub use table::{Cell, Table};
pub use values::{MapValues, MeasuredMap, RegionValues, long_table, measure, wide_table};
