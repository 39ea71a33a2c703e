//! A whole run: every part of an examination, then the tables and pictures that take all parts together.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, json};

use super::contrast::{self, Planned, T1Map};
use super::findings::Findings;
use super::fits::{self, PlannedFit};
use super::labels::{self, CaseLabels};
use super::lesions::{self, Livers, Row};
use super::load::Case;
use super::parts::{Part, PartMap};
use super::{SIGNAL, chemical_shift, curves, cut_offs, iron, liver, shapes, sheet};
use crate::device::{Column, Device, Progress};
use crate::enhance::maps::signal_unit;
use crate::enhance::run::enhance;
use crate::fit::{self, Role as OutputRole};
use crate::measure::{MapValues, Table, long_table, wide_table};
use crate::report::ColourKind;
use crate::report::outputs::{OutputOptions, Outputs, RunRecord};
use crate::volume::{Grid, ReadOptions, read};
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

const VALUES: &str = "values.tsv";
const VALUES_WIDE: &str = "values.csv";
const LESIONS: &str = "lesions.tsv";
const SHAPES: &str = "shapes.tsv";
const PHASES: &str = "phases.tsv";
const REFERENCES: &str = "references.tsv";
const LIVER: &str = "liver.tsv";
const CURVES: &str = "curves_of_means.tsv";
const FINDINGS: &str = "findings.tsv";
const LABELS: &str = "labels_dseg.tsv";
const SHEET: &str = "contact_sheet.png";

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
/// Those of the device and of outputs, and [`Error::Usage`] for models that there are not; what is wrong with inputs becomes a
/// finding.
pub fn run(case: &Case, options: &CaseOptions, device: &Device, show: Show) -> Result<CaseSummary> {
    let files = [VALUES, VALUES_WIDE, LESIONS, SHAPES, PHASES, CURVES, REFERENCES, LIVER, FINDINGS, LABELS, SHEET];
    let outputs = Outputs::plan(options.output.clone(), &[], &files)?;
    let mut run = Run::new(case, options, device, show);
    run.compute()?;
    let shapes = shapes::measure(case, &options.read, &mut run.findings)?;
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
    let mut run = Run::new(case, options, device, &show);
    run.check()?;
    Ok(CaseSummary { findings: run.findings, parts: run.done, brief: None })
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, options: &'a CaseOptions, device: &'a Device, show: Show<'a>) -> Self {
        let mut findings = Findings::default();
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

    fn check(&mut self) -> Result<()> {
        let Self { case, options, device, .. } = *self;
        self.note_empty();
        for planned in fits::plan(case, self.field, &options.read, &mut self.findings)? {
            let grid = fit::check(&planned.request);
            if let Some(grid) = self.usable(&planned, grid)? {
                labels::on_grid(case, planned.part, &grid, &options.read, &mut self.findings)?;
                self.done.push(format!("{}/{}", planned.part, planned.model));
            }
        }
        let shift = chemical_shift::load(case, self.field, &options.read, device, &mut self.findings)?;
        self.done.extend(shift.map(|_| "chemical_shift".to_owned()));
        for (part, contrast) in self.contrasts() {
            let planned = contrast::plan(case, part, contrast, None, &options.read, device, &mut self.findings)?;
            self.done.extend(planned.map(|_| part.to_owned()));
        }
        Ok(())
    }

    fn contrasts(&self) -> Vec<(&'static str, &'a super::file::Contrast)> {
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

    fn compute(&mut self) -> Result<()> {
        self.note_empty();
        for planned in fits::plan(self.case, self.field, &self.options.read, &mut self.findings)? {
            let fitted = self.fitted(&planned);
            if let Some((part, sha256)) = self.usable(&planned, fitted)? {
                self.inputs_sha256.extend(sha256.clone());
                self.keep_t1(&part);
                self.iron(&planned, &part, sha256)?;
                self.finish(part, format!("{}/{}", planned.part, planned.model));
            }
        }
        let folder = self.folder("chemical_shift");
        if let Some(done) =
            chemical_shift::run(self.case, self.field, &self.options.read, folder, self.device, &mut self.findings)?
        {
            self.inputs_sha256.extend(done.inputs_sha256);
            self.finish(done.part, "chemical_shift".into());
        }
        for (part, contrast) in self.contrasts() {
            let Self { case, options, device, .. } = *self;
            let t1 = self.t1.clone();
            if let Some(planned) =
                contrast::plan(case, part, contrast, t1.as_ref(), &options.read, device, &mut self.findings)?
            {
                self.contrast(planned)?;
            }
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

    /// Outputs of a part.
    fn folder(&self, name: &str) -> OutputOptions {
        OutputOptions { dir: self.options.output.dir.join(name), ..self.options.output.clone() }
    }

    fn fitted(&mut self, planned: &PlannedFit) -> Result<(Part, Vec<String>)> {
        let mut request = planned.request.clone();
        if planned.part == "iodine" {
            request.inputs.iter().try_for_each(|path| contrast::plausible_hu(&read(path, &request.read)?))?;
        }
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
    fn iron(&mut self, planned: &PlannedFit, part: &Part, sha256: Vec<String>) -> Result<()> {
        if planned.model != "t2star" {
            return Ok(());
        }
        let folder = self.folder("iron");
        if let Some(iron) = iron::run(part, self.field, sha256, folder, self.device, &mut self.findings)? {
            self.finish(iron, "iron".into());
        }
        Ok(())
    }

    fn keep_t1(&mut self, part: &Part) {
        if let Some(map) = part.maps.iter().find(|map| map.name == "T1" && part.name == "t1/t1_vfa") {
            self.t1 = Some(T1Map { grid: part.grid.clone(), values: map.values.clone() });
        }
    }

    /// Computes the phases of a part and what can be told of its labels.
    fn contrast(&mut self, mut planned: Planned) -> Result<()> {
        let of_labels = planned.labels.as_ref().map(|labels| &labels.labels);
        let progress = (self.show)("enhancement", planned.exam.n_work_voxels());
        let options = self.folder(planned.part);
        let enhanced = enhance(&planned.exam, of_labels, self.device, options, &*progress)?;
        drop(progress);
        let unit = signal_unit(planned.exam.agent.modality());
        let rows = planned.exam.rows();
        let signal = |(moment, row): (&crate::enhance::timeline::Sample, &crate::device::Row)| {
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
        maps.extend(enhanced.maps.into_iter().filter_map(|map| {
            let Column::F32(values) = map.values else { return None };
            let is_subtraction = map.model.is_some_and(|model| model.name == "subtraction");
            let is_shown = is_subtraction && map.phase.as_deref().is_some_and(|phase| phase.starts_with("arterial"));
            Some(PartMap {
                name: map.name,
                phase: map.phase,
                unit: map.unit,
                title: map.title,
                colours: ColourKind::Diverging,
                values,
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

    fn finish(&mut self, part: Part, done: String) {
        let measured = part.measured();
        if let Some(labels) = &part.labels {
            self.lesions.extend(lesions::of_maps(&part.name, labels, &measured, sheet::shows));
        }
        self.keep(part, measured, done);
    }

    fn keep(&mut self, mut part: Part, measured: Vec<MapValues>, done: String) {
        if let Some(labels) = &part.labels {
            self.names.extend(labels.labels.names.clone());
        }
        self.measured.extend(measured);
        part.keep_shown();
        self.parts.push(part);
        self.done.push(done);
    }

    /// The findings without paths.
    fn anonymous(&self) -> Vec<super::Finding> {
        let clean =
            |finding: &super::Finding| super::Finding { text: self.case.anonymous(&finding.text), ..finding.clone() };
        self.findings.all().iter().map(clean).collect()
    }

    /// Writes what takes all parts together; gives back what the terminal shows of the lesions.
    fn write(&self, outputs: &Outputs, shapes: &shapes::Shapes) -> Result<Option<Table>> {
        let mut findings = Findings::default();
        self.anonymous().into_iter().for_each(|finding| findings.add(finding.level, &finding.part, finding.text));
        outputs.write_file(FINDINGS, &findings.table().to_tsv()?)?;
        for (file, table) in
            [(PHASES, &self.phases), (CURVES, &self.curves), (REFERENCES, &self.references), (LIVER, &self.liver)]
        {
            if let Some(table) = table.as_ref().filter(|table| !table.rows().is_empty()) {
                outputs.write_file(file, &table.to_tsv()?)?;
            }
        }
        if let Some(png) = sheet::draw(&self.parts)? {
            outputs.write_file(SHEET, &png)?;
        }
        if self.measured.is_empty() {
            return Ok(None);
        }
        outputs.write_file(VALUES, &long_table(&self.names, &self.measured).to_tsv()?)?;
        outputs.write_file(VALUES_WIDE, &wide_table(&self.names, &shapes.shapes, &self.measured).to_csv()?)?;
        outputs.write_file(SHAPES, &shapes.table(&self.names).to_tsv()?)?;
        if let Some(labels) = self.parts.iter().find_map(|part| part.labels.as_ref()) {
            outputs.write_file(LABELS, &shapes::names(labels)?)?;
        }
        if self.lesions.is_empty() {
            return Ok(None);
        }
        let agent = self.case.file.dynamic.as_ref().and_then(|dynamic| dynamic.agent);
        let table = lesions::table(&self.lesions, |row| cut_offs::beside(row, agent, self.field));
        outputs.write_file(LESIONS, &table.to_tsv()?)?;
        Ok(Some(lesions::brief(&self.lesions)))
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
