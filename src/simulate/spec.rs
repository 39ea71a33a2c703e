//! A phantom as data: grid, protocol, tissues and shapes, strictly read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Noise;
use super::geometry::Form;
use crate::enhance::Agent;
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
    pub(super) further: Further,
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
    pub(super) timing: Timing,
    /// Of the reference tissue before contrast.
    pub(super) snr: f64,
    /// By the name of the agent.
    pub(super) protocols: BTreeMap<String, Protocol>,
}

/// When an agent's phases are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protocol {
    pub(super) phases: Vec<Phase>,
}

/// The series beside diffusion and the dynamic ones.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Further {
    pub(super) fat: Sequence,
    pub(super) t2: Sequence,
    pub(super) t2star: Sequence,
    pub(super) t1: Sequence,
}

/// A series with one volume for each of its echo times or flip angles.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sequence {
    repetition_time_ms: f64,
    echo_times_ms: Vec<f64>,
    flip_angles_deg: Vec<f64>,
    /// Of the reference tissue in the first volume.
    pub(super) snr: f64,
}

impl Sequence {
    /// The timing of each volume.
    pub(super) fn timings(&self) -> Vec<Timing> {
        let of = |&echo_time_ms: &f64| {
            let with = move |&flip_angle_deg: &f64| Timing {
                repetition_time_ms: self.repetition_time_ms,
                echo_time_ms,
                flip_angle_deg,
            };
            self.flip_angles_deg.iter().map(with)
        };
        self.echo_times_ms.iter().flat_map(of).collect()
    }
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
    /// Whether its region is a lesion.
    #[serde(default)]
    pub(super) lesion: bool,
    pub(super) adc_mm2_per_s: Sourced<f64>,
    pub(super) t1_ms: Sourced<f64>,
    pub(super) t2_ms: Sourced<f64>,
    pub(super) proton_density: Sourced<f64>,
    /// Share of the signal without fat saturation.
    pub(super) fat_fraction: Sourced<f64>,
    pub(super) r2star_per_s: Sourced<f64>,
    /// By the name of the agent.
    pub(super) delta_r1_per_s: BTreeMap<String, Sourced<Vec<f64>>>,
    pub(super) diffusion_fraction: Option<Sourced<f64>>,
}

impl Tissue {
    /// The rise of R1 in each phase of an agent after the first, in 1/s; none for an agent that it has no protocol for.
    pub(super) fn rises(&self, agent: Agent) -> &[f64] {
        self.delta_r1_per_s.get(agent.name()).map_or(&[], |rises| &rises.value)
    }
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

    /// The agents that it has a protocol for.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.dynamic.protocols.keys().map(String::as_str)
    }

    /// The phases of an agent.
    pub(super) fn phases(&self, agent: Agent) -> Result<&[Phase]> {
        match self.dynamic.protocols.get(agent.name()) {
            Some(protocol) => Ok(&protocol.phases),
            None => {
                let known: Vec<&str> = self.agents().collect();
                Err(self.complain(
                    format!("the phantom has no protocol for {}", agent.name()),
                    &format!("choose one of {}", known.join(", ")),
                ))
            }
        }
    }

    /// The position of the tissue that the SNRs speak of.
    pub(super) fn reference(&self) -> Result<usize> {
        self.tissue(&self.noise.reference)
            .ok_or_else(|| self.complain("noise.reference is no tissue", "name one that is listed"))
    }

    /// The position of a tissue in the list.
    pub(super) fn tissue(&self, name: &str) -> Option<usize> {
        self.tissues.iter().position(|t| t.name == name)
    }

    pub(super) fn complain(&self, problem: impl Into<String>, remedy: &str) -> Error {
        Error::data(&self.path, problem, remedy)
    }
}
