//! Devices, and the running of kernels on them: finding, choosing, chunking, loss and recovery.

pub mod batch;
pub mod cpu;
pub mod kernel;

pub use batch::{Batch, Row, Source};
pub use kernel::{Column, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
