//! What can be made of the phases that were loaded.

use serde_json::{Value, json};

use super::load::{Loaded, load};
use super::reference::ReferenceVoxels;
use crate::case::file::{Contrast, Positive, SigmaEntry};
use crate::case::findings::Findings;
use crate::case::labels::{self, CaseLabels};
use crate::case::load::Case;
use crate::device::Device;
use crate::enhance::comparison::{References, SpoiledEcho};
use crate::enhance::exam::{AUC_END_S, Exam, ExamOptions, LATE_CHANGE_PERCENT};
use crate::enhance::gather::{GatherOptions, Member};
use crate::enhance::pattern::{self, PhaseSignals, patterns};
use crate::enhance::protocol::{self, Acquired};
use crate::enhance::resample::Resampling;
use crate::enhance::scaling::{Labelled, Suspect, scaling_suspect};
use crate::enhance::sigma::{self, Sigma, Unenhanced};
use crate::enhance::timeline::Sample;
use crate::enhance::{PhaseArg, Phases, Role, phase};
use crate::measure::{Organ, Reference};
use crate::volume::{Grid, Image, ReadOptions, VoxelType};
use crate::{Error, Result};

/// A map of T1 before contrast in ms.
#[derive(Debug, Clone)]
pub(in crate::case) struct T1Map {
    pub(in crate::case) grid: Grid,
    pub(in crate::case) values: Vec<f32>,
}

/// What is known of T1 before contrast.
#[derive(Debug, Clone, Copy)]
pub(in crate::case) enum T1<'a> {
    /// It will be fitted: all is said that depends on it, and nothing computed.
    ToCome,
    /// Its map.
    Fitted(&'a T1Map),
}

/// The phases of a part with all that is to be computed of them.
#[derive(Debug)]
pub(in crate::case) struct Planned {
    /// `dynamic` or `ct`.
    pub(in crate::case) part: &'static str,
    pub(in crate::case) exam: Exam,
    /// Roles and names of the phases; `None` where they cannot be compared.
    pub(in crate::case) phases: Option<Phases>,
    pub(in crate::case) labels: Option<CaseLabels>,
    /// The voxels of the reference regions.
    pub(in crate::case) regions: Option<ReferenceVoxels>,
    /// The reference regions of each phase; empty without labels.
    pub(in crate::case) references: Vec<References>,
    /// T1 before contrast and how the phases were acquired, where the change of R1 is computed.
    pub(in crate::case) echo: Option<SpoiledEcho>,
    /// Every phase that was loaded.
    pub(in crate::case) looks: Vec<Look>,
}

/// A phase that was loaded, and what it looks like.
#[derive(Debug)]
pub(in crate::case) struct Look {
    pub(in crate::case) role: Role,
    pub(in crate::case) seconds: Option<f64>,
    /// Where there are labels to tell it from.
    pub(in crate::case) finding: Option<pattern::Finding>,
    pub(in crate::case) is_used: bool,
}

