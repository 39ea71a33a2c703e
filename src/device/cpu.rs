//! The CPU backend: batches on a pool of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::kernel::empty_columns;
use super::{Column, ColumnMut, Precision, Progress, Sink, Source, VoxelKernel};
use crate::{Error, Result};

/// Voxels in a batch unless told otherwise: all rows of a batch stay in a core's second-level cache.
pub const BATCH_VOXELS: usize = 16 * 1024;

/// Voxels by which the first batch is shorter: those that the header of a NIfTI-1 file would be in f32, so that each further
/// batch of a map of f32 begins on a page of its file.
const LEAD: usize = 352 / size_of::<f32>();

/// A pool of threads that runs kernels.
#[derive(Debug)]
pub struct Cpu {
    /// `None`: the pool that it is used in.
    pool: Option<rayon::ThreadPool>,
    precision: Precision,
    batch_voxels: usize,
}

impl Cpu {
    /// A pool of `threads` threads; 0: the rayon pool that it is used in, which is the program's own unless the caller runs
    /// in another.
    pub fn new(threads: usize, precision: Precision) -> Result<Self> {
        let pool = (threads != 0).then(|| pool(threads)).transpose()?;
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
        self.pool.as_ref().map_or_else(rayon::current_num_threads, rayon::ThreadPool::current_num_threads)
    }

    /// The floating-point type computed in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Runs work whose parts go to this pool's threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs work on every thread of this pool at once, given the thread's number.
    pub fn broadcast<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        let on = |thread: rayon::BroadcastContext| work(thread.index());
        match &self.pool {
            Some(pool) => pool.broadcast(on),
            None => rayon::broadcast(on),
        }
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

    /// The same with the results handed to `sink`: each thread takes the next batch, and hands it on before it takes
    /// another, so that little memory is used, over and over.
    ///
    /// # Errors
    /// The first of `sink`.
    pub fn run_into(
        &self,
        kernel: &dyn VoxelKernel,
        source: &Source,
        sink: &dyn Sink,
        progress: &dyn Progress,
    ) -> Result<()> {
        let n = source.n_voxels();
        let (size, specs) = (self.batch_voxels.min(n.max(1)), kernel.columns());
        let lead = if size > LEAD { LEAD } else { 0 };
        let next = AtomicUsize::new(0);
        let work = || {
            let mut columns = empty_columns(&specs, self.precision, size);
            loop {
                let begin = next.fetch_add(size, Ordering::Relaxed);
                let (first, end) = (begin.saturating_sub(lead), (begin + size - lead).min(n));
                if first >= end {
                    return Ok(());
                }
                let batch = source.batch(first..end);
                columns.iter_mut().for_each(|column| column.resize(batch.n_voxels()));
                let mut out: Vec<ColumnMut> = columns.iter_mut().map(Column::as_mut).collect();
                kernel.run_cpu(&batch, self.precision, &mut out);
                sink.take(first, &columns).inspect_err(|_| next.store(n + lead, Ordering::Relaxed))?;
                progress.advance(batch.n_voxels());
            }
        };
        // Not a broadcast, which is done before what waits for a thread of the pool already, such as checksums of the input.
        self.install(|| (0..self.threads()).into_par_iter().with_max_len(1).map(|_| work()).collect())
    }
}

/// `threads` threads (0: as many as the pool has that it is asked for in).
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let threads = if threads == 0 { rayon::current_num_threads() } else { threads };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::TryAgain(format!("cannot start {threads} threads: {e}")))
}

/// The columns cut at every `size` voxels: one row of parts a batch.
pub(super) fn split(columns: &mut [Column], size: usize) -> Vec<Vec<ColumnMut<'_>>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Row;
    use crate::device::whole::Whole;
    use crate::fit::{AdcKernel, AdcOptions, AdcOutput};
    use crate::volume::{Scaling, VoxelType};

    #[test]
    fn parts_are_what_columns_are_at_once() {
        const BATCH: usize = 1000;
        let kernel = AdcKernel::new(AdcOptions::default(), &[50.0, 500.0], &[AdcOutput::Adc, AdcOutput::Status]);
        for n in [1, LEAD, LEAD + 1, BATCH - LEAD, BATCH, BATCH + 1, 3 * BATCH] {
            let signals: Vec<f32> = (0..2 * n).map(|i| 100.0 + (i % 97) as f32).collect();
            let row = |bytes| Row { bytes, voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY };
            let source =
                Source::new(signals.chunks(n).map(|row_of| row(bytemuck::cast_slice(row_of))).collect(), n, None);
            let bits = |columns: Vec<Column>| -> Vec<Vec<u64>> {
                columns.into_iter().map(|column| column.into_f64().into_iter().map(f64::to_bits).collect()).collect()
            };
            for batch in [1, LEAD, BATCH] {
                let cpu = Cpu::new(2, Precision::F32).unwrap().with_batch_voxels(batch);
                let mut parts: Vec<Column> =
                    cpu.run(&kernel, &source).iter().map(|column| column.filled_like(0.5, n)).collect();
                cpu.run_into(&kernel, &source, &Whole::new(&mut parts), &()).unwrap();
                assert_eq!(bits(parts), bits(cpu.run(&kernel, &source)), "{n} voxels, batches of {batch}");
            }
        }
    }
}
