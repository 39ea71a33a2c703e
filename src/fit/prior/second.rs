//! The plain fit, and the fit with priors.

use bytemuck::cast_slice;

use super::ShrunkMap;
use crate::device::{Column, Device, Row, Source};
use crate::fit::nlls::{NllsKernel, NllsOptions, Quantity};
use crate::measure::quantile;
use crate::model::SignalModel;
use crate::model::signal::prior::{Prior, axes};
use crate::volume::{Protocol, Scaling, Series, VoxelType};
use crate::{Error, Result};

/// Columns of a fit in the parameters' units, one value a voxel that is fitted.
pub(super) struct Plain<'a> {
    picked: Option<&'a [u32]>,
    /// Places of the parameters' columns, by name, and of their standard errors.
    names: Vec<String>,
    pub(super) estimates: Vec<Vec<f64>>,
    errors: Vec<Vec<f64>>,
    /// The residuals' standard deviation, in units of the signal.
    pub(super) noise: Vec<f64>,
    /// Samples less fitted parameters.
    freedom: f64,
    /// Which parameter the signal is proportional to.
    signal: usize,
}

impl<'a> Plain<'a> {
    pub(super) fn fit(
        model: &SignalModel,
        options: &NllsOptions,
        series: &Series,
        source: &'a Source,
        device: &Device,
    ) -> Result<Self> {
        let Protocol { values, scaled, .. } = series.protocol();
        let wanted = |quantity| matches!(quantity, Quantity::Parameter(_) | Quantity::ParameterSe(_) | Quantity::Rmse);
        let kernel = NllsKernel::scaled(model, &values, &scaled, options, |o| wanted(o.quantity))?;
        let columns = device.run(&kernel, source, &())?;
        let fitted: Vec<usize> = kernel.problem().choice.fitted().collect();
        let signal = fitted.iter().position(|&i| model.parameters[i].is_signal()).ok_or_else(|| {
            let problem = format!("no fitted parameter of the model `{}` is in units of the signal", model.name);
            Error::Usage(format!("{problem}\n  remedy: fit it without --prior"))
        })?;
        let n = fitted.len();
        let n_samples = series.volumes.len();
        let freedom = freedom(n_samples, n)?;
        let mut columns: Vec<Vec<f64>> = columns.into_iter().map(Column::into_f64).collect();
        let noise = noise(columns.pop(), n_samples as f64, freedom);
        let errors = columns.split_off(n);
        let names = fitted.iter().map(|&i| model.parameters[i].name.clone()).collect();
        Ok(Self { picked: source.picked(), names, estimates: columns, errors, noise, freedom, signal })
    }

    /// Which voxel of the grid is at a place of the columns.
    pub(super) fn voxel(&self, at: usize) -> usize {
        self.picked.map_or(at, |picked| picked[at] as usize)
    }

    pub(super) fn picked(&self) -> Option<Vec<u32>> {
        self.picked.map(<[u32]>::to_vec)
    }

    /// Places of the voxels that are fitted and have a noise.
    pub(super) fn fitted(&self) -> impl Iterator<Item = usize> + '_ {
        let good = |at: &usize| self.noise[*at] > 0.0 && self.estimates[self.signal][*at] > 0.0;
        (0..self.noise.len()).filter(good)
    }

    pub(super) fn parameter(&self, name: &str) -> usize {
        self.names.iter().position(|own| own == name).unwrap_or_default()
    }

    /// A standard error with the noise that all voxels share, instead of that of the voxel's own residuals.
    fn error(&self, parameter: usize, at: usize, sigma: f64) -> f64 {
        self.errors[parameter][at] * sigma / self.noise[at]
    }

    /// Values of the voxels that are fitted, over the whole grid.
    pub(super) fn over_grid(&self, n_grid: usize, values: impl Iterator<Item = f64>) -> Vec<f32> {
        let mut all = vec![f32::NAN; n_grid];
        for (at, value) in values.enumerate() {
            all[self.voxel(at)] = value as f32;
        }
        all
    }
}

/// Samples less parameters.
fn freedom(n_samples: usize, n_fitted: usize) -> Result<f64> {
    if n_samples > n_fitted {
        return Ok((n_samples - n_fitted) as f64);
    }
    let problem = format!("{n_samples} samples and {n_fitted} parameters leave no residual to tell the noise from");
    Err(Error::Usage(format!("{problem}\n  remedy: take more samples, or leave --prior out")))
}

/// The residuals' standard deviation from their root mean square.
fn noise(rmse: Option<Vec<f64>>, n_samples: f64, freedom: f64) -> Vec<f64> {
    rmse.unwrap_or_default().into_iter().map(|rmse| rmse * (n_samples / freedom).sqrt()).collect()
}

/// What fits with priors share.
pub(super) struct Second<'a> {
    model: &'a SignalModel,
    options: &'a NllsOptions,
    series: &'a Series,
    signal: String,
    /// Noise in units of the signal, and in units of a typical voxel's signal.
    pub(super) sigma: f64,
    relative: f64,
    /// The noise of each voxel in units of its own signal over `relative`; one value a voxel of the grid.
    factors: Vec<f32>,
}

/// Columns of a fit with priors.
pub(super) struct Fitted {
    /// As [`super::names`] has them: parameters, derived quantities, and their standard errors.
    pub(super) columns: Vec<Vec<f64>>,
    /// The residuals' standard deviation, priors' samples included.
    noise: Vec<f64>,
    /// Samples, priors' included, less fitted parameters.
    freedom: f64,
    n_estimates: usize,
}

