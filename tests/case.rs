//! A whole examination: its tables against truth, its messages, and the schema of its file.

mod drawn;
mod facts;
mod fitted;
mod folders;
mod messages;
mod phantom;
mod promises;
mod real;
mod remarks;
mod schema;
mod truth;

use std::path::Path;

use hepar::enhance::Agent;
use hepar::simulate::demo::{Content, DEFAULT_SEED, DemoContent, input_files};
use hepar::simulate::{Phantom, Spec, liver_phantom};
use hepar::volume::write_nifti;
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    let trials = [
        facts::trials(),
        folders::trials(),
        phantom::trials(),
        messages::trials(),
        promises::trials(),
        remarks::trials(),
        schema::trials(),
        real::trials(),
    ];
    trials.into_iter().flatten().collect()
}

/// The phantom's whole examination in a folder, with its case file.
fn written(agent: Agent, folder: &Path) -> Result<Phantom, Failed> {
    let phantom = liver_phantom(&Spec::liver()?, agent, DEFAULT_SEED)?;
    for file in input_files(&phantom, DemoContent::Whole) {
        let path = folder.join(&file.name);
        match file.content {
            Content::Volumes(voxels) => {
                write_nifti(&path, &phantom.grid, voxels.len() / phantom.grid.n_voxels(), voxels)?;
            }
            Content::Text(text) => std::fs::write(path, text)?,
        }
    }
    Ok(phantom)
}

/// What a run of the program said.
struct Said {
    status: i32,
    text: String,
}

/// Runs `hepar COMMAND CASE ...`.
fn hepar(command: &str, case: &Path, more: &[&str]) -> Result<Said, Failed> {
    let output = support::hepar().arg(command).arg(case).args(["--device", "cpu"]).args(more).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok(Said { status: output.status.code().unwrap_or(-1), text })
}

/// A table of tab-separated values: a map from heading to cell, a row.
fn table(path: &Path) -> Result<Vec<std::collections::BTreeMap<String, String>>, Failed> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let heading: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let row = |line: &str| heading.iter().map(|h| (*h).to_owned()).zip(line.split('\t').map(str::to_owned)).collect();
    Ok(lines.map(row).collect())
}
