//! How a phase was acquired: what the case file states, and what its sidecar adds.

use std::path::Path;

use serde_json::{Map, Value};

use crate::case::facts::ClockTime;
use crate::case::file::{Contrast, PhaseEntry, Positive};
use crate::volume::Sidecar;

/// Largest relative difference between the case file and a sidecar that is no contradiction.
const SAME_WITHIN: f64 = 1e-3;
/// Largest difference of two statements of a time, in s.
const SAME_TIME_WITHIN_S: f64 = 1.0;

/// The keys of a phase's sidecar with what the case file states where they are silent.
///
/// # Errors
/// What the two contradict each other about.
pub(super) fn settings(contrast: &Contrast, sidecar: Option<&Sidecar>) -> Result<Map<String, Value>, String> {
    let mut keys = sidecar.map(|sidecar| sidecar.keys().clone()).unwrap_or_default();
    let stated = [
        ("RepetitionTime", "repetition_time_ms", contrast.repetition_time_ms, 1e-3),
        ("EchoTime", "echo_time_ms", contrast.echo_time_ms, 1e-3),
        ("FlipAngle", "flip_angle_deg", contrast.flip_angle_deg, 1.0),
    ];
    for (key, name, value, unit) in stated {
        let Some(value) = value.map(Positive::get) else { continue };
        let Some(found) = keys.get(key).and_then(Value::as_f64) else {
            keys.insert(key.into(), (value * unit).into());
            continue;
        };
        let found = found / unit;
        if (found - value).abs() > SAME_WITHIN * value {
            return Err(format!("{name} is {found} in its sidecar, but {value} in the case file"));
        }
    }
    Ok(keys)
}

/// Seconds after injection: stated, or from the times of injection and acquisition.
///
/// # Errors
/// What contradicts itself.
pub(super) fn seconds(
    contrast: &Contrast,
    phase: &PhaseEntry,
    sidecar: Option<&Sidecar>,
) -> Result<Option<f64>, String> {
    if phase.seconds.is_some_and(|seconds| !seconds.is_finite()) {
        return Err("its time is not a number of seconds".into());
    }
    let acquired = phase.acquisition_time.or_else(|| sidecar?.acquisition_time_s().map(ClockTime::of_day));
    let by_clock = match (contrast.injection_time, acquired) {
        (Some(injected), Some(acquired)) => Some(acquired.seconds_after(injected)),
        _ => None,
    };
    match (phase.seconds, by_clock) {
        (Some(stated), Some(by_clock)) if (stated - by_clock).abs() > SAME_TIME_WITHIN_S => Err(format!(
            "it is {stated} s after injection by the case file, but {by_clock:.1} s by the times of injection and acquisition"
        )),
        (stated, by_clock) => Ok(stated.or(by_clock)),
    }
}

/// What a person must state for a phase to have a time.
pub(super) fn missing_time(path: &Path, contrast: &Contrast) -> String {
    let what = match contrast.injection_time {
        None => "state `seconds` after injection, or `injection_time` where sidecars hold AcquisitionTime",
        Some(_) => "state `seconds` after injection, or `acquisition_time`: there is none in its sidecar",
    };
    format!("{}: no time after injection is known\n  remedy: {what}", path.display())
}
