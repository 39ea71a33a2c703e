//! Spectra of a batch: samples by the block in, numbers of a voxel out.

use super::solver::{Found, Solver};
use super::vectors::sum;
use super::{SpectrumKernel, SpectrumQuantity};
use crate::device::{Batch, ColumnMut};
use crate::fit::status;
use crate::lanes::{LaneWork, Lanes};

/// Voxels converted at a time.
const BLOCK: usize = 256;

/// A batch to be fitted, and where to.
pub(super) struct Fit<'a, 'b, 'c> {
    pub(super) kernel: &'a SpectrumKernel,
    pub(super) batch: &'a Batch<'b>,
    pub(super) out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Fit<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { kernel, batch, out } = self;
        let basis = &kernel.basis;
        let mut solver = Solver::new(basis, kernel.regularisation);
        let n_obs = batch.n_obs();
        let mut signals = vec![0.0; n_obs * BLOCK];
        let (mut samples, mut c) = (vec![0.0; n_obs], vec![0.0; basis.n_rows]);
        for first in (0..batch.n_voxels()).step_by(BLOCK) {
            let count = BLOCK.min(batch.n_voxels() - first);
            for (obs, row) in signals.chunks_exact_mut(BLOCK).enumerate() {
                batch.row(obs).load_f64(first, &mut row[..count]);
            }
            for v in 0..count {
                for (sample, row) in samples.iter_mut().zip(signals.chunks_exact(BLOCK)) {
                    *sample = row[v];
                }
                let voxel = first + v;
                let scale = match scale(&samples) {
                    Ok(scale) => scale,
                    Err(status) => {
                        leave(kernel, out, voxel, status);
                        continue;
                    }
                };
                samples.iter_mut().for_each(|sample| *sample /= scale);
                let outside = basis.turn(lanes, &samples, &mut c);
                let found = solver.solve(lanes, &c, outside);
                let area = sum(lanes, found.x);
                write(kernel, out, voxel, scale, n_obs, area, &found);
            }
        }
    }
}

/// The largest sample; the status where there is nothing to fit. A sample that is not finite leaves none of the others to be
/// fitted, since all voxels share the decays of all samples; those at or below 0 are as good as others.
fn scale(samples: &[f64]) -> Result<f64, u16> {
    if !samples.iter().all(|sample| sample.is_finite()) {
        return Err(status::BAD_INPUT);
    }
    let largest = samples.iter().fold(0.0, |most: f64, sample| most.max(sample.abs()));
    if largest > 0.0 { Ok(largest) } else { Err(status::SINGULAR) }
}

/// A voxel without a spectrum.
fn leave(kernel: &SpectrumKernel, out: &mut [ColumnMut], voxel: usize, status: u16) {
    let mut columns = out.iter_mut();
    for output in &kernel.outputs {
        let value = if output.quantity == SpectrumQuantity::Status { f64::from(status) } else { f64::NAN };
        columns.by_ref().take(output.n_volumes).for_each(|column| put(column, voxel, value));
    }
}

fn write(
    kernel: &SpectrumKernel,
    out: &mut [ColumnMut],
    voxel: usize,
    scale: f64,
    n_obs: usize,
    area: f64,
    found: &Found,
) {
    let x = &found.x[..kernel.basis.n_bins()];
    // Samples below 0, on the whole: no part of the spectrum is above 0.
    if area <= 0.0 {
        leave(kernel, out, voxel, status::SINGULAR);
        return;
    }
    let mut columns = out.iter_mut();
    for output in &kernel.outputs {
        let value = match output.quantity {
            SpectrumQuantity::S0 => area * scale,
            SpectrumQuantity::Fraction(range) => kernel.ranges.part(range, x, area).fraction,
            SpectrumQuantity::Position(range) => kernel.ranges.part(range, x, area).position,
            SpectrumQuantity::Peaks => kernel.ranges.count(x, area) as f64,
            SpectrumQuantity::Rmse => (found.squares / n_obs as f64).sqrt() * scale,
            SpectrumQuantity::Regularisation => found.lambda,
            SpectrumQuantity::Iterations => f64::from(found.ended.steps),
            SpectrumQuantity::Status => f64::from(remarks(x, found)),
            SpectrumQuantity::Spectrum => {
                let bins = columns.by_ref().take(output.n_volumes);
                bins.zip(x).for_each(|(column, x)| put(column, voxel, x * scale));
                continue;
            }
        };
        if let Some(column) = columns.next() {
            put(column, voxel, value);
        }
    }
}

fn remarks(x: &[f64], found: &Found) -> u16 {
    let at_end = [x.first(), x.last()].into_iter().flatten().any(|&end| end > 0.0);
    let bit = |is: bool, bit: u16| if is { bit } else { 0 };
    bit(at_end, status::AT_BOUND) | bit(!found.ended.converged, status::ITERATION_LIMIT)
}

/// Counts are whole numbers, 0 for NaN.
fn put(column: &mut ColumnMut, voxel: usize, value: f64) {
    match column {
        ColumnMut::F32(to) => to[voxel] = value as f32,
        ColumnMut::F64(to) => to[voxel] = value,
        ColumnMut::U16(to) => to[voxel] = value as u16,
    }
}
