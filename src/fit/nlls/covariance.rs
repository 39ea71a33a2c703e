//! The covariance of fitted parameters.

use pulp::NullaryFnOnce;

use super::lm::Sums;
use super::problem::Problem;
use super::state::SumsAt;
use super::sums::Place;
use crate::lanes::{Element, Lanes};
use crate::model::signal::MOST_PARAMETERS as MOST;
use crate::model::signal::eval::{Evaluator, WIDE, Wide};

/// Some voxels side by side, with what a fit has found.
pub(super) struct Group<'g, L: Lanes> {
    /// Their fitted parameters, and their samples.
    pub(super) places: [Place<'g, L>; WIDE],
    /// The largest signal.
    pub(super) largest: Wide<L>,
    /// The sum of squared residuals.
    pub(super) squares: Wide<L>,
    /// Samples less parameters.
    pub(super) freedom: Wide<L>,
}

/// Writes `[i · (i + 1) / 2 + j][voxel]` from voxel `first` on: the inverse of the normal matrix of the parameters that are
/// free, times the variance of the residuals, in the model's units. The variance of a parameter that lies at a bound or
/// does not change the signal is NaN, and so is every one where no degree of freedom is left.
pub(super) fn covariance<L: Lanes>(
    lanes: L,
    problem: &Problem,
    evaluator: &mut Evaluator<L>,
    group: &Group<L>,
    to: &mut [Vec<L::T>],
    first: usize,
) {
    let sums = lanes.call(SumsAt { lanes, evaluator, places: group.places });
    for (w, sums) in sums.iter().enumerate() {
        lanes.call(Work { lanes, problem, group, sums, w, to: &mut *to, from: first + w * L::LANES });
    }
}

struct Work<'w, 'g, L: Lanes> {
    lanes: L,
    problem: &'w Problem,
    group: &'w Group<'g, L>,
    sums: &'w Sums<L::V, MOST>,
    w: usize,
    to: &'w mut [Vec<L::T>],
    from: usize,
}

impl<L: Lanes> NullaryFnOnce for Work<'_, '_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lanes: l, problem, group, sums, w, to, from } = self;
        let (zero, one, nan) = (l.splat(0.0), l.splat(1.0), l.splat(f64::NAN));
        let n = problem.extents.len();
        let mut held = [l.lt(zero, zero); MOST];
        let mut size = [zero; MOST];
        for p in 0..n {
            let extent = &problem.extents[p];
            let [low, high] = extent.bounds;
            let (mut low, mut high) = (l.splat(low), l.splat(high));
            size[p] = l.splat(problem.scales[p]);
            if extent.is_signal {
                (low, high) = (l.div(low, group.largest[w]), l.div(high, group.largest[w]));
                size[p] = l.mul(size[p], group.largest[w]);
            }
            let value = group.places[w].parameters[p];
            let without_effect = l.le(sums.normal[p][p], zero);
            held[p] = l.or(l.or(l.le(value, low), l.le(high, value)), without_effect);
        }
        let mut matrix = sums.normal;
        for i in 0..n {
            for j in 0..i {
                let value = l.select(l.or(held[i], held[j]), zero, matrix[i][j]);
                (matrix[i][j], matrix[j][i]) = (value, value);
            }
            matrix[i][i] = l.select(held[i], one, matrix[i][i]);
        }
        invert(l, &mut matrix, n);
        let freedom = group.freedom[w];
        let variance = l.select(l.lt(zero, freedom), l.div(group.squares[w], freedom), nan);
        for i in 0..n {
            for j in 0..=i {
                let value = l.mul(l.mul(matrix[i][j], variance), l.mul(size[i], size[j]));
                let value = match i == j {
                    true => l.select(held[i], nan, value),
                    false => l.select(l.or(held[i], held[j]), zero, value),
                };
                l.store(value, &mut to[i * (i + 1) / 2 + j][from..]);
            }
        }
    }
}

/// Inverts the first `n` rows and columns of a symmetric positive definite matrix in place, by sweeps.
#[inline(always)]
fn invert<L: Lanes>(l: L, a: &mut [[L::V; MOST]; MOST], n: usize) {
    let least = l.splat(f64::from(f32::MIN_POSITIVE));
    let tiny = l.splat(4.0 * L::T::EPSILON);
    let mut diagonal = [least; MOST];
    for i in 0..n {
        diagonal[i] = a[i][i];
    }
    for k in 0..n {
        // A pivot that rounding has made too small is replaced.
        let pivot = l.max(a[k][k], l.max(l.mul(diagonal[k], tiny), least));
        let inverse = l.div(l.splat(1.0), pivot);
        let row = a[k];
        for i in (0..n).filter(|&i| i != k) {
            for j in (0..n).filter(|&j| j != k) {
                a[i][j] = l.sub(a[i][j], l.mul(l.mul(a[i][k], row[j]), inverse));
            }
        }
        for i in (0..n).filter(|&i| i != k) {
            a[i][k] = l.neg(l.mul(a[i][k], inverse));
            a[k][i] = l.mul(row[i], inverse);
        }
        a[k][k] = inverse;
    }
}
