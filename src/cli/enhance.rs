//! `hepar enhance`.

use super::Session;
use crate::{Error, Result};

/// Enhancement maps and curves from the phases of a contrast examination.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("enhance is not built yet".into()))
}
