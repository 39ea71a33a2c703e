//! An examination as one series of many volumes after one injection.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::agent::Agent;
use super::exam::{Exam, ExamOptions, curve_options, recorded};
use super::sigma::{self, Sigma, Unenhanced};
use super::timeline::{Sample, Timeline, parse_times};
use crate::device::Device;
use crate::volume::beside::read_text;
use crate::volume::{Image, read};
use crate::{Error, Result};

/// A series of many volumes after one injection.
#[derive(Debug, Clone)]
pub struct SeriesInput {
    /// What was injected.
    pub agent: Agent,
    /// The 4D image.
    pub path: PathBuf,
    /// Seconds after injection, one a volume.
    pub times: PathBuf,
    /// Volumes before contrast; by default those up to t = 0.
    pub n_baseline: Option<usize>,
    /// Where the curve's late part begins, in s after injection.
    pub late_from_s: f64,
    /// Frames from here on stay out of the curve, in s after injection; by default what the agent says.
    pub curve_end_s: Option<f64>,
}

impl Exam {
    /// From a series with a time a volume.
    pub fn of_series(series: &SeriesInput, options: &ExamOptions, device: &Device) -> Result<Self> {
        if matches!(options.sigma, Sigma::Repeat(_)) {
            return Err(Error::Usage(
                "--repeat is for phases: a series repeats itself before contrast\n  remedy: leave it out, or give --sigma"
                    .into(),
            ));
        }
        let image = read(&series.path, &options.gather.read)?;
        let seconds = times(&series.times, &image)?;
        let agent = series.agent;
        let end = series.curve_end_s.or(agent.curve_ends_before_s()).unwrap_or(f64::INFINITY);
        let n_curve = seconds.partition_point(|&t| t < end);
        let timeline = Timeline::of_series(&series.times, &seconds[..n_curve], series.n_baseline, series.late_from_s)?;
        let unenhanced = Unenhanced { image: &image, n_volumes: timeline.n_baseline };
        let noise = sigma::resolve(&options.sigma, agent.modality(), unenhanced, &options.gather, device)?;
        let mut recorded = recorded(agent, options, noise.as_ref());
        recorded.insert("n_baseline".into(), timeline.n_baseline.into());
        recorded.insert("late_from_s".into(), series.late_from_s.into());
        recorded.insert("n_curve".into(), n_curve.into());
        recorded.insert("times_s".into(), json!(seconds));
        let moment = |(i, &t): (usize, &f64)| Sample { label: format!("frame {}", i + 1), seconds: Some(t) };
        let mut exam = Self {
            agent,
            moments: seconds.iter().enumerate().map(moment).collect(),
            maps: Vec::new(),
            curve_rows: (0..n_curve).collect(),
            timeline,
            curve: curve_options(options, noise.as_ref()),
            noise: noise.clone(),
            left_out: Vec::new(),
            recorded,
            inputs_sha256: vec![image.sha256()?.unwrap_or_default().to_owned()],
            images: vec![image],
        };
        if n_curve < seconds.len() {
            exam.left_out.push(format!(
                "{} of {} frames, from {end} s on, stay out of the curve: the agent is {}; --curve-end SECONDS says otherwise",
                seconds.len() - n_curve,
                seconds.len(),
                agent.name(),
            ));
        }
        exam.note_obstacles();
        Ok(exam)
    }
}

/// The times of an image's volumes.
fn times(path: &Path, image: &Image) -> Result<Vec<f64>> {
    let seconds = parse_times(path, &read_text(path)?)?;
    if seconds.len() == image.n_volumes() {
        return Ok(seconds);
    }
    Err(Error::data(
        path,
        format!("holds {} times for {} volumes of {}", seconds.len(), image.n_volumes(), image.path.display()),
        "give one time a volume, in seconds after injection",
    ))
}
