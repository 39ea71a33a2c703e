//! The device's memory for chunks, kept from run to run: what host and device both see is slow to get.

use super::context::Context;
use super::failure::Failure;
use super::plan::roomy;

/// Bytes at the end of `output` and `download`, as many as can be mapped alone: in their last word a kernel says that its loops
/// were cut short.
pub(super) const MARK: u64 = wgpu::MAP_ALIGNMENT;

/// Buffers of a chunk: `upload → input → kernel → output → download`. `upload` lies open for the host unless a chunk is
/// under way.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) upload: wgpu::Buffer,
    pub(super) input: wgpu::Buffer,
    pub(super) output: wgpu::Buffer,
    pub(super) download: wgpu::Buffer,
    pub(super) sizes: wgpu::Buffer,
}

impl Buffers {
    /// Buffers for so many bytes of input and output, and the mark: spare ones of the device, if they are large enough.
    pub(super) fn of(context: &Context, input_bytes: u64, output_bytes: u64) -> Result<Self, Failure> {
        match context.spare() {
            Some(spare) if spare.input.size() >= input_bytes && spare.mark() >= output_bytes => Ok(spare),
            // Those that are too small are not worth their memory.
            _ => {
                let limits = context.device.limits();
                let limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
                let output_bytes = roomy(output_bytes, limit - MARK).next_multiple_of(MARK) + MARK;
                Self::new(context, roomy(input_bytes, limit), output_bytes)
            }
        }
    }

    fn new(context: &Context, input_bytes: u64, output_bytes: u64) -> Result<Self, Failure> {
        use wgpu::BufferUsages as Use;
        Ok(Self {
            upload: context.buffer("upload", input_bytes, Use::MAP_WRITE | Use::COPY_SRC)?,
            input: context.buffer("input", input_bytes, Use::STORAGE | Use::COPY_DST)?,
            output: context.buffer("output", output_bytes, Use::STORAGE | Use::COPY_SRC | Use::COPY_DST)?,
            download: context.buffer("download", output_bytes, Use::MAP_READ | Use::COPY_DST)?,
            sizes: context.buffer("batch", 16, Use::UNIFORM | Use::COPY_DST)?,
        })
    }

    /// Where the mark begins.
    pub(super) fn mark(&self) -> u64 {
        self.output.size() - MARK
    }
}
