//! `hepar maps`.

use super::Session;
use crate::{Error, Result};

/// List and show the maps that are formulas over images.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("maps is not built yet".into()))
}
