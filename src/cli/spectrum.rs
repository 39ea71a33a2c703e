//! `hepar spectrum`.

use super::fit::{VoxelArgs, fit};
use super::named::Form;
use super::options::{NamedRange, OutputArgs, SeriesArgs};
use super::{Session, refuse};
use crate::Result;
use crate::device::{DeviceChoice, Precision};
use crate::fit::FitMethod;
use crate::fit::spectrum::{PeakRange, Regularisation, SpectrumOptions};

/// Fit a spectrum of diffusivities to every voxel of a diffusion series.
///
/// Regularised non-negative least squares (NNLS) over logarithmically spaced diffusivities, in f64 on the CPU. Maps go to
/// DIR: of each range of --peaks its fraction of the signal and the geometric mean of its diffusivities in mm²/s (such as
/// slow_fraction and slow_D), S0, n_peaks, rmse, regularisation, iterations and status; the spectrum itself, one volume a
/// diffusivity, where --write names it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    voxels: VoxelArgs,
    /// Least and greatest diffusivity, mm²/s [default: 0.0005:0.5].
    #[arg(long, value_name = "LOW:HIGH", value_parser = range)]
    range: Option<[f64; 2]>,
    /// Number of diffusivities, 20 to 1000.
    #[arg(long, value_name = "N", default_value_t = SpectrumOptions::default().n_bins)]
    bins: usize,
    /// Weight lambda of the spectrum's sum of squares beside that of the residuals: none, a number for all voxels, or
    /// misfit:FACTOR, the one that raises the residual sum of squares of a voxel by FACTOR above its least.
    #[arg(long, value_name = "none|LAMBDA|misfit:FACTOR", default_value_t)]
    regularisation: Regularisation,
    /// A range of the spectrum, mm²/s, after which its maps are named; may be given again for others. Default:
    /// slow=0.0005:0.005, intermediate=0.005:0.05 and fast=0.05:0.5.
    #[arg(long, value_name = "NAME=LOW:HIGH")]
    peaks: Vec<NamedRange>,
    /// Share of the spectrum's area from which on a peak is counted.
    #[arg(long, value_name = "SHARE", default_value_t = SpectrumOptions::default().least_peak)]
    least_peak: f64,
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn range(text: &str) -> Result<[f64; 2], String> {
    <[f64; 2]>::read(text).ok_or_else(|| "write LOW:HIGH in mm²/s, such as 0.0005:0.5".into())
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let default = SpectrumOptions::default();
    let peaks = args.peaks.into_iter().map(|NamedRange { name, value }| PeakRange { name, range: value });
    let peaks: Vec<PeakRange> = peaks.collect();
    let options = SpectrumOptions {
        range: args.range.unwrap_or(default.range),
        n_bins: args.bins,
        regularisation: args.regularisation,
        peaks: if peaks.is_empty() { default.peaks } else { peaks },
        least_peak: args.least_peak,
    };
    let choice = match &session.global.device {
        DeviceChoice::Auto | DeviceChoice::Cpu => DeviceChoice::Cpu,
        other => {
            let problem = format!("--device {other}: spectra are fitted in f64, which the CPU alone computes in");
            return refuse(&problem, "leave --device out, or choose --device cpu");
        }
    };
    let request = args.voxels.request(FitMethod::Spectrum(options), args.series, args.output, session)?;
    // The maps are f32; the solver is not asked.
    fit(&request, &choice, Precision::F32, session)
}
