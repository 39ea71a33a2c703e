//! Residuals of a part of a fit, from its columns.

use crate::device::{Batch, Column, ColumnMut, Precision, Row, Source, VoxelKernel};
use crate::fit::{FitMethod, FitOutput};
use crate::model::MapKernel;
use crate::volume::{Protocol, Scaling, VoxelType};
use crate::{Error, Result};

/// A fit's model at the samples of its series.
#[derive(Debug)]
pub struct Evaluation {
    kernel: MapKernel,
    /// Which columns of the fit are the fitted parameters, in the model's order.
    parameters: Vec<usize>,
    /// The samples in the order of the axes.
    order: Vec<usize>,
}

/// What is known of some voxels beside one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// `[sample][voxel]`, in the order of the series and in units of the signal; NaN where the fit or the sample is.
    pub residuals: Vec<Vec<f64>>,
    /// `[voxel]`: lag-1 correlation; NaN where there are no residuals.
    pub lag1: Vec<f64>,
    /// `[voxel]`: Σ e² over the samples less the fitted parameters, in units of the squared signal; NaN where none is left.
    pub variance: Vec<f64>,
}

impl Evaluation {
    /// An evaluation of fits whose columns are `computed`.
    ///
    /// # Errors
    /// [`Error::Internal`] where a parameter is not among the columns; those of
    /// [`SignalModel::signal_kernel`](crate::model::SignalModel::signal_kernel).
    pub fn new(method: &FitMethod, protocol: &Protocol, computed: &[FitOutput]) -> Result<Self> {
        let place = |name: &String| {
            let found = computed.iter().position(|output| output.name == *name);
            found.ok_or_else(|| Error::Internal(format!("{name} was not computed")))
        };
        let parameters = method.fitted_names()?.iter().map(place).collect::<Result<_>>()?;
        let kernel = method.signal_model()?.signal_kernel(&method.choice()?, &protocol.values, &protocol.scaled)?;
        Ok(Self { kernel, parameters, order: in_order(&protocol.values) })
    }

    /// The fit of the voxels from `first` on, as counted by `source`, whose columns are `columns`; of these, those of `part`.
    pub fn of(&self, source: &Source, first: usize, columns: &[Column], part: std::ops::Range<usize>) -> Evaluated {
        let (n, n_samples) = (part.len(), self.order.len());
        let signals = source.batch(first + part.start..first + part.end);
        let parameters = self.parameters.iter().map(|&at| row(&columns[at], &part));
        let factors = (n_samples..signals.n_obs()).map(|at| signals.row(at));
        let inputs = Source::new(parameters.chain(factors).collect(), n, None);
        let residuals = self.residuals(&inputs.batch(0..n), &signals);
        let mut sums = vec![Sums::default(); n];
        for &sample in &self.order {
            sums.iter_mut().zip(&residuals[sample]).for_each(|(sums, &residual)| sums.add(residual));
        }
        let lag1 = sums.iter().map(|sums| sums.products / sums.squares).collect();
        let n_parameters = self.parameters.len() as f64;
        let variance =
            |sums: &Sums| if sums.n > n_parameters { sums.squares / (sums.n - n_parameters) } else { f64::NAN };
        let variance = sums.iter().map(variance).collect();
        Evaluated { residuals, lag1, variance }
    }

    fn residuals(&self, inputs: &Batch, signals: &Batch) -> Vec<Vec<f64>> {
        let n = inputs.n_voxels();
        let mut fitted = vec![vec![0.0; n]; self.order.len()];
        let mut status = vec![0; n];
        let mut columns: Vec<ColumnMut> = fitted.iter_mut().map(|row| ColumnMut::F64(row)).collect();
        columns.push(ColumnMut::U16(&mut status));
        self.kernel.run_cpu(inputs, Precision::F64, &mut columns);
        let mut signal = vec![0.0; n];
        for (sample, row) in fitted.iter_mut().enumerate() {
            signals.row(sample).load_f64(0, &mut signal);
            row.iter_mut().zip(&signal).for_each(|(fit, signal)| *fit = signal - *fit);
        }
        fitted
    }
}

