//! Options of a second fit, with priors.

use std::path::PathBuf;

use crate::fit::prior::{PriorRequest, PriorSource};

/// A second fit, with priors.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PriorArgs {
    /// Fit again with a Gaussian prior of each parameter's logit (maximum a posteriori): that of the model's file, or one
    /// learnt from the voxels of a label. Adds NAME_shrunk, NAME_shift (how far the prior has moved the estimate, in its
    /// standard errors) and prior_shift, the same for all together.
    #[arg(long, value_enum)]
    prior: Option<PriorSource>,
    /// Label image (own grid allowed) of the tissue that the prior is learnt from, lesions having labels of their own.
    #[arg(long, value_name = "FILE", requires = "prior")]
    prior_labels: Option<PathBuf>,
    /// Label that the prior is learnt from; default: that of most voxels.
    #[arg(long, value_name = "NUMBER", requires = "prior_labels")]
    prior_label: Option<u16>,
}

impl PriorArgs {
    /// What is asked for.
    pub(super) fn get(self) -> Option<PriorRequest> {
        let Self { prior, prior_labels: labels, prior_label: label } = self;
        prior.map(|source| PriorRequest { source, labels, label })
    }
}
