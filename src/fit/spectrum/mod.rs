//! The spectrum of diffusivities: how much of the signal decays how fast, without a number of components given before.
//!
//! S(b) = Σ x(D)·exp(−b·D) over logarithmically spaced D, with x ≥ 0, is solved for x by least squares with
//! [`Regularisation`], in f64, voxel by voxel, on the CPU alone.

mod basis;
mod cpu;
mod factors;
mod guess;
mod options;
mod output;
#[cfg(test)]
mod parts;
mod peaks;
mod plain;
mod ridge;
mod set;
mod solver;
#[cfg(test)]
mod tests;
mod vectors;

use crate::device::{Batch, ColumnMut, ColumnSpec, Precision, VoxelKernel};
use crate::lanes;
use crate::{Error, Result};

use basis::Basis;
pub use options::{PeakRange, Regularisation, SpectrumOptions};
pub use output::{SpectrumOutput, SpectrumQuantity};
use peaks::Ranges;

/// The fit of a spectrum as a kernel. It computes in f64 whatever the columns are.
#[derive(Debug, Clone)]
pub struct SpectrumKernel {
    regularisation: Regularisation,
    basis: Basis,
    ranges: Ranges,
    outputs: Vec<SpectrumOutput>,
}

impl SpectrumKernel {
    /// A fit of images at `b_values` (s/mm², in the order of the rows) that computes `outputs` alone: one column each, of the
    /// spectrum one a bin.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that cannot be meant, a λ below what f64 resolves, or fewer different b-values than
    /// two a range of [`SpectrumOptions::peaks`].
    pub fn new(options: &SpectrumOptions, b_values: &[f64], outputs: &[SpectrumOutput]) -> Result<Self> {
        options.check()?;
        let mut distinct = b_values.to_vec();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let needed = 2 * options.peaks.len().max(1);
        if distinct.len() < needed {
            return Err(Error::Usage(format!(
                "areas and positions of {} peaks are {needed} numbers, and there are {} different b-values\n  \
                 remedy: take a series of more b-values, or fewer ranges with --peaks",
                needed / 2,
                distinct.len()
            )));
        }
        let basis = Basis::new(b_values, options.diffusivities());
        if basis.rank == 0 {
            let problem = "all signals of these b-values and diffusivities are 0";
            return Err(Error::Usage(format!("{problem}\n  remedy: begin --range at a smaller diffusivity")));
        }
        let least = solver::LEAST_LAMBDA * basis.largest;
        if let Regularisation::Fixed(lambda) = options.regularisation
            && lambda < least
        {
            return Err(Error::Usage(format!(
                "--regularisation {lambda}: rounding shows below {least:.1e} with these b-values and bins\n  \
                 remedy: give more, or none"
            )));
        }
        let ranges = Ranges::new(options, &basis.d);
        Ok(Self { regularisation: options.regularisation, basis, ranges, outputs: outputs.to_vec() })
    }
}

impl VoxelKernel for SpectrumKernel {
    fn label(&self) -> String {
        "spectrum nnls".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let columns = |output: &SpectrumOutput| {
            let spec = ColumnSpec { name: output.name.clone(), kind: output.kind() };
            vec![spec; output.n_volumes]
        };
        self.outputs.iter().flat_map(columns).collect()
    }

    fn run_cpu(&self, batch: &Batch, _precision: Precision, out: &mut [ColumnMut]) {
        lanes::run_f64(cpu::Fit { kernel: self, batch, out });
    }
}
