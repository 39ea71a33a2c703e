//! `hepar devices`.

use super::{Session, console};
use crate::device::DeviceList;
use crate::{Error, Result};

/// List the devices that can compute, and which one is used by default.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object: adapters, cpu, default, and why there is no GPU.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, _session: &Session) -> Result<()> {
    let list = DeviceList::survey();
    let text = if args.json {
        serde_json::to_string_pretty(&list).map_err(|e| Error::Internal(e.to_string()))? + "\n"
    } else {
        list.to_string()
    };
    console::print(&text)
}
