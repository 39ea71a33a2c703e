//! Re-weighting a line by exp(−2·b·ADC) until it stays.
//!
//! The weights depend on the ADC alone, so the re-weighting is a fixed point g(D) = D of one unknown. Its derivative costs
//! two more sums, and a Newton step on it, kept inside the bracket that the signs of g(D) − D give, reaches the same fixed
//! point in 3 iterations where plain re-weighting takes tens, or circles for ever.

use super::{Line, LogSignals, Observations};
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
        at.adc = self.step(&mut at, equal).0;
        let mut iterations = zero;
        // 1 while the estimate of a lane still moves: a mask that can be carried through the loop.
        let mut moving = l.select(fitted, one, zero);
        let mut done = 0;
        loop {
            self.weigh(at.adc);
            let line = self.line();
            done += 1;
            let (next, small) = self.step(&mut at, &line);
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

    /// Where to go from the ADC that made the weights of `line`, and whether it stays there.
    #[inline(always)]
    fn step(&self, at: &mut Search<L>, line: &Line<L>) -> (L::V, L::M) {
        let l = self.lanes;
        let one = l.splat(1.0);
        let (tolerance, longest) = (l.splat(tolerance(L::T::EPSILON)), l.splat(self.longest_step));
        let adc = at.adc;
        let upward = l.lt(adc, line.adc);
        at.low = l.select(upward, l.max(at.low, adc), at.low);
        at.high = l.select(upward, at.high, l.min(at.high, adc));
        let slack = l.max(l.sub(one, line.derivative), l.splat(1.0 / MAX_LENGTHENING));
        let lengthening = l.div(one, slack);
        let step = l.mul(l.sub(line.adc, adc), lengthening);
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
