//! An examination ready to be computed: its images, what can be made of them, and why the rest cannot.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::agent::{Agent, Quantity};
use super::curve::CurveOptions;
use super::descriptor::Descriptor;
use super::gather::{GatherOptions, Member, gather};
use super::maps::{Difference, Formula, PlannedMap};
use super::phase::Phases;
use super::sigma::{self, Sigma, Unenhanced};
use super::timeline::{Sample, Timeline};
use crate::Result;
use crate::device::{Device, Row};
use crate::measure::Noise;
use crate::remarks::Remarks;
use crate::volume::Image;

/// End of the area under the enhancement unless told otherwise, in s after injection.
pub const AUC_END_S: f64 = 180.0;

/// Late change that makes a curve persistent or wash-out unless told otherwise, in percent of the peak.
pub const LATE_CHANGE_PERCENT: f64 = 10.0;

/// Choices for an examination.
#[derive(Debug, Clone)]
pub struct ExamOptions {
    /// End of the area under the enhancement, in s after injection.
    pub auc_end_s: f64,
    /// Late change that makes a curve persistent or wash-out, as a fraction of the peak.
    pub late_change: f64,
    /// Where the noise comes from.
    pub sigma: Sigma,
    /// What may differ between the images.
    pub gather: GatherOptions,
}

/// What will be computed.
#[derive(Debug)]
pub struct Exam {
    /// What was injected.
    pub agent: Agent,
    pub(super) images: Vec<Image>,
    /// sha256 of each file.
    pub inputs_sha256: Vec<String>,
    /// Label and time of each row.
    pub moments: Vec<Sample>,
    /// Maps by formula, over the rows.
    pub maps: Vec<PlannedMap>,
    /// The axis of the curve.
    pub timeline: Timeline,
    /// The rows that are on the curve.
    pub curve_rows: Vec<usize>,
    /// Choices of the curve.
    pub curve: CurveOptions,
    /// The noise of one image, where it is known.
    pub noise: Option<Noise>,
    /// Why what is missing is missing.
    pub left_out: Vec<String>,
    /// Choices and findings, for sidecars.
    pub recorded: Map<String, Value>,
}

impl Exam {
    /// From phases with roles.
    pub fn of_phases(phases: &Phases, options: &ExamOptions, device: &Device) -> Result<Self> {
        let paths: Vec<&Path> = phases.phases.iter().map(|p| p.path.as_path()).collect();
        let members = gather(&paths, &options.gather, device)?;
        let unenhanced = Unenhanced { image: &members[0].image, n_volumes: 1 };
        let noise = sigma::resolve(&options.sigma, phases.agent.modality(), unenhanced, &options.gather, device)?;
        Self::of_members(phases, members, options, noise)
    }

    /// From phases and their images, in the same order and on one grid, and the noise of one image where it is known.
    ///
    /// # Errors
    /// Those of [`PlannedMap::new`].
    pub fn of_members(
        phases: &Phases,
        members: Vec<Member>,
        options: &ExamOptions,
        noise: Option<Noise>,
    ) -> Result<Self> {
        let moments = phases.phases.iter().map(|p| Sample { label: p.label.clone(), seconds: p.seconds });
        let resampled = members.iter().zip(&phases.phases).filter(|(m, _)| m.resampled);
        let resampled: Vec<&str> = resampled.map(|(_, p)| p.label.as_str()).collect();
        let mut recorded = recorded(phases.agent, options, noise.as_ref());
        recorded.insert("phases".into(), json!(phases.phases));
        recorded.insert("resampled".into(), json!(resampled));
        let mut exam = Self {
            agent: phases.agent,
            moments: moments.collect(),
            maps: Vec::new(),
            timeline: Timeline::of_phases(phases),
            curve_rows: phases.serving(Quantity::Curve),
            curve: curve_options(options, noise.as_ref()),
            noise: noise.clone(),
            left_out: Vec::new(),
            recorded,
            inputs_sha256: members.iter().map(|m| m.sha256.clone()).collect(),
            images: members.into_iter().map(|m| m.image).collect(),
        };
        exam.plan_differences(phases)?;
        exam.plan_signal_loss(phases, noise.as_ref(), &options.gather.read.remarks)?;
        exam.note_obstacles();
        for (i, moment) in exam.moments.iter().enumerate() {
            if !exam.curve_rows.contains(&i) {
                tracing::info!("{} does not enter the curve: the agent is {}", moment.label, exam.agent.name());
            }
        }
        Ok(exam)
    }

