//! A factor of each voxel on an axis: fits find the parameters of signals that were made with it, on every device.

use hepar::device::{Column, Row, Source};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Problem};
use hepar::fit::status;
use hepar::model::SignalModel;
use hepar::simulate::Rng;
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use super::quantile;
use crate::support::{self, TestDevice};

const N_VOXELS: usize = 2000;

/// Models with the axis that is scaled, and their samples: few, and more than a shader holds in registers.
fn cases() -> Vec<(&'static str, &'static str, Vec<Vec<f64>>)> {
    let many = (0..40).map(|i| f64::from(i * i) * 0.6).collect();
    let angles = vec![2.0, 5.0, 10.0, 15.0, 25.0];
    vec![
        ("adc", "b", vec![vec![0.0, 100.0, 300.0, 500.0, 750.0, 1000.0]]),
        ("ivim", "b", vec![many]),
        ("t1_vfa", "flip_angle", vec![angles, vec![3.71; 5]]),
    ]
}

pub fn trials() -> Vec<Trial> {
    let trial = |(model, axis, axes): (&'static str, &'static str, Vec<Vec<f64>>)| {
        let name = format!("nlls_of_{model}_with_a_factor_on_{axis}");
        support::on_every_device(&name, move |device| with_factor(device, model, axis, &axes))
    };
    cases().into_iter().flat_map(trial).collect()
}

fn row(values: &[f32]) -> Row<'_> {
    Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
}

fn with_factor(device: &TestDevice, model: &str, axis: &str, axes: &[Vec<f64>]) -> Result<(), Failed> {
    let model = SignalModel::builtin(model)?;
    let scaled = [model.axes.iter().position(|a| a.name == axis).ok_or("no such axis")?];
    let problem = Problem::scaled(model, axes, &scaled, &NllsOptions::default())?;
    let uniform = |stream: u32, v: usize| Rng::new(3).stream(stream).uniforms(v as u64)[0];
    let mut images = vec![vec![0.0f32; N_VOXELS]; axes[0].len() + 1];
    let mut truth = Vec::new();
    for v in 0..N_VOXELS {
        let parameter = |(i, extent): (u32, &hepar::fit::nlls::dictionary::Extent)| {
            let [low, high] = extent.bounds;
            (0.7 + 0.6 * uniform(i, v)).clamp(low, high)
        };
        let mut inputs: Vec<f64> = (0..).zip(&problem.extents).map(parameter).collect();
        truth.push(inputs[1] * problem.scales[1]);
        let factor = (0.8 + 0.4 * uniform(9, v)) as f32;
        inputs.push(f64::from(factor));
        for (image, signal) in images.iter_mut().zip(problem.program.signals(&inputs)) {
            image[v] = (1000.0 * signal) as f32;
        }
        images[axes[0].len()][v] = factor;
    }
    let bad = [(0, 0.0), (1, -1.0), (2, f32::NAN), (3, f32::INFINITY)];
    bad.iter().for_each(|&(v, factor)| images[axes[0].len()][v] = factor);
    let parameter = &model.parameters[1].name;
    let pick = |name: &str| name == parameter || name == "status";
    let run = |kernel: &NllsKernel, images: &[Vec<f32>]| -> Result<Vec<Vec<f64>>, Failed> {
        let columns = device.open().run(kernel, &Source::new(images.iter().map(|image| row(image)).collect(), N_VOXELS, None), &())?;
        Ok(columns.into_iter().map(Column::into_f64).collect())
    };
    let errors = |found: &[f64]| -> Vec<f64> {
        found.iter().zip(&truth).skip(bad.len()).map(|(found, truth)| (found / truth - 1.0).abs()).collect()
    };
    let kernel = NllsKernel::scaled(model, axes, &scaled, &NllsOptions::default(), |output| pick(&output.name))?;
    let found = run(&kernel, &images)?;
    let most = quantile(&errors(&found[0]), 0.99);
    println!("{} {parameter}: off by {most:.1e} in 99 %", model.name);
    assert!(most < 1e-3, "{parameter} is off by {most}");
    for (v, _) in bad {
        let is_said = found[1][v] as u16 & status::BAD_INPUT != 0;
        assert!(found[0][v].is_nan() && is_said, "voxel {v} is {}, {}", found[0][v], found[1][v]);
    }
    // Without its factors the same fit finds something else.
    let plain = NllsKernel::new(model, axes, &NllsOptions::default(), |output| pick(&output.name))?;
    let without = quantile(&errors(&run(&plain, &images[..axes[0].len()])?[0]), 0.5);
    assert!(without > 0.03, "without factors {parameter} is off by {without} alone");
    Ok(())
}
