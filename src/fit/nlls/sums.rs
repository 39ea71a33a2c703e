//! Sums over the samples of vectors of voxels: squared residuals, half gradient and normal matrix, all at once.

#![expect(clippy::needless_range_loop, reason = "rows and columns of small matrices are numbers")]

use std::marker::PhantomData;

use pulp::NullaryFnOnce;

use super::lm::Sums;
use crate::lanes::Lanes;
use crate::model::signal::MOST_PARAMETERS as MOST;
use crate::model::signal::eval::{BuiltIn, CHUNK, Evaluator, OfBuiltIn, Ready, WIDE};

/// Where sums are taken: a vector of voxels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p, L: Lanes> {
    /// In units of their scales.
    pub(super) parameters: &'p [L::V],
    /// What multiplies axes.
    pub(super) factors: &'p [L::V],
    /// One a sample.
    pub(super) y: &'p [L::V],
    /// 0 or 1, one a sample, where some are missing.
    pub(super) weights: Option<&'p [L::V]>,
}

/// Sums of no samples.
#[inline(always)]
pub(super) fn nothing<L: Lanes>(l: L) -> Sums<L::V, MOST> {
    let zero = l.splat(0.0);
    Sums { squares: zero, downhill: [zero; MOST], normal: [[zero; MOST]; MOST] }
}

/// The sums at some places, of which only those of the first P parameters are written: by the code that was generated for the
/// model, if there is some, else by the evaluator.
#[inline(always)]
pub(super) fn sums<L: Lanes, const P: usize>(
    l: L,
    evaluator: &mut Evaluator<L>,
    places: [Place<L>; WIDE],
    to: &mut [Sums<L::V, MOST>; WIDE],
) {
    if let Some((ready, slopes)) = evaluator.built_in() {
        for (&place, to) in places.iter().zip(to) {
            ready.call(Built { lanes: l, ready, place, slopes, to });
        }
        return;
    }
    evaluator.set(places.map(|place| place.parameters), places.map(|place| place.factors));
    let n_samples = places[0].y.len();
    let mut all = [Sums { squares: l.splat(0.0), downhill: [l.splat(0.0); P], normal: [[l.splat(0.0); P]; P] }; WIDE];
    for first in (0..n_samples).step_by(CHUNK) {
        let n = CHUNK.min(n_samples - first);
        evaluator.run(first, n);
        for (w, sums) in all.iter_mut().enumerate() {
            let y = &places[w].y[first..first + n];
            let weights = places[w].weights.map(|weights| &weights[first..first + n]);
            add(l, evaluator, w, y, weights, sums);
        }
    }
    for (w, (sums, to)) in all.iter().zip(to).enumerate() {
        let mut factors = [l.splat(1.0); P];
        for p in 0..P {
            if let (_, Some(of_slope)) = evaluator.slope(p) {
                factors[p] = of_slope[w];
            }
        }
        times_factors(l, sums, &factors, to);
    }
}

/// Multiplies sums of slopes without their factors by these.
#[inline(always)]
fn times_factors<L: Lanes, const P: usize>(l: L, sums: &Sums<L::V, P>, factors: &[L::V; P], to: &mut Sums<L::V, MOST>) {
    to.squares = sums.squares;
    for i in 0..P {
        to.downhill[i] = l.mul(sums.downhill[i], factors[i]);
        for j in 0..P {
            if j <= i {
                to.normal[i][j] = l.mul(sums.normal[i][j], l.mul(factors[i], factors[j]));
            }
        }
    }
}

/// Adds a chunk of samples to the sums of a vector of voxels, with slopes without their factors. Twice over the samples, with
/// as many sums each time as stay in registers.
#[inline(always)]
fn add<L: Lanes, const P: usize>(
    l: L,
    evaluator: &Evaluator<L>,
    w: usize,
    y: &[L::V],
    weights: Option<&[L::V]>,
    to: &mut Sums<L::V, P>,
) {
    let (signals, factor) = evaluator.signal();
    let factor = factor.map_or(l.splat(1.0), |factor| factor[w]);
    let signals = &signals[..y.len()];
    // Loops, not `map`s: their closures would be compiled for the baseline processor.
    let mut slopes = [signals; P];
    for p in 0..P {
        slopes[p] = &evaluator.slope(p).0[..y.len()];
    }
    let (mut squares, mut downhill) = (to.squares, to.downhill);
    for k in 0..y.len() {
        let mut slope = [y[k]; P];
        for p in 0..P {
            slope[p] = slopes[p][k][w];
        }
        let residual = l.mul_sub_from(signals[k][w], factor, y[k]);
        let residual = weighted(l, weights.map(|weights| weights[k]), residual, &mut slope);
        squares = l.mul_add(residual, residual, squares);
        add_downhill(l, residual, &slope, &mut downhill);
    }
    (to.squares, to.downhill) = (squares, downhill);
    let mut normal = to.normal;
    for k in 0..y.len() {
        let mut slope = [y[k]; P];
        for p in 0..P {
            slope[p] = slopes[p][k][w];
        }
        weighted(l, weights.map(|weights| weights[k]), slope[0], &mut slope);
        add_normal(l, &slope, &mut normal);
    }
    to.normal = normal;
}

