//! Re-weighting a line by exp(−2·b·ADC) until it stays.
//!
//! The weights depend on the ADC alone, so the re-weighting is a fixed point g(D) = D of one unknown. Its derivative costs
//! two more sums, and a Newton step on it, kept inside the bracket that the signs of g(D) − D give, reaches the same fixed
//! point in 3 iterations where plain re-weighting takes tens, or circles for ever.

use std::ops::Range;

use super::{GROUP, LEAST_EXPONENT, Line, LogSignals, Observations};
use crate::fit::status;
use crate::lanes::{Element, Lanes};

/// Largest 1/(1 − g′) that a step is lengthened by: near a double root, g′ → 1, Newton's step is far too long.
pub(super) const MAX_LENGTHENING: f64 = 50.0;

/// The iteration ends where the next change of the ADC, relative to max(|ADC|, 1 µm²/ms), would be below this. In f32 it
/// is a few roundings of the log-signals.
pub(in crate::fit) fn tolerance(epsilon: f64) -> f64 {
    if epsilon < f64::from(f32::EPSILON) { 1e-13 } else { 1e-6 }
}

/// Where re-weighting ended.
pub(in crate::fit) struct Reweighted<L: Lanes> {
    /// µm²/ms
    pub(in crate::fit) adc: L::V,
    /// Re-weightings done.
    pub(in crate::fit) iterations: L::V,
    /// The status bit of the limit, where it was reached.
    pub(in crate::fit) limit: L::V,
}

/// The slope of a weighted line, and no more of it.
struct Slope<L: Lanes> {
    adc: L::V,
    /// See [`Line::derivative`].
    derivative: L::V,
}

/// Σw·bᵏ and Σw·y·bᵏ, b counted from the lowest.
type Sums<L> = ([<L as Lanes>::V; 4], [<L as Lanes>::V; 3]);

/// The search for the fixed point in each lane.
struct Search<L: Lanes> {
    adc: L::V,
    /// Where the fixed points are known to lie.
    low: L::V,
    high: L::V,
}

impl<L: Lanes, O: Observations<L>> LogSignals<L, O> {
    /// Re-weighs until the slope stays, where `fitted`, but at most `max_iterations` times. `equal` is the line with
    /// today's weights, which are those of ADC = 0.
    #[inline(always)]
    pub(in crate::fit) fn reweigh(&mut self, equal: &Line<L>, fitted: L::M, max_iterations: u32) -> Reweighted<L> {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut at = Search { adc: zero, low: l.splat(f64::NEG_INFINITY), high: l.splat(f64::INFINITY) };
        // The first step of Newton is a gift, since the first line is there.
        at.adc = self.step(&mut at, Slope { adc: equal.adc, derivative: equal.derivative }).0;
        let mut iterations = zero;
        // 1 while the estimate of a lane still moves: a mask that can be carried through the loop.
        let mut moving = l.select(fitted, one, zero);
        let mut done = 0;
        loop {
            let slope = self.reweighted(at.adc);
            done += 1;
            let (next, small) = self.step(&mut at, slope);
            let active = l.lt(zero, moving);
            at.adc = l.select(active, next, at.adc);
            iterations = l.add(iterations, moving);
            moving = l.select(small, zero, moving);
            let still = l.lt(zero, moving);
            if !l.any(still) || done == max_iterations {
                let limit = l.select(still, l.splat(f64::from(status::ITERATION_LIMIT)), zero);
                return Reweighted { adc: at.adc, iterations, limit };
            }
        }
    }

    /// Where to go from the ADC that made the weights of `slope`, and whether it stays there.
    #[inline(always)]
    fn step(&self, at: &mut Search<L>, slope: Slope<L>) -> (L::V, L::M) {
        let l = self.lanes;
        let one = l.splat(1.0);
        let (tolerance, longest) = (l.splat(tolerance(L::T::EPSILON)), l.splat(self.longest_step));
        let adc = at.adc;
        let upward = l.lt(adc, slope.adc);
        at.low = l.select(upward, l.max(at.low, adc), at.low);
        at.high = l.select(upward, at.high, l.min(at.high, adc));
        let slack = l.max(l.sub(one, slope.derivative), l.splat(1.0 / MAX_LENGTHENING));
        let lengthening = l.div(one, slack);
        let step = l.mul(l.sub(slope.adc, adc), lengthening);
        let step = l.max(l.neg(longest), l.min(longest, step));
        // Newton's next step would be about the square of this one, times the lengthening.
        let squared = l.mul(l.mul(step, step), l.mul(lengthening, l.max(lengthening, one)));
        let small = l.le(squared, l.mul(tolerance, l.max(one, l.abs(adc))));
        let next = l.add(adc, step);
        // Once fixed points are known to lie between `low` and `high`, a step that leaves is halved instead.
        let middle = l.mul(l.splat(0.5), l.add(at.low, at.high));
        let leaves = l.or(l.le(next, at.low), l.le(at.high, next));
        let bracketed = l.lt(l.sub(at.high, at.low), l.splat(f64::INFINITY));
        (l.select(l.and(leaves, bracketed), l.select(small, adc, middle), next), small)
    }

