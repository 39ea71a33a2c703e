//! An opened GPU: its queue, its pipelines, and what went wrong on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::buffers::Buffers;
use super::failure::{Failure, catch_loss};
use crate::device::fault::{Faults, Step};

/// The bindings of `shaders/common/batch.wgsl`, in their order.
const BINDINGS: [wgpu::BufferBindingType; 5] = [
    wgpu::BufferBindingType::Uniform,
    wgpu::BufferBindingType::Storage { read_only: true },
    wgpu::BufferBindingType::Storage { read_only: true },
    wgpu::BufferBindingType::Storage { read_only: true },
    wgpu::BufferBindingType::Storage { read_only: false },
];

/// A device, until it is lost.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) layout: wgpu::BindGroupLayout,
    /// By their WGSL.
    pipelines: Mutex<HashMap<String, wgpu::ComputePipeline>>,
    /// What no run uses at present.
    spare: Mutex<Vec<Buffers>>,
    /// What wgpu reported outside of [`Context::checked`], the first of it.
    incident: Arc<Mutex<Option<Failure>>>,
    faults: Arc<Faults>,
}

impl Context {
    /// Opens a device with all that its adapter allows.
    pub(super) fn open(adapter: &wgpu::Adapter, faults: Arc<Faults>) -> Result<Self, Failure> {
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("hepar"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: adapter.limits(),
            ..Default::default()
        });
        let (device, queue) =
            pollster::block_on(request).map_err(|e| Failure::Lost(format!("the device cannot be opened ({e})")))?;
        let incident = watch(&device);
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("batch"),
            entries: &std::array::from_fn::<_, { BINDINGS.len() }, _>(|i| wgpu::BindGroupLayoutEntry {
                binding: i as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty: BINDINGS[i], has_dynamic_offset: false, min_binding_size: None },
                count: None,
            }),
        });
        Ok(Self { device, queue, layout, pipelines: Mutex::default(), spare: Mutex::default(), incident, faults })
    }

    /// Does `work` on the device and says what went wrong with it.
    pub(super) fn checked<T>(&self, work: impl FnOnce() -> T) -> Result<T, Failure> {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        let scopes = [Validation, Internal, OutOfMemory].map(|f| self.device.push_error_scope(f));
        let outcome = work();
        // Innermost first, as they must be; an allocation that failed explains what is then invalid.
        let errors = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop()));
        let error = errors.fold(None, Option::or);
        if error.is_some() {
            // Much is invalid on a lost device, and the loss itself is reported while polling.
            catch_loss(|| self.device.poll(wgpu::PollType::Poll))?.ok();
        }
        self.no_incident()?;
        error.map_or(Ok(outcome), |error| Err(error.into()))
    }

    /// Fails with what was reported since the device was opened.
    fn no_incident(&self) -> Result<(), Failure> {
        lock(&self.incident).clone().map_or(Ok(()), Err)
    }

    /// Buffers that a run has left, if there are any.
    pub(super) fn spare(&self) -> Option<Buffers> {
        lock(&self.spare).pop()
    }

    /// Keeps buffers for the runs to come; the host must be able to write to `upload`.
    pub(super) fn keep(&self, buffers: Buffers) {
        lock(&self.spare).push(buffers);
    }

    /// A buffer of at least `bytes` bytes.
    pub(super) fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer, Failure> {
        if self.faults.strike(Step::Allocation) {
            return Err(Failure::OutOfMemory("out of device memory (made to fail)".into()));
        }
        // No binding may be empty, nor smaller than the struct that it holds.
        let size = bytes.max(16).next_multiple_of(16);
        let mapped_at_creation = usage.contains(wgpu::BufferUsages::MAP_WRITE);
        self.checked(|| {
            self.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation })
        })
    }

    /// A buffer that holds `bytes` for kernels to read.
    pub(super) fn constants(&self, label: &str, bytes: &[u8]) -> Result<wgpu::Buffer, Failure> {
        let (size, limit) = (bytes.len() as u64, self.device.limits().max_storage_buffer_binding_size);
        if size > limit {
            return Err(Failure::TooLarge(format!("{label} of {size} bytes, where a binding holds {limit}")));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(label, size, usage)?;
        self.checked(|| self.queue.write_buffer(&buffer, 0, bytes))?;
        Ok(buffer)
    }

    /// The pipeline of a complete WGSL text, compiled once.
    pub(super) fn pipeline(&self, wgsl: &str) -> Result<wgpu::ComputePipeline, Failure> {
        if let Some(known) = lock(&self.pipelines).get(wgsl) {
            return Ok(known.clone());
        }
        let start = Instant::now();
        let pipeline = self.checked(|| self.compile(wgsl))?;
        tracing::debug!("kernel compiled in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        lock(&self.pipelines).insert(wgsl.to_owned(), pipeline.clone());
        Ok(pipeline)
    }

    fn compile(&self, wgsl: &str) -> wgpu::ComputePipeline {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    /// Hands work to the device.
    pub(super) fn submit(&self, commands: wgpu::CommandEncoder) -> Result<wgpu::SubmissionIndex, Failure> {
        if self.faults.strike(Step::Submission) {
            self.device.destroy();
        }
        self.checked(|| self.queue.submit([commands.finish()]))
    }

    /// Waits until the device has done a piece of work, and all before it.
    pub(super) fn wait(&self, work: wgpu::SubmissionIndex) -> Result<(), Failure> {
        self.poll(wgpu::PollType::Wait { submission_index: Some(work), timeout: None })
    }

    /// Waits until the device has done all that it was given.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        self.poll(wgpu::PollType::wait_indefinitely())
    }

    fn poll(&self, wait: wgpu::PollType) -> Result<(), Failure> {
        let polled = catch_loss(|| self.device.poll(wait));
        self.no_incident()?;
        match polled? {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Lost(format!("the device does not answer ({error})"))),
        }
    }
}

/// Notes what wgpu reports on its own. Without these its default handler panics.
fn watch(device: &wgpu::Device) -> Arc<Mutex<Option<Failure>>> {
    let incident = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&incident);
    device.on_uncaptured_error(Arc::new(move |error| {
        lock(&seen).get_or_insert(Failure::from(error));
    }));
    let seen = Arc::clone(&incident);
    device.set_device_lost_callback(move |_, message| {
        // A loss explains every other error.
        *lock(&seen) = Some(Failure::lost(&message));
    });
    incident
}

/// A panic elsewhere leaves these values whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
