//! `fit --models`: which of several models the signals of a voxel support, by Akaike's criterion.
//!
//! Each model whose demands the samples meet is fitted by non-linear least squares to the same signals, so that their
//! criteria can be compared. A model's weight is exp(−Δ/2) over the sum of those of all models, Δ being how far its AICc
//! lies above the least; the simplest model of Δ ≤ 2 is chosen, and quantities that models share are averaged with these weights
//! (Burnham and Anderson, Model Selection and Multimodel Inference, 2002, doi:10.1007/b97636, sections 2.9 and 4.2). AICc is not defined for
//! n ≤ k + 1 samples, k being the fitted parameters and σ: such a model cannot be chosen.

mod eligible;
mod run;
mod shared;
mod weights;

pub use eligible::{Eligible, LeftOut, eligible};
pub use run::{Selection, SelectionSummary, run};
pub use shared::Shared;
pub use weights::{Candidate, akaike_weights, averaged};

/// By what a model is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Criterion {
    /// Akaike's information criterion, corrected for small samples (Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297).
    #[default]
    Aicc,
}
