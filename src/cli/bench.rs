//! `hepar bench`.

use std::path::PathBuf;

use super::options::{AxesArgs, MethodArgs};
use super::{Session, console};
use crate::bench::{BenchOptions, Throughput, Voxels, measure};
use crate::device::{DeviceChoice, DeviceList, Precision};
use crate::fit::FitMethod;
use crate::measure::{Cell, Table};
use crate::volume::axes;
use crate::{Error, Result};

/// b-values of a simulated series in s/mm²: those of an ADC, and of models that ask for more.
const FEW_B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];
const MANY_B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];

/// Measure fitting throughput: the kernel alone, with transfers, and file to file.
///
/// The voxels are simulated (SNR 30, Rician noise, int16), unless --input names a series. Without --device, the CPU and
/// every real GPU are measured; a software adapter only by name. Beside a rate stands what the device can do at most in
/// fused multiply-adds (and a CPU's threads in reading memory), measured in the same run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    method: MethodArgs,
    /// Voxels to fit, rounded up to whole slices of 192 x 192; default: 40 slices of an ADC, 8 of other models.
    #[arg(long, value_name = "N")]
    voxels: Option<usize>,
    /// Of the simulated series, or of --input; default: what is beside --input, or the b-values 50,200,500,750 for an ADC,
    /// else ten from 0 to 800.
    #[command(flatten)]
    axes: AxesArgs,
    /// Fit this series instead.
    #[arg(long, value_name = "FILE", conflicts_with = "voxels")]
    input: Option<PathBuf>,
    /// Runs that count.
    #[arg(long, value_name = "N", default_value_t = 7)]
    repeats: usize,
    /// A JSON array of objects, one a device.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn voxels(&self, method: &FitMethod) -> Result<Voxels> {
        let model = method.signal_model()?;
        if let Some(path) = &self.input {
            return Ok(Voxels::File { path: path.clone(), axes: self.axes.sources(&model)? });
        }
        let (slices, b_values): (usize, &[f64]) = match method {
            FitMethod::Adc(_) => (40, &FEW_B),
            _ => (8, &MANY_B),
        };
        let of_b_alone = model.axes.iter().all(|axis| axis.name == axes::B);
        let axes = match of_b_alone && self.axes.is_empty() {
            true => vec![b_values.to_vec()],
            false => self.axes.of(&model)?,
        };
        Ok(Voxels::Simulated { n_voxels: self.voxels.unwrap_or(192 * 192 * slices), axes })
    }
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let method = args.method.get()?;
    let options =
        BenchOptions { voxels: args.voxels(&method)?, read: session.read_options(), repeats: args.repeats, method };
    let precision = args.method.precision();
    let devices = match (&session.global.device, precision) {
        (DeviceChoice::Auto, Precision::F32) => DeviceList::survey().for_benchmarks(),
        (DeviceChoice::Auto, Precision::F64) => vec![DeviceChoice::Cpu],
        (choice, _) => vec![choice.clone()],
    };
    let of = |choice: &DeviceChoice| measure(&options, &session.open(choice, precision)?);
    let measured = devices.iter().map(of).collect::<Result<Vec<_>>>()?;
    if args.json {
        let json = serde_json::to_string_pretty(&measured).map_err(|e| Error::Internal(e.to_string()))?;
        console::print(&format!("{json}\n"))
    } else {
        console::print(&table(&measured).to_text())
    }
}

fn table(measured: &[Throughput]) -> Table {
    let mut table = Table::new(&[
        "device",
        "fit",
        "samples",
        "voxels",
        "steps",
        "kernel Mvoxel/s",
        "with transfers",
        "file to file",
        "GB/s",
        "of memory's",
        "GFLOP/s",
        "of the peak",
    ]);
    for m in measured {
        let mega = |rate: f64| Cell::from(rate / 1e6);
        let or_none = |value: Option<f64>| value.map_or(Cell::from("-"), Cell::from);
        let percent = |part: Option<f64>| part.map_or(Cell::from("-"), |part| format!("{:.0} %", 100.0 * part).into());
        let mut row: Vec<Cell> = vec![m.device.clone().into(), format!("{} {}", m.model, m.method).into()];
        row.extend([m.n_obs.into(), m.n_voxels.into(), m.mean_iterations.into()]);
        row.extend([m.kernel_voxels_per_s, m.transfer_voxels_per_s, m.file_voxels_per_s].map(mega));
        row.extend([m.gbytes().into(), percent(m.peak.gbytes.map(|most| m.gbytes() / most))]);
        row.push(or_none(m.gflops()));
        row.push(percent(m.gflops().map(|done| done / m.peak.gflops)));
        table.push(row);
    }
    table
}
