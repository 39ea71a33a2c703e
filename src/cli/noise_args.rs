//! Options that say what noise does to the samples of a fit.

use crate::Result;
use crate::fit::{FitMethod, Sigma};
use crate::model::signal::NoiseModel;

/// The noise of a series.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Noise")]
pub(super) struct NoiseArgs {
    /// How noise appears in the samples. gaussian: symmetric about the signal. rician: as in magnitude images, where the
    /// expected sample is about sqrt(S^2 + sigma^2): some 2 % too low at S = 2 sigma, 20 % where there is no signal. Of nlls.
    #[arg(long, value_enum, default_value_t)]
    pub(super) noise: NoiseModel,
    /// The noise's standard deviation in one image before averaging, in the unit of the series: a number, an image, or how it
    /// is estimated; Rician fits use it, and it is noted beside every map. repeats: from volumes that agree in all axes,
    /// where the signal is above 5 sigma; motion and directions add to it. residuals: from a first least-squares fit, in
    /// voxels whose samples are all above 5 sigma; what the model does not describe adds to it. background: from air; wrong
    /// under parallel imaging, and where images were filtered or masked. estimate: the first of these that the series
    /// allows; the default of Rician fits. What is known of it adds chi2_reduced to the maps and to the table of labels; against
    /// an estimate from residuals that is near 1 by construction.
    #[arg(long, value_name = "VALUE|FILE|estimate|repeats|residuals|background")]
    pub(super) sigma: Option<Sigma>,
    /// Let outlying samples not count, such as images that motion has destroyed among repeats: an M-estimate (Tukey's
    /// biweight after Huber's function). Adds the map n_discounted, of how many samples hardly count. Of iwlls and nlls.
    #[arg(long)]
    pub(super) robust: bool,
}

impl NoiseArgs {
    /// The method for such noise.
    ///
    /// # Errors
    /// Those of [`FitMethod::with_noise`] and [`FitMethod::robust`].
    pub(super) fn apply(&self, method: FitMethod) -> Result<FitMethod> {
        let method = method.with_noise(self.noise)?;
        if self.robust { method.robust() } else { Ok(method) }
    }
}
