//! Everything that a command writes: maps with their sidecars and pictures, tables, and the record that says "done".

mod earlier;
mod open;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{ColourKind, Montage};
use crate::volume::atomic::{ClosedFile, PendingFile, commit_all};
use crate::volume::{Format, Grid, MapData, pending_nifti};
use crate::{Error, RESEARCH_USE_ONLY, Result};

pub use earlier::Earlier;
pub use open::{MapLabel, OpenMap};

/// The file that is written last: a folder without it holds an unfinished run.
pub const RECORD: &str = "hepar.json";

/// Most existing files that an error names.
pub(crate) const MOST_NAMED: usize = 5;

/// Where outputs go, and in what form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputOptions {
    /// The folder; made if it is not there.
    pub dir: PathBuf,
    /// Of maps.
    pub format: Format,
    /// Whether each map is drawn, too.
    pub pictures: bool,
    /// Whether existing files are replaced.
    pub force: bool,
}

/// A map to be written.
#[derive(Debug, Clone)]
pub struct MapOutput<'a> {
    /// Its files' name without suffix.
    pub name: &'a str,
    /// Whole volumes over the grid.
    pub data: MapData<'a>,
    /// Unit of the values, as in `mm²/s`; empty for a pure number.
    pub unit: &'a str,
    /// What it shows, for people.
    pub title: &'a str,
    /// How it is drawn.
    pub picture: Picture,
    /// What else the sidecar says: model, method, b-values, options, input sha256, device, ...
    ///
    /// Nothing that names a person: no path, no free text of an input.
    pub meta: Map<String, Value>,
}

/// How a map is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picture {
    /// Its colours.
    pub kind: ColourKind,
    /// Values at the ends of the colour bar; `None` for a robust range of the map.
    pub range: Option<(f32, f32)>,
}

impl From<ColourKind> for Picture {
    fn from(kind: ColourKind) -> Self {
        Self { kind, range: None }
    }
}

/// What the record of a run says.
#[derive(Debug, Clone)]
pub struct RunRecord<'a> {
    /// The subcommand.
    pub command: &'a str,
    /// Every choice that changes a number. Nothing that names a person.
    pub options: Map<String, Value>,
    /// sha256 of each input file, in order: they identify inputs whose paths may hold names of patients.
    pub inputs_sha256: &'a [String],
    /// What computed: see `DeviceDescription`.
    pub device: Value,
}

/// The outputs of one run in one folder, in which nothing appears before the run is done.
#[derive(Debug)]
#[must_use = "a run is done only when its record is written: call finish"]
pub struct Outputs {
    options: OutputOptions,
    planned: BTreeSet<String>,
    /// What the record of an earlier run names.
    earlier: BTreeSet<String>,
    /// What is written, by its name.
    written: Mutex<BTreeMap<String, ClosedFile>>,
}

impl Outputs {
    /// Makes the folder and makes sure, before anything is computed, that the `maps` and `files` of a run can be
    /// written. With [`OutputOptions::force`] the record of an earlier run goes first, so that it cannot vouch for
    /// what replaces its outputs.
    ///
    /// # Errors
    /// [`Error::CannotCreate`] if the folder cannot be made or written to, or if an output exists.
    pub fn plan(options: OutputOptions, maps: &[&str], files: &[&str]) -> Result<Self> {
        let mut planned = BTreeSet::from([RECORD.to_owned()]);
        for map in maps {
            planned.insert(image_name(map, options.format));
            planned.insert(format!("{map}.json"));
            if options.pictures {
                planned.insert(format!("{map}.png"));
            }
        }
        planned.extend(files.iter().map(|file| (*file).to_owned()));
        for name in &planned {
            check_name(name)?;
        }
        make_folder(&options.dir)?;
        let earlier = Earlier::read(&options.dir).map_or_else(BTreeSet::new, |earlier| earlier.names().collect());
        let outputs = Self { options, planned, earlier, written: Mutex::default() };
        if outputs.options.force {
            outputs.remove_record()?;
        } else {
            outputs.refuse_existing()?;
        }
        Ok(outputs)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    fn refuse_existing(&self) -> Result<()> {
        let exists = |name: &&String| self.options.dir.join(name).symlink_metadata().is_ok();
        let existing: Vec<&str> = self.planned.iter().filter(exists).map(String::as_str).collect();
        if existing.is_empty() {
            return Ok(());
        }
        let named = existing[..existing.len().min(MOST_NAMED)].join(", ");
        let more = match existing.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        Err(Error::cannot_create(
            &self.options.dir,
            format!("already holds {named}{more}"),
            "write to another folder, or replace them with --force",
        ))
    }

    fn remove_record(&self) -> Result<()> {
        remove_if_there(&self.options.dir.join(RECORD))
    }

    /// Writes `NAME.nii.gz` (or `.nii`), `NAME.json` and, where wanted and of one volume, `NAME.png`; gives back the path that
    /// the image will have.
    ///
    /// # Errors
    /// Those of [`pending_nifti`] and of [`Montage::to_png`]; [`Error::Internal`] for a map that was not planned.
    pub fn write_map(&self, grid: &Grid, map: &MapOutput) -> Result<PathBuf> {
        let image = image_name(map.name, self.options.format);
        let path = self.planned_path(&image)?;
        let n_volumes = map.data.len() / grid.n_voxels().max(1);
        self.keep(&image, pending_nifti(&path, grid, n_volumes, map.data)?);
        self.write_file(&format!("{}.json", map.name), &pretty(&sidecar(map.title, map.unit, &map.meta))?)?;
        if self.options.pictures && n_volumes == 1 {
            self.write_file(&format!("{}.png", map.name), &paint(grid, map)?)?;
        }
        Ok(path)
    }

    /// Writes several maps at once, each by [`Outputs::write_map`].
    ///
    /// # Errors
    /// The first of any map.
    pub fn write_maps(&self, grid: &Grid, maps: &[MapOutput]) -> Result<Vec<PathBuf>> {
        maps.par_iter().map(|map| self.write_map(grid, map)).collect()
    }

    /// Writes a table or another small file; gives back the path that it will have.
    ///
    /// # Errors
    /// Those of [`PendingFile::filled`]; [`Error::Internal`] for a file that was not planned.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.planned_path(name)?;
        self.keep(name, PendingFile::filled(&path, |file| file.write_all(bytes))?);
        Ok(path)
    }

