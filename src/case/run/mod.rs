//! A whole run: every part of an examination, then the tables and pictures that take all parts together.

mod compute;
mod folders;
mod write;

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::contrast::{self, T1, T1Map};
use super::file::Contrast;
use super::findings::Findings;
use super::fits::{self, PlannedFit};
use super::lesions::Row;
use super::load::Case;
use super::parts::Part;
use super::{chemical_shift, iron, labels, shapes};
use crate::device::{Device, Progress};
use crate::fit;
use crate::measure::{MapValues, Table};
use crate::remarks::Remarks;
use crate::report::outputs::{OutputOptions, Outputs, RunRecord};
use crate::volume::ReadOptions;
use crate::{Error, Result};

/// How a case is run.
#[derive(Debug, Clone)]
pub struct CaseOptions {
    /// How files are read.
    pub read: ReadOptions,
    /// Where to, in which form.
    pub output: OutputOptions,
}

/// What a person is told.
#[derive(Debug)]
pub struct CaseSummary {
    /// Everything that was found wrong or is left out.
    pub findings: Findings,
    /// The parts that were computed, such as `dwi/adc`.
    pub parts: Vec<String>,
    /// What the terminal shows of the lesions, where there are any: how far they are above liver, and what their maps are.
    pub brief: Option<Table>,
}

/// The fit that T1 before contrast is from.
const T1_PART: &str = "t1/t1_vfa";

/// Shows how a part gets on.
type Show<'a> = &'a dyn Fn(&str, usize) -> Box<dyn Progress>;

/// A run as it goes along.
struct Run<'a> {
    case: &'a Case,
    options: &'a CaseOptions,
    device: &'a Device,
    show: Show<'a>,
    /// The magnetic field in T, if it is known.
    field: Option<f64>,
    findings: Findings,
    /// What pictures need of each part.
    parts: Vec<Part>,
    done: Vec<String>,
    measured: Vec<MapValues>,
    lesions: Vec<Row>,
    /// Labels of any part, for names.
    names: BTreeMap<u16, String>,
    phases: Option<Table>,
    curves: Option<Table>,
    references: Option<Table>,
    liver: Option<Table>,
    inputs_sha256: Vec<String>,
    t1: Option<T1Map>,
}

/// Computes everything that the case allows, each part into a folder of its own, then the tables and the contact sheet of all.
///
/// # Errors
/// Those of the device and of outputs; what is wrong with inputs becomes a finding.
pub fn run(case: &Case, options: &CaseOptions, device: &Device, show: Show) -> Result<CaseSummary> {
    let options = &options.keeping_remarks();
    let mut run = Run::new(case, options, device, show);
    let fits = run.plan_fits()?;
    let earlier = run.plan_folders(&fits)?;
    let outputs = Outputs::plan(options.output.clone(), &[], &write::FILES)?;
    run.compute(&fits)?;
    run.remove_earlier(earlier)?;
    // What is doubtful about labels was said when they were put on the grids of parts.
    let read = ReadOptions { remarks: Remarks::kept(), ..options.read.clone() };
    let shapes = shapes::measure(case, &read, &mut run.findings)?;
    let brief = run.write(&outputs, &shapes)?;
    let record = RunRecord {
        command: "run",
        options: Map::from_iter([
            ("parts".to_owned(), json!(run.done)),
            ("findings".to_owned(), json!(run.anonymous())),
            ("field_strength_t".to_owned(), json!(run.field)),
        ]),
        inputs_sha256: &run.inputs_sha256,
        device: json!(device.description()),
    };
    outputs.finish(&record)?;
    Ok(CaseSummary { findings: run.findings, parts: run.done, brief })
}

/// Reads everything and says what [`run`] would do and leave out; nothing is computed or written.
///
/// # Errors
/// Those of [`run`] but for outputs.
pub fn check(case: &Case, options: &CaseOptions, device: &Device) -> Result<CaseSummary> {
    let show = |_: &str, _: usize| -> Box<dyn Progress> { Box::new(()) };
    let options = &options.keeping_remarks();
    let mut run = Run::new(case, options, device, &show);
    run.check()?;
    Ok(CaseSummary { findings: run.findings, parts: run.done, brief: None })
}

