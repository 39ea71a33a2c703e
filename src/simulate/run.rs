//! A simulated series from files to files: `hepar simulate`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::series::{SeriesSpec, SimulatedSeries, Truth, simulate};
use super::{Noise, centred_grid};
use crate::model::SignalModel;
use crate::model::signal::{Parameter, ParameterKind};
use crate::report::ColourKind;
use crate::report::outputs::{MapOutput, OutputOptions, Outputs, RunRecord};
use crate::volume::axes::{B, B_UNIT, as_in_sidecars};
use crate::volume::series::GRID_TOLERANCE_VOXELS;
use crate::volume::{Grid, MapData, ReadOptions, read};
use crate::{Error, Result};

/// Signal of parameters in its units, unless another is given: of the order of what scanners store.
const SIGNAL: f64 = 1000.0;

/// Edges of a voxel where no image says otherwise, mm.
const ZOOMS_MM: [f64; 3] = [2.0; 3];

/// What is made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The model.
    pub model: SignalModel,
    /// `[axis][sample]` in their units.
    pub axes: Vec<Vec<f64>>,
    /// Values of parameters by name; others are typical.
    pub truth: Vec<(String, TruthSource)>,
    /// Voxels along i, j, k; needed unless an image gives them.
    pub shape: Option<[usize; 3]>,
    /// How images are read, and the most that the voxels of one volume may take.
    pub read: ReadOptions,
    /// How noise appears.
    pub noise: Noise,
    /// Signal-to-noise ratio: see [`SeriesSpec::snr`].
    pub snr: f64,
    /// Of the noise.
    pub seed: u64,
    /// Where to.
    pub output: OutputOptions,
}

/// Where the true value of a parameter comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TruthSource {
    /// The same in all voxels, in the parameter's unit.
    Value(f64),
    /// An image of one volume.
    Image(PathBuf),
}

/// What was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// Samples.
    pub n_volumes: usize,
    /// Voxels of each.
    pub n_voxels: usize,
    /// Standard deviation of the noise in units of the signal.
    pub sigma: f64,
}

/// Makes the series and writes it with its truth.
///
/// # Errors
/// Those of [`simulate`], of reading images and of writing outputs; [`Error::Usage`] for a shape that is missing, or
/// given beside images; [`Error::Data`] for images that are no single volume or on other grids.
pub fn run(request: &Request) -> Result<Made> {
    let Inputs { grid, truth, sha256 } = inputs(request)?;
    let (model, axes) = (&request.model, &request.axes);
    let spec = SeriesSpec {
        model,
        axes,
        truth: &truth,
        n_voxels: grid.n_voxels(),
        noise: request.noise,
        snr: request.snr,
        seed: request.seed,
    };
    spec.check()?;
    let b_axis = model.axes.iter().position(|axis| axis.name == B && axis.unit == B_UNIT);
    let tables: &[&str] = if b_axis.is_some() { &["series.bval"] } else { &[] };
    let outputs = Outputs::plan(request.output.clone(), &["series"], tables)?;
    let truth_outputs = plan_truth(request)?;
    let made = simulate(&spec)?;
    let options = record(request, &truth, &made);
    write_truth(request, truth_outputs, &grid, &made, &options)?;
    outputs.write_map(
        &grid,
        &MapOutput {
            name: "series",
            data: MapData::F32(&made.voxels),
            unit: "signal",
            title: "Simulated series",
            picture: ColourKind::Sequential.into(),
            meta: options.clone(),
        },
    )?;
    if let Some(axis) = b_axis {
        let b: Vec<String> = axes[axis].iter().map(f64::to_string).collect();
        outputs.write_file("series.bval", format!("{}\n", b.join(" ")).as_bytes())?;
    }
    outputs.finish(&RunRecord { command: "simulate", options, inputs_sha256: &sha256, device: Value::Null })?;
    Ok(Made { n_volumes: axes[0].len(), n_voxels: grid.n_voxels(), sigma: made.sigma })
}

/// The maps of the truth that are written: what a fit would write, under its names, and the fixed parameters that were
/// given.
fn truth_names(request: &Request) -> Vec<&str> {
    let model = &request.model;
    let given = |p: &Parameter| request.truth.iter().any(|(name, _)| *name == p.name);
    let is_written = |p: &&Parameter| matches!(p.kind, ParameterKind::Fitted { .. }) || given(p);
    let parameters = model.parameters.iter().filter(is_written).map(|p| p.name.as_str());
    parameters.chain(model.derived.iter().map(|derived| derived.name.as_str())).collect()
}

fn plan_truth(request: &Request) -> Result<Outputs> {
    let dir = request.output.dir.join("truth");
    Outputs::plan(OutputOptions { dir, ..request.output.clone() }, &truth_names(request), &[])
}

fn write_truth(
    request: &Request,
    outputs: Outputs,
    grid: &Grid,
    made: &SimulatedSeries,
    options: &Map<String, Value>,
) -> Result<()> {
    let names = truth_names(request);
    for map in made.truth.iter().filter(|map| names.contains(&map.name.as_str())) {
        outputs.write_map(
            grid,
            &MapOutput {
                name: &map.name,
                data: MapData::F32(&map.values),
                unit: &map.unit,
                title: &map.title,
                picture: ColourKind::Sequential.into(),
                meta: options.clone(),
            },
        )?;
    }
    let record = RunRecord { command: "simulate", options: options.clone(), inputs_sha256: &[], device: Value::Null };
    outputs.finish(&record).map(drop)
}

