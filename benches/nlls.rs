//! Non-linear fits in memory, ten b-values, int16, SNR 30: `cargo bench --bench nlls`. On the CPU with two threads, and on
//! the first GPU, real or software, with its transfers.

use divan::Bencher;
use divan::counter::ItemsCount;
use hepar::device::{Cpu, Device, DeviceChoice, Precision, Row, Source};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use hepar::model::SignalModel;
use hepar::simulate::{Noise, Rng, add_noise};
use hepar::volume::{Scaling, VoxelType};

const N_VOXELS: usize = 192 * 192 * 5;
const B_VALUES: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
const MODELS: [&str; 4] = ["adc", "ivim", "kurtosis", "triexponential"];

fn main() {
    divan::main();
}

fn parameters(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Parameter(_) | Quantity::Status)
}

fn everything(_: Quantity) -> bool {
    true
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn parameters_on_the_cpu(bencher: Bencher, model: &str) {
    run(bencher, model, Cpu::new(2, Precision::F32).map(Device::Cpu), parameters);
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn parameters_on_a_gpu(bencher: Bencher, model: &str) {
    run(bencher, model, Device::open(&DeviceChoice::Index(0), 2, Precision::F32), parameters);
}

#[divan::bench(args = MODELS, sample_count = 5)]
fn all_outputs_on_a_gpu(bencher: Bencher, model: &str) {
    run(bencher, model, Device::open(&DeviceChoice::Index(0), 2, Precision::F32), everything);
}

/// Signals with parameters about their scales, `[n_obs][n_voxels]`.
fn signals(kernel: &NllsKernel) -> Vec<i16> {
    let problem = kernel.problem();
    let mut signals = vec![vec![0.0f32; N_VOXELS]; B_VALUES.len()];
    for v in 0..N_VOXELS {
        let parameter = |(i, extent): (u32, &hepar::fit::nlls::dictionary::Extent)| {
            let [u, _] = Rng::new(1).stream(i).uniforms(v as u64);
            let [low, high] = extent.bounds;
            (0.5 + u).clamp(low, high) * if extent.is_signal { 1000.0 } else { 1.0 }
        };
        let parameters: Vec<f64> = (0..).zip(&problem.extents).map(parameter).collect();
        for (row, signal) in signals.iter_mut().zip(problem.program.signals(&parameters)) {
            row[v] = signal as f32;
        }
    }
    for (row, seed) in signals.iter_mut().zip(1..) {
        add_noise(row, 1000.0 / 30.0, Noise::Rician, seed);
    }
    signals.into_iter().flatten().map(|value| value.round() as i16).collect()
}

fn run(bencher: Bencher, model: &str, device: hepar::Result<Device>, pick: fn(Quantity) -> bool) {
    let (Ok(model), Ok(device)) = (SignalModel::builtin(model), device) else { return };
    let axes = [B_VALUES.to_vec()];
    let Ok(kernel) = NllsKernel::new(model, &axes, &NllsOptions::default(), |output| pick(output.quantity)) else {
        return;
    };
    let stored = signals(&kernel);
    let row = |row| Row { bytes: bytemuck::cast_slice(row), voxel_type: VoxelType::I16, scaling: Scaling::IDENTITY };
    let source = Source::new(stored.chunks_exact(N_VOXELS).map(row).collect(), N_VOXELS, None);
    bencher.counter(ItemsCount::new(N_VOXELS)).bench_local(|| device.run(&kernel, &source, &()).is_ok());
}
