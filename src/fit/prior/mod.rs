//! Maximum a posteriori: a second fit, with a Gaussian prior of each parameter's logit.
//!
//! Where samples tell little of a parameter, as of IVIM's D*, the estimates of single voxels scatter over the whole range
//! between its bounds. What is known of the tissue narrows them (Bayesian shrinkage: Orton MR et al. Magn Reson Med
//! 2014;71:411, doi:10.1002/mrm.24649). It also draws what is not such tissue, a lesion, towards it: the plain estimates
//! therefore stand beside the shrunken ones, with how far the prior has moved each in its standard errors.
//!
//! The noise of all voxels is that of the reference voxels' median residual: that of a few samples a voxel is itself noise.

mod empirical;
mod second;
mod summary;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::device::{Device, Source};
use crate::measure::Table;
use crate::model::SignalModel;
use crate::model::signal::ParameterKind;
use crate::model::signal::prior::{Logit, Prior};
use crate::model::signal::program::Choice;
use crate::report::ColourKind;
use crate::report::outputs::{MapOutput, Outputs};
use crate::volume::labels::read_labels;
use crate::volume::{Grid, Labels, MapData, Series};
use crate::{Error, Result};

use super::method::plain as plain_unit;
use super::nlls::{NllsOptions, NllsOutput, Quantity};
use super::{FitMethod, FitRequest};
use second::{Plain, Second};

/// Where the prior comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PriorSource {
    /// The model's file.
    Model,
    /// The voxels of a label: their mean and spread, without what noise adds to it.
    Empirical,
}

/// What prior is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorRequest {
    /// Where it comes from.
    pub source: PriorSource,
    /// A label image; other labels than the one that is learnt from are compared with it.
    pub labels: Option<PathBuf>,
    /// Which label is learnt from; without it, that of most voxels.
    pub label: Option<u16>,
}

impl PriorRequest {
    /// What the record says of it.
    pub fn describe(&self) -> Value {
        let source = match self.source {
            PriorSource::Model => "model",
            PriorSource::Empirical => "empirical",
        };
        json!({ "source": source, "has_labels": self.labels.is_some(), "label": self.label })
    }
}

/// A map of the second fit.
#[derive(Debug, Clone, PartialEq)]
pub struct ShrunkMap {
    /// As in its file name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What it is.
    pub title: String,
    /// One a voxel of the grid; NaN where nothing is fitted.
    pub values: Vec<f32>,
}

/// What the second fit gives.
#[derive(Debug)]
pub struct Shrunk {
    /// The maps named by [`names`].
    pub maps: Vec<ShrunkMap>,
    /// The priors.
    pub priors: Vec<Prior>,
    /// Noise in units of the signal.
    pub sigma: f64,
    /// Plain and shrunken means of the labels, and what is left of their contrast; `None` without labels.
    pub table: Option<Table>,
}

impl Shrunk {
    /// Writes the maps and the table, which must have been planned; `meta` is what sidecars say of the plain fit.
    ///
    /// # Errors
    /// Those of [`Outputs`].
    pub fn write(&self, outputs: &Outputs, grid: &Grid, meta: &Map<String, Value>, model: &str) -> Result<()> {
        let mut meta = meta.clone();
        let prior = |p: &Prior| {
            let [low, typical, high] = [-1.0, 0.0, 1.0].map(|sds| p.logit.inverse(p.mean + sds * p.sd));
            (
                p.parameter.clone(),
                json!({"logit_mean": p.mean, "logit_sd": p.sd, "typical": typical, "one_sd": [low, high]}),
            )
        };
        meta.insert("priors".into(), Value::Object(self.priors.iter().map(prior).collect()));
        meta.insert("sigma_signal".into(), self.sigma.into());
        let maps: Vec<MapOutput> = self
            .maps
            .iter()
            .map(|map| MapOutput {
                name: &map.name,
                data: MapData::F32(&map.values),
                unit: plain_unit(&map.unit),
                title: &map.title,
                picture: ColourKind::Sequential.into(),
                meta: meta.clone(),
            })
            .collect();
        outputs.write_maps(grid, &maps)?;
        if let Some(table) = &self.table {
            outputs.write_file(&format!("{model}_prior.tsv"), &table.to_tsv()?)?;
        }
        Ok(())
    }
}

