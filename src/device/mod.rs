//! Devices, and the running of kernels on them: finding, choosing, chunking, loss and recovery.

mod absence;
pub mod batch;
mod choose;
pub mod cpu;
pub mod describe;
#[cfg(feature = "gpu")]
mod fault;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod kernel;
pub mod list;
mod open;
pub mod shader;
mod whole;

pub use batch::{Batch, Row, Source};
pub use choose::DeviceChoice;
pub use cpu::Cpu;
pub use describe::{AdapterDescription, AdapterLimits, CpuDescription, DeviceDescription, DeviceKind};
#[cfg(all(feature = "gpu", feature = "fault-injection"))]
pub use fault::Fault;
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, KernelTiming};
pub use kernel::{Column, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
pub use list::DeviceList;
pub use open::Device;
pub(crate) use whole::Whole;

/// Is told how a run gets on.
pub trait Progress: Sync {
    /// So many more voxels are done.
    fn advance(&self, voxels: usize);
}

/// Takes the results of a run as they come, from any thread and in any order. Whoever computes on the program's pool in it
/// may find a thread come back to it with another part, and so must not hold a lock meanwhile.
pub trait Sink: Sync {
    /// All columns of the voxels from `first` on, counted in the order of [`Source::picked`].
    ///
    /// # Errors
    /// Any, such as those of writing; the run ends with it.
    fn take(&self, first: usize, columns: &[Column]) -> crate::Result<()>;
}

/// Nobody wants to know.
impl Progress for () {
    fn advance(&self, _voxels: usize) {}
}
