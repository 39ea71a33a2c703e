//! Computing the parts of an examination.

use std::rc::Rc;

use super::{Run, T1_PART};
use crate::Result;
use crate::case::contrast::{Planned, T1Map};
use crate::case::fits::PlannedFit;
use crate::case::labels::{self, CaseLabels};
use crate::case::lesions::{self, Livers};
use crate::case::parts::{Part, PartMap};
use crate::case::{SIGNAL, curves, iron, liver, sheet};
use crate::device::Row;
use crate::enhance::maps::signal_unit;
use crate::enhance::run::enhance_keeping;
use crate::enhance::timeline::Sample;
use crate::fit::{self, Role as OutputRole};
use crate::measure::MapValues;
use crate::report::ColourKind;
use crate::report::outputs::OutputOptions;
use crate::volume::Grid;

impl Run<'_> {
    /// Outputs of a part.
    pub(super) fn folder(&self, name: &str) -> OutputOptions {
        OutputOptions { dir: self.options.output.dir.join(name), ..self.options.output.clone() }
    }

    pub(super) fn fitted(&mut self, planned: &PlannedFit) -> Result<(Part, Vec<String>)> {
        let mut request = planned.request.clone();
        planned.check_values()?;
        request.output = self.folder(&format!("{}/{}", planned.part, planned.model));
        let (case, options, device, show) = (self.case, &self.options.read, self.device, self.show);
        let findings = &mut self.findings;
        let mut own: Option<CaseLabels> = None;
        let find = |grid: &Grid| {
            own = labels::on_grid(case, planned.part, grid, options, findings)?;
            Ok(own.as_ref().map(|labels| labels.labels.clone()))
        };
        let what = format!("fitting {}", planned.model);
        let kept = fit::run_keeping(&request, find, device, |n| show(&what, n))?;
        let maps = kept.maps.into_iter().map(|(output, values)| PartMap {
            is_shown: output.role == OutputRole::Estimate && sheet::shows(&output.name),
            colours: output.colours(),
            name: output.name,
            phase: None,
            unit: output.unit,
            title: output.title,
            values,
        });
        let part = Part {
            name: format!("{}/{}", planned.part, planned.model),
            grid: kept.grid,
            labels: own.map(Rc::new),
            maps: maps.collect(),
        };
        Ok((part, kept.inputs_sha256))
    }

    /// Iron from R2*, where this is the fit that gives it.
    pub(super) fn iron(&mut self, planned: &PlannedFit, part: &Part, sha256: Vec<String>) -> Result<()> {
        if planned.model != iron::SOURCE {
            return Ok(());
        }
        let folder = self.folder("iron");
        if let Some(iron) = iron::run(part, self.field, sha256, folder, self.device, &mut self.findings)? {
            self.finish(iron, "iron".into());
        }
        Ok(())
    }

    /// T1 for the change of R1.
    pub(super) fn keep_t1(&mut self, part: &Part) {
        if let Some(map) = part.maps.iter().find(|map| map.name == "T1" && part.name == T1_PART) {
            self.t1 = Some(T1Map { grid: part.grid.clone(), values: map.values.clone() });
        }
    }

    /// Computes the phases of a part and what can be told of its labels.
    pub(super) fn contrast(&mut self, mut planned: Planned) -> Result<()> {
        let of_labels = planned.labels.as_ref().map(|labels| &labels.labels);
        let progress = (self.show)("enhancement", planned.exam.n_work_voxels());
        let options = self.folder(planned.part);
        let computed = enhance_keeping(&planned.exam, of_labels, self.device, options, &*progress)?;
        drop(progress);
        let unit = signal_unit(planned.exam.agent.modality());
        let rows = planned.exam.rows();
        let signal = |(moment, row): (&Sample, &Row)| {
            let mut values = vec![0.0; planned.exam.image().grid.n_voxels()];
            row.load_f32(0, &mut values);
            let phase = moment.label.clone();
            PartMap {
                name: SIGNAL.into(),
                title: phase.replace('_', " "),
                phase: Some(phase),
                unit: unit.into(),
                colours: ColourKind::Grey,
                values,
                is_shown: true,
            }
        };
        let mut maps: Vec<PartMap> = planned.exam.moments.iter().zip(&rows).map(signal).collect();
        maps.extend(computed.into_iter().filter_map(|map| {
            let is_subtraction = map.model.is_some_and(|model| model.name == "subtraction");
            let is_shown = is_subtraction && map.phase.as_deref().is_some_and(|phase| phase.starts_with("arterial"));
            Some(PartMap {
                name: map.name.clone(),
                phase: map.phase.clone(),
                unit: map.unit.clone(),
                title: map.title.clone(),
                colours: ColourKind::Diverging,
                values: map.into_numbers()?,
                is_shown,
            })
        }));
        maps.extend(planned.echo.as_ref().map(|echo| PartMap {
            name: lesions::T1_BEFORE.into(),
            title: "T1 before contrast".into(),
            phase: None,
            unit: "ms".into(),
            colours: ColourKind::Sequential,
            values: echo.t1_ms.clone(),
            is_shown: false,
        }));
        let grid = planned.exam.image().grid.clone();
        let labels = planned.labels.take().map(Rc::new);
        planned.labels = labels.as_deref().cloned();
        let part = Part { name: planned.part.into(), grid, labels, maps };
        let measured = part.measured();
        self.lesions.extend(lesions::of_phases(&planned, &measured, &livers(&planned, &part)));
        curves::of_means(&planned, &measured, &mut self.curves)?;
        curves::of_phases(&planned, &mut self.phases);
        liver::references(&planned, &mut self.references);
        liver::liver(&planned, &mut self.liver);
        self.inputs_sha256.extend(planned.exam.inputs_sha256.clone());
        self.keep(part, measured, planned.part.into());
        Ok(())
    }

    pub(super) fn finish(&mut self, part: Part, done: String) {
        let measured = part.measured();
        if let Some(labels) = &part.labels {
            self.lesions.extend(lesions::of_maps(&part.name, labels, &measured, sheet::shows));
        }
        self.keep(part, measured, done);
    }

    pub(super) fn keep(&mut self, mut part: Part, measured: Vec<MapValues>, done: String) {
        if let Some(labels) = &part.labels {
            self.names.extend(labels.labels.names.clone());
        }
        self.measured.extend(measured);
        part.keep_shown();
        self.parts.push(part);
        self.done.push(done);
    }
}

/// The liver's reference in the maps that lesions are compared in.
fn livers(planned: &Planned, part: &Part) -> Livers {
    let Some(regions) = &planned.regions else { return Livers::new() };
    let is_wanted =
        |map: &&PartMap| ["subtraction_", lesions::T1_BEFORE].iter().any(|start| map.name.starts_with(start));
    let liver =
        |map: &PartMap| Some(((map.name.clone(), map.phase.clone().unwrap_or_default()), regions.liver(&map.values)?));
    part.maps.iter().filter(is_wanted).filter_map(liver).collect()
}