/// A residual times its weight, which its slopes are multiplied by. A weight is 0 or 1, and its own square.
#[inline(always)]
fn weighted<L: Lanes, const P: usize>(l: L, weight: Option<L::V>, residual: L::V, slope: &mut [L::V; P]) -> L::V {
    let Some(weight) = weight else { return residual };
    for p in 0..P {
        slope[p] = l.mul(slope[p], weight);
    }
    l.mul(residual, weight)
}

#[inline(always)]
fn add_downhill<L: Lanes, const P: usize>(l: L, residual: L::V, slope: &[L::V; P], to: &mut [L::V; P]) {
    for p in 0..P {
        to[p] = l.mul_add(residual, slope[p], to[p]);
    }
}

#[inline(always)]
fn add_normal<L: Lanes, const P: usize>(l: L, slope: &[L::V; P], to: &mut [[L::V; P]; P]) {
    for i in 0..P {
        for j in 0..P {
            if j <= i {
                to[i][j] = l.mul_add(slope[i], slope[j], to[i][j]);
            }
        }
    }
}

/// The sums of a vector of voxels, by generated code.
struct Built<'s, L: Lanes> {
    lanes: L,
    ready: &'s Ready<L>,
    place: Place<'s, L>,
    /// Room for those of all samples.
    slopes: &'s mut [L::V],
    to: &'s mut Sums<L::V, MOST>,
}

impl<L: Lanes> OfBuiltIn for Built<'_, L> {
    #[inline(always)]
    fn of<B: BuiltIn<U, V, T, P>, const U: usize, const V: usize, const T: usize, const P: usize>(self) {
        self.lanes.call(Sum::<L, B, U, V, T, P> { built: self, body: PhantomData });
    }
}

/// [`Built`] of a model.
struct Sum<'s, L: Lanes, B, const U: usize, const V: usize, const T: usize, const P: usize> {
    built: Built<'s, L>,
    body: PhantomData<B>,
}

impl<L: Lanes, B: BuiltIn<U, V, T, P>, const U: usize, const V: usize, const T: usize, const P: usize> NullaryFnOnce
    for Sum<'_, L, B, U, V, T, P>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Built { lanes: l, ready, place, slopes, to } = self.built;
        let (Some(uniforms), Some(parameters)) = (ready.uniforms.first_chunk(), place.parameters.first_chunk()) else {
            unreachable!("code is that of the program, which has as many uniforms and parameters")
        };
        let voxel = B::voxel(l, uniforms, parameters);
        let one = l.splat(1.0);
        let factor = if let Some(register) = B::SIGNAL { voxel[register] } else { one };
        let mut factors = [one; P];
        for p in 0..P {
            if let Some(register) = B::SLOPES[p] {
                factors[p] = voxel[register];
            }
        }
        let slopes = slopes.as_chunks_mut::<P>().0;
        let (mut squares, mut downhill) = (l.splat(0.0), [l.splat(0.0); P]);
        for (k, ((&y, table), slopes)) in place.y.iter().zip(ready.tables.as_chunks().0).zip(&mut *slopes).enumerate() {
            let (signal, mut slope) = B::sample(l, &voxel, table);
            let residual = l.mul_sub_from(signal, factor, y);
            let residual = weighted(l, place.weights.map(|weights| weights[k]), residual, &mut slope);
            *slopes = slope;
            squares = l.mul_add(residual, residual, squares);
            add_downhill(l, residual, &slope, &mut downhill);
        }
        let mut normal = [[l.splat(0.0); P]; P];
        for slope in &slopes[..place.y.len()] {
            add_normal(l, slope, &mut normal);
        }
        times_factors(l, &Sums { squares, downhill, normal }, &factors, to);
    }
}
