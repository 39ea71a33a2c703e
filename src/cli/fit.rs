//! `hepar fit`.

use std::path::PathBuf;

use super::Session;
use super::options::{Named, NamedRange, OutputArgs, SeriesArgs};
use crate::device::{Device, DeviceChoice, Precision};
use crate::fit::nlls::NllsOptions;
use crate::fit::{AdcOptions, BadSamples, FitMethod, FitRequest, Method, SegmentedOptions, run as run_fit};
use crate::model::SignalModel;
use crate::model::signal::ParameterKind;
use crate::volume::mask::MaskChoice;
use crate::{Error, Result};

/// Fit a signal model to every voxel of a series.
///
/// Maps go to DIR: one for each parameter and derived quantity (such as ADC in mm²/s, and S0), their standard errors
/// (ADC_se), rmse, R2, AICc, iterations and status, each with a JSON sidecar that says how it was made. `hepar models
/// list` names the models.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One 4D NIfTI file, or several 3D files in order.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Signal model: one of `hepar models list`.
    #[arg(long, default_value = "adc", value_name = "NAME")]
    model: String,
    /// Your own signal model, in the form of models/signal/ivim.toml.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    model_file: Option<PathBuf>,
    /// How it is fitted. lls, wlls, iwlls: the ADC from log-signals, weighted not at all, once by the predicted signal, or
    /// until the estimate stays. segmented: IVIM, part after part. nlls: any model by non-linear least squares. Default:
    /// iwlls for adc, else nlls.
    #[arg(long, value_enum)]
    method: Option<Choice>,
    /// Most steps of a fit (re-weightings of iwlls).
    #[arg(long, value_name = "N", default_value_t = AdcOptions::default().max_iterations, value_parser = clap::value_parser!(u32).range(1..=65535))]
    max_iterations: u32,
    /// Hold a parameter at a value, in its unit; may be given again for others.
    #[arg(long, value_name = "NAME=VALUE")]
    fix: Vec<Named<f64>>,
    /// Bounds of a parameter, in its unit.
    #[arg(long, value_name = "NAME=LOW:HIGH")]
    bounds: Vec<NamedRange>,
    /// Start from this value of a parameter instead of from several places.
    #[arg(long, value_name = "NAME=VALUE")]
    start: Vec<Named<f64>>,
    /// Fit although the samples do not meet what the model's file asks for.
    #[arg(long)]
    force_model: bool,
    /// b-value from which on segmented fits take perfusion for gone, s/mm².
    #[arg(long, value_name = "B", default_value_t = SegmentedOptions::default().threshold_s_per_mm2)]
    segmented_b: f64,
    /// Floating-point type of the CPU; f64 is slower, seeks minima with more care, and writes float64.
    #[arg(long, value_enum, default_value_t)]
    precision: PrecisionChoice,
    /// What happens where a sample is <= 0 or not finite: it gets no weight, or the voxel is not fitted.
    #[arg(long, value_enum, default_value_t)]
    bad_samples: BadSamples,
    /// Fit the voxels of this image that are not 0; auto: the body; none: all.
    #[arg(long, value_name = "FILE|auto|none", default_value = "none")]
    mask: MaskChoice,
    /// Label image (own grid allowed): adds a table of each label's values and of the fit to its mean signal.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Maps to write, such as ADC,S0; default: all.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    write: Vec<String>,
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    Lls,
    Wlls,
    Iwlls,
    Nlls,
    Segmented,
}

/// `--precision`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum PrecisionChoice {
    #[default]
    F32,
    F64,
}

