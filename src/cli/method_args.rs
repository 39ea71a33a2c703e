//! Options that say which model is fitted, and how.

use std::path::PathBuf;

use super::named::{Named, NamedRange};
use super::refuse;
use crate::Result;
use crate::device::Precision;
use crate::fit::nlls::NllsOptions;
use crate::fit::{AdcOptions, BadSamples, FitMethod, Method, SegmentedOptions};
use crate::model::SignalModel;
use crate::model::signal::ParameterKind;

/// A model, and how it is fitted.
#[derive(Debug, Clone, clap::Args)]
pub struct MethodArgs {
    /// Signal model: one of `hepar models list`.
    #[arg(long, default_value = "adc", value_name = "NAME")]
    pub model: String,
    /// Your own signal model, in the form of models/signal/ivim.toml.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub model_file: Option<PathBuf>,
    /// How it is fitted. lls, wlls, iwlls: the ADC from log-signals, weighted not at all, once by the predicted signal, or
    /// until the estimate stays. segmented: IVIM, part after part. nlls: any model by non-linear least squares. Default:
    /// iwlls for adc, else nlls.
    #[arg(long, value_enum)]
    pub method: Option<Choice>,
    /// Most steps of a fit (re-weightings of iwlls). Default: 1000 for nlls, else 200.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65535))]
    pub max_iterations: Option<u32>,
    /// Hold a parameter at a value, in its unit; may be given again for others.
    #[arg(long, value_name = "NAME=VALUE")]
    pub fix: Vec<Named<f64>>,
    /// Bounds of a parameter, in its unit.
    #[arg(long, value_name = "NAME=LOW:HIGH")]
    pub bounds: Vec<NamedRange>,
    /// Start from this value of a parameter instead of from several places.
    #[arg(long, value_name = "NAME=VALUE")]
    pub start: Vec<Named<f64>>,
    /// Fit although the samples do not meet what the model's file asks for.
    #[arg(long)]
    pub force_model: bool,
    /// b-value from which on segmented fits take perfusion for gone, s/mm².
    #[arg(long, value_name = "B", default_value_t = SegmentedOptions::default().threshold_s_per_mm2)]
    pub segmented_b: f64,
    /// Floating-point type of the CPU; f64 is slower, seeks minima with more care, and writes float64 (but for maps of --models and --prior).
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionChoice,
    /// What happens where a sample is <= 0 or not finite: it gets no weight, or the voxel is not fitted.
    #[arg(long, value_enum, default_value_t)]
    pub bad_samples: BadSamples,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    Lls,
    Wlls,
    Iwlls,
    Nlls,
    Segmented,
}

/// `--precision`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum PrecisionChoice {
    #[default]
    F32,
    F64,
}

impl MethodArgs {
    /// The floating-point type.
    pub fn precision(&self) -> Precision {
        match self.precision {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::F64 => Precision::F64,
        }
    }

    /// What is fitted, and how.
    ///
    /// # Errors
    /// Those of [`SignalModel::builtin`] and [`SignalModel::from_file`]; [`Error::Usage`](crate::Error::Usage) for options
    /// that do not belong together.
    pub fn get(&self) -> Result<FitMethod> {
        let adc = |method| {
            let max_iterations = self.max_iterations.unwrap_or(AdcOptions::default().max_iterations);
            FitMethod::Adc(AdcOptions { method, bad_samples: self.bad_samples, max_iterations })
        };
        let model = match &self.model_file {
            Some(path) => SignalModel::from_file(path)?,
            None => SignalModel::builtin(&self.model)?.clone(),
        };
        let is = |name: &str| self.model_file.is_none() && model.name == name;
        let default = if is("adc") { Choice::Iwlls } else { Choice::Nlls };
        let method = self.method.unwrap_or(default);
        let given = !(self.fix.is_empty() && self.start.is_empty() && self.bounds.is_empty());
        match method {
            Choice::Lls | Choice::Wlls | Choice::Iwlls if !is("adc") => {
                refuse("lls, wlls and iwlls fit the model adc alone", "choose --method nlls, or --model adc")
            }
            Choice::Segmented if !is("ivim") => {
                refuse("segmented fits are of the model ivim alone", "choose --method nlls, or --model ivim")
            }
            Choice::Lls | Choice::Wlls | Choice::Iwlls if given => refuse(
                "fits of log-signals have no bounds, no start and nothing to fix",
                "leave --bounds, --start and --fix out, or choose --method nlls",
            ),
            Choice::Lls => Ok(adc(Method::Lls)),
            Choice::Wlls => Ok(adc(Method::Wlls)),
            Choice::Iwlls => Ok(adc(Method::Iwlls)),
            Choice::Segmented => self.segmented(&model),
            Choice::Nlls => Ok(self.nlls(model)),
        }
    }

