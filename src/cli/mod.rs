//! The command line: one file a subcommand, arguments and a call, no logic.

mod bench;
pub mod case;
mod command;
mod console;
mod demo;
mod design;
mod devices;
mod enhance;
mod exam;
mod fit;
mod info;
mod maps;
mod method_args;
mod model_args;
mod models;
mod named;
mod noise_args;
pub mod options;
mod prior_args;
mod progress;
mod simulate;
mod spectrum;
mod subtract;
mod synthesize;

use std::process::ExitCode;

use clap::Args;

use crate::device::{CpuDescription, Device, DeviceChoice, Precision, Progress};
use crate::volume::ReadOptions;
use crate::{Error, Result};
use command::Command;

/// Options that every subcommand takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Device to compute on: `auto` (a GPU if there is one, else the CPU), `gpu`, `cpu`, or one of `hepar devices` by its
    /// index, a part of its name, or its PCI address.
    #[arg(long, global = true, default_value_t, value_name = "DEVICE", help_heading = "Global options")]
    pub device: DeviceChoice,
    /// Threads that compute on the CPU, or copy for a GPU (0: one a core).
    #[arg(long, global = true, default_value_t = 0, value_name = "N", help_heading = "Global options")]
    pub threads: usize,
    /// The most that the voxels of one image may take in memory.
    #[arg(
        long,
        global = true,
        default_value_t = ReadOptions::default().max_volume_bytes,
        value_name = "BYTES",
        help_heading = "Global options"
    )]
    pub max_volume_bytes: u64,
    /// Take stored voxels as they are, whatever scl_slope and scl_inter say.
    #[arg(long, global = true, help_heading = "Global options")]
    pub ignore_scaling: bool,
    /// Print errors only.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Print more (-vv: everything).
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

/// What a subcommand needs from the program around it.
#[derive(Debug)]
pub struct Session {
    /// The options that every subcommand takes.
    pub global: Global,
}

impl Session {
    /// How images are to be read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            max_volume_bytes: self.global.max_volume_bytes,
            ignore_scaling: self.global.ignore_scaling,
            ..ReadOptions::default()
        }
    }

    /// Opens the device that the user asked for.
    pub fn device(&self, precision: Precision) -> Result<Device> {
        self.open(self.choice(precision), precision)
    }

    /// The device that the user asked for. f64 is for the CPU, which is taken unless another one is named.
    pub fn choice(&self, precision: Precision) -> &DeviceChoice {
        match (&self.global.device, precision) {
            (DeviceChoice::Auto, Precision::F64) => &DeviceChoice::Cpu,
            (choice, _) => choice,
        }
    }

    /// Opens a device.
    pub fn open(&self, choice: &DeviceChoice, precision: Precision) -> Result<Device> {
        let device = Device::open(choice, 0, precision)?;
        if precision == Precision::F64 && device.cpu().is_none() {
            return refuse("a GPU computes in f32", "leave --precision out, or choose --device cpu");
        }
        Ok(device)
    }

    /// Shows how `what` gets on, of `n_voxels` voxels, while the value lives.
    pub fn progress(&self, what: &str, n_voxels: usize) -> impl Progress + use<> {
        progress::Meter::new(self.global.quiet, what, n_voxels)
    }

    /// Prints what a person wants to know, unless they asked for quiet.
    pub fn say(&self, text: &str) -> Result<()> {
        if self.global.quiet { Ok(()) } else { console::print(&format!("{}\n", text.trim_end())) }
    }
}

/// Runs the program: parses the arguments, does the work, and says how it ended.
pub fn main() -> ExitCode {
    let (command, global) = match command::parse(std::env::args_os().collect()) {
        Ok(both) => both,
        Err(help_or_usage) => {
            let status = if help_or_usage.use_stderr() { 2 } else { 0 };
            // A closed pipe while printing help is no reason to fail.
            let _ = help_or_usage.print();
            return ExitCode::from(status);
        }
    };
    console::start(global.quiet, global.verbose);
    match run(command, global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(command: Command, global: Global) -> Result<()> {
    start_threads(&global)?;
    command.run(&Session { global })
}

/// Starts the pool on which all that is computed at once is computed.
fn start_threads(global: &Global) -> Result<()> {
    // What rayon's own variable says holds where no number is asked for.
    let threads = match (global.threads, std::env::var_os("RAYON_NUM_THREADS")) {
        (0, None) => CpuDescription::here().cores,
        (threads, _) => threads,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // This thread is one of them, rather than asleep until another wakes it; but not where it waits for a GPU, and not alone,
    // since it would keep threads that are not of the pool waiting while it waits for them. Elsewhere than on Unix its stack
    // may be small.
    let computes = cfg!(unix) && global.device == DeviceChoice::Cpu && threads > 1;
    let pool = if computes { pool.use_current_thread() } else { pool };
    pool.build_global().map_err(|e| Error::TryAgain(format!("cannot start {threads} threads: {e}")))
}

/// What options say cannot be meant.
fn refuse<T>(problem: &str, remedy: &str) -> Result<T> {
    Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")))
}
