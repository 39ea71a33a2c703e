//! The CPU backend: batches on a pool of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::kernel::empty_columns;
use super::{Column, ColumnMut, Precision, Progress, Sink, Source, VoxelKernel};
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
        Ok(Self { pool: pool(threads)?, precision, batch_voxels: BATCH_VOXELS })
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

    /// Runs work on every thread of this pool at once, given the thread's number.
    pub fn broadcast<R: Send>(&self, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
        self.pool.broadcast(|thread| work(thread.index()))
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
        let next = AtomicUsize::new(0);
        let work = || {
            let mut columns = empty_columns(&specs, self.precision, size);
            loop {
                let first = next.fetch_add(size, Ordering::Relaxed);
                if first >= n {
                    return Ok(());
                }
                let batch = source.batch(first..(first + size).min(n));
                columns.iter_mut().for_each(|column| column.truncate(batch.n_voxels()));
                let mut out: Vec<ColumnMut> = columns.iter_mut().map(Column::as_mut).collect();
                kernel.run_cpu(&batch, self.precision, &mut out);
                sink.take(first, &columns).inspect_err(|_| next.store(n, Ordering::Relaxed))?;
                progress.advance(batch.n_voxels());
            }
        };
        self.pool.broadcast(|_| work()).into_iter().collect()
    }
}

/// `threads` threads (0: one a core).
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
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
    use std::sync::Mutex;

    use super::*;
    use crate::device::{Batch, ColumnSpec, ColumnType, Row, Shader};
    use crate::volume::{Scaling, VoxelType};

    const N: usize = 1000;

    /// Gives each voxel's value as a float and as a count.
    struct Same;

    impl VoxelKernel for Same {
        fn label(&self) -> String {
            "same".into()
        }

        fn columns(&self) -> Vec<ColumnSpec> {
            let spec = |kind| ColumnSpec { name: "same".into(), kind };
            vec![spec(ColumnType::F32), spec(ColumnType::U16)]
        }

        fn run_cpu(&self, batch: &Batch, _precision: Precision, out: &mut [ColumnMut]) {
            let mut values = vec![0.0; batch.n_voxels()];
            batch.row(0).load_f32(0, &mut values);
            for column in out {
                match column {
                    ColumnMut::F32(to) => to.copy_from_slice(&values),
                    ColumnMut::U16(to) => to.iter_mut().zip(&values).for_each(|(to, &v)| *to = v as u16),
                    ColumnMut::F64(_) => {}
                }
            }
        }

        fn shader(&self, _n_obs: usize) -> Option<Shader> {
            Some(Shader { body: String::new(), params: Vec::new() })
        }
    }

    /// Keeps what it is given; refuses the voxel `refused` and those after it.
    struct Keep {
        parts: Mutex<Vec<(usize, Vec<Column>)>>,
        refused: usize,
    }

    impl Sink for Keep {
        fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
            if first >= self.refused {
                return Err(Error::Usage("refused".into()));
            }
            self.parts.lock().unwrap().push((first, columns.to_vec()));
            Ok(())
        }
    }

    fn run_into(threads: usize, batch: usize, refused: usize) -> (Result<()>, Vec<(usize, Vec<Column>)>) {
        let values: Vec<u16> = (0..N as u16).collect();
        let row = Row { bytes: bytemuck::cast_slice(&values), voxel_type: VoxelType::U16, scaling: Scaling::IDENTITY };
        let cpu = Cpu::new(threads, Precision::F32).unwrap().with_batch_voxels(batch);
        let keep = Keep { parts: Mutex::default(), refused };
        let ended = cpu.run_into(&Same, &Source::new(vec![row], N, None), &keep, &());
        let mut parts = keep.parts.into_inner().unwrap();
        parts.sort_by_key(|(first, _)| *first);
        (ended, parts)
    }

    #[test]
    fn parts_make_up_the_whole_whatever_their_size() {
        for (threads, batch) in [(1, N), (3, 64), (2, 333), (4, usize::MAX), (2, 1)] {
            let (ended, parts) = run_into(threads, batch, usize::MAX);
            ended.unwrap();
            let mut next = 0;
            for (first, columns) in parts {
                assert_eq!(first, next, "{threads} threads, batches of {batch}");
                let [Column::F32(floats), Column::U16(counts)] = &columns[..] else { panic!("{columns:?}") };
                assert!(floats.iter().zip(counts).all(|(f, n)| *f == f32::from(*n)));
                assert!(counts.iter().enumerate().all(|(i, &n)| usize::from(n) == first + i));
                next += counts.len();
            }
            assert_eq!(next, N, "{threads} threads, batches of {batch}");
        }
    }

    #[test]
    fn a_refusal_ends_the_run() {
        let (ended, parts) = run_into(2, 10, 500);
        assert_eq!(ended.unwrap_err().exit_status(), 2);
        assert!(parts.iter().all(|(first, _)| *first < 500));
    }
}
