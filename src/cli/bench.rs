//! `hepar bench`.

use super::Session;
use crate::{Error, Result};

/// Measure DWI fitting throughput.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("bench is not built yet".into()))
}
