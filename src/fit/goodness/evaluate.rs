//! Residuals of a part of a fit, from its columns.

use std::ops::Range;

use crate::device::{Column, Row, Source};
use crate::fit::predict::predict;
use crate::fit::{FitMethod, FitOutput};
use crate::model::signal::eval::SampleCode;
use crate::model::signal::program::SampleProgram;
use crate::volume::Protocol;
use crate::{Error, Result};

/// What a fit expects of the samples of its series.
#[derive(Debug)]
pub struct Evaluation<'s> {
    code: SampleCode,
    /// Which columns of the fit are the fitted parameters, in the model's order.
    parameters: Vec<usize>,
    /// The samples in the order of the axes.
    order: Vec<usize>,
    /// The noise's σ of each voxel of the grid, where it is known.
    sigma: Option<Row<'s>>,
}

/// What is known of some voxels beside one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// `[sample][voxel]`, in the order of the series and in units of the signal; NaN where the fit or the sample is.
    pub residuals: Vec<Vec<f64>>,
    /// `[voxel]`: lag-1 correlation; NaN where there are no residuals.
    pub lag1: Vec<f64>,
    /// `[voxel]`: Σ e²/σ² over the samples less the fitted parameters; NaN where no σ above 0 is known, or none of the samples
    /// is left.
    pub chi2: Vec<f64>,
}

impl<'s> Evaluation<'s> {
    /// An evaluation of fits whose columns are `computed`, with `sigma` of each voxel of the grid where it is known.
    ///
    /// # Errors
    /// [`Error::Internal`] where a parameter is not among the columns.
    pub fn new(
        method: &FitMethod,
        protocol: &Protocol,
        computed: &[FitOutput],
        sigma: Option<Row<'s>>,
    ) -> Result<Self> {
        let place = |name: &String| {
            let found = computed.iter().position(|output| output.name == *name);
            found.ok_or_else(|| Error::Internal(format!("{name} was not computed")))
        };
        let parameters = method.fitted_names()?.iter().map(place).collect::<Result<Vec<_>>>()?;
        let (model, choice, units) = (method.signal_model()?, method.choice()?, vec![1.0; parameters.len()]);
        let Protocol { values, scaled, .. } = protocol;
        let program = SampleProgram::expected(&model, &choice, values, scaled, method.noise(), &units)
            .map_err(|fault| Error::Internal(fault.problem))?;
        Ok(Self { code: SampleCode::new(&program), parameters, order: in_order(values), sigma })
    }

    /// The fit of the voxels from `first` on, as counted by `source`, whose columns are `columns`; of these, those of `part`.
    pub fn of(&self, source: &Source, first: usize, columns: &[Column], part: Range<usize>) -> Evaluated {
        let (n, n_samples) = (part.len(), self.order.len());
        let from = first + part.start;
        let signals = source.batch(from..from + n);
        let load = |at: usize| {
            let mut values = vec![0.0; n];
            signals.row(at).load_f64(0, &mut values);
            values
        };
        let parameters: Vec<Vec<f64>> = self.parameters.iter().map(|&at| values(&columns[at], &part)).collect();
        let factors: Vec<Vec<f64>> = (n_samples..signals.n_obs()).map(load).collect();
        let mut residuals = predict(&self.code, &parameters, &factors);
        for (sample, row) in residuals.iter_mut().enumerate() {
            row.iter_mut().zip(load(sample)).for_each(|(expected, signal)| *expected = signal - *expected);
        }
        for voxel in (0..n).filter(|&voxel| parameters.iter().any(|values| !values[voxel].is_finite())) {
            residuals.iter_mut().for_each(|row| row[voxel] = f64::NAN);
        }
        let mut sums = vec![Sums::default(); n];
        for &sample in &self.order {
            sums.iter_mut().zip(&residuals[sample]).for_each(|(sums, &residual)| sums.add(residual));
        }
        let lag1 = sums.iter().map(|sums| sums.products / sums.squares).collect();
        let chi2 = (from..).zip(&sums).map(|(at, sums)| self.chi2(sums, source, at)).collect();
        Evaluated { residuals, lag1, chi2 }
    }

    /// χ² a degree of freedom of a voxel of `source`.
    fn chi2(&self, sums: &Sums, source: &Source, at: usize) -> f64 {
        let freedom = sums.n - self.parameters.len() as f64;
        let Some(row) = self.sigma.filter(|_| freedom > 0.0) else { return f64::NAN };
        let mut sigma = [0.0];
        row.load_f64(source.picked().map_or(at, |picked| picked[at] as usize), &mut sigma);
        if sigma[0] > 0.0 { sums.squares / (sigma[0] * sigma[0]) / freedom } else { f64::NAN }
    }
}

/// A part of a column.
fn values(column: &Column, part: &Range<usize>) -> Vec<f64> {
    match column {
        Column::F32(values) => values[part.clone()].iter().map(|&value| value.into()).collect(),
        Column::F64(values) => values[part.clone()].to_vec(),
        Column::U16(values) => values[part.clone()].iter().map(|&value| value.into()).collect(),
    }
}

/// Samples by rising values of the first axis, then of the next.
pub(super) fn in_order(axes: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..axes.first().map_or(0, Vec::len)).collect();
    let compare = |&a: &usize, &b: &usize| {
        axes.iter()
            .map(|axis| axis[a].total_cmp(&axis[b]))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    order.sort_by(compare);
    order
}

/// What a voxel's residuals add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    squares: f64,
    products: f64,
    n: f64,
    /// The last that was finite.
    before: f64,
}

impl Sums {
    fn add(&mut self, residual: f64) {
        if residual.is_finite() {
            self.squares += residual * residual;
            self.products += self.before * residual;
            self.n += 1.0;
            self.before = residual;
        }
    }
}

#[cfg(test)]
mod tests;
