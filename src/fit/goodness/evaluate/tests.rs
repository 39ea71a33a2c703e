//! Residuals by hand.

use std::f64::consts::TAU;

use super::*;
use crate::fit::nlls::NllsOptions;
use crate::model::SignalModel;
use crate::model::signal::NoiseModel;
use crate::simulate::{Noise, add_noise};
use crate::volume::{Scaling, VoxelType};

const B: [f64; 5] = [0.0, 800.0, 200.0, 1000.0, 400.0];
/// Added to the signals, in the order of b: 1, −1, 1, −1, 2.
const ERRORS: [f64; 5] = [1.0, -1.0, -1.0, 2.0, 1.0];
const SIGMA: f64 = 2.0;

/// A row of four voxels, of which the last is looked at.
fn row(value: f64) -> Row<'static> {
    let bytes = bytemuck::cast_slice(Box::leak(Box::new([0.0, 0.0, 0.0, value])));
    Row { bytes, voxel_type: VoxelType::F64, scaling: Scaling::IDENTITY }
}

fn evaluated(noise: NoiseModel, b: &[f64], signals: &[f64], [s0, adc]: [f64; 2], sigma: Option<f64>) -> Evaluated {
    let (model, options) = (SignalModel::builtin("adc").unwrap().clone(), NllsOptions::default());
    let method = FitMethod::Nlls { model: Box::new(model), options, force: false }.with_noise(noise).unwrap();
    let has_sigma = noise.needs_sigma();
    let protocol = Protocol { values: vec![b.to_vec()], scaled: Vec::new(), has_sigma };
    let sigma = sigma.map(row);
    let evaluation = Evaluation::new(&method, &protocol, &method.outputs().unwrap(), sigma).unwrap();
    let columns = [s0, adc].map(|value| Column::F64(vec![f64::NAN, value]));
    let rows = signals.iter().copied().map(row).chain(sigma.filter(|_| has_sigma));
    // The last of the source's three voxels, which is the second of this part.
    let source = Source::new(rows.collect(), 4, Some(vec![0, 1, 3]));
    evaluation.of(&source, 1, &columns, 1..2)
}

fn gaussian(signals: &[f64], parameters: [f64; 2]) -> Evaluated {
    evaluated(NoiseModel::Gaussian, &B, signals, parameters, Some(SIGMA))
}

fn signals() -> Vec<f64> {
    B.iter().zip(ERRORS).map(|(b, error)| 900.0 * (-b * 1.2e-3f64).exp() + error).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-10
}

#[test]
fn residuals_are_what_the_fit_leaves() {
    let found = gaussian(&signals(), [900.0, 1.2e-3]);
    assert!(found.residuals.iter().zip(ERRORS).all(|(row, error)| close(row[0], error)), "{found:?}");
    // By hand: Σ eᵢeᵢ₊₁ = −1 − 1 − 1 − 2 and Σ e² = 8, of which three degrees of freedom are left.
    assert!(close(found.lag1[0], -5.0 / 8.0) && close(found.chi2[0], 8.0 / 3.0 / 4.0), "{found:?}");
    let other = gaussian(&signals(), [901.0, 1.2e-3]);
    assert!(!close(other.residuals[0][0], ERRORS[0]) && !close(other.lag1[0], found.lag1[0]));
}

#[test]
fn residuals_of_magnitudes_are_of_what_noise_makes_of_the_fit() {
    let magnitude = |(b, error): (&f64, f64)| (30.0 * (-b * 1.2e-3f64).exp()).hypot(SIGMA) + error;
    let signals: Vec<f64> = B.iter().zip(ERRORS).map(magnitude).collect();
    let left = |noise| evaluated(noise, &B, &signals, [30.0, 1.2e-3], Some(SIGMA));
    let is_left = |found: &Evaluated| found.residuals.iter().zip(ERRORS).all(|(row, error)| close(row[0], error));
    let found = left(NoiseModel::Rician);
    assert!(is_left(&found) && close(found.chi2[0], 8.0 / 3.0 / 4.0), "{found:?}");
    assert!(!is_left(&left(NoiseModel::Gaussian)), "σ changes nothing");
}

/// E(M − σ)² = σ²·(3 − √(2π)) of the magnitude M of noise alone.
#[test]
fn noise_alone_leaves_half_of_its_variance() {
    const N: usize = 20_000;
    let mut magnitudes = vec![0.0f32; N];
    add_noise(&mut magnitudes, SIGMA as f32, Noise::Rician, 5);
    let signals: Vec<f64> = magnitudes.into_iter().map(f64::from).collect();
    let found = evaluated(NoiseModel::Rician, &vec![0.0; N], &signals, [0.0, 1.2e-3], Some(SIGMA)).chi2[0];
    // Five standard errors: the fourth moment of M/σ about 1 is 21 − 8·√(2π).
    let (mean, fourth) = (3.0 - TAU.sqrt(), 21.0 - 8.0 * TAU.sqrt());
    let agrees = |chi2: f64| (chi2 - mean).abs() < 5.0 * ((fourth - mean * mean) / N as f64).sqrt();
    assert!(agrees(found), "{found}");
    assert!(!agrees(2.0 - TAU / 4.0), "the variance of M about its own mean is another number");
}

#[test]
fn without_a_sigma_above_0_there_is_no_chi_squared() {
    for sigma in [None, Some(0.0), Some(-2.0), Some(f64::NAN)] {
        let found = evaluated(NoiseModel::Gaussian, &B, &signals(), [900.0, 1.2e-3], sigma);
        assert!(found.chi2[0].is_nan() && found.lag1[0].is_finite(), "{sigma:?}: {found:?}");
    }
}

#[test]
fn the_order_is_that_of_the_axes() {
    assert_eq!(in_order(&[B.to_vec()]), [0, 2, 4, 1, 3]);
    assert_eq!(in_order(&[vec![5.0, 1.0, 5.0, 1.0], vec![2.0, 9.0, 1.0, 9.0]]), [1, 3, 2, 0]);
}

#[test]
fn a_missing_sample_leaves_its_neighbours_side_by_side() {
    let mut signals = signals();
    signals[1] = f64::NAN;
    // By hand, without the fourth in the order of b: −1 − 1 + 2 over 7, and two degrees of freedom.
    let found = gaussian(&signals, [900.0, 1.2e-3]);
    assert!(close(found.lag1[0], 0.0) && close(found.chi2[0], 3.5 / 4.0), "{found:?}");
    assert!(found.residuals[1][0].is_nan());
}

#[test]
fn voxels_that_were_not_fitted_have_none() {
    let found = gaussian(&signals(), [900.0, f64::NAN]);
    assert!(found.lag1[0].is_nan() && found.chi2[0].is_nan() && found.residuals[0][0].is_nan());
}