    /// The slope with the weights exp(−2·b·adc): what [`LogSignals::weigh`] and [`LogSignals::line`] give, from sums that are
    /// made while the weights are, with no array between them and two divisions less. They lie about the lowest b, where
    /// the weight is, unless the signal rises with b.
    #[inline(always)]
    fn reweighted(&self, adc: L::V) -> Slope<L> {
        let l = self.lanes;
        let ([s0, s1, s2, s3], [t0, t1, t2]) = self.sums(adc);
        let per_spread = l.div(l.splat(1.0), l.sub(l.mul(s0, s2), l.mul(s1, s1)));
        let adc = l.mul(l.sub(l.mul(s1, t0), l.mul(s0, t1)), per_spread);
        // Sums of w·bᵏ·(y + adc·b): that of k = 1 follows from the normal equations.
        let (z0, z2) = (l.mul_add(adc, s1, t0), l.mul_add(adc, s3, t2));
        let derivative = l.mul(l.sub(l.mul(s0, z2), l.mul(s2, z0)), l.mul(l.splat(2.0), per_spread));
        Slope { adc, derivative }
    }

    #[inline(always)]
    fn sums(&self, adc: L::V) -> Sums<L> {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let n = self.y.as_ref().len();
        let (mut w, mut wy) = ([zero; 4], [zero; 3]);
        if n <= GROUP {
            self.add(adc, 0..n, &mut w, &mut wy);
            return (w, wy);
        }
        for first in (0..n).step_by(GROUP) {
            let (mut group, mut group_y) = ([zero; 4], [zero; 3]);
            self.add(adc, first..n.min(first + GROUP), &mut group, &mut group_y);
            for (sum, group) in w.iter_mut().zip(group).chain(wy.iter_mut().zip(group_y)) {
                *sum = l.add(*sum, group);
            }
        }
        (w, wy)
    }

    #[inline(always)]
    fn add(&self, adc: L::V, which: Range<usize>, w: &mut [L::V; 4], wy: &mut [L::V; 3]) {
        let l = self.lanes;
        let least = l.splat(LEAST_EXPONENT);
        let minus_two_adc = l.mul(adc, l.splat(-2.0));
        // The largest weight is 1: that of the lowest b, or of the highest where the signal rises.
        let largest = l.max(l.splat(0.0), l.mul(minus_two_adc, l.sub(self.b_max, self.b_min)));
        let samples = self.used.as_ref()[which.clone()].iter().zip(&self.y.as_ref()[which.clone()]);
        for ((&used, &y), &[b, b2, b3]) in samples.zip(&self.powers[which]) {
            let (b, b2, b3) = (l.fill(b), l.fill(b2), l.fill(b3));
            let exponent = l.max(l.mul_add(minus_two_adc, b, l.neg(largest)), least);
            let weight = l.mul(used, l.exp_in_range(exponent));
            let y = l.mul(weight, y);
            w[0] = l.add(w[0], weight);
            w[1] = l.mul_add(weight, b, w[1]);
            w[2] = l.mul_add(weight, b2, w[2]);
            w[3] = l.mul_add(weight, b3, w[3]);
            wy[0] = l.add(wy[0], y);
            wy[1] = l.mul_add(y, b, wy[1]);
            wy[2] = l.mul_add(y, b2, wy[2]);
        }
    }

    /// Re-weighs `rounds` times, as it is published: the slope at the end, which may still move.
    #[inline(always)]
    pub(in crate::fit) fn reweigh_plainly(&mut self, start: L::V, rounds: u32) -> L::V {
        let mut adc = start;
        for _ in 0..rounds {
            self.weigh(adc);
            adc = self.line().adc;
        }
        adc
    }
}
