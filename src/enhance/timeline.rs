//! When the samples of an enhancement curve were taken, and what can be told from that.

use std::path::Path;

use super::agent::Quantity;
use super::descriptor::Descriptor;
use super::phase::Phases;
use crate::{Error, Result};

/// One sample after contrast.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// For messages: the phase's label or `frame N`.
    pub label: String,
    /// Seconds after injection.
    pub seconds: Option<f64>,
}

/// The time axis of a curve: a baseline, then samples after contrast in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Samples of the baseline, whose mean is S0.
    pub n_baseline: usize,
    /// Until when the curve stays at S0, in seconds after injection: 0, or the last baseline sample's time if later.
    pub held_until: f64,
    /// Samples after the baseline.
    pub samples: Vec<Sample>,
    /// How many of `samples` are the early part; the rest are late.
    pub n_early: usize,
}

impl Timeline {
    /// The curve of an examination's phases. The last phase is the late part, where it is a portal or later phase and
    /// an arterial phase came before.
    pub fn of_phases(phases: &Phases) -> Self {
        let sample = |i: usize| {
            let phase = &phases.phases[i];
            Sample { label: phase.label.clone(), seconds: phase.seconds }
        };
        let curve = phases.serving(Quantity::Curve);
        let samples: Vec<Sample> = curve.into_iter().skip(1).map(sample).collect();
        let n_early = if phases.has_early_and_late() { samples.len() - 1 } else { 0 };
        Self { n_baseline: 1, held_until: 0.0, samples, n_early }
    }

    /// The curve of a series with a time a frame, in seconds after injection, increasing; `path` is where they are from.
    ///
    /// The first `n_baseline` frames are the baseline (default: those up to t = 0); frames before `late_from` seconds
    /// are the early part.
    pub fn of_series(path: &Path, seconds: &[f64], n_baseline: Option<usize>, late_from: f64) -> Result<Self> {
        let n_baseline = n_baseline.unwrap_or_else(|| seconds.iter().filter(|&&t| t <= 0.0).count());
        if n_baseline == 0 || n_baseline >= seconds.len() {
            return Err(Error::data(
                path,
                format!("{n_baseline} of {} frames are before contrast", seconds.len()),
                "times are in seconds after injection, with at least one frame at or before 0; or give --baseline N, \
                 the number of frames before contrast arrives",
            ));
        }
        let (baseline, after) = seconds.split_at(n_baseline);
        let sample =
            |(i, &t): (usize, &f64)| Sample { label: format!("frame {}", n_baseline + i + 1), seconds: Some(t) };
        Ok(Self {
            n_baseline,
            held_until: baseline[n_baseline - 1].max(0.0),
            samples: after.iter().enumerate().map(sample).collect(),
            n_early: after.iter().filter(|&&t| t < late_from).count(),
        })
    }

    /// Number of rows that a kernel needs.
    pub fn n_obs(&self) -> usize {
        self.n_baseline + self.samples.len()
    }

    /// The times of all samples, where all are known.
    pub fn seconds(&self) -> Option<Vec<f64>> {
        self.samples.iter().map(|s| s.seconds).collect()
    }

    /// Why a descriptor cannot be computed, if it cannot.
    pub fn obstacle(&self, descriptor: Descriptor, auc_end: f64) -> Option<String> {
        if self.samples.is_empty() {
            return Some("no phase after contrast may enter the curve".into());
        }
        match descriptor {
            Descriptor::PeakEnhancement => None,
            Descriptor::CurveType if self.n_early == 0 || self.n_early == self.samples.len() => {
                Some("it needs an early (arterial) and a late (portal or later) sample of the curve".into())
            }
            Descriptor::CurveType => None,
            Descriptor::TimeToPeak | Descriptor::WashInSlope => self.untimed(),
            Descriptor::AreaUnderEnhancement => self.untimed().or_else(|| self.too_short(auc_end)),
        }
    }

    fn untimed(&self) -> Option<String> {
        let without: Vec<&str> =
            self.samples.iter().filter(|s| s.seconds.is_none()).map(|s| s.label.as_str()).collect();
        (!without.is_empty())
            .then(|| format!("no time is given for {}; write ROLE=FILE@SECONDS after injection", without.join(", ")))
    }

    fn too_short(&self, auc_end: f64) -> Option<String> {
        let last = self.samples.last()?;
        let seconds = last.seconds?;
        (seconds < auc_end).then(|| {
            format!(
                "the area goes to {auc_end} s, but the curve ends with {} at {seconds} s; --auc-end {seconds} would do",
                last.label
            )
        })
    }
}

fn check_increasing(path: &Path, seconds: &[f64]) -> Result<()> {
    match seconds.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(i) => Err(Error::data(
            path,
            format!(
                "times do not increase: frame {} is at {} s, frame {} at {} s",
                i + 1,
                seconds[i],
                i + 2,
                seconds[i + 1]
            ),
            "order the frames and their times by acquisition",
        )),
    }
}

/// The weight of each sample's enhancement in the area under the curve from t = 0 to `end`, by the trapezoid rule:
/// `held_until`, where the enhancement is 0, then `seconds`, with linear interpolation at `end`. Unit: s.
pub fn area_weights(held_until: f64, seconds: &[f64], end: f64) -> Vec<f64> {
    let mut weights = vec![0.0; seconds.len()];
    let mut from = held_until;
    for (i, &to) in seconds.iter().enumerate() {
        let length = (to.min(end) - from).max(0.0);
        let part = length / (to - from);
        if i > 0 {
            weights[i - 1] += length / 2.0 * (2.0 - part);
        }
        weights[i] += length / 2.0 * part;
        from = to;
    }
    weights
}

/// Reads times in seconds after injection, one a frame and increasing: numbers between spaces, commas or line ends; `#` starts a
/// comment.
pub fn parse_times(path: &Path, text: &str) -> Result<Vec<f64>> {
    let words = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split([' ', '\t', ',', ';']))
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let seconds = words
        .map(|word| match word.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() => Ok(seconds),
            _ => Err(Error::data(
                path,
                format!("`{word}` is not a time"),
                "give seconds after injection, one number a frame, between spaces, commas or line ends",
            )),
        })
        .collect::<Result<Vec<f64>>>()?;
    check_increasing(path, &seconds)?;
    Ok(seconds)
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
