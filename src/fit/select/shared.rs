//! Quantities that several models have.

use crate::Result;
use crate::fit::{FitMethod, FitOutput, Role};

/// A quantity that at least two models have: their files give it one name (`quantity`, else the parameter's own) and
/// one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Its name.
    pub name: String,
    /// Its unit, as maps have it.
    pub unit: String,
    /// What it is called in each model.
    pub of: Vec<Option<String>>,
}

impl Shared {
    /// All that these models share, in the order in which they have them.
    ///
    /// # Errors
    /// Those of [`FitMethod::outputs`].
    pub fn all(models: &[FitMethod]) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for (place, method) in models.iter().enumerate() {
            let model = method.signal_model()?;
            for FitOutput { name, unit, role, .. } in method.outputs()? {
                if !matches!(role, Role::Estimate | Role::Signal) {
                    continue;
                }
                let quantity = model.parameter(&name).map_or(name.as_str(), |parameter| parameter.quantity());
                let at =
                    all.iter().position(|shared| shared.name == quantity && shared.unit == unit).unwrap_or_else(|| {
                        all.push(Self { name: quantity.into(), unit: unit.clone(), of: vec![None; models.len()] });
                        all.len() - 1
                    });
                all[at].of[place] = Some(name);
            }
        }
        all.retain(|shared| shared.of.iter().flatten().count() > 1);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::nlls::NllsOptions;
    use crate::model::SignalModel;

    #[test]
    fn quantities_are_the_same_by_name_and_unit() {
        let method = |name: &str| FitMethod::Nlls {
            model: Box::new(SignalModel::builtin(name).unwrap().clone()),
            options: NllsOptions::default(),
            force: false,
        };
        let shared = Shared::all(&["adc", "kurtosis", "ivim"].map(method)).unwrap();
        let some = |name: &str| Some(name.to_owned());
        let of = |name: &str| shared.iter().find(|s| s.name == name).map(|s| s.of.clone());
        assert_eq!(of("S0"), Some(vec![some("S0"), some("S0"), some("S0")]));
        assert_eq!(of("D"), Some(vec![some("ADC"), some("D"), some("D")]));
        assert_eq!(shared.len(), 2, "K, f, Dstar and fDstar are of one model each: {shared:?}");
    }
}
