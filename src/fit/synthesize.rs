//! `hepar synthesize`: images at values of the axes that nobody measured, from the maps of a fit.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Results;
use crate::device::{Column, Device, Progress, Source, VoxelKernel};
use crate::model::SignalModel;
use crate::model::signal::program::Choice;
use crate::model::signal::{Axis, Parameter, SIGNAL};
use crate::report::ColourKind;
use crate::report::outputs::{MapLabel, OutputOptions, Outputs, RECORD, RunRecord};
use crate::volume::series::check_same_grid;
use crate::volume::{Format, Image, ReadOptions, read};
use crate::{Error, Result};

/// What is computed, from what, and where it goes.
#[derive(Debug, Clone)]
pub struct SynthesisRequest {
    /// A folder that `hepar fit` wrote.
    pub maps: FittedFolder,
    /// The model that was fitted.
    pub model: SignalModel,
    /// `[axis][image]` in the order and units of the model's axes.
    pub axes: Vec<Vec<f64>>,
    /// Values of parameters that have no map.
    pub fixed: Vec<(String, f64)>,
    /// How maps are read.
    pub read: ReadOptions,
    /// Where to.
    pub output: OutputOptions,
}

/// A folder of fitted maps, with what its record says.
#[derive(Debug, Clone)]
pub struct FittedFolder {
    dir: PathBuf,
    /// The options of the run; nothing where there is no record.
    options: Map<String, Value>,
    /// The files that it wrote, where there is a record: others may be left over from an earlier run.
    outputs: Option<Vec<String>>,
}

impl FittedFolder {
    /// Reads the record of a folder, if it has one.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such folder, [`Error::Data`] for a record of something else than a fit.
    pub fn open(dir: &Path) -> Result<Self> {
        fs::read_dir(dir).map_err(|e| Error::io(dir, e))?;
        let path = dir.join(RECORD);
        if !path.is_file() {
            tracing::warn!(
                "{}: has no {RECORD}: the fit that wrote its maps has not ended, or was another program's",
                dir.display()
            );
            return Ok(Self { dir: dir.into(), options: Map::new(), outputs: None });
        }
        let mut record = json_object(&path)?;
        let options = record.remove("options");
        let listed = record.get("outputs").and_then(Value::as_array).into_iter().flatten();
        let outputs = Some(listed.filter_map(Value::as_str).map(String::from).collect());
        match (record.get("command").and_then(Value::as_str), options) {
            (Some("fit"), Some(Value::Object(options))) => Ok(Self { dir: dir.into(), options, outputs }),
            (command, _) => {
                let problem = format!("is the record of `{}`", command.unwrap_or("nothing"));
                Err(Error::data(&path, problem, "give a folder that `hepar fit` wrote"))
            }
        }
    }

    /// The name of the model that was fitted, where the record says it.
    pub fn model(&self) -> Option<&str> {
        self.options.get("model").and_then(Value::as_str)
    }

    /// The formula that was fitted, where the record says it.
    fn signal(&self) -> Option<&str> {
        self.options.get("signal").and_then(Value::as_str)
    }

    /// The value at which the fit held a parameter.
    fn fixed(&self, name: &str) -> Option<f64> {
        self.options.get("fixed")?.get(name)?.as_f64()
    }

    /// The measured values of an axis.
    fn measured(&self, axis: &str) -> Vec<f64> {
        let values = || self.options.get("axes")?.get(axis)?.get("values")?.as_array();
        values().into_iter().flatten().filter_map(Value::as_f64).collect()
    }

