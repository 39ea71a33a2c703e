//! Signals from maps of parameters: a model turned round.

use super::SignalModel;
use super::program::Choice;
use crate::Result;
use crate::model::map::{InputSpec, MapModel, Reference};
use crate::model::{BoundMap, MapKernel};

impl SignalModel {
    /// The signal of every sample, `axes` being `[axis][sample]` in their units, as maps by formula.
    ///
    /// Row i of the kernel's source is the i-th fitted parameter of `choice` in its unit. Columns: one F32 a sample, then the
    /// U16 status of [`MapKernel`]. A voxel in which one of the rows is not finite is NaN.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for values of axes or fixed parameters that f32 does not hold.
    pub fn signal_kernel(&self, choice: &Choice, axes: &[Vec<f64>]) -> Result<MapKernel> {
        let map = self.signal_map();
        let fitted: Vec<usize> = choice.fitted().collect();
        let n_samples = axes.first().map_or(0, Vec::len);
        let bind = |sample: usize| {
            let mut bound = BoundMap::new(&format!("signal_{}", sample + 1), &map);
            for (axis, values) in self.axes.iter().zip(axes) {
                bound = bound.number(&axis.name, values[sample]);
            }
            for (parameter, fixed) in self.parameters.iter().zip(&choice.fixed) {
                bound = fixed.iter().fold(bound, |bound, &value| bound.number(&parameter.name, value));
            }
            for (row, &parameter) in fitted.iter().enumerate() {
                bound = bound.image(&self.parameters[parameter].name, row);
            }
            bound
        };
        MapKernel::new(&(0..n_samples).map(bind).collect::<Vec<_>>())
    }

    /// The signal as a map of axes and parameters.
    fn signal_map(&self) -> MapModel {
        let input = |name: &str, unit: &str| InputSpec {
            name: name.to_owned(),
            doc: String::new(),
            unit: Some(unit.to_owned()),
        };
        let axes = self.axes.iter().map(|axis| input(&axis.name, &axis.unit));
        let parameters = self.parameters.iter().map(|parameter| input(&parameter.name, &parameter.unit));
        MapModel {
            name: self.name.clone(),
            title: self.title.clone(),
            reference: Reference { source: self.reference.clone(), doi: None },
            modality: Vec::new(),
            formula: self.signal.clone(),
            unit: super::SIGNAL.to_owned(),
            inputs: axes.chain(parameters).collect(),
            positive: Vec::new(),
            valid: None,
            field_strength_t: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Cpu, Precision, Row, Source};
    use crate::volume::{Scaling, VoxelType};

    /// The signals in f64 of one voxel at b = 0, 100 and 800.
    fn signals(rows: &[f64], fixed: &[(String, f64)]) -> Vec<f64> {
        let model = SignalModel::builtin("ivim").unwrap();
        let choice = Choice::with(model, fixed).unwrap();
        let kernel = model.signal_kernel(&choice, &[vec![0.0, 100.0, 800.0]]).unwrap();
        let row = |value: &f64| Row {
            bytes: bytemuck::bytes_of(Box::leak(Box::new(*value))),
            voxel_type: VoxelType::F64,
            scaling: Scaling::IDENTITY,
        };
        let columns =
            Cpu::new(1, Precision::F64).unwrap().run(&kernel, &Source::new(rows.iter().map(row).collect(), 1, None));
        columns.into_iter().take(3).map(|column| column.into_f64()[0]).collect()
    }

    fn ivim(b: f64, [s0, d, f, dstar]: [f64; 4]) -> f64 {
        s0 * (f * (-b * dstar).exp() + (1.0 - f) * (-b * d).exp())
    }

    fn agree(found: &[f64], truth: [f64; 4]) -> bool {
        let close = |(&found, b): (&f64, f64)| (found - ivim(b, truth)).abs() < 1e-12 * truth[0];
        found.iter().zip([0.0, 100.0, 800.0]).all(close)
    }

    #[test]
    fn signals_are_those_of_the_formula() {
        let truth = [500.0, 1.1e-3, 0.2, 0.04];
        assert!(agree(&signals(&truth, &[]), truth));
        assert!(!agree(&signals(&[500.0, 1.1e-3, 0.2, 0.0400001], &[]), truth));
        let fixed = [("f".to_owned(), 0.2)];
        assert!(agree(&signals(&[500.0, 1.1e-3, 0.04], &fixed), truth));
    }

    #[test]
    fn what_was_not_fitted_has_no_signal() {
        assert!(signals(&[500.0, f64::NAN, 0.2, 0.04], &[]).iter().all(|signal| signal.is_nan()));
    }
}
