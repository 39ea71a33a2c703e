//! `hepar fit`, and what other fits share with it.

use std::path::PathBuf;

use super::Session;
use super::options::{MethodArgs, OutputArgs, ScaleArgs, SeriesArgs};
use crate::Result;
use crate::device::Device;
use crate::fit::{FitMethod, FitRequest, run as run_fit};
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
    let (method, precision) = (args.method.get()?, args.method.precision());
    let request = args.voxels.request(method, args.series, args.output, session)?;
    let request = FitRequest { axis_scales: args.scales.list(), ..request };
    fit(&request, &session.device(precision)?, session)
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
            write: self.write,
            output: output.into(),
        })
    }
}

/// Fits, and says what came of it.
pub(super) fn fit(request: &FitRequest, device: &Device, session: &Session) -> Result<()> {
    let what = format!("fitting {} by {}", request.method.model(), request.method.name());
    let summary = run_fit(request, device, |n_voxels| Box::new(session.progress(&what, n_voxels)))?;
    if let Some(table) = &summary.regions {
        let shown: Vec<&str> = table.header().iter().map(String::as_str).filter(|name| is_brief(name)).collect();
        session.say(&table.select(&shown).to_text())?;
    }
    session.say(&format!("{} voxels fitted; results in {}", summary.n_voxels, request.output.dir.display()))?;
    for (meaning, count) in summary.status_counts.iter().filter(|(_, count)| *count > 0) {
        session.say(&format!("  {count}: {meaning}"))?;
    }
    Ok(())
}
