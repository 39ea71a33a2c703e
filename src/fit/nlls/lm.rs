//! Bounded Levenberg–Marquardt steps on lanes: each lane is a fit of its own.
//!
//! Normal equations with Marquardt's scaling (Marquardt 1963, doi:10.1137/0111030). A parameter that lies at a bound and
//! would be driven out of it is held; a step that leaves the box ends at its face. A fit ends when the reduction of the
//! sum of squares that the next step promises is negligible.

#![expect(clippy::needless_range_loop, reason = "rows and columns of small matrices are numbers")]

use crate::lanes::{Element, Lanes};

/// Damping of the first step, relative to the diagonal of the normal matrix.
pub const FIRST_DAMPING: f64 = 0.01;
/// What damping is divided by after a step that kept its promise, and multiplied by after one that failed.
pub const LESS: f64 = 0.1;
/// See [`LESS`].
pub const MORE: f64 = 8.0;
/// Damping is never smaller: below it the diagonal does not change any more.
pub const LEAST_DAMPING: f64 = 1e-7;
/// With more damping than this, steps are too small to matter: the fit is as good as it gets.
pub const MOST_DAMPING: f64 = 1e8;

/// A step that gives less than this share of what it promised was poor: damping is multiplied by [`POOR_MORE`].
pub const POOR: f64 = 0.25;
/// See [`POOR`].
pub const POOR_MORE: f64 = 2.0;
/// A step that gives more than this share of what it promised kept it.
pub const GOOD: f64 = 0.75;
/// A pivot is at least this share of its diagonal, in units of the type's epsilon...
pub const LEAST_PIVOT: f64 = 4.0;
/// ... and at least this.
pub const TINY_PIVOT: f64 = 1e-30;

/// Sum of squared residuals with its half gradient (downhill) and normal matrix, of which the lower half is used.
#[derive(Debug, Clone, Copy)]
pub struct Sums<V, const P: usize> {
    /// Σ r²
    pub squares: V,
    /// Σ r·∂S/∂θ: the half gradient of −Σ r².
    pub downhill: [V; P],
    /// Σ ∂S/∂θᵢ·∂S/∂θⱼ for j ≤ i.
    pub normal: [[V; P]; P],
}

/// The box, in units of the scales.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'b, V> {
    /// Lowest values.
    pub low: &'b [V],
    /// Highest values.
    pub high: &'b [V],
}

/// Where a step leads, and by how much it promises to reduce the sum of squares.
#[derive(Debug, Clone, Copy)]
pub struct Step<L: Lanes, const P: usize> {
    /// The parameters after it.
    pub to: [L::V; P],
    /// What it promises.
    pub promise: L::V,
    /// What it would promise, within a factor of 2, if the box did not cut it short: how far the fit is from its end.
    pub potential: L::V,
}

/// The damping after a step that promised a reduction of the sum of squares and gave another.
#[inline(always)]
pub fn damping<L: Lanes>(l: L, damping: L::V, promise: L::V, reduction: L::V) -> L::V {
    let kept = |share: f64| l.lt(l.mul(l.splat(share), promise), reduction);
    let times = |factor: f64| l.mul(damping, l.splat(factor));
    let poor = l.select(kept(POOR), damping, times(POOR_MORE));
    let good = l.select(kept(GOOD), l.max(times(LESS), l.splat(LEAST_DAMPING)), poor);
    l.select(l.lt(l.splat(0.0), reduction), good, times(MORE))
}

/// The next step of the first P of N parameters from `at`.
#[inline(always)]
pub fn step<L: Lanes, const P: usize, const N: usize>(
    l: L,
    at: &[L::V; N],
    sums: &Sums<L::V, N>,
    damping: L::V,
    bounds: Bounds<L::V>,
) -> Step<L, P> {
    let zero = l.splat(0.0);
    let never = l.lt(zero, zero);
    let mut at_first = [zero; P];
    at_first.copy_from_slice(&at[..P]);
    let at = at_first;
    let mut matrix = [[zero; P]; P];
    let mut side = [zero; P];
    let mut held = [never; P];
    for i in 0..P {
        side[i] = sums.downhill[i];
        // Not `0..=i`: loops of a length that is known are unrolled, and so kept in registers.
        for j in 0..P {
            if j <= i {
                matrix[i][j] = sums.normal[i][j];
            }
        }
        let down = l.and(l.le(at[i], bounds.low[i]), l.lt(sums.downhill[i], zero));
        let up = l.and(l.le(bounds.high[i], at[i]), l.lt(zero, sums.downhill[i]));
        held[i] = l.or(down, up);
        matrix[i][i] = l.mul_add(matrix[i][i], damping, matrix[i][i]);
    }
    hold(l, &mut matrix, &mut side, &held);
    let mut change = solve(l, matrix, side);
    let mut potential = zero;
    for i in 0..P {
        potential = l.mul_add(side[i], change[i], potential);
    }
    let mut to = at;
    let mut cut = held;
    let mut any_cut = never;
    for i in 0..P {
        to[i] = l.add(at[i], change[i]);
        cut[i] = l.or(l.lt(to[i], bounds.low[i]), l.lt(bounds.high[i], to[i]));
        any_cut = l.or(any_cut, cut[i]);
    }
    if l.any(any_cut) {
        // Those that reach the box's faces end there, and the others make the best of it.
        let mut given = [zero; P];
        for i in 0..P {
            to[i] = clamped(l, to[i], &bounds, i);
            given[i] = l.select(cut[i], l.sub(to[i], at[i]), zero);
        }
        give(l, &matrix, &mut side, &given);
        hold(l, &mut matrix, &mut side, &cut);
        change = solve(l, matrix, side);
        for i in 0..P {
            to[i] = l.select(cut[i], to[i], clamped(l, l.add(at[i], change[i]), &bounds, i));
        }
    }
    for i in 0..P {
        change[i] = l.sub(to[i], at[i]);
    }
    Step { to, promise: promise(l, sums, &change), potential }
}

