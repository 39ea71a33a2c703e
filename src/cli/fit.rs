//! `hepar fit`.

use super::Session;
use crate::{Error, Result};

/// Fit a signal model to every voxel of a series.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("fit is not built yet".into()))
}
