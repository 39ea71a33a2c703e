//! Multiply-adds as a kernel, to see how many a device can do: the twin of `shaders/multiply_adds.wgsl`.

use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};

const SUMS: usize = 16;
const STEPS_A_ROUND: usize = 4;
const ROUNDS: usize = 512;
/// A fused multiply-add is two operations.
pub(super) const FLOPS_PER_VOXEL: f64 = (2 * SUMS * STEPS_A_ROUND * ROUNDS) as f64;

/// Sums approach `PLUS / (1 − BY)` and stay in the range of normal numbers.
const BY: f32 = 0.999;
const PLUS: f32 = 1e-3;

/// Sixteen sums a voxel, multiplied and added to over and over.
pub(super) struct MultiplyAdds;

impl VoxelKernel for MultiplyAdds {
    fn label(&self) -> String {
        "multiply-adds".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        vec![ColumnSpec { name: "sum".into(), kind: ColumnType::F32 }]
    }

    fn run_cpu(&self, batch: &Batch, _: Precision, out: &mut [ColumnMut]) {
        let mut starts = vec![0.0f32; batch.n_voxels()];
        batch.row(0).load_f32(0, &mut starts);
        let sum = |start: f32, first: usize| {
            let one = |i: usize| (0..STEPS_A_ROUND * ROUNDS).fold(start + i as f32, |sum, _| sum.mul_add(BY, PLUS));
            (first..SUMS).step_by(SUMS / STEPS_A_ROUND).map(one).sum::<f32>()
        };
        let sums: Vec<f32> =
            starts.iter().map(|&start| (0..SUMS / STEPS_A_ROUND).map(|i| sum(start, i)).sum()).collect();
        if let [column] = out {
            column.store(0, &sums);
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        let body = format!("const ROUNDS: u32 = {ROUNDS}u;\n{}", include_str!("../../shaders/multiply_adds.wgsl"));
        Some(Shader { body, params: vec![BY, PLUS], turns: Shader::ANY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Cpu, Device, DeviceChoice, DeviceList, Row, Source};
    use crate::volume::{Scaling, VoxelType};

    #[test]
    fn every_device_does_all_the_steps() {
        let starts: Vec<u8> = (0..100).collect();
        let row = Row { bytes: &starts, voxel_type: VoxelType::U8, scaling: Scaling::IDENTITY };
        let source = Source::new(vec![row], starts.len(), None);
        // xₙ = limit + (x₀ − limit)·BYⁿ, in f64 and closed form.
        let (by, plus, n) = (f64::from(BY), f64::from(PLUS), (STEPS_A_ROUND * ROUNDS) as i32);
        let limit = plus / (1.0 - by);
        let sum =
            |start: u8| (0..SUMS).map(|i| limit + (f64::from(start) + i as f64 - limit) * by.powi(n)).sum::<f64>();
        let adapters = DeviceList::survey().adapters.into_iter().map(|adapter| DeviceChoice::Index(adapter.index));
        // One that is listed and cannot be opened is no fault of the kernel's.
        let devices = adapters.filter_map(|choice| Device::open(&choice, 1, Precision::F32).ok());
        let cpu = Device::Cpu(Cpu::new(1, Precision::F32).unwrap());
        for device in devices.chain([cpu]) {
            let columns = device.run(&MultiplyAdds, &source, &()).unwrap();
            let sums = columns[0].as_f32().unwrap();
            for (&start, &got) in starts.iter().zip(sums.iter()) {
                let want = sum(start);
                // Roundings of a step add up to less than ε / (1 − BY) of the value.
                assert!((f64::from(got) - want).abs() < 1.2e-7 / (1.0 - by) * want, "{start}: {got}, not {want}");
            }
        }
    }
}
