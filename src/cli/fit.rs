//! `hepar fit`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Session;
use super::options::{OutputArgs, SeriesArgs};
use crate::Result;
use crate::device::Precision;
use crate::fit::{AdcOptions, AdcOutput, BadSamples, FitRequest, Method, run as run_fit};
use crate::volume::mask::MaskChoice;

/// The columns of it that the terminal shows.
const BRIEF: [&str; 7] =
    ["label", "name", "method", "n", "ADC_mean_mm2_per_s", "ADC_sd_mm2_per_s", "mean_decay_ADC_mm2_per_s"];

/// Fit a signal model to every voxel of a series.
///
/// Maps go to DIR as ADC (mm²/s), S0, ADC_se, rmse, R2, iterations and status, each with a JSON sidecar that says how
/// it was made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One 4D NIfTI file, or several 3D files in order.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Signal model.
    #[arg(long, value_enum, default_value_t)]
    model: Model,
    /// How log-signals are weighted: not at all, once by the predicted signal, or until the estimate stays.
    #[arg(long, value_enum, default_value_t)]
    method: Method,
    /// Most re-weightings of iwlls.
    #[arg(long, value_name = "N", default_value_t = AdcOptions::default().max_iterations, value_parser = clap::value_parser!(u32).range(1..=65535))]
    max_iterations: u32,
    /// What happens where a sample is <= 0 or not finite: it gets no weight, or the voxel is not fitted.
    #[arg(long, value_enum, default_value_t)]
    bad_samples: BadSamples,
    /// Fit the voxels of this image that are not 0; auto: the body; none: all.
    #[arg(long, value_name = "FILE|auto|none", default_value = "none")]
    mask: MaskChoice,
    /// Label image (own grid allowed): adds a table of each label's values and of the fit to its mean signal.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Maps to write, such as ADC,S0.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_enum, default_values_t = AdcOutput::ALL)]
    write: Vec<AdcOutput>,
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Model {
    /// Mono-exponential diffusion.
    #[default]
    Adc,
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let Model::Adc = args.model;
    let dir = args.output.output.display().to_string();
    let request = FitRequest {
        inputs: args.inputs,
        read: session.read_options(),
        series: args.series.into(),
        mask: args.mask,
        labels: args.labels,
        options: AdcOptions { method: args.method, bad_samples: args.bad_samples, max_iterations: args.max_iterations },
        write: args.write,
        output: args.output.into(),
    };
    let device = session.device(Precision::F32)?;
    let summary = run_fit(&request, &device, |n_voxels| Box::new(session.progress("fitting the ADC", n_voxels)))?;
    if let Some(table) = &summary.regions {
        session.say(&table.select(&BRIEF).to_text())?;
    }
    session.say(&format!("{} voxels fitted; results in {dir}", summary.n_voxels))?;
    for (meaning, count) in summary.status_counts.iter().filter(|(_, count)| *count > 0) {
        session.say(&format!("  {count}: {meaning}"))?;
    }
    Ok(())
}
