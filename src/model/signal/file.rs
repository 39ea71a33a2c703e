//! The form of a signal model's TOML file, and the checks that it means something.

use std::collections::HashMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Axis, Derived, MOST_LINEAR, MOST_PARAMETERS, Parameter, ParameterKind, Requirement, SIGNAL, SignalModel,
    homogeneous,
};
use crate::model::fault::Fault;
use crate::model::file;
use crate::model::map::Formula;

const KEYS_REMEDY: &str = "a signal model has schema, title, reference, signal, [axis.NAME] with unit and requires, \
                           [parameter.NAME] with unit, doc and either bounds and scale (and start, places or prior) or fixed (and \
                           quantity), and may have [derived.NAME] with unit, formula and doc: see models/signal/ivim.toml";

/// A table of tables, whose order in the file is that of their names' places.
type Named<T> = HashMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: i64,
    title: String,
    reference: String,
    signal: Spanned<String>,
    axis: Named<FileAxis>,
    parameter: Named<FileParameter>,
    #[serde(default)]
    derived: Named<FileDerived>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAxis {
    unit: String,
    #[serde(default)]
    requires: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileParameter {
    unit: String,
    doc: String,
    bounds: Option<Spanned<[f64; 2]>>,
    scale: Option<Spanned<f64>>,
    start: Option<Spanned<f64>>,
    places: Option<Spanned<usize>>,
    prior: Option<Spanned<[f64; 2]>>,
    fixed: Option<Spanned<f64>>,
    quantity: Option<Spanned<String>>,
}

impl FileParameter {
    fn says_how_to_fit(&self) -> bool {
        self.scale.is_some() || self.start.is_some() || self.places.is_some() || self.prior.is_some()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDerived {
    unit: String,
    formula: Spanned<String>,
    #[serde(default)]
    doc: String,
}

/// Reads a model file; `name` is that of the file.
pub(super) fn read(name: &str, text: &str) -> Result<SignalModel, Fault> {
    let file: File = file::read(text, KEYS_REMEDY)?;
    file::check_file_name(name, "a model")?;
    let (axes, parameters, derived) = (in_order(file.axis), in_order(file.parameter), in_order(file.derived));
    let declared = axes.iter().map(|(name, _)| name).chain(parameters.iter().map(|(name, _)| name));
    file::check_names(
        declared.clone().chain(derived.iter().map(|(name, _)| name)),
        "an axis', a parameter's or a map",
    )?;
    let names: Vec<&str> = declared.map(|name| name.get_ref().as_str()).collect();
    let signal = file::formula(text, &file.signal, &names)?;
    check_map_names(parameters.iter().map(|(name, _)| name).chain(derived.iter().map(|(name, _)| name)))?;
    let model = SignalModel {
        name: name.into(),
        title: file.title,
        reference: file.reference,
        derived: derived.iter().map(|d| read_derived(text, d, &names[axes.len()..])).collect::<Result<_, _>>()?,
        axes: axes.iter().map(read_axis).collect::<Result<_, _>>()?,
        parameters: parameters.iter().map(read_parameter).collect::<Result<_, _>>()?,
        signal,
    };
    check_use(&model, axes.iter().map(|(name, _)| name).chain(parameters.iter().map(|(name, _)| name)))?;
    check_count(&model)?;
    homogeneous::check(&model).map_err(|problem| {
        let remedy = "units of \"signal\" belong to what multiplies the whole signal, such as S0, or is added to it";
        Fault::new(file.signal.span(), problem, remedy)
    })?;
    Ok(model)
}

/// Tables in the order of the file.
fn in_order<T>(tables: Named<T>) -> Vec<(Spanned<String>, T)> {
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    tables
}

/// Most places of a parameter that fits look for their start in, and of all together.
const MOST_PLACES: usize = 100;
const MOST_PLACES_OF_ALL: usize = 10_000;

/// What other maps of a fit are called.
const TAKEN: [&str; 10] = [
    "rmse",
    "R2",
    "AICc",
    "iterations",
    "status",
    "hepar",
    "residuals",
    "residual_lag1",
    "chi2_reduced",
    "n_discounted",
];

/// And how their names end.
const ENDINGS: [&str; 3] = ["_se", "_shrunk", "_shift"];

/// Names become file names, some of which are taken, and which some systems take for the same in other capitals.
fn check_map_names<'n>(names: impl Iterator<Item = &'n Spanned<String>>) -> Result<(), Fault> {
    let mut before: Vec<&str> = Vec::new();
    for name in names {
        let text = name.get_ref().as_str();
        let same = |other: &&&str| other.eq_ignore_ascii_case(text);
        let problem = match before.iter().find(same) {
            Some(other) => {
                format!("`{text}` differs from `{other}` in capitals alone, which not all file systems tell")
            }
            None if TAKEN.iter().any(|taken| same(&taken))
                || ENDINGS.iter().any(|end| text.to_ascii_lowercase().ends_with(end)) =>
            {
                format!("another map of a fit is called `{text}`")
            }
            None => {
                before.push(text);
                continue;
            }
        };
        return Err(Fault::new(name.span(), problem, "use another name"));
    }
    Ok(())
}

fn read_axis((name, axis): &(Spanned<String>, FileAxis)) -> Result<Axis, Fault> {
    let read = |written: &Spanned<String>| {
        let parsed: Result<Requirement, String> = written.get_ref().parse();
        parsed.map_err(|problem| Fault::new(written.span(), problem, "a fit that does not meet it is refused"))
    };
    let requires = axis.requires.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Axis { name: name.get_ref().clone(), unit: axis.unit.clone(), requires })
}

fn read_derived(
    text: &str,
    (name, derived): &(Spanned<String>, FileDerived),
    names: &[&str],
) -> Result<Derived, Fault> {
    let formula: Formula = file::formula(text, &derived.formula, names)?;
    Ok(Derived { name: name.get_ref().clone(), unit: derived.unit.clone(), doc: derived.doc.clone(), formula })
}

fn read_parameter((name, parameter): &(Spanned<String>, FileParameter)) -> Result<Parameter, Fault> {
    let kind = match (&parameter.fixed, &parameter.bounds) {
        (Some(fixed), None) if !parameter.says_how_to_fit() => {
            let value = *fixed.get_ref();
            if !(value as f32).is_finite() {
                return Err(Fault::new(fixed.span(), format!("{value} is no finite number"), "give the value"));
            }
            ParameterKind::Fixed(value)
        }
        (None, Some(bounds)) => fitted(name, parameter, bounds)?,
        _ => {
            let problem = format!("it is not clear how `{}` is found", name.get_ref());
            let remedy = "give bounds and scale to have it fitted, or fixed alone";
            return Err(Fault::new(name.span(), problem, remedy));
        }
    };
    let (unit, doc) = (parameter.unit.clone(), parameter.doc.clone());
    if let Some(quantity) = &parameter.quantity {
        check_map_names([quantity].into_iter())?;
    }
    let quantity = parameter.quantity.as_ref().map(|quantity| quantity.get_ref().clone());
    Ok(Parameter { name: name.get_ref().clone(), unit, doc, kind, quantity })
}

fn fitted(name: &Spanned<String>, file: &FileParameter, bounds: &Spanned<[f64; 2]>) -> Result<ParameterKind, Fault> {
    let [low, high] = *bounds.get_ref();
    let is_signal = file.unit == SIGNAL;
    let can_be_infinite = |x: f64| x.is_infinite() && is_signal;
    let good = |x: f64| (x as f32).is_finite() || can_be_infinite(x);
    // False for NaN too.
    if !(low < high && good(low) && good(high)) {
        let problem = format!("[{low}, {high}] are no bounds");
        let remedy = "write bounds = [lowest, highest], the smaller one first; finite, but for units of \"signal\"";
        return Err(Fault::new(bounds.span(), problem, remedy));
    }
    let scale = match (&file.scale, is_signal) {
        (None, true) => 1.0,
        (Some(scale), true) => {
            let problem = "a parameter in units of the signal is scaled by each voxel's signal";
            return Err(Fault::new(scale.span(), problem, "remove the scale"));
        }
        (Some(scale), false) if *scale.get_ref() > 0.0 && (*scale.get_ref() as f32).is_normal() => *scale.get_ref(),
        (scale, false) => {
            let problem = format!("`{}` has no scale above 0", name.get_ref());
            let at = scale.as_ref().map_or(name.span(), Spanned::span);
            return Err(Fault::new(at, problem, "give its typical size, such as scale = 1e-3"));
        }
    };
    let start = match &file.start {
        None => None,
        Some(start) if (low..=high).contains(start.get_ref()) => Some(*start.get_ref()),
        Some(start) => {
            let problem = format!("the start {} lies outside the bounds", start.get_ref());
            return Err(Fault::new(start.span(), problem, format!("start between {low} and {high}, or leave it out")));
        }
    };
    let places = match &file.places {
        Some(places) if !(2..=MOST_PLACES).contains(places.get_ref()) || is_signal || start.is_some() => {
            let problem =
                format!("{} places are none that fits of `{}` can start from", places.get_ref(), name.get_ref());
            let remedy = format!("give 2 to {MOST_PLACES} to a parameter that has no start and no unit of the signal");
            return Err(Fault::new(places.span(), problem, remedy));
        }
        places => places.as_ref().map(|places| *places.get_ref()),
    };
    let prior = file.prior.as_ref().map(|prior| checked_prior(prior, [low, high], is_signal)).transpose()?;
    Ok(ParameterKind::Fitted { bounds: [low, high], scale, start, places, prior })
}

fn checked_prior(prior: &Spanned<[f64; 2]>, [low, high]: [f64; 2], is_signal: bool) -> Result<[f64; 2], Fault> {
    let [mean, sd] = *prior.get_ref();
    if !is_signal && low < mean && mean < high && 0.0 < sd && sd < high - low {
        return Ok([mean, sd]);
    }
    let problem = format!("[{mean}, {sd}] are no prior");
    let remedy = "write prior = [mean, standard deviation], the mean between the bounds; signals have none";
    Err(Fault::new(prior.span(), problem, remedy))
}

/// What is declared must be used in the signal.
fn check_use<'n>(model: &SignalModel, mut declared: impl Iterator<Item = &'n Spanned<String>>) -> Result<(), Fault> {
    match declared.find(|name| !file::uses(&model.signal.expr, name.get_ref())) {
        None => Ok(()),
        Some(name) => {
            let problem = format!("`{}` is declared but not used in the signal", name.get_ref());
            Err(Fault::new(name.span(), problem, "use it, or remove it"))
        }
    }
}