    /// The signals alone of phases that cannot be compared, such as those without an unenhanced one: no maps and no curve.
    pub fn of_signals(agent: Agent, moments: Vec<Sample>, members: Vec<Member>, options: &ExamOptions) -> Self {
        Self {
            agent,
            moments,
            maps: Vec::new(),
            timeline: Timeline { n_baseline: 1, held_until: 0.0, samples: Vec::new(), n_early: 0 },
            curve_rows: Vec::new(),
            curve: curve_options(options, None),
            noise: None,
            left_out: Vec::new(),
            recorded: recorded(agent, options, None),
            inputs_sha256: members.iter().map(|m| m.sha256.clone()).collect(),
            images: members.into_iter().map(|m| m.image).collect(),
        }
    }

    /// Warns of what is left out, and why.
    pub fn warn_of_left_out(&self) {
        self.left_out.iter().for_each(|what| tracing::warn!("{what}"));
    }

    /// The first image, whose grid everything is on.
    pub fn image(&self) -> &Image {
        &self.images[0]
    }

    /// The volumes, in the order of [`Exam::moments`], then what maps need beside them.
    pub fn rows(&self) -> Vec<Row<'_>> {
        self.images.iter().flat_map(|image| (0..image.n_volumes()).map(|v| image.row(v))).collect()
    }

    /// The descriptors that the curve allows.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let possible = |d: &Descriptor| self.timeline.obstacle(*d, self.curve.auc_end_s).is_none();
        Descriptor::ALL.into_iter().filter(possible).collect()
    }

    /// Voxels that all passes together work on, for progress.
    pub fn n_work_voxels(&self) -> usize {
        let passes = usize::from(!self.maps.is_empty()) + usize::from(!self.descriptors().is_empty());
        passes * self.image().grid.n_voxels()
    }

    fn plan_differences(&mut self, phases: &Phases) -> Result<()> {
        let modality = self.agent.modality();
        for (difference, quantity) in
            [(Difference::Subtraction, Quantity::Subtraction), (Difference::Relative, Quantity::RelativeEnhancement)]
        {
            let serving = phases.serving(quantity);
            if serving.is_empty() {
                self.left_out.push(
                    "relative enhancement is left out: a percentage of HU, whose zero is water, has no meaning".into(),
                );
            }
            for row in serving {
                let phase = Some(phases.phases[row].label.as_str());
                self.maps.push(PlannedMap::difference(difference, phase, [row, 0], modality, 0.0)?);
            }
        }
        Ok(())
    }

    fn plan_signal_loss(&mut self, phases: &Phases, noise: Option<&Noise>, remarks: &Remarks) -> Result<()> {
        let later = phases.serving(Quantity::WashOut);
        let Some(arterial) = phases.arterial().filter(|_| !later.is_empty()) else {
            self.left_out.push(format!(
                "signal loss is left out: it needs an arterial phase and, with {}, {}",
                self.agent.name(),
                match self.agent {
                    Agent::Gadoxetate => "the portal phase",
                    _ => "a portal or delayed one",
                }
            ));
            return Ok(());
        };
        if noise.is_none() {
            remarks.say(
                "signal loss is computed wherever the arterial phase is brighter than the unenhanced one, since the \
                 noise is unknown",
            );
        }
        let sigma = noise.map_or(0.0, |noise| noise.sigma);
        for row in later {
            let images = [("unenhanced", 0), ("arterial", arterial), ("later", row)];
            for (model, title) in
                [("signal_loss_absolute", "Absolute signal loss"), ("signal_loss_relative", "Relative signal loss")]
            {
                let formula = Formula { model, images: &images, numbers: &[("sigma", sigma)] };
                let phase = Some(phases.phases[row].label.as_str());
                let map = PlannedMap::new(formula, title, phase, false, self.agent.modality())?;
                self.maps.push(map);
            }
        }
        let label = phases.phases[arterial].label.as_str();
        self.recorded.insert("signal_loss_from".into(), label.into());
        Ok(())
    }

    /// Says which descriptors the curve does not allow.
    pub(super) fn note_obstacles(&mut self) {
        for descriptor in Descriptor::ALL {
            if let Some(why) = self.timeline.obstacle(descriptor, self.curve.auc_end_s) {
                self.left_out.push(format!("{} is left out: {why}", descriptor.name()));
            }
        }
    }
}

pub(super) fn curve_options(options: &ExamOptions, noise: Option<&Noise>) -> CurveOptions {
    CurveOptions {
        auc_end_s: options.auc_end_s,
        late_change: options.late_change,
        enhancement_threshold: noise.map_or(0.0, Noise::enhancement_threshold),
    }
}

/// What both forms of an examination record.
pub(super) fn recorded(agent: Agent, options: &ExamOptions, noise: Option<&Noise>) -> Map<String, Value> {
    Map::from_iter([
        ("agent".into(), json!(agent)),
        ("aligned".into(), json!(false)),
        ("noise".into(), json!(noise)),
        ("curve".into(), json!(curve_options(options, noise))),
        ("allow_mismatch".into(), json!(options.gather.allow_mismatch)),
    ])
}