    /// Several models, by their names or files (`.toml`), fitted so that they can be compared: by non-linear least squares.
    /// Values, bounds and starts go to the models that have the parameter.
    ///
    /// # Errors
    /// Those of [`Self::get`]; [`Error::Usage`](crate::Error::Usage) for another method, and for a parameter that no model has.
    pub fn several(&self, names: &[String]) -> Result<Vec<FitMethod>> {
        if self.method.is_some_and(|method| method != Choice::Nlls) {
            return refuse(
                "models are compared by AICc, which is that of the same signals only where all are fitted by nlls",
                "leave --method out",
            );
        }
        let model = |name: &String| match name.ends_with(".toml") {
            true => SignalModel::from_file(name.as_ref()),
            false => SignalModel::builtin(name).cloned(),
        };
        let models = names.iter().map(model).collect::<Result<Vec<_>>>()?;
        let given = self.fix.iter().map(|n| &n.name).chain(self.start.iter().map(|n| &n.name));
        for name in given.chain(self.bounds.iter().map(|n| &n.name)) {
            if models.iter().all(|model| model.parameter(name).is_err()) {
                return refuse(
                    &format!("none of these models has a parameter `{name}`"),
                    "`hepar models show` lists them",
                );
            }
        }
        let of = |model: SignalModel| {
            let has = |name: &str| model.parameter(name).is_ok();
            let mut own = self.clone();
            own.fix.retain(|n| has(&n.name));
            own.start.retain(|n| has(&n.name));
            own.bounds.retain(|n| has(&n.name));
            own.nlls(model)
        };
        Ok(models.into_iter().map(of).collect())
    }

    fn nlls(&self, model: SignalModel) -> FitMethod {
        let values = |list: &[Named<f64>]| list.iter().map(|n| (n.name.clone(), n.value)).collect();
        let options = NllsOptions {
            fixed: values(&self.fix),
            bounds: self.bounds.iter().map(|n| (n.name.clone(), n.value)).collect(),
            start: values(&self.start),
            max_iterations: self.max_iterations.unwrap_or(NllsOptions::default().max_iterations),
            ..NllsOptions::default()
        };
        FitMethod::Nlls { model: Box::new(model), options, force: self.force_model }
    }

    fn segmented(&self, model: &SignalModel) -> Result<FitMethod> {
        if !(self.fix.is_empty() && self.start.is_empty()) {
            return refuse("segmented fits have no start and nothing to fix", "leave --start and --fix out");
        }
        let bounds = |name: &str| {
            let given = self.bounds.iter().rev().find(|n| n.name == name).map(|n| n.value);
            let own = model.parameter(name).map(|parameter| match parameter.kind {
                ParameterKind::Fitted { bounds, .. } => bounds,
                ParameterKind::Fixed(value) => [value, value],
            });
            given.map_or(own, Ok)
        };
        if let Some(other) = self.bounds.iter().find(|n| !["D", "f", "Dstar"].contains(&n.name.as_str())) {
            return refuse(&format!("a segmented fit does not bound `{}`", other.name), "bound D, f or Dstar");
        }
        Ok(FitMethod::Segmented(SegmentedOptions {
            threshold_s_per_mm2: self.segmented_b,
            d_bounds: bounds("D")?,
            f_bounds: bounds("f")?,
            dstar_bounds: bounds("Dstar")?,
            bad_samples: self.bad_samples,
            max_iterations: self.max_iterations.unwrap_or(SegmentedOptions::default().max_iterations),
            ..SegmentedOptions::default()
        }))
    }
}
