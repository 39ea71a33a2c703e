//! Noise: fits of magnitudes, the estimates of σ, and fits that outlying samples do not lead astray.

mod rician;
mod robust;
mod sigma;

use hepar::device::Row;
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = rician::trials();
    trials.extend(robust::trials());
    trials.extend(sigma::trials());
    trials
}

fn row(values: &[f32]) -> Row<'_> {
    Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
}

/// The mean over the truth, less 1, in %.
fn bias_percent(found: &[f64], truth: f64) -> f64 {
    100.0 * (found.iter().sum::<f64>() / found.len() as f64 / truth - 1.0)
}
