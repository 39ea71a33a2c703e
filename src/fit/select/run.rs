//! A whole run over several models: each one's maps in a folder of its own, the choice beside them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::eligible::{Eligible, LeftOut, eligible};
use super::shared::Shared;
use super::weights::{Candidate, SUPPORTED, akaike_weights, averaged};
use crate::device::{Column, Device, Progress};
use crate::fit::run::{Inputs, Kept, describe_series, fit, sha256};
use crate::fit::{FitMethod, FitRequest};
use crate::measure::{Cell, Regions, Table};
use crate::report::ColourKind;
use crate::report::outputs::{MapLabel, Outputs, Picture, RunRecord};
use crate::volume::{Labels, Series};
use crate::{Error, Result};

/// The map of chosen models.
const CHOSEN: &str = "chosen_model";
/// The table of regions.
const TABLE: &str = "chosen_model_regions.tsv";

/// Several models for one series.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What is fitted: the same series and outputs for all; its method is not looked at.
    pub request: FitRequest,
    /// The models, all fitted by non-linear least squares.
    pub models: Vec<FitMethod>,
}

/// What a person is told at the end.
#[derive(Debug)]
pub struct SelectionSummary {
    /// Voxels that were asked for.
    pub n_voxels: usize,
    /// Each model that could be chosen, and in how many voxels it was.
    pub chosen: Vec<(String, usize)>,
    /// Models that could not be.
    pub left_out: Vec<LeftOut>,
    /// One row a region, where there are labels.
    pub regions: Option<Table>,
}

/// Fits every model that the samples allow, and writes for each voxel which one its signals support.
///
/// Maps: `chosen_model` (1 for the first model of the sidecar's list; 0 where none was fitted), `weight_MODEL` and, for the
/// quantities of [`Shared`], `NAME_averaged` and `NAME_averaged_se`. AICc, residuals and shared quantities of all models are
/// held in memory until then.
///
/// # Errors
/// Those of [`eligible`] and of [`run`](crate::fit::run()); [`Error::Usage`] for models of other axes.
pub fn run(
    selection: &Selection,
    device: &Device,
    progress: impl Fn(&FitMethod, usize) -> Box<dyn Progress>,
) -> Result<SelectionSummary> {
    let Selection { request, models } = selection;
    check(models)?;
    let mut inputs = Inputs::read(request)?;
    let Eligible { models, left_out } = eligible(models, &inputs.series.values())?;
    // What a model does not describe would count as noise: the one of most parameters tells it.
    let mut most: Option<(usize, &FitMethod)> = None;
    for method in &models {
        let n = method.fitted_names()?.len();
        most = most.filter(|&(most, _)| most >= n).or(Some((n, method)));
    }
    if let Some((_, method)) = most {
        inputs.find_noise(request, method, device)?;
    }
    let inputs = inputs;
    let Inputs { series, labels, .. } = &inputs;
    for LeftOut { model, reason } in &left_out {
        request.read.remarks.say(format!("the model {model} is left out: {reason}"));
    }
    let shared = Shared::all(&models)?;
    let planned = planned(&models, &shared);
    let names: Vec<&str> = planned.iter().map(|map| map.name.as_str()).collect();
    let files: &[&str] = if labels.is_some() { &[TABLE] } else { &[] };
    let outputs = Outputs::plan(request.output.clone(), &names, files)?;

    let folder = |method: &FitMethod| request.output.dir.join(method.model());
    models.iter().map(folder).try_for_each(|dir| check_folder(&dir, request.output.force))?;
    let mut fits = Vec::new();
    for (place, method) in models.iter().enumerate() {
        let mut own = FitRequest { method: method.clone(), ..request.clone() };
        own.output.dir = folder(method);
        let kept = Kept::new(kept_names(&shared, place));
        fit(&own, &inputs, &kept, device, |n_voxels| progress(method, n_voxels))?.finish()?;
        fits.push(Fit { n_parameters: method.fitted_names()?.len(), columns: kept.into_values() });
    }
    let source = inputs.source();
    let chosen = choose(&fits, &shared, source.n_voxels());
    let mut meta = describe(selection, series, &models, &left_out, device)?;
    meta.extend(inputs.noise.clone().map(|sigma| ("sigma".to_owned(), sigma)));
    let meta = meta;
    for (map, column) in planned.into_iter().zip(&chosen.columns) {
        let elsewhere = if map.name == CHOSEN { 0.0 } else { f32::NAN };
        let open = outputs.open_map(&series.grid, &map.name, column, source.picked().map(|_| elsewhere))?;
        open.put(0, source.picked(), column)?;
        outputs.close_map(&series.grid, open, MapLabel { meta: meta.clone(), ..map.label })?;
    }
    let regions = labels.as_ref().map(|labels| region_table(labels, &models, &chosen, source.picked()));
    if let Some(table) = &regions {
        outputs.write_file(TABLE, &table.to_tsv()?)?;
    }
    let inputs_sha256 = sha256(series)?;
    let device = json!(device.description());
    outputs.finish(&RunRecord { command: "fit", options: meta, inputs_sha256: &inputs_sha256, device })?;
    let count = |(place, method): (usize, &FitMethod)| {
        let voxels = chosen.models().iter().filter(|&&chosen| usize::from(chosen) == place + 1).count();
        (method.model().to_owned(), voxels)
    };
    let counts = models.iter().enumerate().map(count).collect();
    Ok(SelectionSummary { n_voxels: source.n_voxels(), chosen: counts, left_out, regions })
}

