//! What a non-linear fit can write.

use crate::device::{ColumnSpec, ColumnType};
use crate::model::SignalModel;
use crate::model::signal::program::Choice;

/// What a map of a fit shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A fitted parameter, by its place among them.
    Parameter(usize),
    /// A derived quantity, by its place in the model.
    Derived(usize),
    /// The standard error of a fitted parameter.
    ParameterSe(usize),
    /// The standard error of a derived quantity.
    DerivedSe(usize),
    /// Root mean square of the residuals, in the image's own unit.
    Rmse,
    /// 1 − residual sum of squares / sum of squares about the mean.
    R2,
    /// Akaike's criterion for small samples, n·ln(rss/n) + 2k + 2k(k + 1)/(n − k − 1), k being the fitted parameters and
    /// σ; NaN for n ≤ k + 1, and where the fit leaves no residual.
    Aicc,
    /// Steps of the fit.
    Iterations,
    /// Remarks on each voxel, a bit each.
    Status,
}

/// A map of a fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NllsOutput {
    /// Its name, as in its file name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What it is.
    pub title: String,
    /// What it shows.
    pub quantity: Quantity,
}

impl NllsOutput {
    /// All that a model's fit can write, in the order of writing.
    pub fn all(model: &SignalModel, choice: &Choice) -> Vec<Self> {
        let new = |name: &str, unit: &str, title: &str, quantity| Self {
            name: name.into(),
            unit: unit.into(),
            title: title.into(),
            quantity,
        };
        let fitted: Vec<_> = choice.fitted().map(|i| &model.parameters[i]).collect();
        let mut all = Vec::new();
        for (i, p) in fitted.iter().enumerate() {
            all.push(new(&p.name, &p.unit, &p.doc, Quantity::Parameter(i)));
        }
        for (i, d) in model.derived.iter().enumerate() {
            all.push(new(&d.name, &d.unit, &d.doc, Quantity::Derived(i)));
        }
        for (i, p) in fitted.iter().enumerate() {
            let title = format!("standard error of {}", p.name);
            all.push(new(&format!("{}_se", p.name), &p.unit, &title, Quantity::ParameterSe(i)));
        }
        for (i, d) in model.derived.iter().enumerate() {
            let title = format!("standard error of {}", d.name);
            all.push(new(&format!("{}_se", d.name), &d.unit, &title, Quantity::DerivedSe(i)));
        }
        for (name, unit, title, quantity) in [
            ("rmse", "signal", "root mean square residual", Quantity::Rmse),
            ("R2", "1", "coefficient of determination", Quantity::R2),
            ("AICc", "1", "Akaike's information criterion, corrected for small samples", Quantity::Aicc),
            ("iterations", "1", "steps of the fit", Quantity::Iterations),
            ("status", "1", "remarks on the fit of each voxel, as bits", Quantity::Status),
        ] {
            all.push(new(name, unit, title, quantity));
        }
        all
    }

    /// How it is stored.
    pub fn column(&self) -> ColumnSpec {
        let kind = match self.quantity {
            Quantity::Iterations | Quantity::Status => ColumnType::U16,
            _ => ColumnType::F32,
        };
        ColumnSpec { name: self.name.clone(), kind }
    }

    /// Whether it needs the covariance of the parameters.
    pub fn needs_covariance(&self) -> bool {
        matches!(self.quantity, Quantity::ParameterSe(_) | Quantity::DerivedSe(_))
    }

    /// Whether it needs the derived quantities.
    pub fn needs_derived(&self) -> bool {
        matches!(self.quantity, Quantity::Derived(_) | Quantity::DerivedSe(_))
    }
}
