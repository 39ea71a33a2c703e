//! A whole run of a fit: from files to maps, sidecars and the table of regions.

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::regions::region_table;
use super::{FitMethod, FitOutput, Results, Role, status, weak};
use crate::device::{Device, Progress, Source};
use crate::measure::Table;
use crate::report::outputs::{MapLabel, OpenMap, OutputOptions, Outputs, RunRecord};
use crate::volume::bvalues::warn_if_perfusion_sensitive;
use crate::volume::labels::read_labels;
use crate::volume::mask::{Mask, MaskChoice};
use crate::volume::{ReadOptions, Series, SeriesAxis, SeriesOptions, read};
use crate::{Error, Result};

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
    /// A label image that gives a table of its regions.
    pub labels: Option<PathBuf>,
    /// What is fitted, and how.
    pub method: FitMethod,
    /// Maps to write, by their names; all if none is named.
    pub write: Vec<String>,
    /// Where to.
    pub output: OutputOptions,
}

/// What a person is told at the end.
#[derive(Debug)]
pub struct FitSummary {
    /// Voxels that were asked for.
    pub n_voxels: usize,
    /// How many of them have each bit of [`status::BITS`].
    pub status_counts: Vec<(&'static str, usize)>,
    /// One row a region and method, where there are labels.
    pub regions: Option<Table>,
}

/// Reads, fits and writes; nothing is computed before it is sure that the results can be written.
///
/// # Errors
/// Those of reading ([`read`], [`Series::new`], [`read_labels`]), of [`FitMethod::kernel`], of [`Device::run`] and of
/// [`Outputs`].
pub fn run(
    request: &FitRequest,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<FitSummary> {
    let start = Instant::now();
    let images = request.inputs.iter().map(|path| read(path, &request.read)).collect::<Result<Vec<_>>>()?;
    let mut series = Series::new(images, &request.series)?;
    for (axis, path) in &request.axis_scales {
        series.scale(axis, read(path, &request.read)?)?;
    }
    let series = series;
    let labels = request.labels.as_ref().map(|path| read_labels(path, &series.grid, &request.read)).transpose()?;
    let name = request.inputs.first().map(PathBuf::as_path).unwrap_or_else(|| "".as_ref());
    let mask = request.mask.mask(&series.grid, name, || series.brightest(), &request.read)?;
    let written = request.method.named_outputs(&request.write)?;
    let computed = with_status(&request.method, &written)?;
    let kernel = request.method.kernel(&series.protocol(), &computed)?;
    let maps: Vec<&str> = written.iter().map(|output| output.name.as_str()).collect();
    let table = table_name(&request.method)?;
    let files: &[&str] = if labels.is_some() { &[&table] } else { &[] };
    let outputs = Outputs::plan(request.output.clone(), &maps, files)?;

    tracing::debug!("read after {:.1} ms", milliseconds(start));
    let source = Source::new(series.rows(), series.grid.n_voxels(), mask.as_ref().map(Mask::picked));
    let masked = request.mask != MaskChoice::None;
    let columns = device.columns(&*kernel);
    let mut at = 0;
    let mut open = |output: &FitOutput| {
        let (column, elsewhere) = (&columns[at], masked.then(|| output.elsewhere()));
        at += output.n_volumes;
        let map = || outputs.open_map(&series.grid, &output.name, output.n_volumes, column, elsewhere);
        written.contains(output).then(map).transpose()
    };
    let maps = computed.iter().map(&mut open).collect::<Result<_>>()?;
    // The status is the last output, and has one column.
    let results = Results::new(maps, columns.len().checked_sub(1), source.picked());
    device.run_into(&*kernel, &source, &results, &*progress(source.n_voxels()))?;

    for remark in weak::remarks(&request.method, &series, &source, device)? {
        tracing::warn!("{remark}\n  remedy: `hepar design` shows what these samples can tell; fit a simpler model");
    }
    tracing::debug!("fitted after {:.1} ms", milliseconds(start));
    let meta = describe(request, &series, device)?;
    tracing::debug!("inputs hashed after {:.1} ms", milliseconds(start));
    let status_counts = results.status_counts();
    let written = computed.iter().filter(|output| written.contains(output));
    let labelled = results.into_maps().zip(written.map(|output| label(output, &request.method, &meta)));
    let labelled: Vec<(OpenMap, MapLabel)> = labelled.collect();
    labelled.into_par_iter().try_for_each(|(map, label)| outputs.close_map(&series.grid, map, label))?;
    let regions = labels.map(|labels| region_table(&series, &labels, &request.method, device)).transpose()?;
    if let Some(table) = &regions {
        outputs.write_file(&table_name(&request.method)?, &table.to_tsv()?)?;
    }
    let inputs_sha256 = sha256(&series)?;
    let device = json!(device.description());
    outputs.finish(&RunRecord {
        command: request.method.command(),
        options: meta,
        inputs_sha256: &inputs_sha256,
        device,
    })?;
    tracing::debug!("written after {:.1} ms", milliseconds(start));
    Ok(FitSummary { n_voxels: source.n_voxels(), status_counts, regions })
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// The status comes last whether it is written or not: its counts are always said.
fn with_status(method: &FitMethod, written: &[FitOutput]) -> Result<Vec<FitOutput>> {
    let is_status = |output: &&FitOutput| output.role == Role::Status;
    let all = method.outputs()?;
    let others = written.iter().filter(|output| !is_status(output));
    Ok(others.chain(all.iter().filter(is_status)).cloned().collect())
}

/// The table that labels give is named after the first estimate.
fn table_name(method: &FitMethod) -> Result<String> {
    Ok(match method.outputs()?.iter().find(|output| output.role == Role::Estimate) {
        Some(output) if method.model() == "adc" => format!("{}_regions.tsv", output.name),
        _ => format!("{}_regions.tsv", method.model()),
    })
}

fn label(output: &FitOutput, method: &FitMethod, meta: &Map<String, Value>) -> MapLabel {
    let mut meta = meta.clone();
    if output.role == Role::Status {
        let bits = status::BITS.iter().map(|(bit, meaning)| (bit.to_string(), Value::from(*meaning)));
        meta.insert("status_bits".into(), Value::Object(bits.collect()));
    }
    if let (Role::Spectrum, FitMethod::Spectrum(options)) = (output.role, method) {
        meta.insert("diffusivities_mm2_per_s".into(), options.diffusivities().into());
    }
    let (unit, title) = (output.unit.clone(), output.title.clone());
    MapLabel { unit, title, picture: output.colours().into(), meta }
}

/// What a sidecar says of how its map was made.
fn describe(request: &FitRequest, series: &Series, device: &Device) -> Result<Map<String, Value>> {
    let b_values = series.b_values();
    let axis =
        |(axis, values): (&SeriesAxis, Vec<f64>)| (axis.name.clone(), json!({"unit": axis.unit, "values": values}));
    let axes: Map<String, Value> = series.axes.iter().zip(series.values()).map(axis).collect();
    let sensitive = !request.method.has_perfusion()? && warn_if_perfusion_sensitive(&b_values);
    let left_out: Vec<usize> = series.left_out.iter().map(|(volume, _)| *volume).collect();
    let description = json!({
        "axes": axes,
        "axes_scaled_by_voxel": series.factors().map(|(axis, _)| axis).collect::<Vec<_>>(),
        "b_values_s_per_mm2": b_values,
        "volumes_used": series.volumes.iter().map(|volume| &volume.from).collect::<Vec<_>>(),
        "volumes_left_out_as_derived": left_out,
        "perfusion_sensitive": sensitive,
        "average": request.series.average.name(),
        "average_within": request.series.average_within.as_ref().map(|within| &within.column),
        "b_tolerance_s_per_mm2": request.series.b_tolerance,
        "median_3x3": request.series.median_3x3,
        "mask": request.mask.name(),
        "inputs_sha256": sha256(series)?,
        "device": device.description(),
    });
    match description {
        Value::Object(mut keys) => {
            keys.retain(|key, value| {
                key != "b_values_s_per_mm2" || value.as_array().is_some_and(|all| !all.is_empty())
            });
            Ok(request.method.describe().into_iter().chain(keys).collect())
        }
        _ => Err(Error::Internal("a sidecar is no JSON object".into())),
    }
}

fn sha256(series: &Series) -> Result<Vec<String>> {
    let factors = series.factors().map(|(_, image)| image);
    series
        .images()
        .iter()
        .chain(factors)
        .filter_map(|image| image.sha256().transpose())
        .map(|hash| hash.map(str::to_owned))
        .collect()
}