/// Name, unit and title of each map of the second fit.
///
/// # Errors
/// [`Error::Usage`] for a model whose parameters can have no prior, or options that it does not allow.
pub fn names(model: &SignalModel, options: &NllsOptions, source: PriorSource) -> Result<Vec<[String; 3]>> {
    let choice = Choice::with(model, &options.fixed)?;
    let mut names = Vec::new();
    for output in NllsOutput::all(model, &choice).into_iter().filter(is_shrunk) {
        let title = format!("{}, with the prior", output.title);
        let name = match output.name.strip_suffix("_se") {
            Some(estimate) if output.needs_covariance() => format!("{estimate}_shrunk_se"),
            _ => format!("{}_shrunk", output.name),
        };
        names.push([name, output.unit, title]);
    }
    for prior in candidates(model, options, source)? {
        let title = format!("how far the prior has moved {}, in its standard errors", prior.parameter);
        names.push([format!("{}_shift", prior.parameter), "1".into(), title]);
    }
    let title = "how far the prior has moved the parameters together, in standard errors";
    names.push(["prior_shift".into(), "1".into(), title.into()]);
    Ok(names)
}

fn is_shrunk(output: &NllsOutput) -> bool {
    use Quantity::{Derived, DerivedSe, Parameter, ParameterSe};
    matches!(output.quantity, Parameter(_) | Derived(_) | ParameterSe(_) | DerivedSe(_))
}

/// The priors as the model's file has them; where they are to be learnt, of all parameters that have finite bounds.
fn candidates(model: &SignalModel, options: &NllsOptions, source: PriorSource) -> Result<Vec<Prior>> {
    let choice = Choice::with(model, &options.fixed)?;
    let prior = |i: usize| {
        let parameter = &model.parameters[i];
        let ParameterKind::Fitted { bounds, prior, .. } = parameter.kind else { return None };
        let given = options.bounds.iter().rev().find(|(name, _)| *name == parameter.name);
        let bounds = given.map_or(bounds, |&(_, bounds)| bounds);
        let logit = Logit::between(bounds).filter(|_| !parameter.is_signal())?;
        let (mean, sd) = match (source, prior) {
            (PriorSource::Empirical, _) => (0.0, 1.0),
            (PriorSource::Model, Some([mean, sd])) => (logit.of(mean), sd * logit.slope(mean)),
            (PriorSource::Model, None) => return None,
        };
        Some(Prior { parameter: parameter.name.clone(), logit, mean, sd })
    };
    let found: Vec<Prior> = choice.fitted().filter_map(prior).collect();
    if found.is_empty() {
        let (what, remedy) = match source {
            PriorSource::Model => ("has a prior in its file", "learn them: --prior empirical --prior-labels FILE"),
            PriorSource::Empirical => ("has finite bounds and is fitted", "fit more of them, or leave --prior out"),
        };
        let problem = format!("no parameter of the model `{}` {what}", model.name);
        return Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
    }
    if let Some(outside) = found.iter().find(|prior| !prior.mean.is_finite()) {
        let problem = format!("the prior of `{}` lies outside its bounds", outside.parameter);
        return Err(Error::Usage(format!("{problem}\n  remedy: widen --bounds {}=LOW:HIGH", outside.parameter)));
    }
    Ok(found)
}

/// A second fit that is planned.
#[derive(Debug)]
pub struct SecondFit<'r> {
    model: &'r SignalModel,
    options: &'r NllsOptions,
    prior: &'r PriorRequest,
    labels: Option<Labels>,
    names: Vec<[String; 3]>,
    /// The maps that it will write.
    pub maps: Vec<String>,
    /// The table that it will write.
    pub table: Option<String>,
}

