//! What a device can do at most: beside it, a throughput says how much is left.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;

#[cfg(feature = "gpu")]
use super::multiply_adds::{FLOPS_PER_VOXEL, MultiplyAdds};
use crate::Result;
use crate::device::{Cpu, Device};
#[cfg(feature = "gpu")]
use crate::device::{Row, Source};
use crate::lanes::{LaneWork, Lanes, run_f32};
#[cfg(feature = "gpu")]
use crate::volume::{Scaling, VoxelType};

/// Limits of a device: of a CPU's threads, all working at once, the best of some tries; of a GPU, the median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peak {
    /// Arithmetic operations a second in fused multiply-adds of f32, two each, in 10⁹.
    pub gflops: f64,
    /// Bytes read from memory a second, in 10⁹; not measured on a GPU, whose chunks come from its cache.
    pub gbytes: Option<f64>,
}

/// Chains of multiply-adds that do not wait for one another: more than latency times units of any processor.
const CHAINS: usize = 16;
const STEPS: usize = 200_000;
/// More than caches hold.
const BYTES_A_THREAD: usize = 128 << 20;
const TRIES: usize = 5;

/// Milliseconds of work for a large GPU, and for one in software.
#[cfg(feature = "gpu")]
const GPU_VOXELS: [usize; 2] = [1 << 21, 1 << 14];

impl Peak {
    /// Measures a device.
    ///
    /// # Errors
    /// Those of [`Gpu::time_kernel`](crate::device::Gpu::time_kernel).
    pub fn measure(device: &Device) -> Result<Self> {
        match device {
            Device::Cpu(cpu) => Ok(Self::of_cpu(cpu)),
            #[cfg(feature = "gpu")]
            Device::Gpu(gpu) => {
                let [real, software] = GPU_VOXELS;
                let n_voxels = if gpu.description().device.kind.is_real_gpu() { real } else { software };
                let starts = vec![1; n_voxels];
                let row = Row { bytes: &starts, voxel_type: VoxelType::U8, scaling: Scaling::IDENTITY };
                let timing = gpu.time_kernel(&MultiplyAdds, &Source::new(vec![row], n_voxels, None), TRIES)?;
                Ok(Self { gflops: FLOPS_PER_VOXEL * timing.kernel_voxels_per_s() / 1e9, gbytes: None })
            }
        }
    }

    fn of_cpu(cpu: &Cpu) -> Self {
        let n_threads = cpu.threads();
        let memory: Vec<Vec<u64>> = (0..n_threads).map(|_| vec![1; BYTES_A_THREAD / size_of::<u64>()]).collect();
        let operations = |_: usize| run_f32(Chains);
        let reads = |thread: usize| {
            black_box(memory[thread].iter().copied().fold(0, u64::wrapping_add));
            BYTES_A_THREAD as f64
        };
        Self { gflops: best_rate(cpu, &operations) / 1e9, gbytes: Some(best_rate(cpu, &reads) / 1e9) }
    }
}

/// What all threads get done a second, each given its number.
fn best_rate(cpu: &Cpu, work: &(dyn Fn(usize) -> f64 + Sync)) -> f64 {
    let once = || {
        let start = Instant::now();
        let done: Vec<f64> = cpu.broadcast(work);
        done.iter().sum::<f64>() / start.elapsed().as_secs_f64()
    };
    (0..TRIES).map(|_| once()).fold(0.0, f64::max)
}

/// Fused multiply-adds; returns how many operations they were.
struct Chains;

impl LaneWork for Chains {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> f64 {
        let (by, plus) = (l.splat(black_box(0.999)), l.splat(black_box(1e-3)));
        let mut sums = [l.splat(black_box(1.0)); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = l.mul_add(*sum, by, plus);
            }
        }
        let mut total = sums[0];
        for &sum in &sums[1..] {
            total = l.add(total, sum);
        }
        black_box(l.lane(&total, 0));
        2.0 * (STEPS * CHAINS * L::LANES) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;

    #[test]
    fn work_is_counted_as_it_is_done() {
        let cpu = Cpu::new(2, Precision::F32).unwrap();
        // Each of two threads says 1000 in no less than 10 ms: at most 200,000 a second.
        let slow = |_: usize| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            1000.0
        };
        let rate = best_rate(&cpu, &slow);
        assert!(rate <= 200_000.0 && rate > 20_000.0, "{rate}");
    }
}
