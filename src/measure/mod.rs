//! Regions, lesions and their tables.

mod numbers;
mod regions;
mod summary;
mod table;

pub use numbers::{exact, rounded};
pub use regions::{RegionMap, Regions, region_table};
pub use summary::{Summary, quantile, summarise};
pub use table::{Cell, Table};
