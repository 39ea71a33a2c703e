//! A whole run of a fit: from files to maps, sidecars, tables and plots.

mod beside;
mod describe;
mod inputs;
mod keep;
mod sinks;
mod wanted;

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::plot::PlotPlace;
use super::prior::{PriorRequest, SecondFit};
use super::{FitMethod, FitOutput, Fitting, Results, Sigma, weak};
use crate::device::{Device, Progress};
use crate::measure::Table;
use crate::report::outputs::{OutputOptions, Outputs, RunRecord};
use crate::volume::mask::MaskChoice;
use crate::volume::{ReadOptions, SeriesOptions};
use crate::{Error, Result};

use beside::Beside;
pub(super) use describe::{describe_series, sha256};
pub(super) use inputs::Inputs;
pub use keep::{KeptMaps, check, run_keeping};
pub(super) use sinks::Kept;
use sinks::Sinks;
use wanted::Wanted;

/// What is fitted, how, and where the results go.
#[derive(Debug, Clone)]
pub struct FitRequest {
    /// One 4D file, or several 3D files in order.
    pub inputs: Vec<PathBuf>,
    /// How files are read.
    pub read: ReadOptions,
    /// How they become a series.
    pub series: SeriesOptions,
    /// Axes whose values an image multiplies voxel by voxel.
    pub axis_scales: Vec<(String, PathBuf)>,
    /// Which voxels are fitted.
    pub mask: MaskChoice,
    /// A label image that gives tables of its regions.
    pub labels: Option<PathBuf>,
    /// What is fitted, and how.
    pub method: FitMethod,
    /// The noise; `None`: it is estimated if the method needs it.
    pub sigma: Option<Sigma>,
    /// A second fit, with priors.
    pub prior: Option<PriorRequest>,
    /// Maps to write, by their names; all of the fit if none is named.
    pub write: Vec<String>,
    /// Whether residuals are written, a volume for each volume used.
    pub residuals: bool,
    /// Voxels and labels whose data and fit are drawn.
    pub plots: Vec<PlotPlace>,
    /// Where to.
    pub output: OutputOptions,
}

