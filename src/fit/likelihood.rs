//! What methods take noise for: how it appears in the samples, and whether outlying ones count.

use super::nlls::NllsOptions;
use super::{AdcOptions, FitMethod, Method};
use crate::model::signal::NoiseModel;
use crate::model::signal::program::Choice;
use crate::{Error, Result};

const USE_NLLS: &str = "choose --method nlls";

fn refuse<T>(problem: &str, remedy: &str) -> Result<T> {
    Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")))
}

impl FitMethod {
    /// The same for samples in which noise appears like this.
    ///
    /// # Errors
    /// [`Error::Usage`] for Rician noise and a method other than non-linear least squares.
    pub fn with_noise(self, noise: NoiseModel) -> Result<Self> {
        Ok(match self {
            Self::Nlls { model, options, force } => {
                Self::Nlls { model, options: NllsOptions { noise, ..options }, force }
            }
            Self::Robust(method) => Self::Robust(Box::new(method.with_noise(noise)?)),
            other if noise == NoiseModel::Gaussian => other,
            other => {
                return refuse(
                    &format!("fits by {} have no expected magnitude: --noise rician is for nlls", other.name()),
                    USE_NLLS,
                );
            }
        })
    }

    /// The same by an M-estimate, for which outlying samples do not count.
    ///
    /// # Errors
    /// [`Error::Usage`] for methods whose fit is no least-squares fit of the signal.
    pub fn robust(self) -> Result<Self> {
        match &self {
            Self::Nlls { .. } | Self::Adc(AdcOptions { method: Method::Iwlls, .. }) => Ok(Self::Robust(Box::new(self))),
            Self::Robust(_) => Ok(self),
            _ => refuse(&format!("--robust is for fits by iwlls and nlls, not by {}", self.name()), USE_NLLS),
        }
    }

    /// How noise appears in the samples.
    pub fn noise(&self) -> NoiseModel {
        match self {
            Self::Nlls { options, .. } => options.noise,
            Self::Robust(method) => method.noise(),
            Self::Adc(_) | Self::Segmented(_) | Self::Spectrum(_) => NoiseModel::Gaussian,
        }
    }

    /// Whether its fitted parameters tell the expected samples: those of a spectrum do not.
    pub fn tells_samples(&self) -> bool {
        !matches!(self, Self::Spectrum(_))
    }

    /// The same by least squares: all samples count, and noise is Gaussian.
    pub fn least_squares(&self) -> Self {
        match self.clone() {
            Self::Nlls { model, options, force } => {
                let options = NllsOptions { noise: NoiseModel::Gaussian, ..options };
                Self::Nlls { model, options, force }
            }
            Self::Robust(method) => method.least_squares(),
            other => other,
        }
    }

    /// Which of the model's parameters are fitted.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that name what the model does not have.
    pub fn choice(&self) -> Result<Choice> {
        match self {
            Self::Nlls { model, options, .. } => Choice::with(model, &options.fixed),
            Self::Robust(method) => method.choice(),
            Self::Adc(_) | Self::Segmented(_) | Self::Spectrum(_) => Ok(Choice::of(&self.signal_model()?)),
        }
    }
}
