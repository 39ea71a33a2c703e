//! The places of chunks, used again for chunk after chunk, and the way of a chunk through one.

use std::ops::Range;
use std::sync::mpsc;
use std::time::Instant;

use super::buffers::{Buffers, MARK};
use super::failure::Failure;
use super::work::Work;

/// A place for a chunk: its buffers, as a kernel sees them.
pub(super) struct Slot {
    buffers: Buffers,
    pub(super) bindings: wgpu::BindGroup,
}

/// A chunk that the device works on.
pub(super) struct Flight {
    slot: Slot,
    voxels: Range<usize>,
    launched: Instant,
    submission: wgpu::SubmissionIndex,
    /// Says that `upload` and `download` can be seen by the host again.
    mapped: [mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>; 2],
}

/// A chunk that the device has done.
pub(super) struct Landed {
    slot: Slot,
    pub(super) voxels: Range<usize>,
    pub(super) launched: Instant,
    pub(super) at: Instant,
}

impl Slot {
    /// Buffers for chunks of up to `most` voxels.
    pub(super) fn new(work: &Work, most: usize) -> Result<Self, Failure> {
        let context = work.context;
        let buffers = Buffers::of(context, work.layout.input_bytes(most), work.layout.output_bytes(most))?;
        let bound = [&buffers.sizes, &work.params, &work.scaling, &buffers.input, &buffers.output];
        let entries: [wgpu::BindGroupEntry; 5] =
            std::array::from_fn(|i| wgpu::BindGroupEntry { binding: i as u32, resource: bound[i].as_entire_binding() });
        let bindings = context.checked(|| {
            context.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &context.layout,
                entries: &entries,
            })
        })?;
        Ok(Self { buffers, bindings })
    }

    /// Leaves the buffers to the runs to come.
    pub(super) fn leave(self, work: &Work) {
        work.context.keep(self.buffers);
    }

    /// Where the voxels of a chunk go for the device to fetch them.
    pub(super) fn open(&self) -> Result<wgpu::BufferViewMut, Failure> {
        self.buffers.upload.get_mapped_range_mut(..).map_err(unmapped)
    }

    /// Says that they are there. The view of [`Self::open`] must be gone.
    pub(super) fn close(&self, work: &Work, voxels: &Range<usize>) -> Result<(), Failure> {
        self.buffers.upload.unmap();
        // `struct Batch` of batch.wgsl.
        let sizes = [voxels.len(), work.layout.input_stride(voxels.len()), voxels.start, 0].map(|n| n as u32);
        let write = || work.context.queue.write_buffer(&self.buffers.sizes, 0, bytemuck::bytes_of(&sizes));
        work.context.checked(write)
    }

    /// Adds the way from the host to the kernel to `commands`.
    pub(super) fn bring_in(&self, work: &Work, commands: &mut wgpu::CommandEncoder, n_voxels: usize) {
        let bytes = work.layout.input_bytes(n_voxels);
        if bytes > 0 {
            commands.copy_buffer_to_buffer(&self.buffers.upload, 0, &self.buffers.input, 0, bytes);
        }
    }

    /// Forgets that loops were left; GPUs that are some do not leave any.
    pub(super) fn clear_mark(&self, work: &Work, commands: &mut wgpu::CommandEncoder) {
        if work.is_in_software() {
            commands.clear_buffer(&self.buffers.output, self.buffers.mark(), Some(MARK));
        }
    }

    /// Adds the way of the mark to the host to `commands`.
    fn fetch_mark(&self, work: &Work, commands: &mut wgpu::CommandEncoder) {
        if work.is_in_software() {
            let (Buffers { output, download, .. }, mark) = (&self.buffers, self.buffers.mark());
            commands.copy_buffer_to_buffer(output, mark, download, mark, MARK);
        }
    }

    /// Fails if loops were left, as far as the host has been told.
    fn look_at_mark(&self, work: &Work) -> Result<(), Failure> {
        if work.is_in_software() {
            let mark = self.buffers.download.get_mapped_range(self.buffers.mark()..).map_err(unmapped)?;
            if mark.iter().any(|&byte| byte != 0) {
                return Err(Failure::LeftLoops);
            }
        }
        Ok(())
    }

    /// Fails if loops were left in any dispatch since the mark was cleared.
    pub(super) fn check_mark(&self, work: &Work) -> Result<(), Failure> {
        let context = work.context;
        let mut commands = context.device.create_command_encoder(&Default::default());
        self.fetch_mark(work, &mut commands);
        let submission = context.submit(commands)?;
        let mapped = context.checked(|| map(&self.buffers.download, wgpu::MapMode::Read))?;
        context.wait(submission)?;
        if !matches!(mapped.try_recv(), Ok(Ok(()))) {
            return Err(Failure::Lost("the device did not give its memory back".into()));
        }
        let outcome = self.look_at_mark(work);
        self.buffers.download.unmap();
        outcome
    }

    /// Sends the chunk off that lies in this slot.
    pub(super) fn launch(self, work: &Work, voxels: Range<usize>) -> Result<Flight, Failure> {
        let output_bytes = work.layout.output_bytes(voxels.len());
        let commands = work.context.checked(|| {
            let mut commands = work.context.device.create_command_encoder(&Default::default());
            let Buffers { output, download, .. } = &self.buffers;
            self.bring_in(work, &mut commands, voxels.len());
            self.clear_mark(work, &mut commands);
            work.dispatch(&mut commands, &self, voxels.len(), None);
            commands.copy_buffer_to_buffer(output, 0, download, 0, output_bytes);
            self.fetch_mark(work, &mut commands);
            commands
        })?;
        let submission = work.context.submit(commands)?;
        let mapped = work.context.checked(|| {
            [map(&self.buffers.upload, wgpu::MapMode::Write), map(&self.buffers.download, wgpu::MapMode::Read)]
        })?;
        Ok(Flight { slot: self, voxels, launched: Instant::now(), submission, mapped })
    }
}

impl Flight {
    /// Waits for the chunk.
    pub(super) fn wait(self, work: &Work) -> Result<Landed, Failure> {
        work.context.wait(self.submission)?;
        for mapped in &self.mapped {
            if !matches!(mapped.try_recv(), Ok(Ok(()))) {
                return Err(Failure::Lost("the device did not give its memory back".into()));
            }
        }
        self.slot.look_at_mark(work)?;
        Ok(Landed { slot: self.slot, voxels: self.voxels, launched: self.launched, at: Instant::now() })
    }
}

impl Landed {
    /// The results: `[column][voxel]` words; `None` where there are no columns.
    pub(super) fn results(&self, work: &Work) -> Result<Option<wgpu::BufferView>, Failure> {
        let bytes = work.layout.output_bytes(self.voxels.len());
        (bytes > 0).then(|| self.slot.buffers.download.get_mapped_range(..bytes)).transpose().map_err(unmapped)
    }

    /// Gives the slot back. The view of [`Self::results`] must be gone.
    pub(super) fn leave(self) -> Slot {
        self.slot.buffers.download.unmap();
        self.slot
    }
}

fn map(buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> mpsc::Receiver<Result<(), wgpu::BufferAsyncError>> {
    let (sender, receiver) = mpsc::channel();
    // The receiver may be gone when a run has failed.
    buffer.map_async(mode, .., move |mapped| drop(sender.send(mapped)));
    receiver
}

fn unmapped(error: wgpu::MapRangeError) -> Failure {
    Failure::Lost(format!("the device's memory cannot be seen ({error})"))
}
