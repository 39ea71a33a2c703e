//! `hepar fit`, and what other fits share with it.

use std::path::PathBuf;

use super::Session;
use super::noise_args::NoiseArgs;
use super::options::{MethodArgs, OutputArgs, ScaleArgs, SeriesArgs};
use super::prior_args::PriorArgs;
use crate::Result;
use crate::device::{DeviceChoice, Precision, Progress};
use crate::fit::select::{self, Criterion, LeftOut, Selection, SelectionSummary};
use crate::fit::{self, FitMethod, FitRequest, PlotPlace, run_opening};
use crate::volume::mask::MaskChoice;

/// Fit a signal model to every voxel of a series.
///
/// Maps go to DIR: one for each parameter and derived quantity (such as ADC in mm²/s, and S0), their standard errors
/// (ADC_se), rmse, R2, AICc, iterations and status, each with a JSON sidecar that says how it was made. `hepar models
/// list` names the models.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    voxels: VoxelArgs,
    #[command(flatten)]
    method: MethodArgs,
    #[command(flatten)]
    noise: NoiseArgs,
    /// Compare these models, such as adc,kurtosis,ivim or files of your own (.toml): each that the samples allow is fitted by
    /// nlls, its maps go to DIR/MODEL, and DIR gets the model that each voxel's signals support, the weights of all, and
    /// averages over them of what they share.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["model", "model_file", "write", "prior", "robust"])]
    models: Vec<String>,
    /// By what one of --models is chosen.
    #[arg(long, value_enum, default_value_t, requires = "models")]
    select: Criterion,
    #[command(flatten)]
    prior: PriorArgs,
    /// Write residuals, a volume for each volume used: signal less fit, or, under Rician noise, less the expected magnitude.
    /// Also residual_lag1, how much alike successive residuals are (which --write knows, too).
    #[arg(long)]
    residuals: bool,
    /// Draw data, fit (under Rician noise, the expected magnitude) and its 95 % band: of a voxel by its indices from 0, or of a label's mean signal by its number or name.
    /// May be given again.
    #[arg(long, value_name = "LABEL|I,J,K")]
    plot: Vec<PlotPlace>,
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    scales: ScaleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which voxels are fitted, and what is written of them.
#[derive(Debug, clap::Args)]
pub(super) struct VoxelArgs {
    /// One 4D NIfTI file, or several 3D files in order.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Fit the voxels of this image that are not 0; auto: the body; none: all.
    #[arg(long, value_name = "FILE|auto|none", default_value = "none")]
    mask: MaskChoice,
    /// Label image (own grid allowed): adds a table of each label's values and of the fit to its mean signal.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Maps to write, such as S0,rmse; default: all of one volume.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    write: Vec<String>,
}

/// Whether the terminal shows a column of the table of regions.
fn is_brief(column: &str) -> bool {
    let is_se = column.contains("_se_") || column.ends_with("_se");
    let of_means = column.starts_with("mean_decay_") && !is_se && !["mean_decay_S0", "mean_decay_R2"].contains(&column);
    ["label", "name", "method", "n"].contains(&column)
        || of_means
        || ["_mean", "_sd"].iter().any(|part| column.ends_with(part) || column.contains(&format!("{part}_")))
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let Criterion::Aicc = args.select;
    let methods = if args.models.is_empty() { vec![args.method.get()?] } else { args.method.several(&args.models)? };
    let methods = methods.into_iter().map(|method| args.noise.apply(method)).collect::<Result<Vec<_>>>()?;
    let several = !args.models.is_empty();
    let precision = args.method.precision();
    let request = args.voxels.request(methods[0].clone(), args.series, args.output, session)?;
    let request = FitRequest {
        axis_scales: args.scales.list(),
        prior: args.prior.get(),
        residuals: args.residuals,
        sigma: args.noise.sigma,
        plots: args.plot,
        ..request
    };
    if several {
        let dir = request.output.dir.display().to_string();
        let progress = |method: &FitMethod, n_voxels| progress(session, method, n_voxels);
        let summary = select::run(&Selection { request, models: methods }, &session.device(precision)?, progress)?;
        return say_selection(&summary, &dir, session);
    }
    fit(&request, session.choice(precision), precision, session)
}

impl VoxelArgs {
    /// What is asked for.
    pub(super) fn request(
        self,
        method: FitMethod,
        series: SeriesArgs,
        output: OutputArgs,
        session: &Session,
    ) -> Result<FitRequest> {
        Ok(FitRequest {
            inputs: self.inputs,
            read: session.read_options(),
            series: series.of(&method.signal_model()?)?,
            axis_scales: Vec::new(),
            mask: self.mask,
            labels: self.labels,
            method,
            sigma: None,
            prior: None,
            write: self.write,
            residuals: false,
            plots: Vec::new(),
            output: output.into(),
        })
    }
}

fn progress(session: &Session, method: &FitMethod, n_voxels: usize) -> Box<dyn Progress> {
    Box::new(session.progress(&format!("fitting {} by {}", method.model(), method.name()), n_voxels))
}

/// Fits, and says what came of it.
pub(super) fn fit(request: &FitRequest, choice: &DeviceChoice, precision: Precision, session: &Session) -> Result<()> {
    let open = || session.open(choice, precision);
    let progress = |n_voxels| progress(session, &request.method, n_voxels);
    let summary = match choice {
        // It is open at once.
        DeviceChoice::Cpu => fit::run(request, &open()?, progress)?,
        _ => run_opening(request, open, progress)?,
    };
    if let Some(table) = &summary.regions {
        let shown: Vec<&str> = table.header().iter().map(String::as_str).filter(|name| is_brief(name)).collect();
        session.say(&table.select(&shown).to_text())?;
    }
    if let Some(table) = &summary.prior {
        session.say(&table.to_text())?;
    }
    session.say(&format!("{} voxels fitted; results in {}", summary.n_voxels, request.output.dir.display()))?;
    for (meaning, count) in summary.status_counts.iter().filter(|(_, count)| *count > 0) {
        session.say(&format!("  {count}: {meaning}"))?;
    }
    Ok(())
}

fn say_selection(summary: &SelectionSummary, dir: &str, session: &Session) -> Result<()> {
    if let Some(table) = &summary.regions {
        session.say(&table.to_text())?;
    }
    session.say(&format!("{} voxels fitted; results in {dir}", summary.n_voxels))?;
    for (model, count) in &summary.chosen {
        session.say(&format!("  {count}: {model} is chosen"))?;
    }
    for LeftOut { model, reason } in &summary.left_out {
        session.say(&format!("  {model} is left out: {reason}"))?;
    }
    Ok(())
}