impl<'a> Second<'a> {
    /// The noise is the median of the voxels at `reference`.
    pub(super) fn new(
        model: &'a SignalModel,
        options: &'a NllsOptions,
        series: &'a Series,
        plain: &Plain,
        reference: &[usize],
    ) -> Result<Self> {
        let signals = &plain.estimates[plain.signal];
        let median =
            |of: &dyn Fn(usize) -> f64| quantile(&mut reference.iter().map(|&at| of(at)).collect::<Vec<_>>(), 0.5);
        let sigma = median(&|at| plain.noise[at]);
        let relative = sigma / median(&|at| signals[at]);
        let usable = |&signal: &f64| if signal > 0.0 { sigma / (signal * relative) } else { f64::NAN };
        let factors = plain.over_grid(series.grid.n_voxels(), signals.iter().map(usable));
        let signal = plain.names[plain.signal].clone();
        Ok(Self { model, options, series, signal, sigma, relative, factors })
    }

    /// Fits the voxels of `picked` (all without it).
    pub(super) fn fit(&self, priors: &[Prior], picked: Option<Vec<u32>>, device: &Device) -> Result<Fitted> {
        let internal = |fault: crate::model::Fault| Error::Internal(fault.problem);
        let model = self.model.with_priors(&self.signal, priors).map_err(internal)?;
        let Protocol { values, mut scaled, .. } = self.series.protocol();
        let n_scaled = scaled.len();
        let (values, noise_axis) = axes(&values, priors.len(), self.relative);
        scaled.push(noise_axis);
        let kernel = NllsKernel::scaled(&model, &values, &scaled, self.options, |output| {
            super::is_shrunk(output) || output.quantity == Quantity::Rmse
        })?;
        let zeros = vec![0.0f32; self.factors.len()];
        let mut rows = self.series.rows();
        let n_samples = self.series.volumes.len();
        rows.splice(n_samples..n_samples, priors.iter().map(|_| row(&zeros)));
        rows.insert(n_samples + priors.len() + n_scaled, row(&self.factors));
        let source = Source::new(rows, self.factors.len(), picked);
        let mut columns: Vec<Vec<f64>> = device.run(&kernel, &source, &())?.into_iter().map(Column::into_f64).collect();
        let n_parameters = kernel.problem().choice.fitted().count();
        let n_samples = n_samples + priors.len();
        let freedom = freedom(n_samples, n_parameters)?;
        let noise = noise(columns.pop(), n_samples as f64, freedom);
        Ok(Fitted { n_estimates: columns.len() / 2, columns, noise, freedom })
    }
}

impl Fitted {
    /// A standard error of the posterior with noise `sigma`.
    pub(super) fn error(&self, estimate: usize, at: usize, sigma: f64) -> f64 {
        self.columns[self.n_estimates + estimate][at] * sigma / self.noise[at]
    }
}

/// How far the prior has moved all parameters together, in standard errors: √Δχ², by which the sum of squared residuals of
/// the voxel's own samples has grown. With the parameters' covariance C it is √(ΔpᵀC⁻¹Δp) of the shift Δp, near the
/// minimum. The shift of a single parameter is less sure, since its standard error takes the others for unknown.
fn moved(at: usize, priors: &[Prior], plain: &Plain, fitted: &Fitted, sigma: f64) -> f64 {
    let squares = |noise: &[f64], freedom: f64| (noise[at] / sigma).powi(2) * freedom;
    // A prior's sample has the noise of the plain fit's signal.
    let signal = fitted.columns[plain.signal][at] / plain.estimates[plain.signal][at];
    let of_prior = |prior: &Prior| {
        let value = fitted.columns[plain.parameter(&prior.parameter)][at];
        (signal * (prior.logit.of(value) - prior.mean) / prior.sd).powi(2)
    };
    let of_priors: f64 = priors.iter().map(of_prior).sum();
    let grown = squares(&fitted.noise, fitted.freedom) - of_priors - squares(&plain.noise, plain.freedom);
    // A plain fit that ended above its minimum may have been mended.
    if grown.is_nan() { f64::NAN } else { grown.max(0.0).sqrt() }
}

fn row(values: &[f32]) -> Row<'_> {
    Row { bytes: cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
}

/// All maps, named by `names`, over a grid of so many voxels, with noise `sigma`.
pub(super) fn maps(
    names: &[[String; 3]],
    priors: &[Prior],
    plain: &Plain,
    fitted: &Fitted,
    (sigma, n_grid): (f64, usize),
) -> Vec<ShrunkMap> {
    let n = plain.noise.len();
    let mut columns: Vec<Vec<f64>> = fitted.columns[..fitted.n_estimates].to_vec();
    columns.extend((0..fitted.n_estimates).map(|i| (0..n).map(|at| fitted.error(i, at, sigma)).collect()));
    let shift = |prior: &Prior| -> Vec<f64> {
        let p = plain.parameter(&prior.parameter);
        (0..n).map(|at| (fitted.columns[p][at] - plain.estimates[p][at]) / plain.error(p, at, sigma)).collect()
    };
    let shifts: Vec<Vec<f64>> = priors.iter().map(shift).collect();
    let most = (0..n).map(|at| moved(at, priors, plain, fitted, sigma)).collect();
    columns.extend(shifts);
    columns.push(most);
    let map = |([name, unit, title], values): (&[String; 3], Vec<f64>)| ShrunkMap {
        name: name.clone(),
        unit: unit.clone(),
        title: title.clone(),
        values: plain.over_grid(n_grid, values.into_iter()),
    };
    names.iter().zip(columns).map(map).collect()
}
