//! What a method fits: its model's parameters, and between which bounds.

use super::FitMethod;
use crate::Result;
use crate::model::signal::{Parameter, ParameterKind};

impl FitMethod {
    /// The fitted parameters, in the model's order.
    ///
    /// # Errors
    /// Those of [`Self::choice`].
    pub fn fitted_names(&self) -> Result<Vec<String>> {
        let model = self.signal_model()?;
        Ok(self.choice()?.fitted().map(|i| model.parameters[i].name.clone()).collect())
    }

    /// The bounds between which this method keeps a fitted parameter, in its unit.
    pub fn bounds(&self, parameter: &Parameter) -> [f64; 2] {
        let unbounded = [f64::NEG_INFINITY, f64::INFINITY];
        match self {
            Self::Adc(_) | Self::Spectrum(_) => unbounded,
            Self::Robust(method) => method.bounds(parameter),
            Self::Segmented(options) => match parameter.name.as_str() {
                "D" => options.d_bounds,
                "f" => options.f_bounds,
                "Dstar" => options.dstar_bounds,
                _ => unbounded,
            },
            Self::Nlls { options, .. } => {
                let given = options.bounds.iter().rev().find(|(name, _)| *name == parameter.name);
                match (given, parameter.kind) {
                    (Some((_, bounds)), _) => *bounds,
                    (None, ParameterKind::Fitted { bounds, .. }) => bounds,
                    (None, ParameterKind::Fixed(value)) => [value, value],
                }
            }
        }
    }
}
