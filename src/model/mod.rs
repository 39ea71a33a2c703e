//! Formulas as data: TOML → graph → SIMD evaluator and WGSL. Knows no device and no file of voxels.
//!
//! [`parser`] reads a formula; [`graph`] holds any number of them without repetition; [`program`] is what is wanted of
//! a graph as a list of steps; [`eval`] interprets it on the CPU and [`wgsl`] writes it for a GPU. The signal models that are
//! shipped are written in Rust, too, and compiled (`generated`). What an operator means, also at its edges, stands in
//! [`operator`] alone, and how it is written in either language in [`language`].
//!
//! ```
//! use hepar::device::cpu::Cpu;
//! use hepar::device::{Column, Precision, Source};
//! use hepar::model::{BoundMap, MapKernel, MapModel};
//! use hepar::volume::{Grid, Image, VoxelType};
//!
//! # fn main() -> hepar::Result<()> {
//! # let affine = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.], [0., 0., 0., 1.]];
//! let grid = Grid { shape: [2, 1, 1], affine };
//! let phases = Image::from_values("phases", grid, VoxelType::I16, &[100i16, 0, 150, 30]);
//! let source = Source::new(vec![phases.row(0), phases.row(1)], 2, None);
//! let map = MapModel::builtin("relative_enhancement")?;
//! let kernel = MapKernel::new(&[BoundMap::new("arterial", map).image("pre", 0).image("post", 1)])?;
//! let columns = Cpu::new(1, Precision::F32)?.run(&kernel, &source);
//! let Column::F32(values) = &columns[0] else { unreachable!() };
//! assert_eq!(values[0], 50.0);
//! assert!(values[1].is_nan()); // nothing to relate to
//! assert_eq!(columns[1], Column::U16(vec![0, 2]));
//! # Ok(())
//! # }
//! ```

mod describe;
mod edges;
pub mod eval;
pub mod fault;
mod file;
mod generated;
pub mod graph;
pub mod kernel;
pub mod language;
mod lexer;
pub mod map;
mod map_file;
pub mod operator;
pub mod parser;
pub mod program;
pub mod signal;
mod status;
pub mod wgsl;

pub use fault::Fault;
pub use kernel::{Binding, BoundMap, MapKernel};
pub use map::{Formula, InputSpec, MapModel, Modality, Reference};
pub use signal::SignalModel;
pub use status::{StatusBit, status_bits};
