//! What a prior does to labels.

use super::ShrunkMap;
use super::second::Plain;
use crate::measure::{Regions, Table};
use crate::model::SignalModel;
use crate::model::signal::prior::Prior;
use crate::volume::Labels;

/// Shifts beyond this many standard errors are counted: the prior speaks against the voxel's own samples.
pub(super) const FLAGGED: f32 = 3.0;

/// One row a label and parameter with a prior: the means of plain and shrunken estimates, their ratios to those of the
/// label that was learnt from, and the share of voxels that the prior has moved by more than [`FLAGGED`] standard errors.
pub(super) fn table(
    labels: &Labels,
    reference: u16,
    priors: &[Prior],
    model: &SignalModel,
    maps: &[ShrunkMap],
    plain: &Plain,
) -> Table {
    let mut table = Table::new(&[
        "label",
        "name",
        "n",
        "learnt_from",
        "parameter",
        "unit",
        "plain_mean",
        "shrunk_mean",
        "plain_ratio",
        "shrunk_ratio",
        "share_moved_3se",
    ]);
    let regions = Regions::new(&labels.values);
    let map = |name: String| maps.iter().find(|map| map.name == name).map(|map| map.values.as_slice()).unwrap_or(&[]);
    let moved = map("prior_shift".into());
    for prior in priors {
        let p = plain.parameter(&prior.parameter);
        let plainly = plain.over_grid(labels.values.len(), plain.estimates[p].iter().copied());
        let shrunk = map(format!("{}_shrunk", prior.parameter));
        let means = |label: u16| [mean(&plainly, regions.voxels(label)), mean(shrunk, regions.voxels(label))];
        let [plain_reference, shrunk_reference] = means(reference);
        let unit = model.parameter(&prior.parameter).map(|p| p.unit.clone()).unwrap_or_default();
        for (label, voxels) in regions.iter() {
            let [plain_mean, shrunk_mean] = means(label);
            let fitted: Vec<usize> = voxels.iter().copied().filter(|&v| moved[v].is_finite()).collect();
            let flagged = fitted.iter().filter(|&&v| moved[v] > FLAGGED).count();
            let name = labels.names.get(&label).cloned().unwrap_or_default();
            table.push([
                usize::from(label).into(),
                name.into(),
                fitted.len().into(),
                if label == reference { "yes" } else { "no" }.into(),
                prior.parameter.as_str().into(),
                unit.as_str().into(),
                plain_mean.into(),
                shrunk_mean.into(),
                (plain_mean / plain_reference).into(),
                (shrunk_mean / shrunk_reference).into(),
                (flagged as f64 / fitted.len() as f64).into(),
            ]);
        }
    }
    table
}

/// Of the finite values.
fn mean(values: &[f32], voxels: &[usize]) -> f64 {
    let finite = voxels.iter().map(|&v| f64::from(values[v])).filter(|value| value.is_finite());
    let (sum, n) = finite.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}
