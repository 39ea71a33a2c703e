//! The buffers of one chunk in flight, used again for chunk after chunk.

use std::ops::Range;
use std::sync::mpsc;

use super::failure::Failure;
use super::work::Work;
use crate::device::Column;

/// Buffers of a chunk: `upload → input → kernel → output → download`.
pub(super) struct Slot {
    upload: wgpu::Buffer,
    input: wgpu::Buffer,
    output: wgpu::Buffer,
    download: wgpu::Buffer,
    sizes: wgpu::Buffer,
    pub(super) bindings: wgpu::BindGroup,
}

/// A chunk that the device works on.
pub(super) struct Flight {
    slot: Slot,
    pub(super) voxels: Range<usize>,
    submission: wgpu::SubmissionIndex,
    /// Says that `upload` and `download` can be seen by the host again.
    mapped: [mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>; 2],
}

impl Slot {
    /// Buffers for chunks of up to `most` voxels.
    pub(super) fn new(work: &Work, most: usize) -> Result<Self, Failure> {
        use wgpu::BufferUsages as Use;
        let (input_bytes, output_bytes) = (work.layout.input_bytes(most), work.layout.output_bytes(most));
        let context = work.context;
        let upload = context.buffer("upload", input_bytes, Use::MAP_WRITE | Use::COPY_SRC)?;
        let input = context.buffer("input", input_bytes, Use::STORAGE | Use::COPY_DST)?;
        let output = context.buffer("output", output_bytes, Use::STORAGE | Use::COPY_SRC)?;
        let download = context.buffer("download", output_bytes, Use::MAP_READ | Use::COPY_DST)?;
        let sizes = context.buffer("batch", 16, Use::UNIFORM | Use::COPY_DST)?;
        let bound = [&sizes, &work.params, &work.scaling, &input, &output];
        let entries: [wgpu::BindGroupEntry; 5] =
            std::array::from_fn(|i| wgpu::BindGroupEntry { binding: i as u32, resource: bound[i].as_entire_binding() });
        let bindings = context.checked(|| {
            context.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &context.layout,
                entries: &entries,
            })
        })?;
        Ok(Self { upload, input, output, download, sizes, bindings })
    }

    /// Writes the voxels of a chunk where the device will fetch them.
    pub(super) fn fill(&self, work: &Work, voxels: &Range<usize>) -> Result<(), Failure> {
        let stride = 4 * work.layout.input_stride(voxels.len());
        let mut view = self.upload.get_mapped_range_mut(..).map_err(unmapped)?;
        work.upload.rows(voxels.clone(), |obs, bytes| {
            let start = obs * stride;
            view.slice(start..start + bytes.len()).copy_from_slice(bytes);
        });
        drop(view);
        self.upload.unmap();
        // `struct Batch` of batch.wgsl.
        let sizes = [voxels.len(), stride / 4, voxels.start, 0].map(|n| n as u32);
        let write = || work.context.queue.write_buffer(&self.sizes, 0, bytemuck::bytes_of(&sizes));
        work.context.checked(write)
    }

    /// Adds the way from the host to the kernel to `commands`.
    pub(super) fn bring_in(&self, work: &Work, commands: &mut wgpu::CommandEncoder, n_voxels: usize) {
        let bytes = work.layout.input_bytes(n_voxels);
        if bytes > 0 {
            commands.copy_buffer_to_buffer(&self.upload, 0, &self.input, 0, bytes);
        }
    }

    /// Fills this slot with a chunk and sends it off.
    pub(super) fn launch(self, work: &Work, voxels: Range<usize>) -> Result<Flight, Failure> {
        self.fill(work, &voxels)?;
        let output_bytes = work.layout.output_bytes(voxels.len());
        let commands = work.context.checked(|| {
            let mut commands = work.context.device.create_command_encoder(&Default::default());
            self.bring_in(work, &mut commands, voxels.len());
            work.dispatch(&mut commands, &self, voxels.len(), None);
            commands.copy_buffer_to_buffer(&self.output, 0, &self.download, 0, output_bytes);
            commands
        })?;
        let submission = work.context.submit(commands)?;
        let mapped = work
            .context
            .checked(|| [map(&self.upload, wgpu::MapMode::Write), map(&self.download, wgpu::MapMode::Read)])?;
        Ok(Flight { slot: self, voxels, submission, mapped })
    }
}

impl Flight {
    /// Waits for the chunk, puts its results where they belong, and gives the slot back.
    pub(super) fn land(self, work: &Work, columns: &mut [Column]) -> Result<Slot, Failure> {
        work.context.wait(self.submission)?;
        for mapped in &self.mapped {
            if !matches!(mapped.try_recv(), Ok(Ok(()))) {
                return Err(Failure::Lost("the device did not give its memory back".into()));
            }
        }
        let bytes = work.layout.output_bytes(self.voxels.len());
        if bytes > 0 {
            let view = self.slot.download.get_mapped_range(..bytes).map_err(unmapped)?;
            let parts = view.chunks_exact(4 * self.voxels.len());
            for (column, part) in columns.iter_mut().zip(parts) {
                copy(part, column, self.voxels.clone());
            }
        }
        self.slot.download.unmap();
        Ok(self.slot)
    }
}

/// One word a voxel, as `store_f32` and `store_u16` of batch.wgsl leave them.
fn copy(words: &[u8], column: &mut Column, voxels: Range<usize>) {
    let words = words.chunks_exact(4).map(|w| u32::from_ne_bytes([w[0], w[1], w[2], w[3]]));
    match column {
        Column::F32(values) => {
            let to = &mut values[voxels];
            to.iter_mut().zip(words).for_each(|(to, word)| *to = f32::from_bits(word));
        }
        // A GPU computes in f32 and gives no such column.
        Column::F64(_) => {}
        Column::U16(values) => {
            let to = &mut values[voxels];
            to.iter_mut().zip(words).for_each(|(to, word)| *to = word as u16);
        }
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
