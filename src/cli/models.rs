//! `hepar models`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Session, console};
use crate::device::VoxelKernel;
use crate::fit::nlls::{NllsKernel, NllsOptions, NllsOutput, Quantity};
use crate::model::SignalModel;
use crate::{Error, Result};

/// Samples of a shader that is shown.
const N_SAMPLES: usize = 10;

/// List, show and check the signal models that `fit`, `design` and `simulate` take.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all models with their fitted parameters.
    List,
    /// Show a model's formula, axes, parameters, exact slopes, cost and source.
    Show {
        /// Name of the model, or a TOML file of the form of those in models/signal.
        #[arg(value_name = "NAME|FILE")]
        model: String,
        /// The shader that fits it on a GPU instead, for ten samples: what follows the buffers' declarations.
        #[arg(long)]
        wgsl: bool,
    },
    /// Read model files and say what is wrong with each.
    Check {
        /// TOML files of the form of those in models/signal.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(args: Args, _session: &Session) -> Result<()> {
    match args.action {
        Action::List => {
            let mut text = String::new();
            for model in SignalModel::all() {
                let fitted: Vec<&str> = model.fitted_names().collect();
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{:22} {:30} {}", model.name, fitted.join(" "), model.title);
            }
            console::print(&text)
        }
        Action::Show { model, wgsl: true } => console::print(&wgsl(&find(&model)?)?),
        Action::Show { model, wgsl: false } => console::print(&format!("{}\n", find(&model)?)),
        Action::Check { files } => check(&files),
    }
}

/// A model by its name or its file.
fn find(name: &str) -> Result<SignalModel> {
    let is_file = name.ends_with(".toml") || name.contains(std::path::is_separator);
    if is_file { SignalModel::from_file(Path::new(name)) } else { SignalModel::builtin(name).cloned() }
}

/// A fit's shader: its text depends on how many samples there are, and on whether their values differ, alone.
fn wgsl(model: &SignalModel) -> Result<String> {
    let values: Vec<f64> = (0..N_SAMPLES).map(|i| 50.0 * i as f64).collect();
    let axes = vec![values; model.axes.len()];
    let is_written = |output: &NllsOutput| matches!(output.quantity, Quantity::Parameter(_) | Quantity::Status);
    let kernel = NllsKernel::new(model, &axes, &NllsOptions::default(), is_written)?;
    Ok(kernel.shader(N_SAMPLES).map(|shader| shader.body).unwrap_or_default())
}

fn check(files: &[PathBuf]) -> Result<()> {
    let mut faults = Vec::new();
    for path in files {
        match SignalModel::from_file(path) {
            Ok(model) => console::print(&format!("{model}\n"))?,
            Err(error) if files.len() == 1 => return Err(error),
            Err(error) => {
                console::error(&error);
                faults.push(error);
            }
        }
    }
    let summary = format!("{} of {} files cannot be used as models", faults.len(), files.len());
    match faults.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Error::Several { summary, first: first.into() }),
    }
}
