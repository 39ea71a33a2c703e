//! Values of parameters that a protocol is judged by, or a phantom is made of.

use super::{Parameter, ParameterKind, SignalModel};
use crate::{Error, Result};

impl Parameter {
    /// Its value unless another is given: where it is fixed; else its start, else its scale, within its bounds.
    pub fn typical(&self) -> f64 {
        match self.kind {
            ParameterKind::Fixed(value) => value,
            ParameterKind::Fitted { bounds: [low, high], scale, start, .. } => {
                start.unwrap_or(scale).max(low).min(high)
            }
        }
    }

    /// Refuses a value outside the bounds; the ends belong to them, as they are in f32, in which maps are stored.
    ///
    /// # Errors
    /// [`Error::Usage`] with the value and the bounds.
    pub fn check_value(&self, value: f64) -> Result<()> {
        let [low, high] = match self.kind {
            ParameterKind::Fixed(_) => [f64::NEG_INFINITY, f64::INFINITY],
            ParameterKind::Fitted { bounds, .. } => bounds,
        };
        if (low as f32..=high as f32).contains(&(value as f32)) && value.is_finite() {
            return Ok(());
        }
        let (name, unit) = (&self.name, &self.unit);
        Err(Error::Usage(format!(
            "{name} = {value} {unit} lies outside the model's bounds, {low} to {high} {unit}\n  remedy: give a value \
             between them, in {unit}"
        )))
    }
}

impl SignalModel {
    /// A value for each parameter, in the model's order and units: what is given by name, else the typical one.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that the model does not have, and for values outside the bounds.
    pub fn truth(&self, given: &[(String, f64)]) -> Result<Vec<f64>> {
        let mut truth: Vec<f64> = self.parameters.iter().map(Parameter::typical).collect();
        for (name, value) in given {
            self.parameter(name)?.check_value(*value)?;
            let places = self.parameters.iter().zip(&mut truth).filter(|(parameter, _)| parameter.name == *name);
            places.for_each(|(_, place)| *place = *value);
        }
        Ok(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_typical() {
        let fixed = SignalModel::builtin("ivim_fixed_dstar").unwrap();
        assert_eq!(fixed.truth(&[]).unwrap(), [1.0, 1e-3, 0.2, 0.07]);
        assert_eq!(fixed.truth(&[("f".into(), 0.3), ("Dstar".into(), 0.05)]).unwrap(), [1.0, 1e-3, 0.3, 0.05]);
        let mut parameter = fixed.parameters[1].clone();
        for (bounds, start, typical) in
            [([0.0, 1.0], Some(0.5), 0.5), ([0.0, 1e-4], None, 1e-4), ([0.1, 1.0], None, 0.1), ([0.0, 1.0], None, 1e-3)]
        {
            parameter.kind = ParameterKind::Fitted { bounds, scale: 1e-3, start, places: None };
            assert_eq!(parameter.typical(), typical);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let ivim = SignalModel::builtin("ivim").unwrap();
        for (name, value, said) in [
            ("f", 1.1, "f = 1.1 1 lies outside the model's bounds, 0 to 1 1"),
            ("D", -1e-9, "0 to 0.005 mm^2/s"),
            ("D", f64::NAN, "D = NaN"),
            ("S0", f64::INFINITY, "S0 = inf"),
            ("d", 1e-3, "did you mean `D`?"),
        ] {
            let error = ivim.truth(&[(name.into(), value)]).unwrap_err();
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains(said), "{error}");
        }
        // 0.2 is 0.200000003 in f32, in which a fit would write it.
        assert!(ivim.truth(&[("Dstar".into(), f64::from(0.2f32))]).is_ok());
    }
}
