//! How fast a kernel is: alone with its data on the device, and with the way there and back.

use std::time::{Duration, Instant};

use super::Gpu;
use super::context::{Context, lock};
use super::failure::Failure;
use super::plan::Layout;
use super::slot::Slot;
use super::upload::Upload;
use super::work::Work;
use crate::Result;
use crate::device::{Source, VoxelKernel};

/// A GPU that had little to do runs slowly to save power; after so long at work it does no more.
const WARM_UP: Duration = Duration::from_millis(250);

/// Medians over the repeats of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTiming {
    /// Voxels of the dispatch that was timed alone: as many as one chunk holds.
    pub kernel_voxels: usize,
    /// Seconds of that dispatch, data on the device.
    pub kernel_s: f64,
    /// Whether the device's own clock took it, and not the host's around submission and waiting.
    pub by_device_clock: bool,
    /// Voxels of a whole run.
    pub run_voxels: usize,
    /// Seconds of a whole run: from voxels in host memory to columns in host memory.
    pub run_s: f64,
}

impl KernelTiming {
    /// Throughput of the kernel alone.
    pub fn kernel_voxels_per_s(&self) -> f64 {
        self.kernel_voxels as f64 / self.kernel_s
    }

    /// Throughput with transfers.
    pub fn transfer_voxels_per_s(&self) -> f64 {
        self.run_voxels as f64 / self.run_s
    }
}

impl Gpu {
    /// Times a kernel `repeats` times (at least once), after a run, and dispatches for some time, that are not counted.
    pub fn time_kernel(&self, kernel: &dyn VoxelKernel, source: &Source, repeats: usize) -> Result<KernelTiming> {
        let repeats = repeats.max(1);
        let run = || {
            let start = Instant::now();
            self.run(kernel, source, &())?;
            Ok(start.elapsed().as_secs_f64())
        };
        run()?;
        let runs = (0..repeats).map(|_| run()).collect::<Result<Vec<f64>>>()?;
        let (kernel_voxels, kernels, by_device_clock) =
            self.time_dispatches(kernel, source, repeats).map_err(|failure| failure.into_error(&self.doing(kernel)))?;
        Ok(KernelTiming {
            kernel_voxels,
            kernel_s: median(kernels),
            by_device_clock,
            run_voxels: source.n_voxels(),
            run_s: median(runs),
        })
    }

    /// Seconds of each dispatch over the first chunk, and whether the device's clock took them.
    fn time_dispatches(
        &self,
        kernel: &dyn VoxelKernel,
        source: &Source,
        repeats: usize,
    ) -> Result<(usize, Vec<f64>, bool), Failure> {
        let upload = Upload::new(source);
        let most = self.fitting_voxels(&Layout::new(kernel, &upload)).min(source.n_voxels());
        let context = lock(&self.context);
        let lost = || Failure::lost("");
        let context = context.as_ref().ok_or_else(lost)?;
        let work = Work::prepare(context, &self.host, kernel, &upload, &self.description)?;
        let slot = Slot::new(&work, most)?;
        let voxels = work.chunk(0, most);
        work.fill(&slot, &voxels)?;
        slot.close(&work, &voxels)?;
        let mut commands = context.device.create_command_encoder(&Default::default());
        slot.bring_in(&work, &mut commands, voxels.len());
        slot.clear_mark(&work, &mut commands);
        context.wait(context.submit(commands)?)?;
        let clock = DeviceClock::new(context)?;
        let dispatch = || {
            let mut commands = context.device.create_command_encoder(&Default::default());
            let stamps = clock.as_ref().map(DeviceClock::around);
            work.dispatch(&mut commands, &slot, voxels.len(), stamps);
            if let Some(clock) = &clock {
                clock.fetch(&mut commands);
            }
            let start = Instant::now();
            context.wait(context.submit(commands)?)?;
            let elapsed = start.elapsed().as_secs_f64();
            clock.as_ref().map_or(Ok(elapsed), |clock| clock.seconds(context))
        };
        let start = Instant::now();
        while start.elapsed() < WARM_UP {
            dispatch()?;
        }
        let seconds = (0..repeats).map(|_| dispatch()).collect::<Result<_, Failure>>()?;
        slot.check_mark(&work)?;
        Ok((voxels.len(), seconds, clock.is_some()))
    }
}

/// Two timestamps around a dispatch.
struct DeviceClock {
    stamps: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
}

impl DeviceClock {
    /// `None` where the device has no clock to read.
    fn new(context: &Context) -> Result<Option<Self>, Failure> {
        use wgpu::BufferUsages as Use;
        if !context.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let stamps = context.checked(|| {
            context.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            })
        })?;
        Ok(Some(Self {
            stamps,
            resolved: context.buffer("stamps", 16, Use::QUERY_RESOLVE | Use::COPY_SRC)?,
            readable: context.buffer("stamps", 16, Use::MAP_READ | Use::COPY_DST)?,
        }))
    }

    fn around(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.stamps,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    fn fetch(&self, commands: &mut wgpu::CommandEncoder) {
        commands.resolve_query_set(&self.stamps, 0..2, &self.resolved, 0);
        commands.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, 16);
    }

    /// Seconds between the stamps of the last dispatch.
    fn seconds(&self, context: &Context) -> Result<f64, Failure> {
        let unread = |what: String| Failure::Lost(format!("the device's clock cannot be read ({what})"));
        self.readable.map_async(wgpu::MapMode::Read, .., |_| ());
        context.finish()?;
        let view = self.readable.get_mapped_range(..).map_err(|e| unread(e.to_string()))?;
        let ticks: [u64; 2] = bytemuck::pod_read_unaligned(&view[..16]);
        drop(view);
        self.readable.unmap();
        let period_ns = f64::from(context.queue.get_timestamp_period());
        Ok(ticks[1].wrapping_sub(ticks[0]) as f64 * period_ns * 1e-9)
    }
}

/// The middle value; of an even number, the mean of the middle two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    f64::midpoint(values[(n - 1) / 2], values[n / 2])
}
