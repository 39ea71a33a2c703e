//! One kernel made ready on one device: its pipeline, its numbers, and the layout of its chunks.

use std::ops::Range;

use super::context::Context;
use super::failure::Failure;
use super::plan::{Layout, Sharing, workgroups};
use super::slot::Slot;
use super::upload::Upload;
use crate::device::{AdapterDescription, DeviceKind, Shader, VoxelKernel, shader};

/// A kernel and its input, ready to run in chunks.
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    /// Threads that copy.
    pub(super) host: &'a rayon::ThreadPool,
    pub(super) upload: &'a Upload<'a>,
    pub(super) layout: Layout,
    pub(super) params: wgpu::Buffer,
    pub(super) scaling: wgpu::Buffer,
    pipeline: wgpu::ComputePipeline,
    /// Of loops, that a voxel takes.
    turns: usize,
    adapter: &'a AdapterDescription,
}

impl<'a> Work<'a> {
    /// Compiles the kernel and uploads what all chunks share.
    pub(super) fn prepare(
        context: &'a Context,
        host: &'a rayon::ThreadPool,
        kernel: &dyn VoxelKernel,
        upload: &'a Upload<'a>,
        adapter: &'a AdapterDescription,
    ) -> Result<Self, Failure> {
        let on_the_cpu_alone = || Failure::NoShader("the CPU alone does this".into());
        let text = kernel.shader(upload.n_obs()).ok_or_else(on_the_cpu_alone)?;
        let wgsl = shader::compose(&text.body, upload.voxel_type(), upload.n_obs());
        let wgsl = match (adapter.device.kind, text.turns) {
            // What nobody has counted is short, and not worth a pipeline of its own for each of its numbers.
            (DeviceKind::Software, Shader::ANY) => shader::in_software(&wgsl, &[], &[]),
            (DeviceKind::Software, _) => shader::in_software(&wgsl, &text.params, &upload.scaling()),
            _ => wgsl,
        };
        Ok(Self {
            context,
            host,
            upload,
            layout: Layout::new(kernel, upload),
            params: context.constants("params", bytemuck::cast_slice(&text.params))?,
            scaling: context.constants("scaling", bytemuck::cast_slice(&upload.scaling()))?,
            pipeline: context.pipeline(&wgsl)?,
            turns: text.turns,
            adapter,
        })
    }

    /// The same with voxels shared out in another way, which never changes a result.
    pub(super) fn sharing(mut self, sharing: Sharing) -> Self {
        if sharing == Sharing::OneEach {
            self.turns = Shader::ANY;
        }
        self
    }

    /// Writes the voxels of a chunk where the device will fetch them.
    pub(super) fn fill(&self, slot: &Slot, voxels: &Range<usize>) -> Result<(), Failure> {
        let stride = 4 * self.layout.input_stride(voxels.len());
        let mut view = slot.open()?;
        self.upload.write(voxels, stride, view.slice(..stride * self.layout.n_obs));
        Ok(())
    }

    /// Adds the kernel's dispatch over the chunk in `slot` to `commands`.
    pub(super) fn dispatch(
        &self,
        commands: &mut wgpu::CommandEncoder,
        slot: &Slot,
        n_voxels: usize,
        timestamps: Option<wgpu::ComputePassTimestampWrites>,
    ) {
        let mut pass =
            commands.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: timestamps });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &slot.bindings, &[]);
        pass.dispatch_workgroups(workgroups(n_voxels, self.turns, self.adapter), 1, 1);
    }

    /// Whether the GPU is a few cores in disguise, which may leave loops before their end.
    pub(super) fn is_in_software(&self) -> bool {
        self.adapter.device.kind == DeviceKind::Software
    }

    /// The chunk that starts at `first`, of at most `most` voxels.
    pub(super) fn chunk(&self, first: usize, most: usize) -> Range<usize> {
        first..(first + most).min(self.upload.n_voxels())
    }
}