/// A part of a column as a row of images.
fn row<'c>(column: &'c Column, part: &std::ops::Range<usize>) -> Row<'c> {
    let (bytes, voxel_type) = match column {
        Column::F32(values) => (bytemuck::cast_slice(&values[part.clone()]), VoxelType::F32),
        Column::F64(values) => (bytemuck::cast_slice(&values[part.clone()]), VoxelType::F64),
        Column::U16(values) => (bytemuck::cast_slice(&values[part.clone()]), VoxelType::U16),
    };
    Row { bytes, voxel_type, scaling: Scaling::IDENTITY }
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
mod tests {
    use super::*;
    use crate::fit::AdcOptions;

    const B: [f64; 5] = [0.0, 800.0, 200.0, 1000.0, 400.0];
    /// Added to the signals, in the order of b: 1, −1, 1, −1, 2.
    const ERRORS: [f64; 5] = [1.0, -1.0, -1.0, 2.0, 1.0];

    fn evaluated(signals: &[f64], parameters: [f64; 2]) -> Evaluated {
        let method = FitMethod::Adc(AdcOptions::default());
        let protocol = Protocol { values: vec![B.to_vec()], scaled: Vec::new(), has_sigma: false };
        let evaluation = Evaluation::new(&method, &protocol, &method.outputs().unwrap()).unwrap();
        let [s0, adc] = parameters.map(|value| Column::F64(vec![f64::NAN, value]));
        let row = |value: &f64| Row {
            bytes: bytemuck::cast_slice(Box::leak(Box::new([0.0, 0.0, 0.0, *value]))),
            voxel_type: VoxelType::F64,
            scaling: Scaling::IDENTITY,
        };
        // The last of the source's three voxels, which is the second of this part.
        let source = Source::new(signals.iter().map(row).collect(), 4, Some(vec![0, 1, 3]));
        evaluation.of(&source, 1, &[adc, s0], 1..2)
    }

    fn signals() -> Vec<f64> {
        B.iter().zip(ERRORS).map(|(b, error)| 900.0 * (-b * 1.2e-3f64).exp() + error).collect()
    }

    #[test]
    fn residuals_are_what_the_fit_leaves() {
        let found = evaluated(&signals(), [900.0, 1.2e-3]);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-10;
        assert!(found.residuals.iter().zip(ERRORS).all(|(row, error)| close(row[0], error)), "{found:?}");
        // By hand: Σ eᵢeᵢ₊₁ = −1 − 1 − 1 − 2 and Σ e² = 8, of which three degrees of freedom are left.
        assert!(close(found.lag1[0], -5.0 / 8.0) && close(found.variance[0], 8.0 / 3.0), "{found:?}");
        let other = evaluated(&signals(), [901.0, 1.2e-3]);
        assert!(!close(other.residuals[0][0], ERRORS[0]) && !close(other.lag1[0], found.lag1[0]));
    }

    #[test]
    fn the_order_is_that_of_the_axes() {
        assert_eq!(in_order(&[B.to_vec()]), [0, 2, 4, 1, 3]);
        assert_eq!(in_order(&[vec![5.0, 1.0, 5.0, 1.0], vec![2.0, 9.0, 1.0, 9.0]]), [1, 3, 2, 0]);
    }

    #[test]
    fn a_missing_sample_leaves_its_neighbours_side_by_side() {
        let mut signals = signals();
        signals[1] = f64::NAN;
        // By hand, without the fourth in the order of b: −1 − 1 + 2 over 7, and two degrees of freedom.
        let found = evaluated(&signals, [900.0, 1.2e-3]);
        assert!(found.lag1[0].abs() < 1e-10 && (found.variance[0] - 3.5).abs() < 1e-10, "{found:?}");
        assert!(found.residuals[1][0].is_nan());
    }

    #[test]
    fn voxels_that_were_not_fitted_have_none() {
        let found = evaluated(&signals(), [900.0, f64::NAN]);
        assert!(found.lag1[0].is_nan() && found.variance[0].is_nan() && found.residuals[0][0].is_nan());
    }
}