impl<'r> SecondFit<'r> {
    /// Checks what can be checked before anything is fitted, and reads the labels.
    ///
    /// # Errors
    /// Those of [`names`] and [`read_labels`]; [`Error::Usage`] for a method that takes no priors.
    pub fn plan(prior: &'r PriorRequest, request: &'r FitRequest, series: &Series) -> Result<Self> {
        let (model, options) = match &request.method {
            FitMethod::Nlls { model, options, .. } => (model, options),
            FitMethod::Robust(_) => {
                let problem = "robust fits take no prior";
                return Err(Error::Usage(format!("{problem}\n  remedy: leave --robust or --prior out")));
            }
            other => {
                let problem = format!("fits by {} take no prior", other.name());
                return Err(Error::Usage(format!("{problem}\n  remedy: choose --method nlls")));
            }
        };
        if prior.source == PriorSource::Empirical && prior.labels.is_none() {
            let problem = "an empirical prior is learnt from a label, and there is none";
            return Err(Error::Usage(format!("{problem}\n  remedy: give --prior-labels FILE")));
        }
        let labels = prior.labels.as_ref().map(|path| read_labels(path, &series.grid, &request.read)).transpose()?;
        let names = names(model, options, prior.source)?;
        let maps = names.iter().map(|[name, ..]| name.clone()).collect();
        let table = labels.as_ref().map(|_| format!("{}_prior.tsv", model.name));
        Ok(Self { model, options, prior, labels, names, maps, table })
    }

    /// Fits `series` plainly and then with priors, in the voxels of `picked` (all without it).
    ///
    /// # Errors
    /// [`Error::Usage`] for a label that has too few voxels that can be fitted; those of the device.
    pub fn run(&self, series: &Series, picked: Option<&[u32]>, device: &Device) -> Result<Shrunk> {
        let Self { model, options, prior, labels, names, .. } = self;
        let mut priors = candidates(model, options, prior.source)?;
        let n_grid = series.grid.n_voxels();
        let source = Source::new(series.rows(), n_grid, picked.map(<[u32]>::to_vec));
        let plain = Plain::fit(model, options, series, &source, device)?;
        let reference = labels.as_ref().map(|labels| (labels, chosen(labels, prior.label)));
        let is_reference = |voxel: usize| reference.is_none_or(|(labels, label)| labels.values[voxel] == label);
        let of_reference: Vec<usize> = plain.fitted().filter(|&at| is_reference(plain.voxel(at))).collect();
        if of_reference.len() < empirical::FEWEST {
            let (n, least) = (of_reference.len(), empirical::FEWEST);
            let problem = format!("{n} voxels tell the noise or the prior, and at least {least} are needed");
            return Err(Error::Usage(format!("{problem}\n  remedy: choose another --prior-label, or --mask")));
        }
        let second = Second::new(model, options, series, &plain, &of_reference)?;
        if prior.source == PriorSource::Empirical {
            priors = empirical::learn(priors, &second, &plain, &of_reference, device)?;
        }
        let fitted = second.fit(&priors, plain.picked(), device)?;
        let maps = second::maps(names, &priors, &plain, &fitted, (second.sigma, n_grid));
        let table = reference.map(|(labels, label)| summary::table(labels, label, &priors, model, &maps, &plain));
        Ok(Shrunk { maps, priors, sigma: second.sigma, table })
    }
}

/// The label that is learnt from.
fn chosen(labels: &Labels, asked: Option<u16>) -> u16 {
    let regions = crate::measure::Regions::new(&labels.values);
    let largest = regions.iter().max_by_key(|(_, voxels)| voxels.len()).map_or(0, |(label, _)| label);
    asked.unwrap_or(largest)
}
