//! Regions, lesions and their statistics, sizes and tables; reference regions; the noise of images; what others published.

mod above;
pub mod anatomy;
mod column;
pub mod criteria;
mod entropy;
mod geometry;
mod label_table;
pub mod noise;
mod numbers;
pub mod reference;
mod regions;
mod summary;
mod table;
mod values;

pub use above::{Difference, difference};
pub use anatomy::{Anatomy, Numbering, Organ};
pub use column::column_name;
pub use criteria::Criterion;
pub use entropy::{Discretisation, Entropy, entropy};
pub use geometry::{Shape, shape_table, shapes};
pub use label_table::label_table;
pub use noise::Noise;
pub use numbers::{exact, rounded};
pub use reference::{Reference, liver_voxels, reference};
pub use regions::{RegionMap, Regions, region_name, region_table};
pub use summary::{Summary, quantile, quantiles, summarise};
pub use table::{Cell, Table};
pub use values::{MapValues, MeasuredMap, RegionValues, long_table, measure, wide_table};
