//! `hepar demo`.

use std::path::{Path, PathBuf};

use super::Session;
use crate::simulate::demo::{self, Content, Folders, Voxels};
use crate::simulate::{Phantom, Spec, TruthMap, liver_phantom};
use crate::volume::Grid;
use crate::{Error, Result};

/// Make a phantom examination and run the whole main job on it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to fill: input, truth, maps and pictures.
    #[arg(long, short, default_value = "hepar-demo", value_name = "DIR")]
    output: PathBuf,
    /// Replace what is in the folder.
    #[arg(long)]
    force: bool,
    /// Seed of the noise.
    #[arg(long, default_value_t = demo::DEFAULT_SEED, value_name = "N")]
    seed: u64,
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let phantom = liver_phantom(&Spec::liver()?, args.seed)?;
    let folders = Folders::make(&args.output, args.force)?;
    for file in demo::input_files(&phantom) {
        let path = folders.input.join(file.name);
        match file.content {
            Content::Volumes(voxels) => write_volumes(&path, &phantom.grid, voxels)?,
            Content::Text(text) => write_text(&path, &text)?,
        }
    }
    for map in &phantom.truth {
        write_truth(&folders, &phantom, map)?;
    }
    fit(&folders, session)?;
    subtract(&folders, &phantom, session)?;
    enhance(&folders, &phantom, session)?;
    let rows = demo::compare_maps(&phantom, |name| read_map(&folders, name))?;
    print!("{}", demo::summary(&rows));
    println!("{}", args.output.display());
    Ok(())
}

fn not_connected<T>(what: &str) -> Result<T> {
    Err(Error::Internal(format!("the demo cannot {what} yet")))
}

fn write_volumes(_path: &Path, _grid: &Grid, _voxels: Voxels) -> Result<()> {
    not_connected("write volumes")
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| Error::io(path, e))
}

fn write_truth(_folders: &Folders, _phantom: &Phantom, _map: &TruthMap) -> Result<()> {
    not_connected("write maps")
}

fn fit(_folders: &Folders, _session: &Session) -> Result<()> {
    not_connected("fit")
}

fn subtract(_folders: &Folders, _phantom: &Phantom, _session: &Session) -> Result<()> {
    not_connected("subtract")
}

fn enhance(_folders: &Folders, _phantom: &Phantom, _session: &Session) -> Result<()> {
    not_connected("enhance")
}

fn read_map(_folders: &Folders, _name: &str) -> Result<Vec<f32>> {
    not_connected("read maps")
}