/// Loads the phases of a part, checks them, and plans what they allow; `None` if no phase can be used.
///
/// # Errors
/// Those of the device alone: what is wrong with inputs becomes a finding.
pub(in crate::case) fn plan(
    case: &Case,
    part: &'static str,
    contrast: &Contrast,
    t1: Option<T1>,
    read: &ReadOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Planned>> {
    let Some(mut loaded) = load(case, part, contrast, read, device, findings)? else { return Ok(None) };
    let labels = labels::on_grid(case, part, loaded.grid(), read, findings)?;
    let regions = labels.as_ref().map(|labels| ReferenceVoxels::new(labels, loaded.grid()));
    let mut references = regions.as_ref().map_or_else(Vec::new, |regions| regions.of_phases(&loaded, findings));
    // Scales are told from the unenhanced phase: not where that does not look like one.
    let is_sound = |found: &pattern::Finding| found.role != Role::Unenhanced || found.agrees != Some(false);
    if part == "dynamic" && !contrast.trust_scale && patterns_of(&loaded, &references).iter().all(is_sound) {
        let keep = drop_other_scales(&mut loaded, labels.as_ref(), findings);
        retain(&mut references, &keep);
    }
    let patterns = patterns_of(&loaded, &references);
    let look = |(i, phase): (usize, &super::load::LoadedPhase)| {
        let finding = patterns.get(i).cloned();
        let is_used = contrast.trust_roles || finding.as_ref().is_none_or(|finding| finding.agrees != Some(false));
        Look { role: phase.role, seconds: phase.seconds, finding, is_used }
    };
    let looks: Vec<Look> = loaded.phases.iter().enumerate().map(look).collect();
    for look in &looks {
        let Some(warning) = look.finding.as_ref().and_then(pattern::Finding::warning) else { continue };
        match look.is_used {
            true => findings.warn(part, warning),
            false => findings.fault(
                part,
                format!("{warning}\n  remedy: mend the case file, or state trust_roles = true; the phase is left out"),
            ),
        }
    }
    let keep: Vec<bool> = looks.iter().map(|look| look.is_used).collect();
    retain(&mut loaded.phases, &keep);
    retain(&mut references, &keep);
    if loaded.phases.is_empty() {
        return Ok(None);
    }
    let options = options(case, contrast, read);
    let spoiled = t1.and_then(|t1| echo(&loaded, t1, device, part, findings).transpose()).transpose()?;
    let rises = regions.as_ref().map_or_else(Vec::new, |regions| regions.rises(&loaded));
    let liver = Liver { references: &references, rises: &rises };
    let (exam, phases) = exam(loaded, liver, spoiled.as_ref(), &options, device, findings)?;
    for what in &exam.left_out {
        findings.leave_out(part, what.clone());
    }
    Ok(Some(Planned { part, exam, phases, labels, regions, references, echo: spoiled, looks }))
}

/// Leaves out phases whose values are on another scale than the unenhanced phase's, with a warning of those that may be;
/// says which are kept.
fn drop_other_scales(loaded: &mut Loaded, labels: Option<&CaseLabels>, findings: &mut Findings) -> Vec<bool> {
    let Some(before) = loaded.unenhanced().map(|phase| loaded.values(phase)) else {
        return vec![true; loaded.phases.len()];
    };
    let organ = |organ| labels.map_or_else(Vec::new, |labels| labels.organ(organ));
    let (muscle, liver) = (organ(Organ::Muscle), organ(Organ::Liver));
    let others = labels.map_or_else(Vec::new, CaseLabels::organs_but_muscle);
    let labelled = Labelled { muscle: &muscle, liver: &liver, others: &others };
    let suspect = |phase: usize| scaling_suspect(&before, &loaded.values(phase), &labelled).filter(|_| phase > 0);
    let suspects: Vec<Option<Suspect>> = (0..loaded.phases.len()).map(suspect).collect();
    for (phase, suspect) in loaded.phases.iter().zip(&suspects) {
        let Some(Suspect { text, is_sure }) = suspect else { continue };
        let text = format!("{}: {text}", phase.path.display());
        let remedy = "convert them anew, or state trust_scale = true";
        match is_sure {
            true => {
                let role = phase.role;
                findings.fault(loaded.part, format!("{text}\n  remedy: {remedy}; the {role} phase is left out"));
            }
            false => findings.warn(loaded.part, format!("{text}\n  remedy: {remedy}")),
        }
    }
    let keep: Vec<bool> = suspects.iter().map(|of| of.as_ref().is_none_or(|of| !of.is_sure)).collect();
    retain(&mut loaded.phases, &keep);
    keep
}

fn retain<T>(all: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    all.retain(|_| keep.next().copied().unwrap_or(true));
}

/// What each phase looks like, from its reference regions.
fn patterns_of(loaded: &Loaded, references: &[References]) -> Vec<pattern::Finding> {
    let signals = loaded.phases.iter().zip(references).map(|(phase, of)| PhaseSignals {
        label: phase.role.to_string(),
        role: phase.role,
        organs: of.iter().map(|(&organ, &reference)| (organ, reference.into())).collect(),
    });
    let signals: Vec<PhaseSignals> = signals.collect();
    if signals.is_empty() { Vec::new() } else { patterns(loaded.agent, &signals) }
}

fn options(case: &Case, contrast: &Contrast, read: &ReadOptions) -> ExamOptions {
    let sigma = match (contrast.sigma, &contrast.repeat) {
        (Some(SigmaEntry::Value(sigma)), _) => Sigma::Value(sigma.get()),
        (Some(SigmaEntry::From(_)), _) => Sigma::Background,
        (None, Some(repeat)) => Sigma::Repeat(case.at(repeat)),
        (None, None) => Sigma::Unsaid,
    };
    ExamOptions {
        auc_end_s: contrast.auc_end_s.map_or(AUC_END_S, Positive::get),
        late_change: contrast.late_change_percent.map_or(LATE_CHANGE_PERCENT, Positive::get) / 100.0,
        sigma,
        gather: GatherOptions {
            read: read.clone(),
            resample: contrast.resample,
            allow_mismatch: contrast.allow_mismatch,
        },
    }
}

/// T1 on the grid of the phases, and how they were acquired, if both are known; findings say what keeps the change of R1 from
/// being computed.
fn echo(loaded: &Loaded, t1: T1, device: &Device, part: &str, findings: &mut Findings) -> Result<Option<SpoiledEcho>> {
    let [first, others @ ..] = &loaded.phases[..] else { return Ok(None) };
    let reference = Acquired { path: &first.path, sidecar: Some(&first.settings) };
    for other in others {
        let other = Acquired { path: &other.path, sidecar: Some(&other.settings) };
        if protocol::check(reference, other, false).is_err() {
            findings.leave_out(part, "the change of R1 is left out: the phases were not acquired alike");
            return Ok(None);
        }
    }
    let number = |key: &str| first.settings.get(key).and_then(Value::as_f64);
    let (Some(tr), Some(flip_angle_deg)) = (number("RepetitionTime"), number("FlipAngle")) else {
        findings.leave_out(part, "the change of R1 is left out: TR or flip angle of the phases is not known; state repetition_time_ms and flip_angle_deg");
        return Ok(None);
    };
    let T1::Fitted(t1) = t1 else { return Ok(None) };
    let grid = loaded.grid();
    let image = Image::from_values("T1", t1.grid.clone(), VoxelType::F32, &t1.values);
    let t1_ms = Resampling::new(&t1.grid, grid).run(device, image.row(0), &())?;
    Ok(Some(SpoiledEcho { t1_ms, repetition_time_ms: 1e3 * tr, flip_angle_deg }))
}

/// The reference regions of each phase, and by how much the liver rises to it.
#[derive(Clone, Copy)]
struct Liver<'a> {
    references: &'a [References],
    rises: &'a [Option<Reference>],
}

