//! Standard errors against how much estimates really vary over noise.

use hepar::device::Precision;
use hepar::fit::design::{Bound, bounds};
use hepar::fit::nlls::NllsOptions;
use hepar::model::SignalModel;
use hepar::model::signal::program::Choice;
use hepar::model::signal::{Parameter, ParameterKind};
use hepar::simulate::series::{SeriesSpec, Truth, simulate};
use hepar::simulate::Noise;
use libtest_mimic::{Failed, Trial};

use super::{cpu, fit};
use crate::protocol;

/// A protocol that tells the parameters of all models of b apart.
const B: [f64; 16] =
    [0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 110.0, 140.0, 200.0, 300.0, 400.0, 600.0, 800.0, 1200.0, 2000.0];
/// Repeats: the standard deviation over them is known to 0.7 %.
const N_REPEATS: usize = 10_000;
/// How far standard errors may lie from it, relative.
const TOLERANCE: f64 = 0.1;
/// Bounds beyond this share of the truth are not looked at: errors are not those of a linear model there.
const LARGEST_BOUND: f64 = 0.1;

/// Models with a second minimum nearly as low, into which noise leads some fits: fat taken for water. Errors are those of
/// one minimum.
const HAS_A_MIRROR: [&str; 1] = ["fat_water"];

pub fn trials() -> Vec<Trial> {
    let trial = |model: &'static SignalModel| {
        Trial::test(format!("nlls_standard_errors_of_{}_as_estimates_vary", model.name), move || as_estimates_vary(model))
    };
    SignalModel::all().iter().map(trial).collect()
}

fn typical(parameter: &Parameter) -> f64 {
    match parameter.kind {
        ParameterKind::Fixed(value) => value,
        ParameterKind::Fitted { .. } if parameter.is_signal() => 1000.0,
        // Scales may stand at a bound, where estimates do not vary freely.
        ParameterKind::Fitted { bounds: [low, high], scale, .. } => scale.clamp(low + 0.2 * scale, high - 0.2 * scale),
    }
}

/// Three standard deviations away from it.
fn is_off_its_box(model: &SignalModel, bound: &Bound) -> bool {
    model.parameter(&bound.name).is_ok_and(|parameter| match parameter.kind {
        ParameterKind::Fixed(_) => true,
        ParameterKind::Fitted { bounds: [low, high], .. } => {
            bound.truth - 3.0 * bound.sd > low && bound.truth + 3.0 * bound.sd < high
        }
    })
}

fn as_estimates_vary(model: &SignalModel) -> Result<(), Failed> {
    let choice = Choice::of(model);
    let axes = protocol::of(model, &B)?;
    let truth: Vec<f64> = model.parameters.iter().map(typical).collect();
    let mut looked_at = 0;
    for snr in [50.0, 200.0, 1000.0] {
        if snr < 200.0 && HAS_A_MIRROR.contains(&model.name.as_str()) {
            continue;
        }
        let values: Vec<Truth> = truth.iter().map(|&value| Truth::Value(value)).collect();
        let spec = SeriesSpec {
            model,
            axes: &axes,
            truth: &values,
            n_voxels: N_REPEATS,
            noise: Noise::Gaussian,
            snr,
            seed: 5,
        };
        let made = simulate(&spec)?;
        let signal = |v: usize| made.voxels.chunks_exact(N_REPEATS).map(|volume| f64::from(volume[v])).collect();
        let signals: Vec<Vec<f64>> = (0..N_REPEATS).map(signal).collect();
        let maps = fit(&cpu(Precision::F32), model, &axes, &NllsOptions::default(), &signals)?;
        let all: Vec<Bound> = bounds(model, &choice, &axes, &truth, made.sigma)?;
        let is_known = |bound: &&Bound| bound.sd <= LARGEST_BOUND * bound.truth.abs() && is_off_its_box(model, bound);
        for bound in all.iter().filter(|bound| model.parameter(&bound.name).is_ok()).filter(is_known) {
            let (estimates, errors) = (&maps[&bound.name], &maps[&format!("{}_se", bound.name)]);
            let n = N_REPEATS as f64;
            let mean = estimates.iter().sum::<f64>() / n;
            let sd = (estimates.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let rms = (errors.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
            let (name, ratio) = (&bound.name, rms / sd);
            println!("{} SNR {snr} {name}: standard error {rms:.3e}, standard deviation {sd:.3e}", model.name);
            let is_good = |ratio: f64| (ratio - 1.0).abs() <= TOLERANCE;
            assert!(is_good(ratio), "{name} at SNR {snr}: standard error {rms:e}, standard deviation {sd:e}");
            assert!(!is_good(ratio * 1.25) && !is_good(ratio * 0.75), "25 % must be noticed");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 2, "only {looked_at} standard errors could be looked at");
    Ok(())
}