/// Every choice that changes a number.
fn record(request: &Request, truth: &[Truth], made: &SimulatedSeries) -> Map<String, Value> {
    let model = &request.model;
    let axis = |(axis, values): (&crate::model::signal::Axis, &Vec<f64>)| (axis.name.clone(), json!(values));
    let axes: Map<String, Value> = model.axes.iter().zip(&request.axes).map(axis).collect();
    let value = |(parameter, truth): (&Parameter, &Truth)| {
        let value = match truth {
            Truth::Value(value) => json!(value),
            Truth::Map(_) => json!("image"),
        };
        (parameter.name.clone(), value)
    };
    let truth: Map<String, Value> = model.parameters.iter().zip(truth).map(value).collect();
    let entries = [
        ("model", json!(model.name)),
        ("signal", json!(model.signal.text)),
        ("axes", Value::Object(axes)),
        ("truth", Value::Object(truth)),
        ("noise", json!(request.noise)),
        ("snr", if request.noise == Noise::None { Value::Null } else { json!(request.snr) }),
        ("sigma", json!(made.sigma)),
        ("seed", json!(request.seed)),
    ];
    // As scanners' sidecars have them, so that a fit finds them.
    let of_sidecar = |(axis, values): (&crate::model::signal::Axis, &Vec<f64>)| {
        as_in_sidecars(&axis.name, &axis.unit, values).map(|(key, values)| (key, json!(values)))
    };
    let of_sidecars = model.axes.iter().zip(&request.axes).filter_map(of_sidecar);
    entries.into_iter().chain(of_sidecars).map(|(key, value)| (key.to_owned(), value)).collect()
}

struct Inputs {
    grid: Grid,
    truth: Vec<Truth>,
    sha256: Vec<String>,
}

/// The truth of all parameters, and the grid that it lies on.
fn inputs(request: &Request) -> Result<Inputs> {
    let model = &request.model;
    let default = |p: &Parameter| if p.is_signal() { SIGNAL } else { p.typical() };
    let mut truth: Vec<Truth> = model.parameters.iter().map(|p| Truth::Value(default(p))).collect();
    let (mut grid, mut sha256): (Option<(PathBuf, Grid)>, _) = (None, Vec::new());
    for (name, source) in &request.truth {
        model.parameter(name)?;
        let found = match source {
            TruthSource::Value(value) => Truth::Value(*value),
            TruthSource::Image(path) => {
                let image = read(path, &request.read)?;
                if image.n_volumes() != 1 {
                    let problem = format!("holds {} volumes", image.n_volumes());
                    return Err(Error::data(path, problem, "give an image of one volume"));
                }
                let mut values = vec![0.0; image.grid.n_voxels()];
                image.row(0).load_f32(0, &mut values);
                sha256.extend(image.sha256()?.map(str::to_owned));
                match &grid {
                    None => grid = Some((path.clone(), image.grid)),
                    Some((first, grid)) => check_grid(first, grid, path, &image.grid)?,
                }
                Truth::Map(values)
            }
        };
        let places = model.parameters.iter().zip(&mut truth).filter(|(parameter, _)| parameter.name == *name);
        places.for_each(|(_, place)| *place = found.clone());
    }
    let grid = match (grid, request.shape) {
        (Some((_, grid)), None) => grid,
        (None, Some(shape)) => shaped(shape, &request.read)?,
        (Some(_), Some(_)) => {
            let problem = "the grid is that of the images of --truth";
            return Err(Error::Usage(format!("{problem}\n  remedy: leave --shape out")));
        }
        (None, None) => {
            let problem = "it is not known how many voxels to make";
            return Err(Error::Usage(format!("{problem}\n  remedy: give --shape, such as 64,64,10")));
        }
    };
    Ok(Inputs { grid, truth, sha256 })
}

fn check_grid(first: &Path, grid: &Grid, path: &Path, other: &Grid) -> Result<()> {
    if grid.max_distance_voxels(other) <= GRID_TOLERANCE_VOXELS {
        return Ok(());
    }
    let problem = format!("is not on the grid of {}", first.display());
    Err(Error::data(path, problem, "give images of one grid"))
}

/// A grid of so many voxels, if a volume may take their memory.
fn shaped(shape: [usize; 3], options: &ReadOptions) -> Result<Grid> {
    let n_voxels = shape.iter().try_fold(1u64, |n, &along| n.checked_mul(along as u64));
    let bytes = n_voxels.and_then(|n| n.checked_mul(size_of::<f32>() as u64));
    match bytes.is_some_and(|bytes| bytes <= options.max_volume_bytes) {
        true => Ok(centred_grid(shape, ZOOMS_MM)),
        false => Err(Error::Usage(format!(
            "a volume of {shape:?} voxels takes more than {} bytes\n  remedy: make fewer, or raise --max-volume-bytes",
            options.max_volume_bytes
        ))),
    }
}
