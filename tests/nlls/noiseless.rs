//! Every shipped model's own noiseless signals lead back to the parameters that made them.

use hepar::device::Precision;
use hepar::fit::design::bounds;
use hepar::fit::nlls::{NllsOptions, Problem};
use hepar::model::SignalModel;
use hepar::model::signal::program::Choice;
use hepar::simulate::Rng;
use libtest_mimic::{Failed, Trial};

use super::{cpu, fit, quantile};
use crate::protocol;
use crate::tolerances::{NLLS_NOISELESS_F32, NLLS_NOISELESS_F64, NLLS_NOISELESS_ROUNDING, NLLS_NOISELESS_SHARE};

const B: [f64; 12] = [0.0, 10.0, 20.0, 40.0, 80.0, 140.0, 200.0, 400.0, 700.0, 1000.0, 1500.0, 2000.0];
const N_VOXELS: usize = 400;

pub fn trials() -> Vec<Trial> {
    let trial = |model: &'static SignalModel| {
        Trial::test(format!("nlls_recovers_noiseless_{}", model.name), || recovers(model))
    };
    SignalModel::all().iter().map(trial).collect()
}

/// `[voxel][fitted parameter]`, spread about their scales.
fn truths(problem: &Problem) -> Vec<Vec<f64>> {
    let truth = |v: usize| {
        let one = |(i, extent): (u32, &hepar::fit::nlls::dictionary::Extent)| {
            let [u, _] = Rng::new(5).stream(i).uniforms(v as u64);
            let [low, high] = extent.bounds;
            (0.6 + 0.8 * u).clamp(low, high)
        };
        (0..).zip(&problem.extents).map(one).zip(&problem.scales).map(|(value, scale)| value * scale).collect()
    };
    (0..N_VOXELS).map(truth).collect()
}

/// In f64 to 1e-9. In f32 to 1e-5, or to what the rounding of its samples leaves of a parameter if that is more: a few
/// times the Cramér-Rao bound for noise of half a unit in the last place of the largest sample.
fn recovers(model: &SignalModel) -> Result<(), Failed> {
    let axes = protocol::of(model, &B)?;
    let problem = Problem::new(model, &axes, &NllsOptions::default())?;
    let truths = truths(&problem);
    let scaled = |truth: &[f64]| truth.iter().zip(&problem.scales).map(|(t, s)| t / s).collect::<Vec<f64>>();
    let signals: Vec<Vec<f64>> = truths.iter().map(|truth| problem.program.signals(&scaled(truth))).collect();
    let names: Vec<&str> = problem.choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
    let choice = Choice::of(model);
    for precision in [Precision::F64, Precision::F32] {
        let maps = fit(&cpu(precision), model, &axes, &NllsOptions::default(), &signals)?;
        for (p, name) in names.iter().enumerate() {
            let ratio = |by: f64| -> Result<Vec<f64>, Failed> {
                let mut ratios = Vec::new();
                for (v, truth) in truths.iter().enumerate() {
                    let mut allowed = NLLS_NOISELESS_F64;
                    if precision == Precision::F32 {
                        let mut full = choice.fixed.iter().map(|fixed| fixed.unwrap_or_default()).collect::<Vec<_>>();
                        problem.choice.fitted().zip(truth).for_each(|(at, &value)| full[at] = value);
                        let largest = signals[v].iter().copied().fold(0.0, f64::max);
                        let sigma = f64::from(f32::EPSILON) / 2.0 * largest;
                        let rounding = bounds(model, &choice, &axes, &full, sigma)?[p].sd / truth[p].abs();
                        allowed = NLLS_NOISELESS_F32.max(NLLS_NOISELESS_ROUNDING * rounding);
                    }
                    ratios.push((maps[*name][v] * by / truth[p] - 1.0).abs() / allowed);
                }
                Ok(ratios)
            };
            let (found, off) = (ratio(1.0)?, ratio(1.001)?);
            let (most, all) = (quantile(&found, NLLS_NOISELESS_SHARE), quantile(&found, 1.0));
            println!("{} {name} {precision:?}: {most:.2e} of what is allowed, {all:.2e} in the worst voxel", model.name);
            if most.is_nan() || most > 1.0 {
                return Err(format!("{name} in {precision:?}: {most} of the tolerance").into());
            }
            assert!(quantile(&off, 1.0 - NLLS_NOISELESS_SHARE) > 1.0, "{name} off by 1e-3 must be noticed");
        }
    }
    Ok(())
}
