//! Options that `subtract` and `enhance` share.

use std::path::PathBuf;

use super::Session;
use crate::enhance::gather::GatherOptions;
use crate::enhance::sigma::Sigma;

/// What may differ between images, and what is known of their noise.
#[derive(Debug, clap::Args)]
pub(super) struct ExamArgs {
    /// Noise of one image: σ in image units, or `background`. By default the background is tried for MR.
    #[arg(long, value_name = "SIGMA|background", conflicts_with = "repeat")]
    sigma: Option<Sigma>,
    /// A second image like the unenhanced one, to take the noise from.
    #[arg(long, value_name = "FILE")]
    repeat: Option<PathBuf>,
    /// Resample images that are on another grid (linear interpolation).
    #[arg(long)]
    resample: bool,
    /// Take images whose TR, TE, flip angle or scaling differ.
    #[arg(long)]
    allow_mismatch: bool,
    /// Label image, on any grid: tables of each label.
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Option<PathBuf>,
}

impl ExamArgs {
    pub(super) fn sigma(&self) -> Sigma {
        match (&self.sigma, &self.repeat) {
            (Some(sigma), _) => sigma.clone(),
            (None, Some(repeat)) => Sigma::Repeat(repeat.clone()),
            (None, None) => Sigma::Unsaid,
        }
    }

    pub(super) fn gather(&self, session: &Session) -> GatherOptions {
        GatherOptions { read: session.read_options(), resample: self.resample, allow_mismatch: self.allow_mismatch }
    }
}
