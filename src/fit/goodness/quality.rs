//! One page on the quality of a fit: a row a region.

use rayon::prelude::*;

use super::Evaluation;
use crate::device::{Column, Device, Row, Source};
use crate::fit::{FitMethod, Fitting, Role, status};
use crate::measure::{Cell, Regions, Table, summarise};
use crate::volume::{Labels, Series};
use crate::{Error, Result};

/// The table's file.
pub const FILE: &str = "fit_quality.tsv";

/// Voxels evaluated at a time.
const CHUNK: usize = 4096;

/// Columns of the table; the last stands there where the noise is known.
const COLUMNS: [&str; 12] = [
    "label",
    "name",
    "model",
    "method",
    "n",
    "n_not_fitted",
    "rmse",
    "R2_median",
    "share_at_bound",
    "share_not_converged",
    "residual_lag1_median",
    "chi2_reduced_mean",
];

/// What each voxel of the regions says of its fit.
struct Voxels {
    rmse: Vec<f64>,
    r2: Vec<f64>,
    status: Vec<f64>,
    lag1: Vec<f64>,
    chi2: Vec<f64>,
}

/// One row a region, over its fitted voxels:
///
/// - `n` of them, and `n_not_fitted` others;
/// - `rmse`, the root of the mean squared residual of all of them together, in units of the signal;
/// - the median R² and the median lag-1 correlation of residuals;
/// - the shares with a parameter at a bound, and with as many steps as were allowed;
/// - with `sigma`, the noise of each voxel of the grid, the mean of the reduced χ².
///
/// # Errors
/// Those of [`Device::run`], [`FitMethod::kernel`] and [`Evaluation::new`].
pub fn quality_table(
    series: &Series,
    labels: &Labels,
    method: &FitMethod,
    sigma: Option<Row>,
    device: &Device,
) -> Result<Table> {
    let regions = Regions::new(&labels.values);
    let voxels = fit(series, &regions, method, sigma, device)?;
    let columns = &COLUMNS[..COLUMNS.len() - usize::from(sigma.is_none())];
    let mut table = Table::new(columns);
    let mut from = 0;
    for (label, region) in regions.iter() {
        let of = |values: &[f64]| values[from..from + region.len()].to_vec();
        let Voxels { rmse, r2, status, lag1, chi2 } = &voxels;
        let rmse = summarise(of(rmse).into_iter().map(|rmse| rmse * rmse));
        let share = |bit: u16| {
            let with = of(status).into_iter().filter(|&status| status as u16 & bit != 0).count();
            with as f64 / rmse.n as f64
        };
        let name = labels.names.get(&label).cloned().unwrap_or_default();
        let mut row: Vec<Cell> =
            vec![usize::from(label).into(), name.into(), method.model().into(), method.name().into()];
        row.extend([rmse.n.into(), rmse.n_nonfinite.into(), rmse.mean.sqrt().into()]);
        row.extend([
            summarise(of(r2).into_iter()).median.into(),
            share(status::AT_BOUND).into(),
            share(status::ITERATION_LIMIT).into(),
            summarise(of(lag1).into_iter()).median.into(),
        ]);
        row.extend(sigma.map(|_| summarise(of(chi2).into_iter()).mean.into()));
        table.push(row);
        from += region.len();
    }
    Ok(table)
}

/// Fits the voxels of all regions, region after region.
fn fit(series: &Series, regions: &Regions, method: &FitMethod, sigma: Option<Row>, device: &Device) -> Result<Voxels> {
    let picked: Vec<u32> = regions.iter().flat_map(|(_, voxels)| voxels.iter().map(|&v| v as u32)).collect();
    let source = Source::new(series.rows(), series.grid.n_voxels(), Some(picked));
    let mut wanted = method.fitted_names()?;
    wanted.extend(["rmse", "R2"].map(String::from));
    let mut computed = method.outputs()?;
    computed.retain(|output| output.role == Role::Status || wanted.contains(&output.name));
    let evaluation = Evaluation::new(method, &series.protocol(), &computed, sigma)?;
    let columns = Fitting::new(method, &series.protocol(), &computed)?.run(device, &source)?;
    let n = source.n_voxels();
    let evaluate = |chunk: usize| {
        let found = evaluation.of(&source, 0, &columns, chunk * CHUNK..((chunk + 1) * CHUNK).min(n));
        (found.lag1, found.chi2)
    };
    let (lag1, chi2): (Vec<_>, Vec<_>) = (0..n.div_ceil(CHUNK)).into_par_iter().map(evaluate).unzip();
    let mut named = computed.iter().map(|output| output.name.as_str()).zip(columns.into_iter().map(Column::into_f64));
    let mut take = |name: &str| {
        let found = named.find(|(other, _)| *other == name).map(|(_, values)| values);
        found.ok_or_else(|| Error::Internal(format!("{name} was not computed")))
    };
    // In the order in which all fits have them.
    let (rmse, r2, status) = (take("rmse")?, take("R2")?, take("status")?);
    Ok(Voxels { rmse, r2, status, lag1: lag1.concat(), chi2: chi2.concat() })
}
