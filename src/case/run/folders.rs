//! The folders of the parts, before anything is computed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::Run;
use super::write::FILES;
use crate::case::findings::Findings;
use crate::case::fits::PlannedFit;
use crate::case::iron;
use crate::report::outputs::{Earlier, MOST_NAMED};
use crate::{Error, Result};

impl Run<'_> {
    /// Makes sure that the folder of every part can be had. Unless told to replace results each must be empty, since what a part
    /// will write is known only when its inputs are read. Gives back what an earlier run wrote, by its records, in folders of
    /// parts that are no longer made, too: [`Self::remove_earlier`] takes what of it was not written anew.
    ///
    /// # Errors
    /// [`Error::CannotCreate`].
    pub(super) fn plan_folders(&self, fits: &[PlannedFit]) -> Result<BTreeMap<String, Earlier>> {
        let output = &self.options.output;
        let parts = self.part_folders(fits)?;
        writable(&output.dir, "")?;
        for part in &parts {
            writable(&output.dir, part)?;
        }
        self.keep_inputs(FILES.iter().map(|name| output.dir.join(name)))?;
        if !output.force {
            parts.iter().try_for_each(|part| refuse_occupied(&output.dir.join(part)))?;
            return Ok(BTreeMap::new());
        }
        // The record of all parts goes with the other files of its folder, when these are planned.
        let root = Earlier::read(&output.dir);
        let earlier_parts = root.iter().flat_map(Earlier::parts).cloned();
        let all: BTreeSet<String> = earlier_parts.chain(parts).collect();
        let read = |part: String| Some((part.clone(), Earlier::read(&output.dir.join(part))?));
        let earlier: BTreeMap<String, Earlier> = all.into_iter().filter_map(read).collect();
        self.keep_inputs(earlier.values().chain(&root).flat_map(Earlier::files))?;
        Ok(earlier)
    }

    /// Removes what an earlier run wrote and this one did not, and folders in which nothing is left of a part that is no longer
    /// made. What hepar did not write stays.
    ///
    /// # Errors
    /// [`Error::CannotCreate`] for a file that cannot be removed.
    pub(super) fn remove_earlier(&self, earlier: BTreeMap<String, Earlier>) -> Result<()> {
        let dir = &self.options.output.dir;
        for (part, earlier) in earlier {
            let is_made = self.done.contains(&part);
            earlier.remove(Earlier::read(&dir.join(&part)).filter(|_| is_made).as_ref())?;
            if !is_made {
                remove_empty(dir, &part);
            }
        }
        Ok(())
    }

    /// Every part that may be computed, as its folder is called.
    fn part_folders(&self, fits: &[PlannedFit]) -> Result<Vec<String>> {
        let mut parts: Vec<String> = fits.iter().map(|fit| format!("{}/{}", fit.part, fit.model)).collect();
        let has_iron = fits.iter().any(|fit| fit.model == iron::SOURCE)
            && !iron::plan(self.field, &mut Findings::default())?.is_empty();
        parts.extend(has_iron.then(|| iron::PART.to_owned()));
        parts.extend(self.case.file.chemical_shift.as_ref().map(|_| "chemical_shift".to_owned()));
        parts.extend(self.contrasts().into_iter().map(|(part, _)| part.to_owned()));
        Ok(parts)
    }

    /// Refuses to replace or to remove what this run reads.
    fn keep_inputs(&self, mut outputs: impl Iterator<Item = PathBuf>) -> Result<()> {
        let inputs = self.case.names().into_iter().filter_map(|(path, _)| self.case.at(&path).canonicalize().ok());
        let inputs: BTreeSet<PathBuf> = inputs.collect();
        let is_input = |file: &PathBuf| file.canonicalize().is_ok_and(|file| inputs.contains(&file));
        match outputs.find(is_input) {
            None => Ok(()),
            Some(file) => Err(Error::cannot_create(
                &file,
                "this run reads it, and results would replace it",
                "write to another folder",
            )),
        }
    }
}

/// The folders from `part` within `dir` up to `dir` itself.
fn folders(dir: &Path, part: &str) -> Vec<PathBuf> {
    Path::new(part).ancestors().map(|folder| dir.join(folder)).collect()
}

/// Makes sure that files can be written to the first folder of these that is there.
fn writable(dir: &Path, part: &str) -> Result<()> {
    let Some(folder) = folders(dir, part).into_iter().find(|folder| folder.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    tempfile::tempfile_in(&folder).map(drop).map_err(|e| {
        let problem = format!("the folder of {part} cannot be written to: {}", e.kind());
        Error::cannot_create(&folder, problem, "choose a folder that you may write to")
    })
}

/// Names that begin with a dot are the system's.
fn refuse_occupied(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    let more = if names.len() > MOST_NAMED { ", ..." } else { "" };
    names.truncate(MOST_NAMED);
    let problem = format!("already holds {}{more}", names.join(", "));
    Err(Error::cannot_create(folder, problem, "write to another folder, or replace results with --force"))
}

/// Removes the folder of a part, and what it is in, where nothing is left in them.
fn remove_empty(dir: &Path, part: &str) {
    let within = folders(dir, part).into_iter().filter(|folder| folder != dir);
    // A folder that still holds something is kept by the system.
    within.for_each(|folder| drop(fs::remove_dir(folder)));
}
