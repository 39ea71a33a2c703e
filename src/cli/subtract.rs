//! `hepar subtract`.

use super::Session;
use crate::{Error, Result};

/// Subtract one image from another: absolute, relative and noise-scaled enhancement.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("subtract is not built yet".into()))
}
