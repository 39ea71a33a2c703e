//! What a protocol can tell of a model's parameters before anything is measured: the Cramér–Rao bound.
//!
//! With Gaussian noise of standard deviation σ in every sample, no unbiased estimate of the parameters has a covariance
//! below σ²(JᵀJ)⁻¹, J being the slopes of the signal by them at the truth; a quantity derived from them, with slopes g,
//! has the variance gᵀσ²(JᵀJ)⁻¹g (Rao 1945; Kay, Fundamentals of Statistical Signal Processing I, 1993, ch. 3). Where
//! noise is Rician this holds as long as signals are well above σ.
//!
//! Where samples do not determine the parameters, J has a null space: what has a part in it has an infinite bound, and
//! the others keep theirs.

use crate::model::graph::Graph;
use crate::model::signal::program::{Choice, SampleProgram};
use crate::model::signal::{Derived, Parameter};
use crate::model::{Fault, SignalModel};
use crate::{Error, Result};

/// How well a quantity can be known.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The parameter or the derived quantity.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its value, in its unit.
    pub truth: f64,
    /// The lowest standard deviation of unbiased estimates, in its unit; infinite where the samples do not determine it.
    pub sd: f64,
}

impl Bound {
    /// The standard deviation in % of the value.
    pub fn percent(&self) -> f64 {
        100.0 * self.sd / self.truth.abs()
    }

    /// What there is to say against relying on it.
    pub fn remark(&self) -> Option<String> {
        let Self { name, truth, sd, .. } = self;
        if sd.is_infinite() {
            return Some(format!("{name} cannot be known at all: these samples do not determine it"));
        }
        (*sd > truth.abs()).then(|| format!("{name} cannot be told from 0: its bound exceeds its own value"))
    }
}

/// The sample with the lowest value of the first axis (of the next where that is the same): SNR is stated for it.
pub fn reference_sample(axes: &[Vec<f64>]) -> usize {
    let values = |sample: usize| axes.iter().map(move |axis| axis[sample]);
    let lower = |&a: &usize, &b: &usize| values(a).zip(values(b)).map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne());
    let n_samples = axes.first().map_or(0, Vec::len);
    (0..n_samples).min_by(|a, b| lower(a, b).unwrap_or(std::cmp::Ordering::Equal)).unwrap_or(0)
}

/// Noise of the standard deviation that gives the sample [`reference_sample`] a signal-to-noise ratio, in units of the
/// signal; `truth` is that of [`bounds`].
///
/// # Errors
/// Those of [`bounds`].
pub fn sigma(model: &SignalModel, choice: &Choice, axes: &[Vec<f64>], truth: &[f64], snr: f64) -> Result<f64> {
    let (program, at) = bind(model, choice, axes, truth)?;
    let (signal, _) = program.at(&at, reference_sample(axes));
    if signal > 0.0 && snr > 0.0 && (signal / snr).is_finite() {
        return Ok(signal / snr);
    }
    let problem = format!("a signal of {signal} at an SNR of {snr} is no noise level");
    Err(Error::Usage(format!("{problem}\n  remedy: give a signal and an SNR above 0")))
}

/// The bounds of all fitted parameters, then of all derived quantities.
///
/// `axes` are `[axis][sample]` in their units; `truth` holds a value a parameter of the model in its unit, of which
/// those fixed by `choice` are not looked at; `sigma` is the noise in units of the signal.
///
/// # Errors
/// [`Error::Usage`] where signal or slopes have no value at the truth.
pub fn bounds(
    model: &SignalModel,
    choice: &Choice,
    axes: &[Vec<f64>],
    truth: &[f64],
    sigma: f64,
) -> Result<Vec<Bound>> {
    let (program, at) = bind(model, choice, axes, truth)?;
    let mut slopes: Vec<Vec<f64>> = vec![Vec::new(); at.len()];
    for sample in 0..program.n_samples {
        let (_, gradient) = program.at(&at, sample);
        if gradient.iter().any(|slope| !slope.is_finite()) {
            let problem = format!("the model `{}` has no slope in sample {} for this truth", model.name, sample + 1);
            return Err(Error::Usage(format!("{problem}\n  remedy: take a truth that is not at the edge")));
        }
        slopes.iter_mut().zip(gradient).for_each(|(column, slope)| column.push(slope));
    }
    let spread = Spread::of(slopes);
    let bound = |name: &str, unit: &str, truth: f64, along: &[f64]| Bound {
        name: name.into(),
        unit: unit.into(),
        truth,
        sd: sigma * spread.sd(along),
    };
    let mut all = Vec::new();
    for (place, parameter) in choice.fitted().enumerate() {
        let Parameter { name, unit, .. } = &model.parameters[parameter];
        let along: Vec<f64> = (0..at.len()).map(|other| if other == place { 1.0 } else { 0.0 }).collect();
        all.push(bound(name, unit, at[place], &along));
    }
    let mut graph = Graph::default();
    let derived = model.derived_nodes(&mut graph, choice).map_err(internal)?;
    let values = graph.values(&model.derived_constants(choice), &at);
    for (Derived { name, unit, .. }, nodes) in model.derived.iter().zip(derived) {
        let found: Vec<f64> = nodes.into_iter().map(|node| node.map_or(0.0, |node| values[node.index()])).collect();
        if let [value, along @ ..] = found.as_slice() {
            all.push(bound(name, unit, *value, along));
        }
    }
    Ok(all)
}