impl CaseOptions {
    /// The same, where remarks are kept to become findings.
    fn keeping_remarks(&self) -> Self {
        Self { read: ReadOptions { remarks: Remarks::kept(), ..self.read.clone() }, ..self.clone() }
    }
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, options: &'a CaseOptions, device: &'a Device, show: Show<'a>) -> Self {
        let mut findings = Findings::default();
        case.note_sidecars(&mut findings);
        Self {
            case,
            options,
            device,
            show,
            field: case.field(&mut findings),
            findings,
            parts: Vec::new(),
            done: Vec::new(),
            measured: Vec::new(),
            lesions: Vec::new(),
            names: BTreeMap::new(),
            phases: None,
            curves: None,
            references: None,
            liver: None,
            inputs_sha256: Vec::new(),
            t1: None,
        }
    }

    fn plan_fits(&mut self) -> Result<Vec<PlannedFit>> {
        self.note_empty();
        fits::plan(self.case, self.field, &self.options.read, &mut self.findings)
    }

    fn check(&mut self) -> Result<()> {
        let Self { case, options, device, .. } = *self;
        let mut has_t1 = false;
        for planned in self.plan_fits()? {
            let grid = planned.check_values().and_then(|()| fit::check(&planned.request));
            if let Some(grid) = self.usable(&planned, grid)? {
                labels::on_grid(case, planned.part, &grid, &options.read, &mut self.findings)?;
                let name = format!("{}/{}", planned.part, planned.model);
                has_t1 |= name == T1_PART;
                self.done.push(name);
                if planned.model == iron::SOURCE && !iron::plan(self.field, &mut self.findings)?.is_empty() {
                    self.done.push(iron::PART.into());
                }
            }
            self.note_remarks(planned.part);
        }
        let shift = chemical_shift::load(case, self.field, &options.read, device, &mut self.findings)?;
        self.note_remarks(chemical_shift::PART);
        self.done.extend(shift.map(|_| "chemical_shift".to_owned()));
        for (part, contrast) in self.contrasts() {
            let t1 = (has_t1 && is_mr(part)).then_some(T1::ToCome);
            let planned = contrast::plan(case, part, contrast, t1, &options.read, device, &mut self.findings)?;
            self.done.extend(planned.map(|_| part.to_owned()));
            self.note_remarks(part);
        }
        Ok(())
    }

    /// Makes findings of what was remarked on while a part was read and computed.
    fn note_remarks(&mut self, part: &str) {
        self.options.read.remarks.take().into_iter().for_each(|remark| self.findings.warn(part, remark));
    }

    fn contrasts(&self) -> Vec<(&'static str, &'a Contrast)> {
        let file = &self.case.file;
        [("dynamic", &file.dynamic), ("ct", &file.ct)]
            .into_iter()
            .filter_map(|(part, c)| Some((part, c.as_ref()?)))
            .collect()
    }

    /// Says where there is nothing to compute.
    fn note_empty(&mut self) {
        let file = &self.case.file;
        let fits =
            [file.dwi.is_some(), file.t2.is_some(), file.t2star.is_some(), file.t1.is_some(), file.energies.is_some()];
        let contrasts = self.contrasts();
        if contrasts.is_empty() && file.chemical_shift.is_none() && !fits.contains(&true) {
            self.findings.fault("case", "the case file names no images\n  remedy: `hepar init FOLDER` proposes one");
        }
        for (part, _) in contrasts.iter().filter(|(_, contrast)| contrast.phases.is_empty()) {
            self.findings.fault(part, "no phase is given\n  remedy: list them: phase = [{ role = ..., file = ... }]");
        }
    }

    fn compute(&mut self, fits: &[PlannedFit]) -> Result<()> {
        for planned in fits {
            let fitted = self.fitted(planned);
            if let Some((part, sha256)) = self.usable(planned, fitted)? {
                self.inputs_sha256.extend(sha256.clone());
                self.keep_t1(&part);
                self.iron(planned, &part, sha256)?;
                self.finish(part, format!("{}/{}", planned.part, planned.model));
            }
            self.note_remarks(planned.part);
        }
        let folder = self.folder("chemical_shift");
        if let Some(done) =
            chemical_shift::run(self.case, self.field, &self.options.read, folder, self.device, &mut self.findings)?
        {
            self.inputs_sha256.extend(done.inputs_sha256);
            self.finish(done.part, "chemical_shift".into());
        }
        self.note_remarks(chemical_shift::PART);
        for (part, contrast) in self.contrasts() {
            let Self { case, options, device, .. } = *self;
            let t1 = self.t1.clone().filter(|_| is_mr(part));
            let t1 = t1.as_ref().map(T1::Fitted);
            if let Some(planned) = contrast::plan(case, part, contrast, t1, &options.read, device, &mut self.findings)?
            {
                self.contrast(planned)?;
            }
            self.note_remarks(part);
        }
        Ok(())
    }

    /// What of a part goes on; `None` if its inputs are at fault, which is then a finding.
    fn usable<T>(&mut self, planned: &PlannedFit, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error @ (Error::Data { .. } | Error::Missing(_) | Error::Usage(_))) => {
                let text = format!("{} is left out: {error}", planned.model);
                match planned.is_asked_for {
                    true => self.findings.fault(planned.part, text),
                    false => self.findings.leave_out(planned.part, text),
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// CT has no R1.
fn is_mr(part: &str) -> bool {
    part == "dynamic"
}
