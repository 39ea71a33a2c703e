//! Reading the phases of an examination, and leaving out those that cannot be held against the others.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::settings::{missing_time, seconds, settings};
use crate::case::file::{Contrast, PhaseEntry};
use crate::case::findings::Findings;
use crate::case::load::Case;
use crate::device::Device;
use crate::enhance::gather::{Member, onto, single};
use crate::enhance::protocol::{self, Acquired};
use crate::enhance::window::check_time;
use crate::enhance::{Agent, Role};
use crate::volume::{Grid, Image, ReadOptions, read, read_sidecar};
use crate::{Error, Result};

/// A phase that can be held against the others.
#[derive(Debug)]
pub(in crate::case) struct LoadedPhase {
    pub(in crate::case) role: Role,
    pub(in crate::case) path: PathBuf,
    pub(in crate::case) seconds: Option<f64>,
    pub(in crate::case) member: Member,
    /// How it was acquired: the keys of its sidecar, with what the case file adds.
    pub(in crate::case) settings: Map<String, Value>,
}

/// The phases of an examination that can be held against one another, in the order of time, on the grid of the first.
#[derive(Debug)]
pub(in crate::case) struct Loaded {
    /// `dynamic` or `ct`.
    pub(in crate::case) part: &'static str,
    pub(in crate::case) agent: Agent,
    pub(in crate::case) phases: Vec<LoadedPhase>,
}

impl Loaded {
    /// The grid of all phases.
    pub(in crate::case) fn grid(&self) -> &Grid {
        &self.phases[0].member.image.grid
    }

    /// The voxels of a phase.
    pub(in crate::case) fn values(&self, phase: usize) -> Vec<f32> {
        crate::enhance::sigma::values(&self.phases[phase].member.image, 0)
    }

    /// The place of the unenhanced phase, which is the first if it is there.
    pub(in crate::case) fn unenhanced(&self) -> Option<usize> {
        (self.phases.first()?.role == Role::Unenhanced).then_some(0)
    }
}

/// A phase that was read, on its own grid.
struct Read {
    role: Role,
    path: PathBuf,
    seconds: Option<f64>,
    image: Image,
    settings: Map<String, Value>,
}