type ExamOfPhases = (Exam, Option<Phases>);

/// The examination with everything that its phases, references and T1 allow.
fn exam(
    loaded: Loaded,
    liver: Liver,
    echo: Option<&SpoiledEcho>,
    options: &ExamOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<ExamOfPhases> {
    let Loaded { part, agent, phases } = loaded;
    let argument = |phase: &super::load::LoadedPhase| PhaseArg {
        role: phase.role,
        path: phase.path.clone(),
        seconds: phase.seconds,
    };
    let arguments: Vec<PhaseArg> = phases.iter().map(argument).collect();
    let roles: Vec<Role> = phases.iter().map(|phase| phase.role).collect();
    let seconds: Vec<Option<f64>> = phases.iter().map(|phase| phase.seconds).collect();
    let members: Vec<Member> = phases.into_iter().map(|phase| phase.member).collect();
    let phases = match Phases::new(agent, arguments) {
        Ok(phases) => phases,
        Err(why) => {
            // The remedy is that of a command line.
            let why = why.to_string();
            let why = why.split("\n").next().unwrap_or_default();
            let is_left_out = roles.first() != Some(&Role::Unenhanced) || roles.len() == 1;
            match is_left_out {
                true => findings.leave_out(part, format!("phases are not compared: {why}")),
                false => findings.fault(part, format!("phases are not compared: {why}")),
            }
            let moment = |(label, &seconds): (String, &Option<f64>)| Sample { label, seconds };
            let moments = phase::labels(&roles).into_iter().zip(&seconds).map(moment).collect();
            return Ok((Exam::of_signals(agent, moments, members, options), None));
        }
    };
    let unenhanced = Unenhanced { image: &members[0].image, n_volumes: 1 };
    let noise = match sigma::resolve(&options.sigma, agent.modality(), unenhanced, &options.gather, device) {
        Err(error @ (Error::Internal(_) | Error::TryAgain(_))) => return Err(error),
        Err(error) => {
            findings.fault(part, error.to_string());
            None
        }
        Ok(noise) => noise,
    };
    let mut exam = Exam::of_members(&phases, members, options, noise.clone())?;
    exam.plan_noise_scaled(&phases, noise.as_ref())?;
    exam.plan_enhancement_ratios(&phases, noise.as_ref())?;
    match liver.references.is_empty() {
        true => exam.left_out.push("comparisons with liver are left out: there are no labels".into()),
        false => {
            exam.plan_comparisons(&phases, liver.references, liver.rises)?;
            exam.recorded.insert("references".into(), json!(liver.references));
        }
    }
    if let Some(echo) = echo {
        exam.plan_delta_r1(&phases, echo)?;
    }
    Ok((exam, Some(phases)))
}