/// What a person is told at the end.
#[derive(Debug)]
pub struct FitSummary {
    /// Voxels that were asked for.
    pub n_voxels: usize,
    /// How many of them have each bit of [`status::BITS`](super::status::BITS).
    pub status_counts: Vec<(&'static str, usize)>,
    /// One row a region and method, where there are labels.
    pub regions: Option<Table>,
    /// What priors have done to labels, where both are.
    pub prior: Option<Table>,
}

/// Reads, fits and writes; nothing is computed before it is sure that the results can be written.
///
/// # Errors
/// Those of [`read`](crate::volume::read), [`Series::new`](crate::volume::Series::new) and
/// [`read_labels`](crate::volume::read_labels), of [`FitMethod::kernel`], of [`Device::run`] and of [`Outputs`].
pub fn run(
    request: &FitRequest,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<FitSummary> {
    Wanted::check(request)?;
    fit_read(request, Inputs::read(request)?, device, progress)
}

/// The same on a device that opens while the files are read: a GPU's driver takes a tenth of a second or two. Where it does
/// not open, the error comes at once, and reading goes on until the program ends or the files do.
///
/// # Errors
/// Those of [`run`] and of `open`.
pub fn run_opening(
    request: &FitRequest,
    open: impl FnOnce() -> Result<Device>,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<FitSummary> {
    Wanted::check(request)?;
    let read = request.clone();
    let reading = std::thread::spawn(move || Inputs::read(&read));
    let device = open()?;
    let inputs = reading.join().map_err(|_| Error::Internal("reading has failed".into()))??;
    fit_read(request, inputs, &device, progress)
}

fn fit_read(
    request: &FitRequest,
    mut inputs: Inputs,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<FitSummary> {
    inputs.find_noise(request, &request.method, device)?;
    let fitted = fit(request, &inputs, &Kept::default(), device, progress)?;
    // To give a large file back takes the system a while, as syncing does, which mostly waits.
    let _ = std::thread::Builder::new().spawn(move || drop(inputs));
    fitted.finish()
}

/// A run whose files are all written, and have no names yet.
pub(super) struct Unfinished {
    outputs: Outputs,
    command: &'static str,
    meta: Map<String, Value>,
    inputs_sha256: Vec<String>,
    device: Value,
    summary: FitSummary,
}

impl Unfinished {
    /// Gives the files their names.
    pub(super) fn finish(self) -> Result<FitSummary> {
        let Self { outputs, command, meta, inputs_sha256, device, summary } = self;
        outputs.finish(&RunRecord { command, options: meta, inputs_sha256: &inputs_sha256, device })?;
        Ok(summary)
    }
}

/// Fits what has been read, up to names of files. `kept` takes columns that the caller needs.
pub(super) fn fit(
    request: &FitRequest,
    inputs: &Inputs,
    kept: &Kept,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<Unfinished> {
    let start = Instant::now();
    let series = &inputs.series;
    let wanted = Wanted::new(request, kept.names())?;
    let fitting = Fitting::new(&request.method, &series.protocol(), &wanted.computed)?;
    let beside = Beside::new(request, inputs)?;
    let second = request.prior.as_ref().map(|prior| SecondFit::plan(prior, request, series)).transpose()?;
    let of_second = second.iter().flat_map(|second| &second.maps).map(String::as_str);
    let maps: Vec<&str> = wanted.maps().map(|output| output.name.as_str()).chain(of_second).collect();
    let table = second.iter().filter_map(|second| second.table.clone());
    let files: Vec<String> = beside.files().chain(wanted.series_files(request.output.format)).chain(table).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let outputs = Outputs::plan(request.output.clone(), &maps, &files)?;

    let source = inputs.source();
    let masked = request.mask != MaskChoice::None;
    let columns = fitting.empty_columns(device, 0);
    let mut at = 0;
    let mut open = |output: &FitOutput| {
        let (column, elsewhere) = (&columns[at], masked.then(|| output.elsewhere()));
        at += output.n_volumes;
        let map = || match output.n_volumes {
            1 => outputs.open_map(&series.grid, &output.name, column, elsewhere),
            n => outputs.open_series(&series.grid, &output.name, n, column),
        };
        wanted.of_fit.contains(output).then(map).transpose()
    };
    let maps = wanted.computed.iter().map(&mut open).collect::<Result<_>>()?;
    let results = Results::new(maps, wanted.status_column(), source.picked());
    let goodness = wanted.open_goodness(request, inputs, &source, &outputs, &columns)?;
    kept.bind(&wanted.computed, source.n_voxels())?;
    let sinks = Sinks { results: &results, goodness: goodness.as_ref(), kept };
    fitting.run_into(device, &source, &sinks, &*progress(source.n_voxels()))?;

    for remark in weak::remarks(&request.method, series, &source, device)? {
        request
            .read
            .remarks
            .say(format!("{remark}\n  remedy: `hepar design` shows what these samples can tell; fit a simpler model"));
    }
    tracing::debug!("fitted after {:.1} ms", milliseconds(start));
    let mut meta = describe::describe(request, series, device)?;
    meta.extend(inputs.noise.clone().map(|sigma| ("sigma".to_owned(), sigma)));
    if let Some(prior) = &request.prior {
        meta.insert("prior".into(), prior.describe());
    }
    let meta = meta;
    tracing::debug!("inputs hashed after {:.1} ms", milliseconds(start));
    let status_counts = results.status_counts();
    let closing = wanted.labelled(results, goodness, &request.method, &meta);
    closing.into_par_iter().try_for_each(|(map, label)| outputs.close_map(&series.grid, map, label).map(drop))?;
    let regions = beside.write(request, inputs, device, &outputs)?;
    let shrunk = second.map(|second| second.run(series, source.picked(), device)).transpose()?;
    if let Some(shrunk) = &shrunk {
        shrunk.write(&outputs, &series.grid, &meta, request.method.model())?;
    }
    tracing::debug!("written after {:.1} ms", milliseconds(start));
    Ok(Unfinished {
        outputs,
        command: request.method.command(),
        meta,
        // After all that is computed: an image that is used in place must still be what it was.
        inputs_sha256: sha256(series)?,
        device: json!(device.description()),
        summary: FitSummary {
            n_voxels: source.n_voxels(),
            status_counts,
            regions,
            prior: shrunk.and_then(|shrunk| shrunk.table),
        },
    })
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