/// Reads the phases of a part; `None` if none can be used. What is wrong becomes a fault, and the phase is left out.
///
/// # Errors
/// Those of the device alone.
pub(in crate::case) fn load(
    case: &Case,
    part: &'static str,
    contrast: &Contrast,
    read: &ReadOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Loaded>> {
    let Some(agent) = agent(part, contrast, findings) else { return Ok(None) };
    let mut phases = Vec::new();
    for entry in &contrast.phases {
        let path = case.at(&entry.file);
        match one(part, agent, contrast, entry, &path, read, findings) {
            Ok(phase) => phases.push(phase),
            Err(error @ (Error::Internal(_) | Error::TryAgain(_))) => return Err(error),
            Err(error) => findings.fault(part, format!("{error}\n  the {} phase is left out", entry.role)),
        }
    }
    phases.sort_by(|a, b| (a.role, a.seconds).partial_cmp(&(b.role, b.seconds)).unwrap_or(std::cmp::Ordering::Equal));
    let mut kept: Vec<LoadedPhase> = Vec::new();
    for phase in phases {
        let role = phase.role;
        match beside(kept.first(), phase, contrast, device, findings, part) {
            Ok(phase) => kept.push(phase),
            Err(error @ (Error::Internal(_) | Error::TryAgain(_))) => return Err(error),
            Err(error) => findings.fault(part, format!("{error}\n  the {role} phase is left out")),
        }
    }
    Ok((!kept.is_empty()).then_some(Loaded { part, agent, phases: kept }))
}

/// The agent, if it can be meant.
fn agent(part: &str, contrast: &Contrast, findings: &mut Findings) -> Option<Agent> {
    match (part, contrast.agent) {
        ("ct", None | Some(Agent::Iodinated)) => Some(Agent::Iodinated),
        ("ct", Some(other)) => {
            let text = format!(
                "{} is an agent for MR, and this is CT\n  remedy: leave agent out, or move the phases to [dynamic]",
                other.name()
            );
            findings.fault(part, text);
            None
        }
        (_, Some(Agent::Iodinated)) => {
            findings.fault(part, "iodinated agents are for CT, and this is MR\n  remedy: state the agent that was injected, or move the phases to [ct]");
            None
        }
        (_, None) => {
            findings.fault(part, "what was injected is not stated, and it decides what a late phase means\n  remedy: state agent = \"extracellular\", \"gadoxetate\" or \"gadobenate\"");
            None
        }
        (_, agent) => agent,
    }
}

/// Reads one phase and checks what can be told from it alone.
fn one(
    part: &str,
    agent: Agent,
    contrast: &Contrast,
    entry: &PhaseEntry,
    path: &Path,
    options: &ReadOptions,
    findings: &mut Findings,
) -> Result<Read> {
    let role = entry.role;
    if let Some(problem) = agent.obstacle(role) {
        return Err(Error::data(path, problem, "check the agent and the role"));
    }
    let sidecar = read_sidecar(path)?;
    let wrong = |problem: String| Error::data(path, problem, "mend the case file or the sidecar");
    let seconds = seconds(contrast, entry, sidecar.as_ref()).map_err(wrong)?;
    if seconds.is_none() && role != Role::Unenhanced {
        findings.warn(part, missing_time(path, contrast));
    }
    if let Some(remark) = seconds.and_then(|seconds| check_time(agent, role, seconds)) {
        findings.warn(part, remark);
    }
    if agent == Agent::Gadoxetate && matches!(role, Role::Delayed | Role::Equilibrium) {
        findings.warn(
            part,
            format!("{role}: hepatocytes take gadoxetate up by then, and no published cut-off of other agents holds; 2 to 5 min are called transitional"),
        );
    }
    let settings = settings(contrast, sidecar.as_ref()).map_err(wrong)?;
    let image = single(read(path, options)?)?;
    if agent == Agent::Iodinated {
        plausible_hu(&image)?;
    }
    Ok(Read { role, path: path.into(), seconds, image, settings })
}

/// Air in HU, and the air in lungs, with what scanners and converters make of it.
const AIR_HU: std::ops::RangeInclusive<f32> = -1100.0..=-850.0;
/// Everything below is gas, or what lies outside of the reconstructed circle; fat and soft tissue are above.
const GAS_BELOW_HU: f32 = -300.0;
/// Share of gas that must be air, and share of an image that must be gas for this to count.
const LEAST_AIR: [f64; 2] = [0.05, 0.005];
/// Fat is below 0 HU: an abdomen has values down to here even where no gas is shown.
const FAT_BELOW_HU: f32 = -30.0;
/// Soft tissue and blood without and with contrast.
const SOFT_TISSUE_HU: std::ops::RangeInclusive<f32> = 0.0..=300.0;
/// Least share of what is not gas that is soft tissue.
const LEAST_SOFT_TISSUE: f64 = 0.1;

/// Refuses images whose values cannot be HU: what lies below -300 is mostly not near the -1000 HU of air, nothing is as low as
/// fat, or less than a tenth of what is not gas lies between 0 and 300 HU.
pub(in crate::case) fn plausible_hu(image: &Image) -> Result<()> {
    let values = crate::enhance::sigma::values(image, 0);
    let count = |is: &dyn Fn(f32) -> bool| values.iter().filter(|&&v| is(v)).count();
    let gas = count(&|v| v < GAS_BELOW_HU);
    let (air, soft) = (count(&|v| AIR_HU.contains(&v)), count(&|v| SOFT_TISSUE_HU.contains(&v)));
    let (low, all) = (count(&|v| v < FAT_BELOW_HU), values.len());
    let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    let problem = if share(gas, all) >= LEAST_AIR[1] && share(air, gas) < LEAST_AIR[0] {
        format!(
            "{:.1} % of it is below -300, but hardly any of that is near the -1000 HU of air",
            100.0 * share(gas, all)
        )
    } else if low == 0 {
        "nothing is below -30, where fat and air are".into()
    } else if share(soft, all - gas) < LEAST_SOFT_TISSUE {
        format!(
            "{:.1} % of what is not gas lies between 0 and 300, where soft tissue is",
            100.0 * share(soft, all - gas)
        )
    } else {
        return Ok(());
    };
    let remedy = "check scl_slope and scl_inter (RescaleSlope and RescaleIntercept of the DICOM files)";
    Err(Error::data(&image.path, format!("its values cannot be HU: {problem}"), remedy))
}

/// Holds a phase against the first one: settings, then grid.
fn beside(
    first: Option<&LoadedPhase>,
    phase: Read,
    contrast: &Contrast,
    device: &Device,
    findings: &mut Findings,
    part: &str,
) -> Result<LoadedPhase> {
    let Read { role, path, seconds, image, settings } = phase;
    let Some(first) = first else {
        let sha256 = image.sha256()?.unwrap_or_default().to_owned();
        return Ok(LoadedPhase { role, path, seconds, member: Member { image, sha256, resampled: false }, settings });
    };
    let acquired = |path, settings| Acquired { path, sidecar: Some(settings) };
    // CT has neither TR nor flip angle.
    if part == "dynamic" {
        let (reference, other) = (acquired(&first.path, &first.settings), acquired(&path, &settings));
        for note in protocol::check(reference, other, contrast.allow_mismatch)? {
            findings.warn(part, note);
        }
    }
    let member = onto(&first.path, &first.member.image.grid, image, contrast.resample, device)?;
    Ok(LoadedPhase { role, path, seconds, member, settings })
}
