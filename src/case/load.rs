//! Reading the case file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{CaseFile, SCHEMA};
use crate::volume::beside::read_text;
use crate::{Error, Result};

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
        let folder = self.path.parent().unwrap_or(Path::new(""));
        text = text.replace(&self.path.display().to_string(), "the case file");
        match folder.as_os_str().is_empty() {
            true => text,
            false => text.replace(&folder.display().to_string(), "the case's folder"),
        }
    }

    /// Every file of the examination, and what it is to it.
    fn names(&self) -> Vec<(PathBuf, String)> {
        let file = &self.file;
        let mut names = BTreeMap::new();
        let mut add = |path: &Path, name: String| {
            for ending in [".json", ".bval", "_dseg.tsv", ".tsv"] {
                names.insert(crate::volume::beside::beside(path, ending), format!("{name}{ending}"));
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
