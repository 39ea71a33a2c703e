//! The non-linear fit of signal models: the values of independent programs, and every device against f64.

mod factors;
mod honoured;
mod minima;
mod noiseless;
mod osipi;
mod reference;
mod standard_errors;
mod tissues;
mod volunteer;
mod weak;

use std::collections::BTreeMap;

use hepar::device::{Column, Device, DeviceChoice, Precision, Row, Source};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Problem};
use hepar::model::SignalModel;
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    let mut trials = reference::trials();
    for more in [minima::trials(), factors::trials(), honoured::trials(), noiseless::trials(), osipi::trials(), standard_errors::trials(), tissues::trials(), volunteer::trials(), weak::trials()] {
        trials.extend(more);
    }
    trials
}

/// Maps by their names.
type Maps = BTreeMap<String, Vec<f64>>;

fn cpu(precision: Precision) -> Device {
    Device::open(&DeviceChoice::Cpu, 2, precision).expect("the CPU opens")
}

/// Fits `signals[voxel][sample]` for all that a model's fit can write; devices without f64 get them as f32.
fn fit(
    device: &Device,
    model: &SignalModel,
    axes: &[Vec<f64>],
    options: &NllsOptions,
    signals: &[Vec<f64>],
) -> Result<Maps, Failed> {
    let images: Vec<Vec<f64>> = (0..axes[0].len()).map(|k| signals.iter().map(|s| s[k]).collect()).collect();
    let rows = images
        .iter()
        .map(|image| Row {
            bytes: bytemuck::cast_slice::<f64, u8>(image),
            voxel_type: VoxelType::F64,
            scaling: Scaling::IDENTITY,
        })
        .collect();
    let kernel = NllsKernel::new(model, axes, options, |_| true)?;
    let columns = device.run(&kernel, &Source::new(rows, signals.len(), None), &())?;
    let names = kernel.outputs().iter().map(|output| output.name.clone());
    Ok(names.zip(columns.into_iter().map(Column::into_f64)).collect())
}

/// The sum of squared residuals of each voxel's fitted parameters, in f64.
fn sums_of_squares(
    model: &SignalModel,
    axes: &[Vec<f64>],
    maps: &Maps,
    signals: &[Vec<f64>],
) -> Result<Vec<f64>, Failed> {
    let problem = Problem::new(model, axes, &NllsOptions::default())?;
    let names: Vec<&str> = problem.choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
    let sum = |(v, y): (usize, &Vec<f64>)| {
        let scaled: Vec<f64> = names.iter().zip(&problem.scales).map(|(name, scale)| maps[*name][v] / scale).collect();
        problem.program.signals(&scaled).iter().zip(y).map(|(s, y)| (s - y).powi(2)).sum()
    };
    Ok(signals.iter().enumerate().map(sum).collect())
}

/// The value below which a share of the values lies.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
