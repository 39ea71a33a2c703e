//! Segmented IVIM fitting in memory, one thread, ten b-values: `cargo bench --bench segmented`.

use divan::Bencher;
use divan::counter::ItemsCount;
use hepar::device::cpu::Cpu;
use hepar::device::{Precision, Row, Source};
use hepar::fit::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
use hepar::simulate::{Noise, add_noise};
use hepar::volume::{Scaling, VoxelType};

const N_VOXELS: usize = 192 * 192 * 10;
const B_VALUES: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 150.0, 200.0, 400.0, 600.0, 800.0];
const PARAMETERS: [SegmentedOutput; 3] = [SegmentedOutput::D, SegmentedOutput::F, SegmentedOutput::Dstar];

fn main() {
    divan::main();
}

/// D of 0.5 to 2 µm²/ms, f of 0 to 0.4 and D* of 20 to 120 µm²/ms with Rician noise of SNR 30, `[n_obs][n_voxels]`.
fn decays() -> Vec<i16> {
    let spread = |voxel: usize, by: f64| (voxel as f64 * by).fract();
    let signal = |b: f64, voxel: usize| {
        let (d, f, dstar) =
            (0.5 + 1.5 * spread(voxel, 0.618), 0.4 * spread(voxel, 0.414), 20.0 + 100.0 * spread(voxel, 0.732));
        (1000.0 * (f * (-b * dstar).exp() + (1.0 - f) * (-b * d).exp())) as f32
    };
    let image = |(b, seed): (&f64, u64)| {
        let mut values: Vec<f32> = (0..N_VOXELS).map(|voxel| signal(b / 1000.0, voxel)).collect();
        add_noise(&mut values, 1000.0 / 30.0, Noise::Rician, seed);
        values.into_iter().map(|value| value.round() as i16).collect::<Vec<_>>()
    };
    B_VALUES.iter().zip(1..).flat_map(image).collect()
}

#[divan::bench(sample_count = 10)]
fn parameters_f32(bencher: Bencher) {
    run(bencher, Precision::F32, &PARAMETERS, None);
}

#[divan::bench(sample_count = 10)]
fn all_outputs_f32(bencher: Bencher) {
    run(bencher, Precision::F32, &SegmentedOutput::ALL, None);
}

#[divan::bench(sample_count = 10)]
fn parameters_after_50_plain_reweightings_f32(bencher: Bencher) {
    run(bencher, Precision::F32, &PARAMETERS, Some(50));
}

#[divan::bench(sample_count = 3)]
fn parameters_f64(bencher: Bencher) {
    run(bencher, Precision::F64, &PARAMETERS, None);
}

fn run(bencher: Bencher, precision: Precision, outputs: &[SegmentedOutput], plain_reweightings: Option<u32>) {
    let stored = decays();
    let rows = stored
        .chunks_exact(N_VOXELS)
        .map(|row| Row { bytes: bytemuck::cast_slice(row), voxel_type: VoxelType::I16, scaling: Scaling::IDENTITY })
        .collect();
    let source = Source::new(rows, N_VOXELS, None);
    let options = SegmentedOptions { plain_reweightings, ..SegmentedOptions::default() };
    let Ok(kernel) = SegmentedKernel::new(options, &B_VALUES, outputs) else {
        return;
    };
    let Ok(cpu) = Cpu::new(1, precision) else {
        return;
    };
    bencher.counter(ItemsCount::new(N_VOXELS)).bench_local(|| cpu.run(&kernel, &source));
}
