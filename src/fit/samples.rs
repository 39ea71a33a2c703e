//! What fits of logarithms do about samples that have none.

/// What happens where a sample is ≤ 0 or not finite, and so has no logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum BadSamples {
    /// The sample gets no weight.
    #[default]
    Drop,
    /// The voxel is not fitted.
    Voxel,
}

impl BadSamples {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Voxel => "voxel",
        }
    }
}
