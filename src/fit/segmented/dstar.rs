//! D* over lanes, with S0, D and f held: a bounded least-squares problem of one unknown.
//!
//! Half the residual sum of squares has the slope f·h(D*) with h = Σ b·E·(t − f·E), where E = exp(−b·D*) and t is what is
//! left of a signal without its slow part. A minimum lies where h goes from below 0 to above.

use super::{LEAST_EXPONENT, SegmentedKernel};
use crate::fit::line::tolerance;
use crate::fit::status;
use crate::lanes::{Element, Lanes};

/// What is left of a vector of voxels without the slow part.
pub(super) struct Fast<'a, L: Lanes> {
    pub(super) lanes: L,
    pub(super) kernel: &'a SegmentedKernel,
    /// ms/µm²
    pub(super) b: Vec<L::V>,
    /// 1 for a usable sample, else 0.
    pub(super) used: Vec<L::V>,
    /// signal/S0 − (1 − f)·exp(−b·D); 0 where not usable.
    pub(super) rest: Vec<L::V>,
}

/// Where the search ended.
pub(super) struct Found<L: Lanes> {
    /// µm²/ms
    pub(super) dstar: L::V,
    pub(super) steps: L::V,
    /// The status bit of the limit, where it was reached.
    pub(super) limit: L::V,
}

impl<L: Lanes> Fast<'_, L> {
    /// exp(−b·D*)
    #[inline(always)]
    pub(super) fn decay(&self, obs: usize, dstar: L::V) -> L::V {
        let l = self.lanes;
        l.exp_in_range(l.max(l.neg(l.mul(self.b[obs], dstar)), l.splat(LEAST_EXPONENT)))
    }

    /// h and its derivative.
    #[inline(always)]
    fn slope(&self, f: L::V, dstar: L::V) -> (L::V, L::V) {
        let l = self.lanes;
        let (mut slope, mut derivative) = (l.splat(0.0), l.splat(0.0));
        for obs in 0..self.b.len() {
            let decay = self.decay(obs, dstar);
            let weight = l.mul(l.mul(self.used[obs], self.b[obs]), decay);
            let fast = l.mul(f, decay);
            let residual = l.sub(self.rest[obs], fast);
            slope = l.mul_add(weight, residual, slope);
            derivative = l.mul_add(l.mul(weight, self.b[obs]), l.sub(fast, residual), derivative);
        }
        (slope, derivative)
    }

    /// h at a point of the grid, whose decays are known.
    #[inline(always)]
    fn slope_on_grid(&self, f: L::V, point: usize) -> L::V {
        let l = self.lanes;
        let n_obs = self.b.len();
        let mut slope = l.splat(0.0);
        for (obs, &decay) in self.kernel.grid.decay[point * n_obs..][..n_obs].iter().enumerate() {
            let decay = l.splat(decay);
            let weight = l.mul(l.mul(self.used[obs], self.b[obs]), decay);
            slope = l.mul_add(weight, l.sub(self.rest[obs], l.mul(f, decay)), slope);
        }
        slope
    }

    /// Two values of D* with the minimum downhill from `start` between them; the same twice where that is a bound, or where
    /// f is 0 and `start` is as good as any.
    #[inline(always)]
    fn bracket(&self, f: L::V, start: L::V) -> (L::V, L::V) {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let grid = &self.kernel.grid.dstar;
        let [least, most] = self.kernel.options.dstar_bounds_inside().map(|bound| l.splat(bound));
        let open = l.splat(f64::INFINITY);
        let (slope, _) = self.slope(f, start);
        let downward = l.lt(zero, slope);
        // Downward, the last point below the start whose slope is not above 0, with the one after it; upward, the first
        // point above the start whose slope is, with the one before it.
        let mut low = l.select(downward, least, start);
        let mut high = l.select(downward, least, open);
        for (point, &dstar) in grid.iter().enumerate() {
            let dstar = l.splat(dstar);
            let slope = self.slope_on_grid(f, point);
            let rises = l.lt(zero, slope);
            let below = l.and(downward, l.lt(dstar, start));
            let above = l.and(l.lt(start, dstar), l.le(open, high));
            low = l.select(l.or(below, above), l.select(rises, low, dstar), low);
            high = l.select(below, l.select(rises, l.min(high, dstar), start), high);
            high = l.select(above, l.select(rises, dstar, high), high);
        }
        let never_rises = l.le(open, high);
        let (low, high) = (l.select(never_rises, most, low), l.select(never_rises, most, high));
        let matters = l.lt(zero, f);
        (l.select(matters, low, start), l.select(matters, high, start))
    }

    /// The minimum downhill from `start`, where `fitted`.
    #[inline(always)]
    pub(super) fn minimum(&self, f: L::V, start: L::V, fitted: L::M) -> Found<L> {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let tolerance = l.splat(tolerance(L::T::EPSILON));
        let (mut low, mut high) = self.bracket(f, start);
        let mut dstar = l.sqrt(l.mul(low, high));
        dstar = l.select(l.lt(low, high), dstar, low);
        // 1 while the estimate of a lane still moves: a mask that can be carried through the loop.
        let mut moving = l.select(l.and(fitted, l.lt(low, high)), one, zero);
        let (mut steps, mut done) = (zero, 0);
        loop {
            let still = l.lt(zero, moving);
            if !l.any(still) || done == self.kernel.options.max_iterations {
                let limit = l.select(still, l.splat(f64::from(status::ITERATION_LIMIT)), zero);
                return Found { dstar, steps, limit };
            }
            let (slope, derivative) = self.slope(f, dstar);
            done += 1;
            let rises = l.lt(zero, slope);
            low = l.select(rises, low, dstar);
            high = l.select(rises, dstar, high);
            let newton = l.sub(dstar, l.div(slope, derivative));
            let inside = l.and(l.le(low, newton), l.le(newton, high));
            let inside = l.and(inside, l.lt(zero, derivative));
            let next = l.select(inside, newton, l.mul(l.splat(0.5), l.add(low, high)));
            // Newton's next step would be about the square of this one; halving ends with the bracket.
            let step = l.div(l.sub(next, dstar), dstar);
            let width = l.div(l.sub(high, low), dstar);
            let left = l.select(inside, l.mul(step, step), width);
            dstar = l.select(still, next, dstar);
            steps = l.add(steps, moving);
            moving = l.select(l.le(left, tolerance), zero, moving);
        }
    }
}
