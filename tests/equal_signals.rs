//! R² is a share of how signals vary: of equal ones there is none, and whoever divides inexactly must not make one up.

use hepar::device::{Column, Device, DeviceChoice, Precision, Row, Source, VoxelKernel};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use hepar::fit::{AdcKernel, AdcOptions, AdcOutput, SegmentedKernel, SegmentedOptions, SegmentedOutput};
use hepar::model::SignalModel;
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    let mut trials = on_every_device("r2_of_equal_signals", |device: &TestDevice| of_equal_signals(&device.open()));
    let in_f64 = || of_equal_signals(&Device::open(&DeviceChoice::Cpu, 2, Precision::F64)?);
    trials.push(Trial::test("r2_of_equal_signals on the CPU in f64", in_f64));
    trials
}

/// Not all are sums of few powers of two: their means are rounded.
const SIGNALS: [f32; 6] = [5.0, 0.1, 731.3, 3e-3, 12_345.678, 30_000.0];

/// In a few samples, and in more than a GPU keeps in registers.
const SAMPLES: [usize; 4] = [3, 7, 10, 100];

fn of_equal_signals(device: &Device) -> Result<(), Failed> {
    for n in SAMPLES {
        let b: Vec<f64> = (0..n).map(|i| 1000.0 * i as f64 / n as f64).collect();
        for (fit, r2) in [("adc", adc as Fit), ("segmented", segmented), ("nlls", nlls)] {
            for (signal, value) in SIGNALS.iter().zip(r2(device, &b, |_| 1.0)?) {
                assert!(value.is_nan(), "{fit}: {n} times {signal} have R² {value}");
            }
            // One sample is less by a millionth.
            for (signal, value) in SIGNALS.iter().zip(r2(device, &b, |obs| if obs == 1 { 1.0 - 1e-6 } else { 1.0 })?) {
                assert!(!value.is_nan(), "{fit}: {n} times {signal}, one a little less, have no R²");
            }
        }
    }
    Ok(())
}

/// R² of each of [`SIGNALS`], the same at all b-values but for a factor.
type Fit = fn(&Device, &[f64], fn(usize) -> f32) -> Result<Vec<f64>, Failed>;

fn adc(device: &Device, b: &[f64], factor: fn(usize) -> f32) -> Result<Vec<f64>, Failed> {
    run(device, &AdcKernel::new(AdcOptions::default(), b, &[AdcOutput::R2]), b.len(), factor)
}

fn segmented(device: &Device, b: &[f64], factor: fn(usize) -> f32) -> Result<Vec<f64>, Failed> {
    run(device, &SegmentedKernel::new(SegmentedOptions::default(), b, &[SegmentedOutput::R2])?, b.len(), factor)
}

fn nlls(device: &Device, b: &[f64], factor: fn(usize) -> f32) -> Result<Vec<f64>, Failed> {
    let model = SignalModel::all().iter().find(|model| model.name == "adc").ok_or("no model adc")?;
    let is_wanted = |quantity| matches!(quantity, Quantity::R2 | Quantity::Status);
    let axes = [b.to_vec()];
    let kernel = NllsKernel::new(model, &axes, &NllsOptions::default(), |output| is_wanted(output.quantity))?;
    run(device, &kernel, b.len(), factor)
}

fn run(
    device: &Device,
    kernel: &dyn VoxelKernel,
    n_samples: usize,
    factor: fn(usize) -> f32,
) -> Result<Vec<f64>, Failed> {
    let images: Vec<[f32; SIGNALS.len()]> =
        (0..n_samples).map(|obs| SIGNALS.map(|signal| signal * factor(obs))).collect();
    let row = |image| Row {
        bytes: bytemuck::bytes_of::<[f32; SIGNALS.len()]>(image),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    };
    let source = Source::new(images.iter().map(row).collect(), SIGNALS.len(), None);
    let at = kernel.columns().iter().position(|column| column.name == "R2").ok_or("no R2")?;
    let columns = device.run(kernel, &source, &())?;
    Ok(columns.into_iter().nth(at).map(Column::into_f64).ok_or("no column")?)
}
