//! `hepar devices`.

use super::Session;
use crate::{Error, Result};

/// List the devices that can compute, and which one is used by default.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("devices is not built yet".into()))
}
