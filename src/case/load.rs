//! Reading the case file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{CaseFile, SCHEMA};
use super::findings::Findings;
use crate::volume::beside::{beside, read_text};
use crate::volume::{Sidecar, read_sidecar};
use crate::{Error, Result};

/// Fields that differ by less are one: scanners of 3 T run at 2.89 T.
const SAME_FIELD_T: f64 = 0.15;

const REMEDY: &str = "`hepar check --schema` prints every key; `hepar init FOLDER` proposes a case file";

/// An examination as its case file states it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case file.
    pub path: PathBuf,
    /// What it says.
    pub file: CaseFile,
}

impl Case {
    /// Reads a case file.
    ///
    /// # Errors
    /// [`Error::Data`] names the line, the key and the remedy.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(path, &read_text(path)?)
    }

    /// Takes the text of a case file; paths in it are relative to `path`.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let file: CaseFile = toml::from_str(text).map_err(|e| Error::data(path, e.to_string(), REMEDY))?;
        if file.schema != SCHEMA {
            let problem = format!("has schema {}; this program reads {SCHEMA}", file.schema);
            return Err(Error::data(path, problem, REMEDY));
        }
        Ok(Self { path: path.into(), file })
    }

    /// A path of the case file, from here.
    pub(super) fn at(&self, file: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }

    /// Several paths of the case file, from here.
    pub(super) fn all_at(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        files.iter().map(|file| self.at(file)).collect()
    }

    /// The magnetic field in T: stated, or that of the sidecars; none where they contradict each other, which is a fault.
    pub(super) fn field(&self, findings: &mut Findings) -> Option<f64> {
        let file = &self.file;
        let phases = file.dynamic.iter().flat_map(|dynamic| dynamic.phases.iter().map(|phase| &phase.file));
        let shift = file.chemical_shift.iter().flat_map(|shift| [&shift.in_phase, &shift.opposed_phase]);
        let echoes = file.t2.iter().chain(&file.t2star).flat_map(|echoes| &echoes.files);
        let t1 = file.t1.iter().flat_map(|t1| &t1.files);
        let dwi = file.dwi.iter().flat_map(|dwi| &dwi.files);
        let mut field = file.field_strength_t.map(|tesla| ("the case file".to_owned(), tesla.get()));
        for image in phases.chain(shift).chain(echoes).chain(t1).chain(dwi) {
            let path = self.at(image);
            // A sidecar that cannot be read is a fault of its own part.
            let Some(found) = read_sidecar(&path).ok().flatten().and_then(|sidecar| sidecar.field_strength_t()) else {
                continue;
            };
            match &field {
                Some((by, tesla)) if (found - tesla).abs() > SAME_FIELD_T => {
                    findings.fault(
                        "field",
                        format!(
                            "{}: the field is {found} T by its sidecar, but {tesla} T by {by}\n  remedy: mend the one that is \
                             wrong; what depends on the field is left out",
                            path.display()
                        ),
                    );
                    return None;
                }
                Some(_) => {}
                None => field = Some((path.display().to_string(), found)),
            }
        }
        field.map(|(_, tesla)| tesla)
    }

    /// Says what is doubtful in any sidecar.
    pub(super) fn note_sidecars(&self, findings: &mut Findings) {
        let sidecars = self.names().into_iter().map(|(path, _)| self.at(&path));
        for path in sidecars.filter(|path| path.extension().is_some_and(|of| of == "json") && path.is_file()) {
            // One that cannot be read is a fault of its own part.
            let remarks = Sidecar::read(&path).map(|sidecar| sidecar.remarks().to_vec());
            remarks.into_iter().flatten().for_each(|remark| findings.warn("case", remark));
        }
    }

    /// A message without paths, which can hold patients' names: each becomes what it is to the examination.
    pub(super) fn anonymous(&self, text: &str) -> String {
        let mut names = self.names();
        // Longer paths first: one may be the beginning of another.
        names.sort_by_key(|(path, _)| std::cmp::Reverse(path.as_os_str().len()));
        let mut text = text.to_owned();
        for (path, name) in names {
            for form in [self.at(&path), path] {
                text = text.replace(&form.display().to_string(), &name);
            }
        }
        text = text.replace(&self.path.display().to_string(), "the case file");
        let folder = self.path.parent().unwrap_or(Path::new("")).to_owned();
        for folder in [Some(folder), std::env::current_dir().ok()].into_iter().flatten() {
            let folder = folder.display().to_string();
            // A bare name, or a dot, could be a part of any word.
            if folder.contains(std::path::MAIN_SEPARATOR) && folder.len() > 1 {
                text = text.replace(&folder, "(a folder)");
            }
        }
        text
    }

    /// Every file of the examination, and what it is to it.
    pub(super) fn names(&self) -> Vec<(PathBuf, String)> {
        let file = &self.file;
        let mut names = BTreeMap::new();
        let mut add = |path: &Path, name: String| {
            for ending in [".json", ".bval", ".bvals", ".hdr", ".hdr.gz", ".img", ".img.gz", "_dseg.tsv", ".tsv"] {
                names.insert(beside(path, ending), format!("{name}{ending}"));
                names.insert(beside(path, &ending.to_uppercase()), format!("{name}{ending}"));
            }
            names.insert(path.to_owned(), name);
        };
        for (i, labels) in file.labels.iter().enumerate() {
            add(&labels.file, format!("labels {}", i + 1));
        }
        for (part, contrast) in [("dynamic", &file.dynamic), ("ct", &file.ct)] {
            for phase in contrast.iter().flat_map(|contrast| &contrast.phases) {
                add(&phase.file, format!("{part} {}", phase.role));
            }
            contrast
                .iter()
                .filter_map(|contrast| contrast.repeat.as_ref())
                .for_each(|f| add(f, format!("{part} repeat")));
        }
        file.dwi.iter().filter_map(|dwi| dwi.bval.as_ref()).for_each(|f| add(f, "dwi b-values".into()));
        file.t1.iter().filter_map(|t1| t1.b1.as_ref()).for_each(|f| add(f, "t1 map of B1".into()));
        // Several parts can have one.
        file.masks().for_each(|(_, f)| add(f, "mask".into()));
        if let Some(shift) = &file.chemical_shift {
            add(&shift.in_phase, "in_phase".into());
            add(&shift.opposed_phase, "opposed_phase".into());
        }
        let mut several = |part: &str, files: &[PathBuf]| {
            files.iter().enumerate().for_each(|(i, path)| add(path, format!("{part} image {}", i + 1)));
        };
        file.dwi.iter().for_each(|dwi| several("dwi", &dwi.files));
        file.t2.iter().for_each(|t2| several("t2", &t2.files));
        file.t2star.iter().for_each(|t2star| several("t2star", &t2star.files));
        file.t1.iter().for_each(|t1| several("t1", &t1.files));
        file.energies.iter().for_each(|energies| several("energies", &energies.files));
        names.into_iter().collect()
    }
}
