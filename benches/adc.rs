//! ADC fitting in memory, one thread: `cargo bench --bench adc`.

use divan::Bencher;
use divan::counter::ItemsCount;
use hepar::device::cpu::Cpu;
use hepar::device::{Precision, Row, Source};
use hepar::fit::{AdcKernel, AdcOptions, AdcOutput, Method};
use hepar::volume::{Scaling, VoxelType};

const N_VOXELS: usize = 192 * 192 * 40;
const B_VALUES: [f64; 4] = [50.0, 200.0, 500.0, 750.0];

fn main() {
    divan::main();
}

/// Decays of 0.2 to 3 µm²/ms with noise of SNR 30, `[n_obs][n_voxels]` as int16.
fn decays() -> Vec<i16> {
    let mut state = 1u64;
    let mut uniform = move || {
        // The high bits of a linear congruential generator (Knuth's MMIX) are noise enough to time a fit.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let adc: Vec<f64> = (0..N_VOXELS).map(|_| 0.2 + 2.8 * uniform()).collect();
    let signal = |b: f64, noise: f64, adc: &f64| (1000.0 * (-b / 1000.0 * adc).exp() + 33.0 * noise).round() as i16;
    B_VALUES
        .iter()
        .flat_map(|&b| {
            let noise: Vec<f64> = (0..N_VOXELS).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect();
            adc.iter().zip(noise).map(move |(adc, noise)| signal(b, noise, adc)).collect::<Vec<_>>()
        })
        .collect()
}

#[divan::bench(args = [Method::Lls, Method::Wlls, Method::Iwlls], sample_count = 20)]
fn adc_only_f32(bencher: Bencher, method: Method) {
    run(bencher, method, Precision::F32, &[AdcOutput::Adc]);
}

#[divan::bench(sample_count = 20)]
fn all_outputs_f32(bencher: Bencher) {
    run(bencher, Method::Iwlls, Precision::F32, &AdcOutput::ALL);
}

#[divan::bench(sample_count = 5)]
fn adc_only_f64(bencher: Bencher) {
    run(bencher, Method::Iwlls, Precision::F64, &[AdcOutput::Adc]);
}

fn run(bencher: Bencher, method: Method, precision: Precision, outputs: &[AdcOutput]) {
    let stored = decays();
    let rows = stored
        .chunks_exact(N_VOXELS)
        .map(|row| Row { bytes: bytemuck::cast_slice(row), voxel_type: VoxelType::I16, scaling: Scaling::IDENTITY })
        .collect();
    let source = Source::new(rows, N_VOXELS, None);
    let kernel = AdcKernel::new(AdcOptions { method, ..AdcOptions::default() }, &B_VALUES, outputs);
    let Ok(cpu) = Cpu::new(1, precision) else {
        return;
    };
    bencher.counter(ItemsCount::new(N_VOXELS)).bench_local(|| cpu.run(&kernel, &source));
}
