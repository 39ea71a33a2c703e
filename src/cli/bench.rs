//! `hepar bench`.

use super::{Session, console};
use crate::bench::{BenchOptions, Throughput, measure};
use crate::device::{Device, DeviceChoice, DeviceList, Precision};
use crate::fit::Method;
use crate::measure::{Cell, Table};
use crate::{Error, Result};

/// Measure DWI fitting throughput: the kernel alone, with transfers, and file to file.
///
/// Without --device, the CPU and every real GPU are measured; a software adapter only by name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Voxels to fit, rounded up to whole slices of 192 x 192.
    #[arg(long, value_name = "N", default_value_t = 192 * 192 * 40)]
    voxels: usize,
    /// Runs that count.
    #[arg(long, value_name = "N", default_value_t = 7)]
    repeats: usize,
    /// How log-signals are weighted.
    #[arg(long, value_enum, default_value_t)]
    method: Method,
    /// A JSON array of objects, one a device.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let options = BenchOptions { n_voxels: args.voxels, repeats: args.repeats, method: args.method };
    let open = |choice: &DeviceChoice| Device::open(choice, session.global.threads, Precision::F32);
    let choices = match &session.global.device {
        DeviceChoice::Auto => DeviceList::survey().for_benchmarks(),
        choice => vec![choice.clone()],
    };
    let measured = choices.iter().map(|choice| measure(&options, &open(choice)?)).collect::<Result<Vec<_>>>()?;
    if args.json {
        let json = serde_json::to_string_pretty(&measured).map_err(|e| Error::Internal(e.to_string()))?;
        console::print(&format!("{json}\n"))
    } else {
        console::print(&table(&measured).to_text())
    }
}

fn table(measured: &[Throughput]) -> Table {
    let columns =
        ["device", "fit", "b-values", "voxels", "kernel Mvoxel/s", "with transfers", "file to file", "GB/s", "GFLOP/s"];
    let mut table = Table::new(&columns);
    for m in measured {
        let mega = |rate: f64| Cell::from(rate / 1e6);
        let mut row: Vec<Cell> = vec![m.device.clone().into(), format!("{} {}", m.model, m.method).into()];
        row.extend([m.n_obs.into(), m.n_voxels.into()]);
        row.extend([m.kernel_voxels_per_s, m.transfer_voxels_per_s, m.file_voxels_per_s].map(mega));
        row.push((m.kernel_voxels_per_s * m.bytes_per_voxel as f64 / 1e9).into());
        row.push((m.kernel_voxels_per_s * m.flops_per_voxel / 1e9).into());
        table.push(row);
    }
    table
}