/// Brings parameters whose change is given to the other side; `given` is 0 for the others.
#[inline(always)]
fn give<L: Lanes, const P: usize>(l: L, matrix: &[[L::V; P]; P], side: &mut [L::V; P], given: &[L::V; P]) {
    for i in 0..P {
        for j in 0..i {
            side[i] = l.mul_sub_from(matrix[i][j], given[j], side[i]);
            side[j] = l.mul_sub_from(matrix[i][j], given[i], side[j]);
        }
    }
}

/// Takes parameters out of a system.
#[inline(always)]
fn hold<L: Lanes, const P: usize>(l: L, matrix: &mut [[L::V; P]; P], side: &mut [L::V; P], held: &[L::M; P]) {
    let (zero, one) = (l.splat(0.0), l.splat(1.0));
    for i in 0..P {
        side[i] = l.select(held[i], zero, side[i]);
        matrix[i][i] = l.select(held[i], one, matrix[i][i]);
        for j in 0..i {
            matrix[i][j] = l.select(l.or(held[i], held[j]), zero, matrix[i][j]);
        }
    }
}

#[inline(always)]
fn clamped<L: Lanes>(l: L, x: L::V, bounds: &Bounds<L::V>, i: usize) -> L::V {
    l.min(l.max(x, bounds.low[i]), bounds.high[i])
}

/// What the quadratic model says that a change reduces the sum of squares by: 2·gᵀs − sᵀHs.
#[inline(always)]
fn promise<L: Lanes, const P: usize, const N: usize>(l: L, sums: &Sums<L::V, N>, change: &[L::V; P]) -> L::V {
    let two = l.splat(2.0);
    let mut promise = l.splat(0.0);
    for i in 0..P {
        // Twice the row left of the diagonal, and the diagonal once.
        let mut row = l.splat(0.0);
        for j in 0..i {
            row = l.mul_add(sums.normal[i][j], change[j], row);
        }
        let slope = l.mul_sub_from(sums.normal[i][i], change[i], l.mul(two, l.sub(sums.downhill[i], row)));
        promise = l.mul_add(change[i], slope, promise);
    }
    promise
}

/// Solves a symmetric positive definite system by LDLᵀ; a pivot that rounding has made too small is replaced.
#[inline(always)]
fn solve<L: Lanes, const P: usize>(l: L, mut a: [[L::V; P]; P], mut b: [L::V; P]) -> [L::V; P] {
    let least = l.splat(LEAST_PIVOT * L::T::EPSILON);
    let tiny = l.splat(TINY_PIVOT);
    let mut inverse = b;
    for j in 0..P {
        let diagonal = a[j][j];
        let mut pivot = diagonal;
        let mut scaled = [l.splat(0.0); P];
        for k in 0..j {
            scaled[k] = l.mul(a[j][k], a[k][k]);
            pivot = l.mul_sub_from(a[j][k], scaled[k], pivot);
        }
        pivot = l.max(pivot, l.max(l.mul(diagonal, least), tiny));
        a[j][j] = pivot;
        inverse[j] = l.div(l.splat(1.0), pivot);
        for i in j + 1..P {
            let mut sum = a[i][j];
            for k in 0..j {
                sum = l.mul_sub_from(a[i][k], scaled[k], sum);
            }
            a[i][j] = l.mul(sum, inverse[j]);
        }
    }
    for i in 0..P {
        for j in 0..i {
            b[i] = l.mul_sub_from(a[i][j], b[j], b[i]);
        }
    }
    for i in (0..P).rev() {
        b[i] = l.mul(b[i], inverse[i]);
        for j in i + 1..P {
            b[i] = l.mul_sub_from(a[j][i], b[j], b[i]);
        }
    }
    b
}
