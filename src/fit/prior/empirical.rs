//! A prior learnt from the voxels of a tissue.
//!
//! The spread of plain estimates is that of the tissue and that of noise. Expectation–maximisation tells them apart: with
//! today's prior each voxel has a most probable value and an uncertainty about it (Laplace's approximation), and the next
//! prior is the mean of the values, and their variance with the mean uncertainty (Dempster AP et al. J R Stat Soc B
//! 1977;39:1, doi:10.1111/j.2517-6161.1977.tb01600.x).

use super::second::{Plain, Second};
use crate::Result;
use crate::device::Device;
use crate::measure::quantile;
use crate::model::signal::prior::Prior;

/// Fewer voxels tell nothing of a spread.
pub(super) const FEWEST: usize = 20;

/// Voxels that are learnt from, evenly taken from all.
const SAMPLE: usize = 8192;

/// Most rounds, and the change of mean and spread, in units of the spread, that ends them.
const MOST_ROUNDS: usize = 100;
const SETTLED: f64 = 1e-3;

/// No tissue is taken to be more uniform than this, in units of the logit: near half its range a parameter then varies by
/// 1 %.
const LEAST_SD: f64 = 0.02;

/// The priors of the tissue in the voxels at `reference`.
pub(super) fn learn(
    mut priors: Vec<Prior>,
    second: &Second,
    plain: &Plain,
    reference: &[usize],
    device: &Device,
) -> Result<Vec<Prior>> {
    let step = reference.len().div_ceil(SAMPLE);
    let sample: Vec<usize> = reference.iter().copied().step_by(step).collect();
    let voxels: Vec<u32> = sample.iter().map(|&at| plain.voxel(at) as u32).collect();
    for prior in &mut priors {
        let estimates = &plain.estimates[plain.parameter(&prior.parameter)];
        let mut logits: Vec<f64> = sample.iter().map(|&at| prior.logit.of(estimates[at])).collect();
        logits.retain(|logit| logit.is_finite());
        prior.mean = quantile(&mut logits, 0.5);
        // The quartiles of a Gaussian lie 1.349 standard deviations apart.
        prior.sd = ((quantile(&mut logits, 0.75) - quantile(&mut logits, 0.25)) / 1.349).max(LEAST_SD);
    }
    for _ in 0..MOST_ROUNDS {
        let fitted = second.fit(&priors, Some(voxels.clone()), device)?;
        let mut settled = true;
        for prior in &mut priors {
            let p = plain.parameter(&prior.parameter);
            let posterior = |at: usize| {
                let value = fitted.columns[p][at];
                let sd = fitted.error(p, at, second.sigma) * prior.logit.slope(value);
                // No posterior is wider than its prior, but the Laplace approximation at a bound may be.
                (prior.logit.of(value), sd.min(prior.sd).powi(2))
            };
            let all: Vec<(f64, f64)> =
                (0..voxels.len()).map(posterior).filter(|(mean, variance)| (mean + variance).is_finite()).collect();
            let n = all.len() as f64;
            let mean = all.iter().map(|(mean, _)| mean).sum::<f64>() / n;
            let variance = all.iter().map(|(value, variance)| (value - mean).powi(2) + variance).sum::<f64>() / n;
            let sd = variance.sqrt().max(LEAST_SD);
            let change = (mean - prior.mean).abs().max((sd - prior.sd).abs());
            settled &= change <= SETTLED * prior.sd;
            (prior.mean, prior.sd) = (mean, sd);
        }
        if settled {
            break;
        }
    }
    Ok(priors)
}
