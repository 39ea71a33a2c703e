//! A fit a region, beside the voxelwise values: the decay of the region's mean signal.
//!
//! The mean of fitted values and the fit to the mean signal differ where a region is mixed or noisy, so both stand in
//! the table.

use std::collections::HashMap;

use super::{AdcOptions, FitMethod, FitOutput, Fitting, Method, Role};
use crate::device::cpu::Cpu;
use crate::device::{Column, Device, Precision, Row, Source};
use crate::measure::{Cell, Regions, Table, column_name, summarise};
use crate::volume::bvalues::perfusion_sensitive;
use crate::volume::{Labels, Scaling, Series, VoxelType};
use crate::{Error, Result};

/// Statistics of each estimate over a region's voxels.
const STATISTICS: [&str; 7] = ["mean", "sd", "median", "q1", "q3", "min", "max"];

/// One row a region and method: voxelwise estimates, and the fit to the region's mean decay (f64).
///
/// Where b-values below 50 s/mm² take part, the choice of method moves the ADC by its perfusion: the log-linear value
/// then stands beside the chosen method's.
///
/// # Errors
/// Those of [`Device::run`] and [`FitMethod::kernel`].
pub fn region_table(series: &Series, labels: &Labels, method: &FitMethod, device: &Device) -> Result<Table> {
    let regions = Regions::new(&labels.values);
    let decays = mean_decays(series, &regions);
    let mut methods = vec![method.clone()];
    let plainly = match method {
        FitMethod::Robust(method) => method,
        method => method,
    };
    if let FitMethod::Adc(options) = plainly
        && options.method != Method::Lls
        && perfusion_sensitive(&series.b_values())
    {
        methods.push(FitMethod::Adc(AdcOptions { method: Method::Lls, ..options.clone() }));
    }
    let all = method.outputs()?;
    let of_roles = |roles: &[Role]| all.iter().filter(|o| roles.contains(&o.role)).cloned().collect::<Vec<_>>();
    let estimates = of_roles(&[Role::Estimate]);
    let mut means = estimates.clone();
    means.extend(of_roles(&[Role::StandardError]));
    means.extend(of_roles(&[Role::Signal]));
    means.extend(all.iter().filter(|output| output.name == "R2").cloned());
    let mut columns: Vec<String> = ["label", "name", "method", "n", "n_not_fitted"].map(String::from).into();
    for estimate in &estimates {
        columns.extend(STATISTICS.map(|statistic| column_name(&[&estimate.name, statistic], &estimate.unit)));
    }
    columns.extend(means.iter().map(|mean| column_name(&["mean_decay", &mean.name], &mean.unit)));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&columns);
    let mut fits = Vec::new();
    for method in &methods {
        let voxelwise = voxelwise(series, &regions, method, &estimates, device)?;
        fits.push((method, voxelwise, fit_means(series, &decays, method, &means)?));
    }
    for (at, (label, _)) in regions.iter().enumerate() {
        for (method, voxelwise, means) in &fits {
            let summaries: Vec<_> =
                voxelwise.iter().map(|of| summarise(of[at].iter().map(|&v| f64::from(v)))).collect();
            let name = labels.names.get(&label).cloned().unwrap_or_default();
            let mut row: Vec<Cell> = vec![usize::from(label).into(), name.into(), method.name().into()];
            let first = summaries.first();
            row.extend([first.map_or(0, |s| s.n).into(), first.map_or(0, |s| s.n_nonfinite).into()]);
            for s in &summaries {
                row.extend([s.mean, s.sd, s.median, s.q1, s.q3, s.min, s.max].map(Cell::from));
            }
            row.extend(means.iter().map(|column| Cell::from(column[at])));
            table.push(row);
        }
    }
    Ok(table)
}

/// `[estimate][region]`: the values of each region's voxels.
fn voxelwise(
    series: &Series,
    regions: &Regions,
    method: &FitMethod,
    estimates: &[FitOutput],
    device: &Device,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let picked: Vec<u32> = regions.iter().flat_map(|(_, voxels)| voxels.iter().map(|&v| v as u32)).collect();
    let source = Source::new(series.rows(), series.grid.n_voxels(), Some(picked));
    let columns = Fitting::new(method, &series.protocol(), estimates)?.run(device, &source)?;
    let cut = |column: &Column| {
        let values = column.as_f32().ok_or_else(|| Error::Internal("an estimate is a count".into()))?;
        let mut from = 0;
        let of_region = |(_, voxels): (u16, &[usize])| {
            from += voxels.len();
            values[from - voxels.len()..from].to_vec()
        };
        Ok(regions.iter().map(of_region).collect())
    };
    columns.iter().map(cut).collect()
}

/// `[observation][region]`: the mean of the finite signals.
fn mean_decays(series: &Series, regions: &Regions) -> Vec<Vec<f64>> {
    let mut values = vec![0.0f32; series.grid.n_voxels()];
    let mut of_row = |row: &Row| {
        row.load_f32(0, &mut values);
        let mean = |(_, voxels): (u16, &[usize])| summarise(voxels.iter().map(|&v| f64::from(values[v]))).mean;
        regions.iter().map(mean).collect()
    };
    series.rows().iter().map(&mut of_row).collect()
}

/// `[output][region]`: the fits of the regions' mean decays.
pub(super) fn fit_means(
    series: &Series,
    decays: &[Vec<f64>],
    method: &FitMethod,
    outputs: &[FitOutput],
) -> Result<Vec<Vec<f64>>> {
    let n_regions = decays.first().map_or(0, Vec::len);
    let rows = decays
        .iter()
        .map(|decay| Row { bytes: bytemuck::cast_slice(decay), voxel_type: VoxelType::F64, scaling: Scaling::IDENTITY })
        .collect();
    // A kernel has its columns in its own order.
    let fitting = Fitting::new(method, &series.protocol(), outputs)?;
    let columns = fitting.run(&Device::Cpu(Cpu::new(1, Precision::F64)?), &Source::new(rows, n_regions, None))?;
    let mut by_name: HashMap<String, Vec<f64>> =
        fitting.columns().into_iter().map(|spec| spec.name).zip(columns.into_iter().map(Column::into_f64)).collect();
    Ok(outputs.iter().map(|output| by_name.remove(&output.name).unwrap_or_default()).collect())
}