    /// Gives all files their names, last of all the record, which says that the run is done; gives back its path.
    ///
    /// # Errors
    /// Those of [`PendingFile::filled`] and [`commit_all`].
    pub fn finish(self, run: &RunRecord) -> Result<PathBuf> {
        let path = self.planned_path(RECORD)?;
        let written = self.written.into_inner().unwrap_or_else(PoisonError::into_inner);
        if self.options.force {
            // What an earlier run left and this one did not make would pass for its own.
            for name in self.planned.intersection(&self.earlier).filter(|name| !written.contains_key(*name)) {
                remove_if_there(&self.options.dir.join(name))?;
            }
        }
        let outputs: Vec<&String> = written.keys().collect();
        let record = json!({
            "command": run.command,
            "options": run.options,
            "inputs_sha256": run.inputs_sha256,
            "device": run.device,
            "outputs": outputs,
            "hepar_version": env!("CARGO_PKG_VERSION"),
            "note": RESEARCH_USE_ONLY,
        });
        let record = pretty(&record)?;
        let record = PendingFile::filled(&path, |file| file.write_all(&record))?;
        commit_all(written.into_values().collect(), record)?;
        Ok(path)
    }

    fn planned_path(&self, name: &str) -> Result<PathBuf> {
        if !self.planned.contains(name) {
            return Err(Error::Internal(format!("{name} is written but was not planned")));
        }
        Ok(self.options.dir.join(name))
    }

    fn keep(&self, name: &str, file: PendingFile) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(name.to_owned(), file.close());
    }
}

/// Removes what an earlier run wrote.
fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::cannot_create(
            path,
            format!("what an earlier run wrote cannot be removed: {e}"),
            "remove it, or write to another folder",
        )),
        _ => Ok(()),
    }
}

fn paint(grid: &Grid, map: &MapOutput) -> Result<Vec<u8>> {
    let Picture { kind, range } = map.picture;
    let (title, unit) = (map.title, &map.unit.replace("^2", "²"));
    Montage { title, unit, grid, values: &map.data.to_f32(), range, kind }.to_png()
}

fn image_name(map: &str, format: Format) -> String {
    format!("{map}.{}", format.suffix())
}

/// Names are parts of formulas' and users' own files: none may lead out of the folder.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+.".contains(c);
    if name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::Usage(format!(
            "{name:?} cannot be the name of an output\n  remedy: use letters, digits, _ - + and . only, none of these \
             dots first"
        )));
    }
    Ok(())
}

fn make_folder(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).and_then(|()| tempfile::tempfile_in(dir).map(drop)).map_err(|e| {
        Error::cannot_create(
            dir,
            format!("outputs cannot be written to this folder: {}", e.kind()),
            "choose a folder that you may write to",
        )
    })
}

fn sidecar(title: &str, unit: &str, meta: &Map<String, Value>) -> Value {
    let mut keys = Map::new();
    keys.insert("title".into(), title.into());
    keys.insert("units".into(), unit.into());
    keys.extend(meta.clone());
    keys.insert("hepar_version".into(), env!("CARGO_PKG_VERSION").into());
    keys.insert("note".into(), RESEARCH_USE_ONLY.into());
    Value::Object(keys)
}

fn pretty(json: &Value) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec_pretty(json).map_err(|e| Error::Internal(format!("a sidecar is no JSON: {e}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}
