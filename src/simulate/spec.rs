//! A phantom as data: grid, protocol, tissues and shapes, strictly read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Noise;
use super::geometry::Form;
use crate::{Error, Result};

/// A phantom as data: see `data/phantom/liver.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it shows.
    pub title: String,
    pub(super) field_strength_t: f64,
    pub(super) references: BTreeMap<String, String>,
    pub(super) grid: Lattice,
    pub(super) noise: NoiseLevel,
    pub(super) diffusion: Diffusion,
    pub(super) dynamic: Dynamic,
    #[serde(rename = "tissue")]
    pub(super) tissues: Vec<Tissue>,
    #[serde(rename = "shape")]
    pub(super) shapes: Vec<Shape>,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lattice {
    pub(super) shape: [usize; 3],
    pub(super) zooms_mm: [f64; 3],
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoiseLevel {
    pub(super) kind: Noise,
    /// In stored units.
    pub(super) sd: f64,
    /// The tissue that the SNRs speak of.
    pub(super) reference: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Diffusion {
    pub(super) b_s_per_mm2: Vec<f64>,
    pub(super) timing: Timing,
    /// Of the reference tissue at the lowest b.
    pub(super) snr: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dynamic {
    pub(super) agent: String,
    pub(super) timing: Timing,
    /// Of the reference tissue before contrast.
    pub(super) snr: f64,
    pub(super) phases: Vec<Phase>,
}

/// Timing of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the quantities and units")]
pub struct Timing {
    pub repetition_time_ms: f64,
    pub echo_time_ms: f64,
    pub flip_angle_deg: f64,
}

/// A phase of the dynamic series.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What it is to the examination, such as `arterial`; the first is `unenhanced`.
    pub role: String,
    /// Seconds after injection; none before it.
    pub time_s: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tissue {
    pub(super) name: String,
    pub(super) label: Option<u16>,
    pub(super) adc_mm2_per_s: Sourced<f64>,
    pub(super) t1_ms: Sourced<f64>,
    pub(super) t2_ms: Sourced<f64>,
    pub(super) proton_density: Sourced<f64>,
    pub(super) delta_r1_per_s: Sourced<Vec<f64>>,
    pub(super) diffusion_fraction: Option<Sourced<f64>>,
}

/// A value and the reference that it comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    pub(super) source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    pub(super) tissue: String,
    /// The tissues that it may cover, [`AIR`] among them; empty: all.
    #[serde(default)]
    pub(super) over: Vec<String>,
    pub(super) form: Form,
}

/// What is where no shape is.
pub(super) const AIR: &str = "air";

impl Spec {
    /// The liver phantom that hepar ships.
    pub fn liver() -> Result<Self> {
        Self::parse(Path::new("data/phantom/liver.toml"), include_str!("../../data/phantom/liver.toml"))
    }

    /// Reads a phantom; `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut spec: Self = toml::from_str(text)
            .map_err(|e| Error::data(path, e.to_string(), "data/phantom/liver.toml shows every key and its unit"))?;
        spec.path = path.into();
        spec.check()?;
        Ok(spec)
    }

    /// The same with another kind of noise.
    #[must_use]
    pub fn with_noise(mut self, kind: Noise) -> Self {
        self.noise.kind = kind;
        self
    }

    /// The position of a tissue in the list.
    pub(super) fn tissue(&self, name: &str) -> Option<usize> {
        self.tissues.iter().position(|t| t.name == name)
    }

    pub(super) fn complain(&self, problem: impl Into<String>, remedy: &str) -> Error {
        Error::data(&self.path, problem, remedy)
    }
}