fn internal(fault: Fault) -> Error {
    Error::Internal(fault.problem)
}

/// The signal over all samples, and the fitted parameters' truth in their units.
fn bind(model: &SignalModel, choice: &Choice, axes: &[Vec<f64>], truth: &[f64]) -> Result<(SampleProgram, Vec<f64>)> {
    let at: Vec<f64> = choice.fitted().map(|parameter| truth[parameter]).collect();
    let program = SampleProgram::new(model, choice, axes, &vec![1.0; at.len()]).map_err(internal)?;
    Ok((program, at))
}

/// Singular values of J below this share of the largest are what rounding leaves of 0.
const SINGULAR: f64 = 1e-12;
/// A share of a direction in the null space below this is rounding.
const OUTSIDE: f64 = 1e-8;

/// (JᵀJ)⁻¹ by the singular value decomposition of J, whose columns are first divided by their lengths.
pub(super) struct Spread {
    /// What the columns were divided by.
    lengths: Vec<f64>,
    /// Right singular vectors with the singular values; 0 for those of the null space.
    directions: Vec<(Vec<f64>, f64)>,
}

impl Spread {
    /// Of J by columns, `[parameter][sample]`.
    pub(super) fn of(mut columns: Vec<Vec<f64>>) -> Self {
        let n = columns.len();
        let lengths: Vec<f64> = columns.iter().map(|c| norm(c)).map(|l| if l > 0.0 { l } else { 1.0 }).collect();
        for (column, length) in columns.iter_mut().zip(&lengths) {
            column.iter_mut().for_each(|x| *x /= length);
        }
        let mut vectors: Vec<Vec<f64>> =
            (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        orthogonalise(&mut columns, &mut vectors);
        let values: Vec<f64> = columns.iter().map(|c| norm(c)).collect();
        let limit = SINGULAR * values.iter().copied().fold(0.0, f64::max);
        let values = values.into_iter().map(|value| if value > limit { value } else { 0.0 });
        Self { lengths, directions: vectors.into_iter().zip(values).collect() }
    }

    /// √(gᵀ(JᵀJ)⁻¹g); infinite where g has a part in the null space.
    pub(super) fn sd(&self, g: &[f64]) -> f64 {
        let g: Vec<f64> = g.iter().zip(&self.lengths).map(|(g, length)| g / length).collect();
        let size = norm(&g);
        let along = |(vector, value): &(Vec<f64>, f64)| match (dot(&g, vector), *value) {
            (share, 0.0) if share.abs() > OUTSIDE * size => f64::INFINITY,
            (_, 0.0) => 0.0,
            (share, value) => (share / value).powi(2),
        };
        self.directions.iter().map(along).sum::<f64>().sqrt()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Turns pairs of columns until all are orthogonal, and `vectors` with them (one-sided Jacobi: Hestenes 1958).
pub(super) fn orthogonalise(columns: &mut [Vec<f64>], vectors: &mut [Vec<f64>]) {
    /// Far more than it takes.
    const SWEEPS: usize = 40;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for (p, q) in (0..columns.len()).flat_map(|q| (0..q).map(move |p| (p, q))) {
            let (alpha, beta) = (dot(&columns[p], &columns[p]), dot(&columns[q], &columns[q]));
            let gamma = dot(&columns[p], &columns[q]);
            if gamma.abs() <= f64::EPSILON * (alpha * beta).sqrt() {
                continue;
            }
            turned = true;
            let zeta = (beta - alpha) / (2.0 * gamma);
            let tangent = 1f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            for pair in [&mut *columns, &mut *vectors] {
                turn(pair, [p, q], cosine, cosine * tangent);
            }
        }
        if !turned {
            return;
        }
    }
}

fn turn(columns: &mut [Vec<f64>], [p, q]: [usize; 2], cosine: f64, sine: f64) {
    for row in 0..columns[p].len() {
        let (a, b) = (columns[p][row], columns[q][row]);
        columns[p][row] = cosine * a - sine * b;
        columns[q][row] = sine * a + cosine * b;
    }
}

#[cfg(test)]
mod tests;