fn check_count(model: &SignalModel) -> Result<(), Fault> {
    let fitted = model.parameters.iter().filter(|p| matches!(p.kind, ParameterKind::Fitted { .. })).count();
    let of_signal = |p: &&Parameter| p.is_signal() && matches!(p.kind, ParameterKind::Fitted { .. });
    let of_signal = model.parameters.iter().filter(of_signal).count();
    if of_signal > MOST_LINEAR {
        let problem = format!("{of_signal} parameters in units of the signal are fitted");
        return Err(Fault::new(0..0, problem, format!("at most {MOST_LINEAR} are solved for: fix the others")));
    }
    let places = |p: &Parameter| match p.kind {
        ParameterKind::Fitted { places: Some(places), .. } => places,
        _ => 1,
    };
    let places = model.parameters.iter().map(places).fold(1, usize::saturating_mul);
    if places > MOST_PLACES_OF_ALL {
        let problem = format!("the `places` of the parameters make {places} together");
        return Err(Fault::new(0..0, problem, format!("give fewer: at most {MOST_PLACES_OF_ALL} together")));
    }
    if (1..=MOST_PARAMETERS).contains(&fitted) && !model.axes.is_empty() {
        return Ok(());
    }
    let problem = format!("{fitted} parameters are fitted over {} axes", model.axes.len());
    let remedy = format!("declare 1 to {MOST_PARAMETERS} parameters with bounds, and at least one axis");
    Err(Fault::new(0..0, problem, remedy))
}

#[cfg(test)]
mod tests;
