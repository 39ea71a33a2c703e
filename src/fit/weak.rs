//! What a series cannot tell: parameters whose Cramér–Rao bound exceeds them, at what was found in typical voxels.

use super::design::{Bound, bounds};
use super::{FitMethod, FitOutput, Role};
use crate::device::{Cpu, Device, Precision, Source};
use crate::measure::quantile;
use crate::model::SignalModel;
use crate::model::signal::program::Choice;
use crate::volume::{Protocol, Series};
use crate::{Error, Result};

/// Voxels whose medians are taken.
const SAMPLE: usize = 4096;

/// One remark for each parameter of a non-linear fit that these samples cannot tell from 0: at the
/// median of the parameters, and with the median of the residuals for noise, over an even sample of the voxels.
///
/// # Errors
/// Those of [`FitMethod::kernel`] and [`Cpu::new`].
pub(super) fn remarks(method: &FitMethod, series: &Series, source: &Source, device: &Device) -> Result<Vec<String>> {
    let least_squares = method.least_squares();
    let method = &least_squares;
    let FitMethod::Nlls { model, options, .. } = method else { return Ok(Vec::new()) };
    let choice = Choice::with(model, &options.fixed)?;
    let fitted: Vec<&str> = choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
    let all = method.outputs()?;
    let named = |name: &&str| all.iter().find(|output| output.name == **name).cloned();
    let rmse = all.iter().find(|output| output.role == Role::Goodness && output.name == "rmse").cloned();
    let wanted: Vec<FitOutput> = fitted.iter().filter_map(named).chain(rmse).collect();

    let protocol = Protocol { has_sigma: false, ..series.protocol() };
    let kernel = method.kernel(&protocol, &wanted)?;
    let sample = Source::new(series.rows(), series.grid.n_voxels(), Some(every(source, SAMPLE)));
    // A GPU takes longer to compile a kernel than the CPU to fit so few voxels.
    let columns = match device.cpu() {
        Some(cpu) => cpu.run(&*kernel, &sample),
        None => Cpu::new(0, Precision::F32)?.run(&*kernel, &sample),
    };
    let Some(medians) = columns.into_iter().map(|column| median(column.into_f64())).collect::<Option<Vec<f64>>>()
    else {
        return Ok(Vec::new());
    };
    let (n_samples, n_fitted) = (series.volumes.len() as f64, fitted.len());
    let sigma = medians[n_fitted] * (n_samples / (n_samples - n_fitted as f64)).sqrt();
    if !(sigma.is_finite() && sigma > 0.0) {
        return Ok(Vec::new());
    }
    let mut found = medians[..n_fitted].iter();
    let truth: Vec<f64> =
        choice.fixed.iter().map(|fixed| fixed.or(found.next().copied()).unwrap_or(f64::NAN)).collect();
    // At the edge of what a model is defined for there are no slopes, and so nothing to say.
    let bounds = bounds(model, &choice, &series.values(), &truth, sigma).unwrap_or_default();
    Ok(bounds.iter().take(n_fitted).filter_map(Bound::remark).collect())
}

/// At most `most` of the voxels that are fitted, evenly spread over them, by their places in the grid.
pub(super) fn every(source: &Source, most: usize) -> Vec<u32> {
    let step = source.n_voxels().div_ceil(most.max(1)).max(1);
    let at = |i: usize| source.picked().map_or(i as u32, |picked| picked[i]);
    (0..source.n_voxels()).step_by(step).map(at).collect()
}

/// Of the finite values, if there are any.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    (!values.is_empty()).then(|| quantile(&mut values, 0.5))
}

/// Refuses a protocol that does not determine the parameters.
pub(super) fn check_protocol(model: &SignalModel, axes: &[Vec<f64>]) -> Result<()> {
    let unmet = model.unmet(axes);
    if unmet.is_empty() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "these samples do not determine the model `{}`, which needs\n    {}\n  remedy: take others, or another model, or \
         fit all the same with --force-model",
        model.name,
        unmet.join("\n    ")
    )))
}
