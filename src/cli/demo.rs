//! `hepar demo`.

use super::Session;
use crate::{Error, Result};

/// Make a phantom examination and run the whole main job on it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _session: &Session) -> Result<()> {
    Err(Error::Internal("demo is not built yet".into()))
}
