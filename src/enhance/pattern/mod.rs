//! What the enhancement of vessels and liver says of each phase: which phase it looks like, and whether that is what it
//! was given as. It warns and never relabels.
//!
//! The phases are described as CT/MRI LI-RADS v2018 and Kim 2019 (Korean J Radiol 20:236) do [not checked against
//! either]; the numbers that stand for their words are chosen here, and held against phantoms, every pair of whose
//! phases is swapped, and against 20 human examinations (`tests/phase_patterns.rs`). All are compared beyond two
//! standard errors; what lies within is not told apart.

mod looks;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use self::looks::Looks;
use super::{Agent, Role};
use crate::measure::{Anatomy, Organ, Reference, Regions, reference};

/// Standard errors beyond which two values differ.
const BEYOND_SE: f64 = 2.0;

/// The organs whose enhancement tells phases apart.
const TELLING: [Organ; 5] = [Organ::Aorta, Organ::PortalVein, Organ::Liver, Organ::Spleen, Organ::HepaticVein];

/// The mean signal of an organ in one phase, in image units or HU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Signal {
    /// Its value.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl From<Reference> for Signal {
    fn from(reference: Reference) -> Self {
        Self { value: reference.value, standard_error: reference.standard_error }
    }
}

impl Signal {
    fn minus(self, other: Self) -> Self {
        let standard_error = self.standard_error.hypot(other.standard_error);
        Self { value: self.value - other.value, standard_error }
    }

    fn times(self, factor: f64) -> Self {
        Self { value: factor * self.value, standard_error: factor.abs() * self.standard_error }
    }

    fn exceeds(self, other: Self) -> bool {
        let difference = self.minus(other);
        difference.value > BEYOND_SE * difference.standard_error
    }
}

/// One phase as it was given, and what organs are in it. [`Organ::Aorta`] and [`Organ::PortalVein`] are needed,
/// [`Organ::Liver`] for the hepatobiliary phase; the hepatic veins and the spleen help where they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseSignals {
    /// Its name in messages.
    pub label: String,
    /// What it was given as.
    pub role: Role,
    /// Mean signals.
    pub organs: BTreeMap<Organ, Signal>,
}

impl PhaseSignals {
    /// The organs that tell phases apart, those with enough voxels for a [`reference()`]: `values` is one volume on the
    /// grid of `regions`.
    pub fn measured(label: &str, role: Role, values: &[f32], regions: &Regions, anatomy: &Anatomy) -> Self {
        let signal = |organ| Some((organ, reference(values, &anatomy.voxels(organ, regions)).ok()?.into()));
        Self { label: label.into(), role, organs: TELLING.into_iter().filter_map(signal).collect() }
    }
}

/// What a phase looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// No organ enhances.
    Unenhanced,
    /// The aorta is bright, the portal vein dark.
    EarlyArterial,
    /// The aorta is far brighter than the portal vein, which begins to enhance, or the hepatic veins are dark.
    LateArterial,
    /// Portal vein about as bright as the aorta, vessels brighter than in any other such phase.
    Portal,
    /// As the portal phase, but with darker vessels: delayed, transitional or equilibrium, which are not told apart.
    Delayed,
    /// Portal or one of the later ones: alone, or as bright as another.
    PortalOrLater,
    /// The liver keeps the agent.
    Hepatobiliary,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unenhanced => "unenhanced",
            Self::EarlyArterial => "early arterial",
            Self::LateArterial => "late arterial",
            Self::Portal => "portal",
            Self::Delayed => "delayed, transitional or equilibrium",
            Self::PortalOrLater => "portal or later",
            Self::Hepatobiliary => "hepatobiliary",
        })
    }
}

/// What was found of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The phase's name.
    pub label: String,
    /// What it was given as.
    pub role: Role,
    /// What it looks like; `None` where that cannot be told.
    pub pattern: Option<Pattern>,
    /// Why, with numbers.
    pub why: String,
    /// Whether that is what it was given as; `None` where the signals do not tell.
    pub agrees: Option<bool>,
}

impl Finding {
    /// The sentence to warn with, if the phase does not look like what it was given as.
    pub fn warning(&self) -> Option<String> {
        let pattern = self.pattern.filter(|_| self.agrees == Some(false))?;
        let Self { label, role, why, .. } = self;
        Some(format!("{label}: given as {role}, looks {pattern}: {why}; check roles, files and agent"))
    }
}

/// What each phase looks like. MR signals have no absolute scale: without an unenhanced phase and another one nothing
/// is told of them. HU have: a CT of one phase can be told.
pub fn patterns(agent: Agent, phases: &[PhaseSignals]) -> Vec<Finding> {
    let looks = Looks::new(agent.modality(), phases);
    let found: Vec<(Option<Pattern>, String)> = match &looks {
        Ok(looks) => (0..phases.len()).map(|i| looks.describe(i)).collect(),
        Err(why) => phases.iter().map(|_| (None, why.clone())).collect(),
    };
    let seen: Vec<Option<Pattern>> = found.iter().map(|(pattern, _)| *pattern).collect();
    let finding = |(i, (pattern, why)): (usize, (Option<Pattern>, String))| Finding {
        label: phases[i].label.clone(),
        role: phases[i].role,
        agrees: pattern.and_then(|pattern| agrees(agent, phases, &seen, i, pattern)),
        pattern,
        why,
    };
    found.into_iter().enumerate().map(finding).collect()
}

/// Whether a pattern is that of the role; `None` where both can be true.
fn agrees(agent: Agent, phases: &[PhaseSignals], seen: &[Option<Pattern>], i: usize, pattern: Pattern) -> Option<bool> {
    let liver = |phase: &PhaseSignals| phase.organs.get(&Organ::Liver).copied();
    let brighter_than = |other: &PhaseSignals| Some(liver(&phases[i])?.exceeds(liver(other)?));
    let another = |pattern| (0..phases.len()).any(|j| phases[j].role == phases[i].role && seen[j] == Some(pattern));
    match (phases[i].role, pattern) {
        (Role::Unenhanced, Pattern::Unenhanced)
        | (Role::EarlyArterial, Pattern::EarlyArterial)
        | (Role::Arterial, Pattern::LateArterial)
        | (Role::Portal, Pattern::Portal)
        | (Role::Transitional | Role::Delayed | Role::Equilibrium, Pattern::Delayed) => Some(true),
        (Role::Hepatobiliary, Pattern::Hepatobiliary) => Some(true),
        (Role::Portal | Role::Transitional | Role::Delayed | Role::Equilibrium, Pattern::PortalOrLater) => None,
        // The first of several arterial phases is meant to be early.
        (Role::Arterial, Pattern::EarlyArterial) if another(Pattern::LateArterial) => None,
        // Of later phases alone the first is the brightest: a contradiction only where the portal one is darker.
        (Role::Transitional | Role::Delayed | Role::Equilibrium, Pattern::Portal) => {
            let portal = (0..phases.len()).filter(|&j| phases[j].role == Role::Portal);
            portal.map(|j| seen[j]).any(|pattern| pattern != Some(Pattern::Portal)).then_some(false)
        }
        // Uptake has begun by then: a contradiction only where the liver is brighter than in the hepatobiliary phase.
        (Role::Transitional, Pattern::Hepatobiliary) => {
            let later = phases.iter().filter(|phase| phase.role == Role::Hepatobiliary);
            later.filter_map(brighter_than).any(|brighter| brighter).then_some(false)
        }
        // Between the delayed and the hepatobiliary phase of gadobenate the liver takes some of it up.
        (Role::Equilibrium, Pattern::Hepatobiliary) if agent == Agent::Gadobenate => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests;
