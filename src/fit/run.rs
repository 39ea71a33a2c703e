//! A whole run of the ADC fit: from files to maps, sidecars and the table of regions.

use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::regions::region_table;
use super::{AdcKernel, AdcOptions, AdcOutput, Results, status};
use crate::device::{Device, Progress, Source, VoxelKernel};
use crate::measure::Table;
use crate::report::ColourKind;
use crate::report::outputs::{MapLabel, OpenMap, OutputOptions, Outputs, RunRecord};
use crate::volume::bvalues::warn_if_perfusion_sensitive;
use crate::volume::labels::read_labels;
use crate::volume::mask::{Mask, MaskChoice};
use crate::volume::{ReadOptions, Series, SeriesOptions, read};
use crate::{Error, Result};

/// The table that labels give.
const TABLE: &str = "ADC_regions.tsv";

/// What is fitted, how, and where the results go.
#[derive(Debug, Clone)]
pub struct FitRequest {
    /// One 4D file, or several 3D files in order.
    pub inputs: Vec<PathBuf>,
    /// How files are read.
    pub read: ReadOptions,
    /// How they become a series.
    pub series: SeriesOptions,
    /// Which voxels are fitted.
    pub mask: MaskChoice,
    /// A label image that gives a table of its regions.
    pub labels: Option<PathBuf>,
    /// How the fit is done.
    pub options: AdcOptions,
    /// Maps to write.
    pub write: Vec<AdcOutput>,
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
/// Those of reading ([`read`], [`Series::new`], [`read_labels`]), of [`Device::run`] and of [`Outputs`].
pub fn run(
    request: &FitRequest,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<FitSummary> {
    let start = Instant::now();
    let images = request.inputs.iter().map(|path| read(path, &request.read)).collect::<Result<Vec<_>>>()?;
    let series = Series::new(images, &request.series)?;
    let labels = request.labels.as_ref().map(|path| read_labels(path, &series.grid, &request.read)).transpose()?;
    let name = request.inputs.first().map(PathBuf::as_path).unwrap_or_else(|| "".as_ref());
    let mask = request.mask.mask(&series.grid, name, || series.brightest(), &request.read)?;
    let maps: Vec<&str> = request.write.iter().map(|output| output.name()).collect();
    let files: &[&str] = if labels.is_some() { &[TABLE] } else { &[] };
    let outputs = Outputs::plan(request.output.clone(), &maps, files)?;

    tracing::debug!("read after {:.1} ms", milliseconds(start));
    let source = Source::new(series.rows(), series.grid.n_voxels(), mask.as_ref().map(Mask::picked));
    let computed = with_status(&request.write);
    let kernel = AdcKernel::new(request.options.clone(), &series.b_values(), &computed);
    let maps = open_maps(&outputs, &series, request, &kernel, device)?;
    let results = Results::new(maps, computed.iter().position(|o| *o == AdcOutput::Status), source.picked());
    device.run_into(&kernel, &source, &results, &*progress(source.n_voxels()))?;

    tracing::debug!("fitted after {:.1} ms", milliseconds(start));
    let meta = describe(request, &series, device)?;
    tracing::debug!("inputs hashed after {:.1} ms", milliseconds(start));
    let status_counts = results.status_counts();
    let labelled = results.into_maps().zip(written(&request.write).map(|output| label(output, &meta)));
    let labelled: Vec<(OpenMap, MapLabel)> = labelled.collect();
    labelled.into_par_iter().try_for_each(|(map, label)| outputs.close_map(&series.grid, map, label))?;
    let regions = labels.map(|labels| region_table(&series, &labels, &request.options, device)).transpose()?;
    if let Some(table) = &regions {
        outputs.write_file(TABLE, &table.to_tsv()?)?;
    }
    let inputs_sha256 = sha256(&series)?;
    let device = json!(device.description());
    outputs.finish(&RunRecord { command: "fit", options: meta, inputs_sha256: &inputs_sha256, device })?;
    tracing::debug!("written after {:.1} ms", milliseconds(start));
    Ok(FitSummary { n_voxels: source.n_voxels(), status_counts, regions })
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// The status comes last whether it is written or not: its counts are always said.
fn with_status(outputs: &[AdcOutput]) -> Vec<AdcOutput> {
    let others = outputs.iter().copied().filter(|&output| output != AdcOutput::Status);
    others.chain([AdcOutput::Status]).collect()
}

/// Those of the columns that become maps, in the order of the columns.
fn written(write: &[AdcOutput]) -> impl Iterator<Item = AdcOutput> {
    with_status(write).into_iter().filter(|output| write.contains(output))
}

/// One map a column; `None` for those that are not written.
fn open_maps(
    outputs: &Outputs,
    series: &Series,
    request: &FitRequest,
    kernel: &dyn VoxelKernel,
    device: &Device,
) -> Result<Vec<Option<OpenMap>>> {
    let masked = request.mask != MaskChoice::None;
    let columns = with_status(&request.write).into_iter().zip(device.columns(kernel));
    let open = |(output, column): (AdcOutput, _)| {
        let elsewhere = match output {
            AdcOutput::Status => status::NOT_ASKED_FOR.into(),
            AdcOutput::Iterations => 0.0,
            _ => f32::NAN,
        };
        let map = || outputs.open_map(&series.grid, output.name(), &column, masked.then_some(elsewhere));
        request.write.contains(&output).then(map).transpose()
    };
    columns.map(open).collect()
}

fn label(output: AdcOutput, meta: &Map<String, Value>) -> MapLabel {
    let mut meta = meta.clone();
    if output == AdcOutput::Status {
        let bits = status::BITS.iter().map(|(bit, meaning)| (bit.to_string(), Value::from(*meaning)));
        meta.insert("status_bits".into(), Value::Object(bits.collect()));
    }
    let kind = match output {
        AdcOutput::S0 => ColourKind::Grey,
        AdcOutput::Status => ColourKind::Categorical,
        _ => ColourKind::Sequential,
    };
    MapLabel { unit: output.unit(), title: output.title(), picture: kind.into(), meta }
}

/// What a sidecar says of how its map was made.
fn describe(request: &FitRequest, series: &Series, device: &Device) -> Result<Map<String, Value>> {
    let b_values = series.b_values();
    let options = &request.options;
    let sensitive = warn_if_perfusion_sensitive(&b_values);
    let left_out: Vec<usize> = series.left_out.iter().map(|(volume, _)| *volume).collect();
    let description = json!({
        "model": "adc",
        "method": options.method.name(),
        "b_values_s_per_mm2": b_values,
        "volumes_used": series.volumes.iter().map(|volume| &volume.from).collect::<Vec<_>>(),
        "volumes_left_out_as_derived": left_out,
        "perfusion_sensitive": sensitive,
        "bad_samples": options.bad_samples.name(),
        "max_iterations": options.max_iterations,
        "average": request.series.average.name(),
        "b_tolerance_s_per_mm2": request.series.b_tolerance,
        "median_3x3": request.series.median_3x3,
        "mask": request.mask.name(),
        "inputs_sha256": sha256(series)?,
        "device": device.description(),
    });
    match description {
        Value::Object(keys) => Ok(keys),
        _ => Err(Error::Internal("a sidecar is no JSON object".into())),
    }
}

fn sha256(series: &Series) -> Result<Vec<String>> {
    series.images().iter().filter_map(|image| image.sha256().transpose()).map(|hash| hash.map(str::to_owned)).collect()
}
