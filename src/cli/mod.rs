//! The command line: one file a subcommand, arguments and a call, no logic.

mod bench;
pub mod case;
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

use clap::{Args, Parser, Subcommand};

use crate::device::{Device, DeviceChoice, Precision, Progress};
use crate::volume::ReadOptions;
use crate::{Error, RESEARCH_USE_ONLY, Result};

/// Quantitative liver imaging from NIfTI: ADC maps, subtraction and enhancement curves, on a GPU or the CPU.
#[derive(Debug, Parser)]
#[command(name = "hepar", version, after_help = RESEARCH_USE_ONLY, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of them in a run")]
enum Command {
    Demo(demo::Args),
    Init(case::InitArgs),
    Check(case::CheckArgs),
    Run(case::RunArgs),
    Info(info::Args),
    Fit(fit::Args),
    Spectrum(spectrum::Args),
    Subtract(subtract::Args),
    Enhance(enhance::Args),
    Maps(maps::Args),
    Models(models::Args),
    Design(design::Args),
    Simulate(simulate::Args),
    Synthesize(synthesize::Args),
    Devices(devices::Args),
    Bench(bench::Args),
}

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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_usage) => {
            let status = if help_or_usage.use_stderr() { 2 } else { 0 };
            // A closed pipe while printing help is no reason to fail.
            let _ = help_or_usage.print();
            return ExitCode::from(status);
        }
    };
    console::start(cli.global.quiet, cli.global.verbose);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    // All that is computed at once is computed on this pool.
    let threads = cli.global.threads;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    pool.map_err(|e| Error::TryAgain(format!("cannot start {threads} threads: {e}")))?;
    let session = Session { global: cli.global };
    match cli.command {
        Command::Demo(args) => demo::run(args, &session),
        Command::Init(args) => case::init(args, &session),
        Command::Check(args) => case::check(args, &session),
        Command::Run(args) => case::run(args, &session),
        Command::Info(args) => info::run(args, &session),
        Command::Fit(args) => fit::run(args, &session),
        Command::Spectrum(args) => spectrum::run(args, &session),
        Command::Subtract(args) => subtract::run(args, &session),
        Command::Enhance(args) => enhance::run(args, &session),
        Command::Maps(args) => maps::run(args, &session),
        Command::Models(args) => models::run(args, &session),
        Command::Design(args) => design::run(args, &session),
        Command::Simulate(args) => simulate::run(args, &session),
        Command::Synthesize(args) => synthesize::run(args, &session),
        Command::Devices(args) => devices::run(args, &session),
        Command::Bench(args) => bench::run(args, &session),
    }
}

/// What options say cannot be meant.
fn refuse<T>(problem: &str, remedy: &str) -> Result<T> {
    Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")))
}
