//! The GPU backend, through wgpu: chunks of voxels, several in flight, and recovery from a lost device.

pub(super) mod adapters;
mod context;
mod failure;
mod plan;
mod slot;
mod timing;
mod upload;
mod work;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapters::Adapter;
use context::{Context, lock};
use failure::{Failure, catch_loss};
use plan::{Layout, Pace, largest_chunk};
use slot::Slot;
pub use timing::KernelTiming;
use upload::Upload;
use work::Work;

use super::fault::Faults;
use super::kernel::empty_columns;
use super::shader::WORKGROUP;
use super::{AdapterDescription, Column, Progress, Source, VoxelKernel};
use crate::{Error, Result};

/// Chunks on their way at once: while the device works on one, the host reads the last and fills the next.
const IN_FLIGHT: usize = 2;

/// After a failure a run goes on, once the driver had this time in ms to come back; after the last it gives up.
const PAUSES_MS: [u64; 4] = [50, 100, 200, 400];

/// A GPU that runs kernels, one run at a time.
#[derive(Debug)]
pub struct Gpu {
    adapter: wgpu::Adapter,
    description: AdapterDescription,
    /// `None` after a failure, until it is opened again.
    context: Mutex<Option<Context>>,
    most_voxels: usize,
    faults: Arc<Faults>,
}

/// How far a run has come: the voxels before `done` are in `columns`.
struct Results<'a> {
    columns: Vec<Column>,
    done: usize,
    progress: &'a dyn Progress,
}

impl Gpu {
    /// Opens an adapter.
    pub(super) fn open(adapter: Adapter) -> Result<Self> {
        let gpu = Self {
            adapter: adapter.handle,
            description: adapter.description,
            context: Mutex::new(None),
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
    /// A lost device or a failed allocation is met by opening the device again and going on with chunks of half the
    /// size; after the last try it is [`Error::TryAgain`].
    pub fn run(&self, kernel: &dyn VoxelKernel, source: &Source, progress: &dyn Progress) -> Result<Vec<Column>> {
        let upload = Upload::new(source);
        let layout = Layout::new(kernel, &upload);
        let mut most = largest_chunk(source.n_voxels(), self.fitting_voxels(&layout));
        let mut results = Results {
            columns: empty_columns(&kernel.columns(), super::Precision::F32, source.n_voxels()),
            done: 0,
            progress,
        };
        let mut context = lock(&self.context);
        let mut pauses = PAUSES_MS.into_iter();
        loop {
            let Err(failure) = self.go_on(&mut context, kernel, &upload, most, &mut results) else {
                return Ok(results.columns);
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
        most: usize,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let context = match context {
            Some(open) => open,
            closed => closed.insert(Context::open(&self.adapter, Arc::clone(&self.faults))?),
        };
        let work = Work::prepare(context, kernel, upload, &self.description)?;
        run_chunks(&work, most, results)
    }
}

/// Gives up a device that failed; wgpu 30 panics if it is out of memory even then.
fn close(context: &mut Option<Context>) {
    let failed = context.take();
    // What goes wrong with it now is of no interest any more.
    let _ = catch_loss(move || drop(failed));
}

/// Keeps [`IN_FLIGHT`] chunks on their way until all voxels are done.
fn run_chunks(work: &Work, most: usize, results: &mut Results) -> Result<(), Failure> {
    let n_voxels = work.upload.n_voxels();
    let mut pace = Pace::new(most);
    let mut next = results.done;
    let mut idle = Vec::new();
    let mut flights = VecDeque::new();
    // Chunks run one after the other: one takes no longer than from the end of the last to its own.
    let mut last_landing = Instant::now();
    loop {
        if next < n_voxels && flights.len() < IN_FLIGHT {
            let voxels = work.chunk(next, pace.voxels());
            next = voxels.end;
            let slot = idle.pop().map_or_else(|| Slot::new(work, most), Ok)?;
            flights.push_back((Instant::now(), slot.launch(work, voxels)?));
        } else if let Some((launched, flight)) = flights.pop_front() {
            let voxels = flight.voxels.clone();
            idle.push(flight.land(work, &mut results.columns)?);
            let landed = Instant::now();
            pace.took(landed - last_landing.max(launched));
            last_landing = landed;
            results.done = voxels.end;
            results.progress.advance(voxels.len());
        } else {
            return Ok(());
        }
    }
}