/// Refuses a folder that holds something, before any model is fitted.
fn check_folder(dir: &Path, force: bool) -> Result<()> {
    match !force && std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        true => {
            let remedy = "write to another folder, or replace what it holds with --force";
            Err(Error::cannot_create(dir, "a model's maps are to go there, and it is not empty", remedy))
        }
        false => Ok(()),
    }
}

/// Models are compared by the likelihood of the same samples: by non-linear least squares, over the same axes, each once.
fn check(models: &[FitMethod]) -> Result<()> {
    let mut before: Option<(String, Vec<(String, String)>)> = None;
    for (place, method) in models.iter().enumerate() {
        if !matches!(method, FitMethod::Nlls { .. }) {
            let problem = "models are compared by AICc, which fits by nlls have, and robust ones have not";
            return Err(Error::Usage(format!("{problem}\n  remedy: leave --models or --robust out")));
        }
        if models[..place].iter().any(|other| other.model() == method.model()) {
            return Err(Error::Usage(format!("the model {} is named twice\n  remedy: name each once", method.model())));
        }
        let model = method.signal_model()?;
        let axes: Vec<(String, String)> = model.axes.into_iter().map(|axis| (axis.name, axis.unit)).collect();
        match &before {
            Some((first, others)) if *others != axes => {
                let problem = format!("the models {first} and {} have other axes", model.name);
                return Err(Error::Usage(format!("{problem}\n  remedy: compare models of the same samples")));
            }
            _ => before = before.or(Some((model.name, axes))),
        }
    }
    Ok(())
}

/// What one model's fit leaves for the choice: AICc, rmse, then value and standard error of each shared quantity that it has.
struct Fit {
    n_parameters: usize,
    columns: Vec<Vec<f32>>,
}

fn kept_names(shared: &[Shared], model: usize) -> Vec<String> {
    let own = shared.iter().filter_map(|shared| shared.of[model].as_ref());
    let quantities = own.flat_map(|name| [name.clone(), format!("{name}_se")]);
    ["AICc", "rmse"].into_iter().map(String::from).chain(quantities).collect()
}

/// The values of all maps, in the order of [`planned`], a voxel that was asked for each.
struct Chosen {
    columns: Vec<Column>,
}

impl Chosen {
    /// The place of each voxel's model, from 1 on; 0 for none.
    fn models(&self) -> &[u16] {
        match self.columns.first() {
            Some(Column::U16(models)) => models,
            _ => &[],
        }
    }
}

fn choose(fits: &[Fit], shared: &[Shared], n_voxels: usize) -> Chosen {
    let mut models = vec![0u16; n_voxels];
    let mut floats = vec![vec![f32::NAN; n_voxels]; fits.len() + 2 * shared.len()];
    let (mut weights, mut candidates) = (vec![0.0; fits.len()], Vec::with_capacity(fits.len()));
    // Where a quantity stands among the columns of each model.
    let places: Vec<Vec<Option<usize>>> =
        shared.iter().enumerate().map(|(q, _)| places(shared, q, fits.len())).collect();
    for voxel in 0..n_voxels {
        candidates.clear();
        candidates.extend(fits.iter().map(|fit| Candidate {
            aicc: fit.columns[0][voxel].into(),
            rmse: fit.columns[1][voxel].into(),
            n_parameters: fit.n_parameters,
        }));
        let Some(chosen) = akaike_weights(&candidates, &mut weights) else { continue };
        models[voxel] = chosen as u16 + 1;
        for (to, &weight) in floats.iter_mut().zip(&weights) {
            to[voxel] = weight as f32;
        }
        for (quantity, places) in places.iter().enumerate() {
            let of_model = |((fit, &weight), place): ((&Fit, &f64), &Option<usize>)| {
                place.map(|at| [weight, fit.columns[at][voxel].into(), fit.columns[at + 1][voxel].into()])
            };
            let [mean, error] = averaged(fits.iter().zip(&weights).zip(places).filter_map(of_model));
            floats[fits.len() + 2 * quantity][voxel] = mean as f32;
            floats[fits.len() + 2 * quantity + 1][voxel] = error as f32;
        }
    }
    Chosen { columns: std::iter::once(Column::U16(models)).chain(floats.into_iter().map(Column::F32)).collect() }
}

