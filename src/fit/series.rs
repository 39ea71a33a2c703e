//! Fitting a whole series: maps over its grid.

use rayon::prelude::*;

use super::{AdcKernel, AdcOptions, AdcOutput, status};
use crate::Result;
use crate::device::{Column, Device, Progress, Source};
use crate::volume::Series;

/// Fits every voxel of a series, or those `picked` alone (indices into its grid).
///
/// The columns are those of `outputs`, whole volumes over the grid; voxels that were not picked are NaN, with
/// [`status::NOT_ASKED_FOR`].
///
/// # Errors
/// Those of [`Device::run`].
pub fn fit_series(
    series: &Series,
    picked: Option<Vec<u32>>,
    options: &AdcOptions,
    outputs: &[AdcOutput],
    device: &Device,
    progress: &dyn Progress,
) -> Result<Vec<Column>> {
    let kernel = AdcKernel::new(options.clone(), &series.b_values(), outputs);
    let n_grid = series.grid.n_voxels();
    let source = Source::new(series.rows(), n_grid, picked);
    let columns = device.run(&kernel, &source, progress)?;
    let Some(picked) = source.picked() else { return Ok(columns) };
    Ok(columns.into_iter().zip(outputs).map(|(column, &output)| scatter(column, output, picked, n_grid)).collect())
}

/// Values of picked voxels at their places in the grid.
fn scatter(column: Column, output: AdcOutput, picked: &[u32], n_grid: usize) -> Column {
    fn place<T: Copy>(values: &[T], elsewhere: T, picked: &[u32], n_grid: usize) -> Vec<T> {
        let mut grid = vec![elsewhere; n_grid];
        picked.iter().zip(values).for_each(|(&at, &value)| grid[at as usize] = value);
        grid
    }
    match column {
        Column::F32(values) => Column::F32(place(&values, f32::NAN, picked, n_grid)),
        Column::F64(values) => Column::F64(place(&values, f64::NAN, picked, n_grid)),
        Column::U16(values) => {
            let elsewhere = if output == AdcOutput::Status { status::NOT_ASKED_FOR } else { 0 };
            Column::U16(place(&values, elsewhere, picked, n_grid))
        }
    }
}

/// How many voxels have each status bit, with its meaning; voxels that were not asked for do not count.
pub fn count_status(statuses: &[u16]) -> Vec<(&'static str, usize)> {
    // The bits are consecutive: counting each status is one pass, whatever the number of bits.
    const STATUSES: usize = 1 << status::BITS.len();
    let count = |part: &[u16]| {
        let mut counts = [0usize; STATUSES];
        part.iter().for_each(|&s| counts[usize::from(s) % STATUSES] += 1);
        counts
    };
    let add = |mut sum: [usize; STATUSES], part: [usize; STATUSES]| {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        sum
    };
    let counts = statuses.par_chunks(64 * 1024).map(count).reduce(|| [0; STATUSES], add);
    let with = |bit: u16| counts.iter().zip(0u16..).filter(|(_, s)| s & bit != 0).map(|(n, _)| n).sum();
    let bits = status::BITS.iter().filter(|(bit, _)| *bit != status::NOT_ASKED_FOR);
    bits.map(|&(bit, meaning)| (meaning, with(bit))).collect()
}
