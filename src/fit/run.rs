//! A whole run of the ADC fit: from files to maps, sidecars and the table of regions.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::regions::region_table;
use super::series::count_status;
use super::{AdcOptions, AdcOutput, fit_series, status};
use crate::device::{Column, Device, Progress};
use crate::measure::Table;
use crate::report::ColourKind;
use crate::report::outputs::{MapOutput, OutputOptions, Outputs, RunRecord};
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
    let picked = mask.as_ref().map(Mask::picked);
    let n_voxels = picked.as_ref().map_or(series.grid.n_voxels(), Vec::len);
    let computed = with_status(&request.write);
    let columns = fit_series(&series, picked, &request.options, &computed, device, &*progress(n_voxels))?;

    tracing::debug!("fitted after {:.1} ms", milliseconds(start));
    let meta = describe(request, &series, device)?;
    tracing::debug!("inputs hashed after {:.1} ms", milliseconds(start));
    outputs.write_maps(&series.grid, &map_outputs(&request.write, &columns, &meta))?;
    let regions = labels.map(|labels| region_table(&series, &labels, &request.options, device)).transpose()?;
    if let Some(table) = &regions {
        outputs.write_file(TABLE, &table.to_tsv()?)?;
    }
    let inputs_sha256 = sha256(&series)?;
    let device = json!(device.description());
    outputs.finish(&RunRecord { command: "fit", options: meta, inputs_sha256: &inputs_sha256, device })?;
    tracing::debug!("written after {:.1} ms", milliseconds(start));
    let status_counts = match columns.last() {
        Some(Column::U16(statuses)) => count_status(statuses),
        _ => Vec::new(),
    };
    Ok(FitSummary { n_voxels, status_counts, regions })
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// The status comes last whether it is written or not: its counts are always said.
fn with_status(outputs: &[AdcOutput]) -> Vec<AdcOutput> {
    let others = outputs.iter().copied().filter(|&output| output != AdcOutput::Status);
    others.chain([AdcOutput::Status]).collect()
}

fn map_outputs<'a>(write: &[AdcOutput], columns: &'a [Column], meta: &Map<String, Value>) -> Vec<MapOutput<'a>> {
    let computed = with_status(write);
    let asked_for = computed.into_iter().zip(columns).filter(|(output, _)| write.contains(output));
    let as_map = |(output, column): (AdcOutput, &'a Column)| {
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
        MapOutput {
            name: output.name(),
            data: column.into(),
            unit: output.unit(),
            title: output.title(),
            picture: kind.into(),
            meta,
        }
    };
    asked_for.map(as_map).collect()
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