fn places(shared: &[Shared], quantity: usize, n_models: usize) -> Vec<Option<usize>> {
    let place = |model: usize| {
        let before = shared[..quantity].iter().filter(|other| other.of[model].is_some()).count();
        shared[quantity].of[model].as_ref().map(|_| 2 + 2 * before)
    };
    (0..n_models).map(place).collect()
}

/// A map that is to be written.
struct Planned {
    name: String,
    label: MapLabel,
}

fn planned(models: &[FitMethod], shared: &[Shared]) -> Vec<Planned> {
    let new = |name: String, unit: &str, title: String, picture: Picture| {
        let label = MapLabel { unit: unit.into(), title, picture, meta: Map::new() };
        Planned { name, label }
    };
    let names: Vec<String> = models.iter().enumerate().map(|(i, m)| format!("{} {}", i + 1, m.model())).collect();
    let title = format!("Simplest model whose AICc is at most {SUPPORTED} above the least: {}", names.join(", "));
    let mut all = vec![new(CHOSEN.into(), "", title, ColourKind::Categorical.into())];
    let share = Picture { kind: ColourKind::Sequential, range: Some((0.0, 1.0)) };
    for method in models {
        let (name, title) = (format!("weight_{}", method.model()), format!("Akaike weight of {}", method.model()));
        all.push(new(name, "", title, share));
    }
    for Shared { name, unit, .. } in shared {
        let title = format!("{name}, averaged over models by their Akaike weights");
        all.push(new(format!("{name}_averaged"), unit, title.clone(), ColourKind::Sequential.into()));
        let title = format!("Standard error of {title}, with what the choice of model adds");
        all.push(new(format!("{name}_averaged_se"), unit, title, ColourKind::Sequential.into()));
    }
    all
}

fn describe(
    selection: &Selection,
    series: &Series,
    models: &[FitMethod],
    left_out: &[LeftOut],
    device: &Device,
) -> Result<Map<String, Value>> {
    let number = |(place, method): (usize, &FitMethod)| ((place + 1).to_string(), json!(method.model()));
    let mut meta = Map::new();
    meta.insert("criterion".into(), "AICc".into());
    meta.insert("supported_up_to".into(), SUPPORTED.into());
    meta.insert("method".into(), "nlls".into());
    meta.extend(models.first().map(|method| ("noise".to_owned(), method.noise().name().into())));
    meta.insert("models".into(), Value::Object(models.iter().enumerate().map(number).collect()));
    meta.insert("left_out".into(), left_out.iter().map(|l| (l.model.clone(), json!(l.reason))).collect());
    meta.extend(describe_series(&selection.request, series, device)?);
    Ok(meta)
}

/// One row a region: how many of its voxels have each model.
fn region_table(labels: &Labels, models: &[FitMethod], chosen: &Chosen, picked: Option<&[u32]>) -> Table {
    let mut columns: Vec<String> = ["label", "name", "n", "n_not_fitted"].map(String::from).into();
    columns.extend(models.iter().map(|method| format!("share_{}", method.model())));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&columns);
    let mut everywhere = vec![0u16; labels.values.len()];
    for (i, &model) in chosen.models().iter().enumerate() {
        everywhere[picked.map_or(i, |picked| picked[i] as usize)] = model;
    }
    for (label, voxels) in Regions::new(&labels.values).iter() {
        let with = |model: usize| voxels.iter().filter(|&&voxel| usize::from(everywhere[voxel]) == model).count();
        let n = voxels.len() - with(0);
        let name = labels.names.get(&label).cloned().unwrap_or_default();
        let mut row: Vec<Cell> = vec![usize::from(label).into(), name.into(), n.into(), with(0).into()];
        row.extend((1..=models.len()).map(|model| Cell::from(with(model) as f64 / n as f64)));
        table.push(row);
    }
    table
}
