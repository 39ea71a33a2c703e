//! Which model is fitted, and how: one face for all kernels of this folder.

mod describe;
mod roles;

use roles::{adc_role, nlls_role, segmented_role, spectrum_role};

use super::nlls::{NllsKernel, NllsOptions, NllsOutput};
use super::robust::discounted;
use super::spectrum::{SpectrumKernel, SpectrumOptions, SpectrumOutput};
use super::weak::check_protocol;
use super::{AdcKernel, AdcOptions, AdcOutput, SegmentedKernel, SegmentedOptions, SegmentedOutput, goodness, status};
use crate::device::VoxelKernel;
use crate::model::SignalModel;
use crate::model::fault::suggest;
use crate::model::signal::SIGNAL;
use crate::model::signal::program::Choice;
use crate::report::ColourKind;
use crate::volume::Protocol;
use crate::{Error, Result};

/// A model with the way it is fitted.
#[derive(Debug, Clone)]
pub enum FitMethod {
    /// The ADC from log-signals.
    Adc(AdcOptions),
    /// Intravoxel incoherent motion, part after part.
    Segmented(SegmentedOptions),
    /// Any signal model by non-linear least squares.
    Nlls {
        /// The model.
        model: Box<SignalModel>,
        /// How it is fitted.
        options: NllsOptions,
        /// Fit a protocol that the model's file says is not enough.
        force: bool,
    },
    /// One of the others by an M-estimate: see [`super::robust`].
    Robust(Box<FitMethod>),
    /// The spectrum of diffusivities.
    Spectrum(SpectrumOptions),
}

/// A map that a fit can write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitOutput {
    /// Its name, as in its file name.
    pub name: String,
    /// Its unit; empty for plain numbers.
    pub unit: String,
    /// What it is, in a line.
    pub title: String,
    /// What kind of map it is.
    pub role: Role,
    /// How many volumes it has: as many as its kernel has columns for it.
    pub n_volumes: usize,
}

/// What kind of map a fit writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An estimate in units of the signal.
    Signal,
    /// Another estimate.
    Estimate,
    /// The standard error of an estimate.
    StandardError,
    /// How well the model fits.
    Goodness,
    /// Number of steps.
    Iterations,
    /// Number of samples that hardly counted.
    Discounted,
    /// One volume a diffusivity; written where it is named.
    Spectrum,
    /// Remarks on each voxel, a bit each.
    Status,
}

impl FitOutput {
    /// The colours of its picture.
    pub fn colours(&self) -> ColourKind {
        match self.role {
            Role::Signal => ColourKind::Grey,
            Role::Status => ColourKind::Categorical,
            _ => ColourKind::Sequential,
        }
    }

    /// What it holds where nothing is fitted.
    pub fn elsewhere(&self) -> f32 {
        match self.role {
            Role::Status => status::NOT_ASKED_FOR.into(),
            Role::Iterations | Role::Discounted => 0.0,
            _ => f32::NAN,
        }
    }
}

impl FitMethod {
    /// The model's name.
    pub fn model(&self) -> &str {
        match self {
            Self::Adc(_) => "adc",
            Self::Segmented(_) => "ivim",
            Self::Nlls { model, .. } => &model.name,
            Self::Robust(method) => method.model(),
            Self::Spectrum(_) => "spectrum",
        }
    }

