//! What sidecars and the record say of how maps were made.

use serde_json::{Map, Value, json};

use super::FitRequest;
use crate::device::Device;
use crate::fit::{FitMethod, FitOutput, Role, status};
use crate::report::outputs::MapLabel;
use crate::volume::bvalues::{perfusion_remark, perfusion_sensitive};
use crate::volume::{Series, SeriesAxis};
use crate::{Error, Result};

/// What is said of one map.
pub(super) fn label(output: &FitOutput, method: &FitMethod, meta: &Map<String, Value>) -> MapLabel {
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

/// What is said of the fit and of its series.
pub(super) fn describe(request: &FitRequest, series: &Series, device: &Device) -> Result<Map<String, Value>> {
    let mut keys = request.method.describe();
    let sensitive = note_perfusion(request, series)?;
    keys.extend(describe_series(request, series, device)?);
    keys.insert("perfusion_sensitive".into(), sensitive.into());
    Ok(keys)
}

/// Says so where perfusion enters what is fitted.
pub(super) fn note_perfusion(request: &FitRequest, series: &Series) -> Result<bool> {
    let sensitive = !request.method.has_perfusion()? && perfusion_sensitive(&series.b_values());
    if sensitive {
        request.read.remarks.say(perfusion_remark());
    }
    Ok(sensitive)
}

/// What is said of the series, whatever is fitted to it.
pub(in crate::fit) fn describe_series(
    request: &FitRequest,
    series: &Series,
    device: &Device,
) -> Result<Map<String, Value>> {
    let b_values = series.b_values();
    let axis =
        |(axis, values): (&SeriesAxis, Vec<f64>)| (axis.name.clone(), json!({"unit": axis.unit, "values": values}));
    let axes: Map<String, Value> = series.axes.iter().zip(series.values()).map(axis).collect();
    let left_out: Vec<usize> = series.left_out.iter().map(|(volume, _)| *volume).collect();
    let description = json!({
        "axes": axes,
        "axes_scaled_by_voxel": series.factors().map(|(axis, _)| axis).collect::<Vec<_>>(),
        "b_values_s_per_mm2": b_values,
        "volumes_used": series.volumes.iter().map(|volume| &volume.from).collect::<Vec<_>>(),
        "volumes_left_out_as_derived": left_out,
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
            Ok(keys)
        }
        _ => Err(Error::Internal("a sidecar is no JSON object".into())),
    }
}

/// Of all input files, in order.
pub(in crate::fit) fn sha256(series: &Series) -> Result<Vec<String>> {
    let hashes = series.all_images().filter_map(|image| image.sha256().transpose());
    hashes.map(|hash| hash.map(str::to_owned)).collect()
}
