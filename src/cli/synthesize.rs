//! `hepar synthesize`.

use std::path::PathBuf;

use super::options::{AxesArgs, Named, NamedAxis, OutputArgs};
use super::{Session, refuse};
use crate::Result;
use crate::device::Precision;
use crate::fit::synthesize::{FittedFolder, SynthesisRequest, synthesize};
use crate::model::SignalModel;

/// Compute images from the maps of a fit, such as those of a b-value that was not measured.
///
/// Each place on the axes becomes one image, such as computed_b1500.nii.gz, in units of the signal. Beyond what was measured
/// an image is as good as the model is there: it is marked in its sidecar.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder that `hepar fit` wrote, with a map of each parameter.
    #[arg(value_name = "MAPS_DIR")]
    maps: PathBuf,
    /// Signal model; default: that of the folder's record.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Signal model of your own, with which the maps were fitted.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    model_file: Option<PathBuf>,
    /// Values of an axis of the model in its unit, an image each, such as b=1000,1500, or a file of them; once for each axis,
    /// with as many values as the others or one.
    #[arg(long, required = true, value_name = "NAME=LIST|FILE")]
    at: Vec<NamedAxis>,
    /// Value of a parameter in its unit, instead of its map.
    #[arg(long, value_name = "NAME=VALUE")]
    fix: Vec<Named<f64>>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let maps = FittedFolder::open(&args.maps)?;
    let model = match (&args.model_file, args.model.as_deref().or(maps.model())) {
        (Some(path), _) => SignalModel::from_file(path)?,
        (None, Some(name)) => SignalModel::builtin(name)?.clone(),
        (None, None) => return refuse("the folder does not say which model was fitted", "name it with --model"),
    };
    if let Some(axis) = model.axes.iter().find(|axis| args.at.iter().all(|at| at.name != axis.name)) {
        let problem = format!("no value is given for the axis `{}` of the model `{}`", axis.name, model.name);
        return refuse(&problem, &format!("add --at {}=VALUE, in {}", axis.name, axis.unit));
    }
    let axes = AxesArgs { axis: args.at, ..AxesArgs::default() }.of(&model)?;
    let dir = args.output.output.display().to_string();
    let request = SynthesisRequest {
        maps,
        model,
        axes,
        fixed: args.fix.into_iter().map(Into::into).collect(),
        read: session.read_options(),
        output: args.output.into(),
    };
    let device = session.device(Precision::F32)?;
    let names = synthesize(&request, &device, |n_voxels| Box::new(session.progress("computing images", n_voxels)))?;
    session.say(&format!("{} in {dir}", names.join(", ")))
}
