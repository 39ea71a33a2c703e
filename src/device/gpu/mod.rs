//! The GPU backend, through wgpu: chunks of voxels, several in flight, and recovery from a lost device.

pub(super) mod adapters;
mod buffers;
mod context;
mod failure;
mod flow;
mod plan;
mod slot;
mod timing;
mod upload;
mod work;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapters::Adapter;
use context::{Context, lock};
use failure::{Failure, catch_loss};
use flow::{Results, Stop, run_chunks};
use plan::{Layout, Sharing, largest_chunk};
pub use timing::KernelTiming;
use upload::Upload;
use work::Work;

use super::fault::Faults;
use super::kernel::empty_columns;
use super::shader::WORKGROUP;
use super::whole::Whole;
use super::{AdapterDescription, Column, Precision, Progress, Sink, Source, VoxelKernel};
use crate::{Error, Result};

/// After a failure a run goes on, once the driver had this time in ms to come back; after the last it gives up.
const PAUSES_MS: [u64; 4] = [50, 100, 200, 400];

/// A GPU that runs kernels, one run at a time.
#[derive(Debug)]
pub struct Gpu {
    adapter: wgpu::Adapter,
    description: AdapterDescription,
    /// `None` after a failure, until it is opened again.
    context: Mutex<Option<Context>>,
    /// Threads that copy to and from the device's memory.
    host: rayon::ThreadPool,
    most_voxels: usize,
    faults: Arc<Faults>,
}

impl Gpu {
    /// Opens an adapter, with `threads` threads that copy for it (0: one a core).
    pub(super) fn open(adapter: Adapter, threads: usize) -> Result<Self> {
        let start = Instant::now();
        let gpu = Self {
            adapter: adapter.handle,
            description: adapter.description,
            context: Mutex::new(None),
            host: super::cpu::pool(threads)?,
            most_voxels: usize::MAX,
            faults: Arc::new(Faults::from_environment()?),
        };
        let opened = Context::open(&gpu.adapter, Arc::clone(&gpu.faults)).map_err(|failure| {
            Error::NoDevice(format!(
                "{}: {}\n  remedy: --device cpu, or another of `hepar devices`",
                gpu.description.device.name,
                failure.message()
            ))
        })?;
        *lock(&gpu.context) = Some(opened);
        tracing::debug!("{}: opened in {:.1} ms", gpu.description.device.name, milliseconds(start));
        Ok(gpu)
    }

    /// The same with chunks of at most `most_voxels` voxels, which never changes a result.
    #[must_use]
    pub fn with_most_voxels(mut self, most_voxels: usize) -> Self {
        self.most_voxels = most_voxels.max(1);
        self
    }

    /// The same, made to fail.
    #[cfg(feature = "fault-injection")]
    #[must_use]
    pub fn with_fault(mut self, fault: super::Fault) -> Self {
        self.faults = Arc::new(Faults::from(fault));
        // The context that is open counts on the faults of before.
        *lock(&self.context) = None;
        self
    }

    /// What it is.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// Runs a kernel over all wanted voxels; columns are in the order of [`Source::picked`].
    ///
    /// # Errors
    /// Those of [`Self::run_into`] that are of the device.
    pub fn run(&self, kernel: &dyn VoxelKernel, source: &Source, progress: &dyn Progress) -> Result<Vec<Column>> {
        let mut columns = empty_columns(&kernel.columns(), Precision::F32, source.n_voxels());
        self.run_into(kernel, source, &Whole::new(&mut columns), progress)?;
        Ok(columns)
    }

    /// The same with the results handed to `sink` as they come, from several threads. `sink` must not run anything on this
    /// device.
    ///
    /// A lost device or a failed allocation is met by opening the device again and going on with chunks of half the
    /// size; loops that a GPU in software left, by going on with a voxel for each invocation.
    ///
    /// # Errors
    /// [`Error::TryAgain`] after the last try, [`Error::NoDevice`] for what is too large for the device, has no shader, or has loops
    /// that the device leaves, and an error of `sink`.
    pub fn run_into(
        &self,
        kernel: &dyn VoxelKernel,
        source: &Source,
        sink: &dyn Sink,
        progress: &dyn Progress,
    ) -> Result<()> {
        let upload = Upload::new(source);
        let layout = Layout::new(kernel, &upload);
        let mut most = largest_chunk(source.n_voxels(), self.fitting_voxels(&layout));
        let mut results = Results { columns: &kernel.columns(), sink, progress, done: 0 };
        let mut context = lock(&self.context);
        let mut pauses = PAUSES_MS.into_iter();
        let mut sharing = Sharing::ByTurns;
        loop {
            let failure = match self.go_on(&mut context, kernel, &upload, (most, sharing), &mut results) {
                Ok(()) => return Ok(()),
                Err(Stop::Sink(error)) => return Err(error),
                Err(Stop::Device(Failure::LeftLoops)) if sharing == Sharing::ByTurns => {
                    sharing = Sharing::OneEach;
                    continue;
                }
                Err(Stop::Device(failure)) => failure,
            };
            close(&mut context);
            let pause = match pauses.next() {
                Some(pause) if failure.can_retry() => pause,
                _ => return Err(failure.into_error(&self.doing(kernel))),
            };
            most = (most / 2).max(WORKGROUP.min(most));
            tracing::warn!(
                "{}: {}; going on with at most {most} voxels at once",
                self.doing(kernel),
                failure.message()
            );
            std::thread::sleep(Duration::from_millis(pause));
        }
    }

    /// What a message is about.
    fn doing(&self, kernel: &dyn VoxelKernel) -> String {
        format!("{} on {}", kernel.label(), self.description.device.name)
    }

    /// Most voxels that a chunk may have here.
    fn fitting_voxels(&self, layout: &Layout) -> usize {
        layout.most_voxels(&self.description.limits).min(self.most_voxels)
    }

    /// Runs what is not done yet, on the open device or a newly opened one.
    fn go_on(
        &self,
        context: &mut Option<Context>,
        kernel: &dyn VoxelKernel,
        upload: &Upload,
        (most, sharing): (usize, Sharing),
        results: &mut Results,
    ) -> Result<(), Stop> {
        let context = match context {
            Some(open) => open,
            closed => closed.insert(Context::open(&self.adapter, Arc::clone(&self.faults))?),
        };
        let work = Work::prepare(context, &self.host, kernel, upload, &self.description)?.sharing(sharing);
        run_chunks(&work, most, results)
    }
}

/// Gives up a device that failed; wgpu 30 panics if it is out of memory even then.
fn close(context: &mut Option<Context>) {
    let failed = context.take();
    // What goes wrong with it now is of no interest any more.
    let _ = catch_loss(move || drop(failed));
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