    /// The map of a parameter, if there is one: of one volume, in this unit by its sidecar.
    fn map(&self, name: &str, unit: &str, options: &ReadOptions) -> Result<Option<Image>> {
        let files = [Format::NiiGz, Format::Nii].map(|format| format!("{name}.{}", format.suffix()));
        let is_there = |file: &&String| match &self.outputs {
            Some(outputs) => outputs.contains(*file),
            None => self.dir.join(*file).is_file(),
        };
        let Some(path) = files.iter().find(is_there).map(|file| self.dir.join(file)) else { return Ok(None) };
        let image = read(&path, options)?;
        if image.n_volumes() != 1 {
            let problem = format!("holds {} volumes, a map is one", image.n_volumes());
            return Err(Error::data(&path, problem, "give the folder of a fit"));
        }
        let sidecar = self.dir.join(format!("{name}.json"));
        if !sidecar.is_file() {
            tracing::warn!("{}: has no sidecar: it is taken to be in {unit}", path.display());
            return Ok(Some(image));
        }
        let written = json_object(&sidecar)?;
        let written = written.get("units").and_then(Value::as_str).unwrap_or_default();
        match plain(written) == plain(unit) {
            true => Ok(Some(image)),
            false => {
                let problem = format!("says that {name} is in `{written}`, and the model has it in `{unit}`");
                Err(Error::data(&sidecar, problem, "give the maps of a fit of this model"))
            }
        }
    }
}

fn json_object(path: &Path) -> Result<Map<String, Value>> {
    let text = fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::data(path, format!("is no JSON object: {e}"), "give a folder that `hepar fit` wrote"))
}

/// Units as sidecars and models write them, made alike.
fn plain(unit: &str) -> &str {
    match unit {
        "1" => "",
        "a.u." => SIGNAL,
        unit => unit,
    }
}