    /// The subcommand that fits it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Spectrum(_) => "spectrum",
            _ => "fit",
        }
    }

    /// The method's name, as on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adc(options) => options.method.name(),
            Self::Segmented(_) => "segmented",
            Self::Nlls { .. } => "nlls",
            Self::Robust(method) if matches!(**method, Self::Adc(_)) => "robust iwlls",
            Self::Robust(_) => "robust nlls",
            Self::Spectrum(_) => "nnls",
        }
    }

    /// The model itself; of a spectrum that of one of its diffusivities, which has the same axes.
    ///
    /// # Errors
    /// Those of [`SignalModel::builtin`]; there are none.
    pub fn signal_model(&self) -> Result<SignalModel> {
        match self {
            Self::Nlls { model, .. } => Ok((**model).clone()),
            Self::Robust(method) => method.signal_model(),
            Self::Spectrum(_) => SignalModel::builtin("adc").cloned(),
            Self::Adc(_) | Self::Segmented(_) => SignalModel::builtin(self.model()).cloned(),
        }
    }

    /// Whether the model tells perfusion from diffusion: it estimates a perfusion fraction, `f`, or is a spectrum.
    ///
    /// # Errors
    /// Those of [`Self::signal_model`].
    pub fn has_perfusion(&self) -> Result<bool> {
        let model = self.signal_model()?;
        let has_f = model.parameter("f").is_ok() || model.derived.iter().any(|derived| derived.name == "f");
        Ok(has_f || matches!(self, Self::Spectrum(_)))
    }

    /// All maps that it can write, in the order of writing.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that name what the model does not have.
    pub fn outputs(&self) -> Result<Vec<FitOutput>> {
        let new = |name: &str, unit: &str, title: &str, role| FitOutput {
            name: name.into(),
            unit: unit.into(),
            title: title.into(),
            role,
            n_volumes: 1,
        };
        Ok(match self {
            Self::Adc(_) => AdcOutput::ALL.iter().map(|&o| new(o.name(), o.unit(), o.title(), adc_role(o))).collect(),
            Self::Segmented(_) => {
                let all = SegmentedOutput::ALL.iter();
                all.map(|&o| new(o.name(), o.unit(), o.title(), segmented_role(o))).collect()
            }
            Self::Nlls { model, options, .. } => {
                let choice = Choice::with(model, &options.fixed)?;
                let all = NllsOutput::all(model, &choice);
                all.iter().map(|o| new(&o.name, plain(&o.unit), &o.title, nlls_role(o))).collect()
            }
            // No AICc: an M-estimate has no likelihood.
            Self::Robust(method) => {
                let mut all: Vec<_> = method.outputs()?.into_iter().filter(|o| o.name != "AICc").collect();
                for output in all.iter_mut().filter(|output| ["rmse", "R2"].contains(&output.name.as_str())) {
                    output.title += ", of samples as far as they count";
                }
                all.insert(all.len() - 1, discounted());
                all
            }
            Self::Spectrum(options) => {
                let all = SpectrumOutput::all(options).into_iter();
                all.map(|o| FitOutput { n_volumes: o.n_volumes, ..new(&o.name, o.unit, &o.title, spectrum_role(&o)) })
                    .collect()
            }
        })
    }

    /// The maps of these names, those of [`goodness`] among them, in the order of writing; all of the fit that have one volume
    /// if none is named.
    ///
    /// # Errors
    /// [`Error::Usage`], with the nearest name, for one that there is not.
    pub fn named_outputs(&self, names: &[String]) -> Result<Vec<FitOutput>> {
        let mut all = self.outputs()?;
        if names.is_empty() {
            all.retain(|output| output.n_volumes == 1);
            return Ok(all);
        }
        all.extend(goodness::outputs());
        if let Some(unknown) = names.iter().find(|name| all.iter().all(|output| output.name != **name)) {
            let remedy = suggest(unknown, "maps", all.iter().map(|output| output.name.as_str()));
            let (model, method) = (self.model(), self.name());
            let problem = format!("a fit of {model} by {method} has no map `{unknown}`");
            return Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        }
        Ok(all.into_iter().filter(|output| names.contains(&output.name)).collect())
    }

    /// A kernel for images over the model's axes, in its order and units, whose columns are `outputs`.
    ///
    /// # Errors
    /// [`Error::Usage`] where options or samples do not allow the fit.
    pub fn kernel(&self, protocol: &Protocol, outputs: &[FitOutput]) -> Result<Box<dyn VoxelKernel>> {
        let wanted = |name: &str| outputs.iter().any(|output| output.name == name);
        let Protocol { values: axes, scaled, has_sigma } = protocol;
        if self.noise().needs_sigma() && !has_sigma {
            let problem = "the noise's sigma is not known, and a fit under Rician noise needs it";
            return Err(Error::Usage(format!("{problem}\n  remedy: give --sigma")));
        }
        if !scaled.is_empty() && !matches!(self, Self::Nlls { .. } | Self::Robust(_)) {
            let problem = format!("fits by {} take no factor a voxel of an axis", self.name());
            return Err(Error::Usage(format!("{problem}\n  remedy: choose --method nlls")));
        }
        let place = |name: &str| outputs.iter().position(|output| output.name == name);
        Ok(match self {
            Self::Adc(options) => {
                let mut wanted: Vec<_> = AdcOutput::ALL.into_iter().filter(|o| wanted(o.name())).collect();
                wanted.sort_by_key(|o| place(o.name()));
                Box::new(AdcKernel::new(options.clone(), &axes[0], &wanted))
            }
            Self::Segmented(options) => {
                let mut wanted: Vec<_> = SegmentedOutput::ALL.into_iter().filter(|o| wanted(o.name())).collect();
                wanted.sort_by_key(|o| place(o.name()));
                Box::new(SegmentedKernel::new(options.clone(), &axes[0], &wanted)?)
            }
            Self::Nlls { model, options, force } => {
                if !force {
                    check_protocol(model, axes)?;
                }
                Box::new(NllsKernel::scaled(model, axes, scaled, options, |o| wanted(&o.name))?)
            }
            Self::Robust(_) => return Err(Error::Internal("a robust fit is no kernel: see Fitting".into())),
            Self::Spectrum(options) => {
                let mut wanted: Vec<_> = SpectrumOutput::all(options).into_iter().filter(|o| wanted(&o.name)).collect();
                wanted.sort_by_key(|o| place(&o.name));
                Box::new(SpectrumKernel::new(options, &axes[0], &wanted)?)
            }
        })
    }
}

/// The unit of plain numbers is not written.
pub(super) fn plain(unit: &str) -> &str {
    match unit {
        "1" => "",
        SIGNAL => "a.u.",
        unit => unit,
    }
}