impl Args {
    fn method(&self) -> Result<FitMethod> {
        let adc = |method| {
            FitMethod::Adc(AdcOptions { method, bad_samples: self.bad_samples, max_iterations: self.max_iterations })
        };
        let model = match &self.model_file {
            Some(path) => SignalModel::from_file(path)?,
            None => SignalModel::builtin(&self.model)?.clone(),
        };
        let is = |name: &str| self.model_file.is_none() && model.name == name;
        let default = if is("adc") { Choice::Iwlls } else { Choice::Nlls };
        let method = self.method.unwrap_or(default);
        let given = !(self.fix.is_empty() && self.start.is_empty() && self.bounds.is_empty());
        match method {
            Choice::Lls | Choice::Wlls | Choice::Iwlls if !is("adc") => {
                refuse("lls, wlls and iwlls fit the model adc alone", "choose --method nlls, or --model adc")
            }
            Choice::Segmented if !is("ivim") => {
                refuse("segmented fits are of the model ivim alone", "choose --method nlls, or --model ivim")
            }
            Choice::Lls | Choice::Wlls | Choice::Iwlls if given => refuse(
                "fits of log-signals have no bounds, no start and nothing to fix",
                "leave --bounds, --start and --fix out, or choose --method nlls",
            ),
            Choice::Lls => Ok(adc(Method::Lls)),
            Choice::Wlls => Ok(adc(Method::Wlls)),
            Choice::Iwlls => Ok(adc(Method::Iwlls)),
            Choice::Segmented => self.segmented(&model),
            Choice::Nlls => {
                let values = |list: &[Named<f64>]| list.iter().map(|n| (n.name.clone(), n.value)).collect();
                let options = NllsOptions {
                    fixed: values(&self.fix),
                    bounds: self.bounds.iter().map(|n| (n.name.clone(), n.value)).collect(),
                    start: values(&self.start),
                    max_iterations: self.max_iterations,
                };
                Ok(FitMethod::Nlls { model: Box::new(model), options, force: self.force_model })
            }
        }
    }

    fn segmented(&self, model: &SignalModel) -> Result<FitMethod> {
        if !(self.fix.is_empty() && self.start.is_empty()) {
            return refuse("segmented fits have no start and nothing to fix", "leave --start and --fix out");
        }
        let bounds = |name: &str| {
            let given = self.bounds.iter().rev().find(|n| n.name == name).map(|n| n.value);
            let own = model.parameter(name).map(|parameter| match parameter.kind {
                ParameterKind::Fitted { bounds, .. } => bounds,
                ParameterKind::Fixed(value) => [value, value],
            });
            given.map_or(own, Ok)
        };
        if let Some(other) = self.bounds.iter().find(|n| !["D", "f", "Dstar"].contains(&n.name.as_str())) {
            return refuse(&format!("a segmented fit does not bound `{}`", other.name), "bound D, f or Dstar");
        }
        Ok(FitMethod::Segmented(SegmentedOptions {
            threshold_s_per_mm2: self.segmented_b,
            d_bounds: bounds("D")?,
            f_bounds: bounds("f")?,
            dstar_bounds: bounds("Dstar")?,
            bad_samples: self.bad_samples,
            max_iterations: self.max_iterations,
            ..SegmentedOptions::default()
        }))
    }
}

/// Whether the terminal shows a column of the table of regions.
fn is_brief(column: &str) -> bool {
    let is_se = column.contains("_se_") || column.ends_with("_se");
    let of_means = column.starts_with("mean_decay_") && !is_se && !["mean_decay_S0", "mean_decay_R2"].contains(&column);
    ["label", "name", "method", "n"].contains(&column)
        || of_means
        || ["_mean", "_sd"].iter().any(|part| column.ends_with(part) || column.contains(&format!("{part}_")))
}

fn refuse<T>(problem: &str, remedy: &str) -> Result<T> {
    Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")))
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let method = args.method()?;
    let what = format!("fitting {} by {}", method.model(), method.name());
    let precision = match args.precision {
        PrecisionChoice::F32 => Precision::F32,
        PrecisionChoice::F64 => Precision::F64,
    };
    let dir = args.output.output.display().to_string();
    let request = FitRequest {
        inputs: args.inputs,
        read: session.read_options(),
        series: args.series.into(),
        mask: args.mask,
        labels: args.labels,
        method,
        write: args.write,
        output: args.output.into(),
    };
    // What the CPU alone can do is done there, unless another device was asked for.
    let device = match (&session.global.device, request.method.needs_cpu()) {
        (DeviceChoice::Auto, true) => Device::open(&DeviceChoice::Cpu, session.global.threads, precision)?,
        _ => session.device(precision)?,
    };
    if precision == Precision::F64 && device.cpu().is_none() {
        return refuse("a GPU computes in f32", "leave --precision out, or choose --device cpu");
    }
    let summary = run_fit(&request, &device, |n_voxels| Box::new(session.progress(&what, n_voxels)))?;
    if let Some(table) = &summary.regions {
        let shown: Vec<&str> = table.header().iter().map(String::as_str).filter(|name| is_brief(name)).collect();
        session.say(&table.select(&shown).to_text())?;
    }
    session.say(&format!("{} voxels fitted; results in {dir}", summary.n_voxels))?;
    for (meaning, count) in summary.status_counts.iter().filter(|(_, count)| *count > 0) {
        session.say(&format!("  {count}: {meaning}"))?;
    }
    Ok(())
}
