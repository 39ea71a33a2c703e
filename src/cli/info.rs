//! `hepar info`.

use super::Session;
use crate::{Error, Result};

/// Describe NIfTI files: shape, type, affine, range and a checksum of the voxels.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("info is not built yet".into()))
}
