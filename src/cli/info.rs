//! `hepar info`.

use std::path::{Path, PathBuf};

use super::{Session, console};
use crate::volume::{Info, info, read};
use crate::{Error, Result};

/// Describe NIfTI files: shape, type, affine, range and a checksum of the voxels.
///
/// A file that cannot be read is reported on standard error and the others are described all the same; the exit
/// status is then that of the first failure.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// NIfTI files (.nii, .nii.gz), or either file of a .hdr and .img pair.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a file, each on a line of its own.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let describe = |file: &Path| -> Result<()> {
        let image = read(file, &session.read_options())?;
        print(&info(&image), args.json)
    };
    if let [file] = args.files.as_slice() {
        return describe(file);
    }
    let mut failures = Vec::new();
    for file in &args.files {
        if let Err(failure) = describe(file) {
            console::error(&failure);
            failures.push(failure);
        }
    }
    let summary = format!("{} of {} files failed", failures.len(), args.files.len());
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Error::Several { summary, first: first.into() }),
    }
}

fn print(info: &Info, json: bool) -> Result<()> {
    let text =
        if json { serde_json::to_string(info).map_err(|e| Error::Internal(e.to_string()))? } else { info.to_string() };
    console::print(&format!("{text}\n"))
}
