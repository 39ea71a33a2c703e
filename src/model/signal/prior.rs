//! Gaussian priors as samples.
//!
//! Least squares with a prior are least squares with one more sample a parameter: what is measured is its mean, with its
//! standard deviation for noise (Gelman et al. Bayesian Data Analysis, 3rd ed. 2013, ch. 14.8). So a model with priors is
//! a signal model like any other, and every device fits it as it is.
//!
//! Parameters live between bounds, where a Gaussian cannot: it is their logit that has it (as in Orton MR et al. Magn Reson
//! Med 2014;71:411, doi:10.1002/mrm.24649, where it is the logarithm).

use super::{Axis, SignalModel};
use crate::model::fault::Fault;
use crate::model::map::Formula;
use crate::model::parser::parse;

/// How much a parameter's bounds are widened for its logit, of their distance: at the bounds themselves it is finite.
const MARGIN: f64 = 1e-3;

/// The logit of a parameter between its bounds, which has a Gaussian prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logit {
    low: f64,
    high: f64,
}

impl Logit {
    /// Between bounds in the parameter's unit; `None` if one is infinite.
    pub fn between([low, high]: [f64; 2]) -> Option<Self> {
        let margin = MARGIN * (high - low);
        let logit = Self { low: low - margin, high: high + margin };
        (margin.is_finite() && margin > 0.0).then_some(logit)
    }

    /// Of a value in the parameter's unit.
    pub fn of(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - value)).ln()
    }

    /// What it changes by with the value, per unit of the parameter.
    pub fn slope(self, value: f64) -> f64 {
        1.0 / (value - self.low) + 1.0 / (self.high - value)
    }

    /// The value of which it is the logit.
    pub fn inverse(self, logit: f64) -> f64 {
        self.low + (self.high - self.low) / (1.0 + (-logit).exp())
    }
}

/// The prior of a parameter's logit.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// The parameter.
    pub parameter: String,
    /// What has a Gaussian.
    pub logit: Logit,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation, above 0.
    pub sd: f64,
}

/// Axes of a model with priors, which no model of a file may have.
pub(super) const KIND: &str = "prior_kind";
const NOISE: &str = "prior_noise";

impl SignalModel {
    /// The model with a sample for each prior, all of them in units of `signal`, a parameter that the signal is
    /// proportional to. [`axes`] says where its samples lie.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn with_priors(&self, signal: &str, priors: &[Prior]) -> Result<Self, Fault> {
        let term = |(i, prior): (usize, &Prior)| {
            let Prior { parameter, logit: Logit { low, high }, mean, sd } = prior;
            format!("{} * (log(({parameter} - ({low:e})) / ({high:e} - {parameter})) - ({mean:e})) / {sd:e}", own(i))
        };
        let terms: Vec<String> = priors.iter().enumerate().map(term).collect();
        let text = format!("{KIND} * ({}) + {signal} * {NOISE} * ({})", self.signal.text, terms.join(" + "));
        let axis = |name: String| Axis { name, unit: "1".into(), requires: Vec::new() };
        let own_axes = (0..priors.len()).map(|i| axis(own(i)));
        let axes = self.axes.iter().cloned().chain([axis(KIND.into()), axis(NOISE.into())]).chain(own_axes).collect();
        Ok(Self { signal: Formula { expr: parse(&text)?, text }, axes, ..self.clone() })
    }
}

fn own(i: usize) -> String {
    format!("prior_of_{i}")
}

/// `[axis][sample]` of a model with `n` priors whose own samples lie at `axes`: after those come the priors', which say
/// 0. `noise` is the standard deviation of a sample's noise in units of the signal; the index of its axis, which a factor of
/// each voxel may multiply, comes with it.
pub fn axes(axes: &[Vec<f64>], n: usize, noise: f64) -> (Vec<Vec<f64>>, usize) {
    let n_samples = axes.first().map_or(0, Vec::len);
    let samples = |own: f64, of_prior: &dyn Fn(usize) -> f64| -> Vec<f64> {
        std::iter::repeat_n(own, n_samples).chain((0..n).map(of_prior)).collect()
    };
    // A prior's sample lies somewhere on the model's own axes, where the signal has a value.
    let mut all: Vec<Vec<f64>> =
        axes.iter().map(|axis| axis.iter().copied().chain(std::iter::repeat_n(axis[0], n)).collect()).collect();
    all.push(samples(1.0, &|_| 0.0));
    all.push(samples(0.0, &|_| noise));
    all.extend((0..n).map(|i| samples(0.0, &|j| f64::from(u8::from(i == j)))));
    (all, axes.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::signal::NoiseModel;
    use crate::model::signal::program::{Choice, SampleProgram};

    #[test]
    fn a_logit_is_undone_and_has_its_slope() {
        let logit = Logit::between([0.005, 0.2]).unwrap();
        for value in [0.005, 0.01, 0.1, 0.2] {
            assert!((logit.inverse(logit.of(value)) - value).abs() < 1e-12);
            let step = 1e-7;
            let slope = (logit.of(value + step) - logit.of(value - step)) / (2.0 * step);
            assert!((slope / logit.slope(value) - 1.0).abs() < 1e-4, "{value}: {slope}");
        }
        assert!(Logit::between([0.0, f64::INFINITY]).is_none());
    }

    #[test]
    fn priors_are_samples_after_the_others() {
        let model = SignalModel::builtin("ivim").unwrap();
        let priors: Vec<Prior> = [("D", [0.0, 0.005], -1.4, 0.2), ("Dstar", [0.005, 0.2], -0.8, 0.5)]
            .map(|(name, bounds, mean, sd)| {
                let logit = Logit::between(bounds).unwrap();
                Prior { parameter: name.into(), logit, mean, sd }
            })
            .into();
        let with = model.with_priors("S0", &priors).unwrap();
        let b = vec![0.0, 50.0, 400.0];
        let (axes, noise) = axes(std::slice::from_ref(&b), 2, 0.05);
        assert_eq!(with.axes[noise].name, NOISE);
        let signals = |model: &SignalModel, axes: &[Vec<f64>]| {
            let choice = Choice::with(model, &[]).unwrap();
            SampleProgram::new(model, &choice, axes, &[1.0; 4]).unwrap().signals(&[700.0, 1.3e-3, 0.2, 0.04])
        };
        let (plain, got) = (signals(model, std::slice::from_ref(&b)), signals(&with, &axes));
        assert!(plain.iter().zip(&got).all(|(a, b)| (a - b).abs() < 1e-9));
        for ((prior, value), got) in priors.iter().zip([1.3e-3, 0.04]).zip(&got[3..]) {
            let want = 700.0 * 0.05 * (prior.logit.of(value) - prior.mean) / prior.sd;
            assert!((got - want).abs() < 1e-9, "{got} {want}");
        }

        // Rician noise is that of the samples alone.
        let expected = |model: &SignalModel, axes: &[Vec<f64>]| {
            let choice = Choice::with(model, &[]).unwrap();
            let program = SampleProgram::expected(model, &choice, axes, &[], NoiseModel::Rician, &[1.0; 4]).unwrap();
            program.signals(&[700.0, 1.3e-3, 0.2, 0.04, 150.0])
        };
        let (plain, with_noise) = (expected(model, &[b]), expected(&with, &axes));
        assert!(plain.iter().zip(&with_noise).all(|(a, b)| (a - b).abs() < 1e-9) && (plain[2] - got[2]).abs() > 1.0);
        assert!(got[3..].iter().zip(&with_noise[3..]).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?} {with_noise:?}");
    }
}
