//! A fit a region, beside the voxelwise values: the decay of the region's mean signal.
//!
//! The mean of fitted values and the fit to the mean signal differ where a region is mixed or noisy, so both stand in
//! the table.

use super::{AdcKernel, AdcOptions, AdcOutput, Method};
use crate::device::cpu::Cpu;
use crate::device::{Column, Device, Precision, Row, Source};
use crate::measure::{Cell, Regions, Table, summarise};
use crate::volume::bvalues::perfusion_sensitive;
use crate::volume::{Labels, Scaling, Series, VoxelType};
use crate::{Error, Result};

/// Columns of the table; units are in their names.
const COLUMNS: [&str; 16] = [
    "label",
    "name",
    "method",
    "n",
    "n_not_fitted",
    "ADC_mean_mm2_per_s",
    "ADC_sd_mm2_per_s",
    "ADC_median_mm2_per_s",
    "ADC_q1_mm2_per_s",
    "ADC_q3_mm2_per_s",
    "ADC_min_mm2_per_s",
    "ADC_max_mm2_per_s",
    "mean_decay_ADC_mm2_per_s",
    "mean_decay_ADC_se_mm2_per_s",
    "mean_decay_S0",
    "mean_decay_R2",
];

/// What the mean decay of a region is fitted for.
const MEAN_DECAY: [AdcOutput; 4] = [AdcOutput::Adc, AdcOutput::AdcSe, AdcOutput::S0, AdcOutput::R2];

/// One row a region and method: voxelwise ADC, and the fit to the region's mean decay (f64).
///
/// Where b-values below 50 s/mm² take part, the choice of method moves the ADC by its perfusion: the log-linear value
/// then stands beside the chosen method's.
///
/// # Errors
/// Those of [`Device::run`].
pub fn region_table(series: &Series, labels: &Labels, options: &AdcOptions, device: &Device) -> Result<Table> {
    let regions = Regions::new(&labels.values);
    let decays = mean_decays(series, &regions);
    let mut methods = vec![options.method];
    if options.method != Method::Lls && perfusion_sensitive(&series.b_values()) {
        methods.push(Method::Lls);
    }
    let mut fits = Vec::new();
    for &method in &methods {
        let options = AdcOptions { method, ..options.clone() };
        fits.push((method, voxelwise(series, &regions, &options, device)?, fit_means(series, &decays, &options)?));
    }
    let mut table = Table::new(&COLUMNS);
    for (at, (label, _)) in regions.iter().enumerate() {
        for (method, voxelwise, means) in &fits {
            let summary = summarise(voxelwise[at].iter().map(|&v| f64::from(v)));
            let name = labels.names.get(&label).cloned().unwrap_or_default();
            let mut row: Vec<Cell> = vec![usize::from(label).into(), name.into(), method.name().into()];
            row.extend([summary.n.into(), summary.n_nonfinite.into()]);
            let s = &summary;
            row.extend([s.mean, s.sd, s.median, s.q1, s.q3, s.min, s.max].map(Cell::from));
            row.extend(means.iter().map(|column| Cell::from(column[at])));
            table.push(row);
        }
    }
    Ok(table)
}

/// The fitted ADC of each region's voxels.
fn voxelwise(series: &Series, regions: &Regions, options: &AdcOptions, device: &Device) -> Result<Vec<Vec<f32>>> {
    let picked: Vec<u32> = regions.iter().flat_map(|(_, voxels)| voxels.iter().map(|&v| v as u32)).collect();
    let source = Source::new(series.rows(), series.grid.n_voxels(), Some(picked));
    let kernel = AdcKernel::new(options.clone(), &series.b_values(), &[AdcOutput::Adc]);
    let columns = device.run(&kernel, &source, &())?;
    let [Column::F32(adc)] = columns.as_slice() else {
        return Err(Error::Internal("an ADC fit gave no ADC".into()));
    };
    let mut from = 0;
    let cut = |(_, voxels): (u16, &[usize])| {
        from += voxels.len();
        adc[from - voxels.len()..from].to_vec()
    };
    Ok(regions.iter().map(cut).collect())
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

/// `[output][region]`, in the order of [`MEAN_DECAY`].
fn fit_means(series: &Series, decays: &[Vec<f64>], options: &AdcOptions) -> Result<Vec<Vec<f64>>> {
    let n_regions = decays.first().map_or(0, Vec::len);
    let rows = decays
        .iter()
        .map(|decay| Row { bytes: bytemuck::cast_slice(decay), voxel_type: VoxelType::F64, scaling: Scaling::IDENTITY })
        .collect();
    let kernel = AdcKernel::new(options.clone(), &series.b_values(), &MEAN_DECAY);
    let columns = Cpu::new(1, Precision::F64)?.run(&kernel, &Source::new(rows, n_regions, None));
    Ok(columns.into_iter().map(Column::into_f64).collect())
}
