//! Fits of what magnitudes are expected to be.

use hepar::device::{Column, Source};
use hepar::fit::nlls::{NllsKernel, NllsOptions, Problem};
use hepar::fit::status;
use hepar::model::SignalModel;
use hepar::model::signal::NoiseModel;
use hepar::simulate::{Noise, Rng, add_noise};
use libtest_mimic::{Failed, Trial};

use super::{bias_percent, row};
use crate::protocol;
use crate::support::{self, TestDevice};

const B: [f64; 7] = [0.0, 250.0, 500.0, 750.0, 1000.0, 1250.0, 1500.0];
const ADC: f64 = 1.1e-3;
const SNR: f32 = 8.0;
/// The bias of the Rician fit of D over that of the Gaussian one, at most.
const LESS_BIAS: f64 = 0.4;
const N_VOXELS: usize = 40_000;

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("rician_fits_have_less_bias", less_bias);
    trials.extend(support::on_every_device("rician_fits_find_every_model", every_model));
    trials.extend(support::on_every_device("rician_fits_need_a_sigma_above_0", bad_sigma));
    trials
}

fn rician() -> NllsOptions {
    NllsOptions { noise: NoiseModel::Rician, ..NllsOptions::default() }
}

/// A column of a fit of rows `[sample][voxel]`, after which come those of factors and σ.
fn fit(
    device: &TestDevice,
    model: &SignalModel,
    axes: &[Vec<f64>],
    scaled: &[usize],
    options: &NllsOptions,
    (rows, pick): (&[Vec<f32>], &[&str]),
) -> Result<Vec<Vec<f64>>, Failed> {
    let kernel = NllsKernel::scaled(model, axes, scaled, options, |o| pick.contains(&o.name.as_str()))?;
    let source = Source::new(rows.iter().map(|values| row(values)).collect(), rows[0].len(), None);
    Ok(device.open().run(&kernel, &source, &())?.into_iter().map(Column::into_f64).collect())
}

fn less_bias(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("adc")?;
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for (seed, b) in (50..).zip(B) {
        let mut signal = vec![1000.0 * (-b * ADC).exp() as f32; N_VOXELS];
        add_noise(&mut signal, 1000.0 / SNR, Noise::Rician, seed);
        rows.push(signal);
    }
    let mut bias = |options: &NllsOptions, sigma: Option<f32>| -> Result<f64, Failed> {
        rows.truncate(B.len());
        rows.extend(sigma.map(|sigma| vec![sigma; N_VOXELS]));
        let found = fit(device, model, &[B.to_vec()], &[], options, (&rows, &["ADC"]))?;
        Ok(bias_percent(&found[0], ADC))
    };
    let gaussian = bias(&NllsOptions::default(), None)?;
    let rician_bias = bias(&rician(), Some(1000.0 / SNR))?;
    println!("bias of D at SNR {SNR}: Gaussian {gaussian:+.2} %, Rician {rician_bias:+.2} %");
    assert!(rician_bias.abs() <= LESS_BIAS * gaussian.abs(), "{rician_bias:.2} % against {gaussian:.2} %");
    let half = bias(&rician(), Some(500.0 / SNR))?;
    assert!(half.abs() > LESS_BIAS * gaussian.abs(), "with half the noise the bias is {half:.2} % all the same");
    Ok(())
}

/// Samples that are exactly what is expected are fitted by the parameters that they were made of, with a factor on the
/// first axis and another σ in each voxel.
fn every_model(device: &TestDevice) -> Result<(), Failed> {
    const N: usize = 400;
    for name in ["adc", "ivim", "kurtosis", "t2star_offset", "t1_vfa"] {
        let model = SignalModel::builtin(name)?;
        let axes = protocol::of(model, &[0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0, 1500.0])?;
        let problem = Problem::scaled(model, &axes, &[0], &rician())?;
        let uniform = |stream: u32, v: usize| Rng::new(7).stream(stream).uniforms(v as u64)[0];
        let mut rows = vec![vec![0.0f32; N]; axes[0].len() + 2];
        let place = problem.extents.iter().position(|extent| !extent.is_signal).ok_or("only signals")?;
        let mut truth = Vec::new();
        for v in 0..N {
            let mut inputs: Vec<f64> = (0..)
                .zip(&problem.extents)
                .map(|(i, extent)| (0.7 + 0.6 * uniform(i, v)).clamp(extent.bounds[0], extent.bounds[1]))
                .collect();
            truth.push(inputs[place] * problem.scales[place]);
            let (factor, sigma) = ((0.9 + 0.2 * uniform(8, v)) as f32, (0.02 + 0.03 * uniform(9, v)) as f32);
            inputs.extend([f64::from(factor), f64::from(sigma)]);
            for (row, signal) in rows.iter_mut().zip(problem.program.signals(&inputs)) {
                row[v] = (500.0 * signal) as f32;
            }
            (rows[axes[0].len()][v], rows[axes[0].len() + 1][v]) = (factor, 500.0 * sigma);
        }
        let parameter = model.parameters[problem.choice.fitted().nth(place).ok_or("one parameter")?].name.as_str();
        let errors = |options: &NllsOptions| -> Result<f64, Failed> {
            let found = fit(device, model, &axes, &[0], options, (&rows, &[parameter]))?;
            let mut errors: Vec<f64> = found[0].iter().zip(&truth).map(|(f, t)| (f / t - 1.0).abs()).collect();
            errors.sort_by(f64::total_cmp);
            Ok(errors[N / 2])
        };
        let (with, without) = (errors(&rician())?, errors(&NllsOptions::default())?);
        println!("{name} {parameter}: off by {with:.1e}, and {without:.1e} without sigma, in half of the voxels");
        assert!(with < 1e-4, "{name} {parameter} is off by {with}");
        assert!(without > 3.0 * with, "{name} {parameter} is off by {without} alone without sigma");
    }
    Ok(())
}

fn bad_sigma(device: &TestDevice) -> Result<(), Failed> {
    let model = SignalModel::builtin("adc")?;
    let mut rows: Vec<Vec<f32>> = B.iter().map(|b| vec![100.0 * (-b * ADC).exp() as f32; 6]).collect();
    rows.push(vec![1.0, 0.0, -1.0, f32::NAN, f32::INFINITY, 2.0]);
    let found = fit(device, model, &[B.to_vec()], &[], &rician(), (&rows, &["ADC", "status"]))?;
    for (v, (adc, bits)) in found[0].iter().zip(&found[1]).enumerate() {
        let is_refused = adc.is_nan() && *bits as u16 & status::BAD_INPUT != 0;
        assert_eq!(is_refused, (1..5).contains(&v), "voxel {v}: {adc} {bits}");
    }
    Ok(())
}
