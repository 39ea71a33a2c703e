//! `hepar simulate`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Session;
use super::options::{AxesArgs, ModelArgs, NamedMap, NumberOrFile};
use crate::Result;
use crate::report::outputs::OutputOptions;
use crate::simulate::Noise;
use crate::simulate::run::{Request, TruthSource, run as simulate};
use crate::volume::Format;

/// Make a series of a signal model from known parameters.
///
/// DIR/series.nii.gz (float32) with its axes in series.json and, for b, series.bval; DIR/truth has a map of each
/// parameter and derived quantity, named as those of a fit. The same options give the same bytes on every machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    axes: AxesArgs,
    /// True value of a parameter in its unit, such as D=1.1e-3, or an image of it, such as D=D.nii.gz, whose NaN are
    /// voxels without signal. Else 1000 for parameters in units of the signal; for others their start in the model's
    /// file, else their scale.
    #[arg(long, value_name = "NAME=VALUE|FILE")]
    truth: Vec<NamedMap>,
    /// Voxels along i, j and k, such as 64,64,10, of 2 mm each; not with images, whose grid is taken.
    #[arg(long, value_name = "I,J,K")]
    shape: Option<Shape>,
    /// Signal-to-noise ratio: the noiseless signal of the sample with the lowest b (the model's first axis), as the mean
    /// of all voxels that have one, over the noise's standard deviation.
    #[arg(long, value_name = "SNR", default_value_t = 30.0)]
    snr: f64,
    /// Noise, of the same standard deviation in every sample.
    #[arg(long, value_enum, default_value = "rician")]
    noise: Noise,
    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for the results; made if it is not there.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
    /// Replace existing results.
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Format of the images.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Clone, Copy)]
struct Shape([usize; 3]);

impl FromStr for Shape {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let numbers: Option<Vec<usize>> = text.split(',').map(|n| n.trim().parse().ok().filter(|&n| n > 0)).collect();
        let shape = numbers.and_then(|numbers| numbers.try_into().ok());
        shape.map(Self).ok_or("write three numbers above 0, such as 64,64,10")
    }
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let model = args.model.get()?;
    let source = |NamedMap { name, value }| match value {
        NumberOrFile::Number(value) => (name, TruthSource::Value(value)),
        NumberOrFile::File(path) => (name, TruthSource::Image(path)),
    };
    let output = OutputOptions { dir: args.output.clone(), format: args.format, pictures: false, force: args.force };
    let request = Request {
        axes: args.axes.of(&model)?,
        truth: args.truth.into_iter().map(source).collect(),
        shape: args.shape.map(|Shape(shape)| shape),
        read: session.read_options(),
        noise: args.noise,
        snr: args.snr,
        seed: args.seed,
        output,
        model,
    };
    let made = simulate(&request)?;
    session.say(&format!(
        "{} volumes of {} voxels with noise of standard deviation {:.4} in {}, its truth in {}",
        made.n_volumes,
        made.n_voxels,
        made.sigma,
        shown(&args.output, "series"),
        shown(&args.output, "truth"),
    ))
}

fn shown(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}
