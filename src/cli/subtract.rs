//! `hepar subtract`.

use std::path::PathBuf;

use super::Session;
use super::exam::ExamArgs;
use super::options::OutputArgs;
use crate::Result;
use crate::device::Precision;
use crate::enhance::subtract::{SubtractOptions, subtract};
use crate::model::Modality;

/// Subtract one image from another: absolute, relative and noise-scaled enhancement.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Image after contrast.
    post: PathBuf,
    /// Image before contrast; results are on its grid.
    pre: PathBuf,
    /// What made the images; else CT where at least 1 % of the voxels of PRE are below -500, as air is in HU.
    #[arg(long, value_enum)]
    modality: Option<Scanner>,
    #[command(flatten)]
    exam: ExamArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Scanner {
    /// Magnetic resonance.
    Mr,
    /// Computed tomography, in HU: no relative enhancement.
    Ct,
}

impl From<Scanner> for Modality {
    fn from(scanner: Scanner) -> Self {
        match scanner {
            Scanner::Mr => Self::Mr,
            Scanner::Ct => Self::Ct,
        }
    }
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let options = SubtractOptions {
        modality: args.modality.map(Modality::from),
        sigma: args.exam.sigma(),
        gather: args.exam.gather(session),
        labels: args.exam.labels,
        post: args.post,
        pre: args.pre,
    };
    let device = session.device(Precision::F32)?;
    let written = subtract(&options, &device, args.output.into(), &())?;
    session.say(&written.to_string())
}