/// Computes the images and writes them; gives back their names.
///
/// # Errors
/// Those of reading and writing; [`Error::Usage`] for a model other than that of the maps, parameters without a map or a
/// value, and images that are asked for twice; [`Error::Data`] for maps in other units or on other grids.
pub fn synthesize(
    request: &SynthesisRequest,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<Vec<String>> {
    let SynthesisRequest { maps: folder, model, axes, .. } = request;
    if let Some(other) = folder.model().filter(|other| *other != model.name) {
        let problem = format!("the maps are of the model `{other}`, and `{}` is asked for", model.name);
        return Err(Error::Usage(format!("{problem}\n  remedy: leave --model out, or give the maps of a fit of it")));
    }
    if let Some(signal) = folder.signal().filter(|signal| *signal != model.signal.text) {
        let problem = format!("the maps are of another model `{}`, whose signal is {signal}", model.name);
        return Err(Error::Usage(format!("{problem}\n  remedy: give its file with --model-file")));
    }
    let names = names(model, axes)?;
    let (choice, images) = parameters(request)?;
    let first =
        images.first().ok_or_else(|| Error::Usage("there is no map\n  remedy: give fewer values with --fix".into()))?;
    images.iter().try_for_each(|image| check_same_grid(first, image))?;
    let kernel = model.signal_kernel(&choice, axes)?;
    let planned: Vec<&str> = names.iter().map(String::as_str).collect();
    let outputs = Outputs::plan(request.output.clone(), &planned, &[])?;

    let grid = &first.grid;
    let source = Source::new(images.iter().map(|image| image.row(0)).collect(), grid.n_voxels(), None);
    let columns = device.empty_columns(&kernel.columns(), 0);
    let open = |(name, column): (&String, &Column)| outputs.open_map(grid, name, column, None).map(Some);
    // The last column, a status, has no name and is not written.
    let mut opened = names.iter().zip(&columns).map(open).collect::<Result<Vec<_>>>()?;
    opened.push(None);
    let results = Results::new(opened, None, None);
    device.run_into(&kernel, &source, &results, &*progress(source.n_voxels()))?;

    let hashes = images.iter().filter_map(|image| image.sha256().transpose());
    let inputs_sha256 = hashes.map(|hash| hash.map(str::to_owned)).collect::<Result<Vec<_>>>()?;
    let mut meta = describe(model, &choice);
    meta.insert("inputs_sha256".into(), json!(inputs_sha256));
    meta.insert("device".into(), json!(device.description()));
    for (image, map) in results.into_maps().enumerate() {
        let label = label(folder, model, axes, image, &meta);
        outputs.close_map(grid, map, label)?;
    }
    let axis = |(axis, values): (&Axis, &Vec<f64>)| (axis.name.clone(), json!({"unit": axis.unit, "values": values}));
    meta.insert("axes".into(), model.axes.iter().zip(axes).map(axis).collect());
    let device = json!(device.description());
    outputs.finish(&RunRecord { command: "synthesize", options: meta, inputs_sha256: &inputs_sha256, device })?;
    Ok(names)
}

/// What is said of all images: the model, and the parameters that have one value in all voxels.
fn describe(model: &SignalModel, choice: &Choice) -> Map<String, Value> {
    let held = |(parameter, value): (&Parameter, &Option<f64>)| Some((parameter.name.clone(), json!((*value)?)));
    let entries = [
        ("model", json!(model.name)),
        ("signal", json!(model.signal.text)),
        ("computed_from_fit", json!(true)),
        ("fixed", model.parameters.iter().zip(&choice.fixed).filter_map(held).collect()),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The fitted parameters, with a map of each in the model's order; the others have values.
fn parameters(request: &SynthesisRequest) -> Result<(Choice, Vec<Image>)> {
    let SynthesisRequest { maps: folder, model, fixed, read, .. } = request;
    let mut choice = Choice::with(model, fixed)?;
    let mut images = Vec::new();
    for (parameter, value) in model.parameters.iter().zip(&mut choice.fixed) {
        if fixed.iter().any(|(name, _)| *name == parameter.name) {
            continue;
        }
        match folder.map(&parameter.name, &parameter.unit, read)? {
            Some(map) => {
                *value = None;
                images.push(map);
            }
            None => {
                let held = folder.fixed(&parameter.name).or(*value);
                *value = Some(held.ok_or_else(|| {
                    let (dir, name) = (folder.dir.display(), &parameter.name);
                    let remedy = format!("have `hepar fit` write it, or give --fix {name}=VALUE");
                    Error::Usage(format!("{dir}: has no map of {name}\n  remedy: {remedy}"))
                })?);
            }
        }
    }
    Ok((choice, images))
}

/// A name for each image, of all its places on the axes.
fn names(model: &SignalModel, axes: &[Vec<f64>]) -> Result<Vec<String>> {
    let n = axes.first().map_or(0, Vec::len);
    let mut names: Vec<String> = Vec::new();
    for image in 0..n {
        let parts = model.axes.iter().zip(axes).map(|(axis, values)| format!("_{}{}", axis.name, values[image]));
        let name = format!("computed{}", parts.collect::<String>());
        if names.contains(&name) {
            return Err(Error::Usage(format!("{name} is asked for twice\n  remedy: give each value of --at once")));
        }
        names.push(name);
    }
    Ok(names)
}

/// What is said of an image; beyond what was measured, a warning.
fn label(
    folder: &FittedFolder,
    model: &SignalModel,
    axes: &[Vec<f64>],
    image: usize,
    meta: &Map<String, Value>,
) -> MapLabel {
    let mut meta = meta.clone();
    let (mut places, mut beyond) = (Vec::new(), false);
    for (axis, values) in model.axes.iter().zip(axes) {
        let (value, measured) = (values[image], folder.measured(&axis.name));
        let place = format!("{} = {value} {}", axis.name, axis.unit.replace("^2", "²"));
        let low = measured.iter().copied().fold(f64::INFINITY, f64::min);
        let high = measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !measured.is_empty() && !(low..=high).contains(&value) {
            tracing::warn!(
                "{place} lies beyond the measured {low} to {high}: the image is as good as the model is there"
            );
            beyond = true;
        }
        meta.insert(axis.name.clone(), json!({"unit": axis.unit, "value": value}));
        places.push(place);
    }
    meta.insert("beyond_measured".into(), beyond.into());
    let title = format!("Computed image, {}{}", places.join(", "), if beyond { " (extrapolated)" } else { "" });
    MapLabel { unit: "a.u.".into(), title, picture: ColourKind::Grey.into(), meta }
}
