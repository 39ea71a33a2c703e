//! The CPU backend: batches on a pool of threads.

use rayon::prelude::*;

use super::kernel::empty_columns;
use super::{Column, ColumnMut, Precision, Progress, Source, VoxelKernel};
use crate::{Error, Result};

/// Voxels in a batch unless told otherwise: all rows of a batch stay in a core's second-level cache.
pub const BATCH_VOXELS: usize = 16 * 1024;

/// A pool of threads that runs kernels.
#[derive(Debug)]
pub struct Cpu {
    pool: rayon::ThreadPool,
    precision: Precision,
    batch_voxels: usize,
}

impl Cpu {
    /// A pool of `threads` threads (0: one a core).
    pub fn new(threads: usize, precision: Precision) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::TryAgain(format!("cannot start {threads} threads: {e}")))?;
        Ok(Self { pool, precision, batch_voxels: BATCH_VOXELS })
    }

    /// The same with another batch size, which never changes a result.
    #[must_use]
    pub fn with_batch_voxels(mut self, batch_voxels: usize) -> Self {
        self.batch_voxels = batch_voxels.max(1);
        self
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The floating-point type computed in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Runs work on this pool's threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Runs a kernel over all wanted voxels; columns are in the order of [`Source::picked`].
    pub fn run(&self, kernel: &dyn VoxelKernel, source: &Source) -> Vec<Column> {
        self.run_with(kernel, source, &())
    }

    /// The same, telling `progress` of each batch.
    pub fn run_with(&self, kernel: &dyn VoxelKernel, source: &Source, progress: &dyn Progress) -> Vec<Column> {
        let n = source.n_voxels();
        let mut columns = empty_columns(&kernel.columns(), self.precision, n);
        let mut parts = split(&mut columns, self.batch_voxels);
        self.install(|| {
            parts.par_iter_mut().enumerate().for_each(|(i, out)| {
                let first = i * self.batch_voxels;
                let batch = source.batch(first..(first + self.batch_voxels).min(n));
                kernel.run_cpu(&batch, self.precision, out);
                progress.advance(batch.n_voxels());
            });
        });
        columns
    }
}

/// The columns cut at every `size` voxels: one row of parts a batch.
fn split(columns: &mut [Column], size: usize) -> Vec<Vec<ColumnMut<'_>>> {
    let mut batches: Vec<Vec<ColumnMut>> = Vec::new();
    for column in columns {
        let parts: Vec<ColumnMut> = match column {
            Column::F32(values) => values.chunks_mut(size).map(ColumnMut::F32).collect(),
            Column::F64(values) => values.chunks_mut(size).map(ColumnMut::F64).collect(),
            Column::U16(values) => values.chunks_mut(size).map(ColumnMut::U16).collect(),
        };
        batches.resize_with(parts.len(), Vec::new);
        batches.iter_mut().zip(parts).for_each(|(batch, part)| batch.push(part));
    }
    batches
}
