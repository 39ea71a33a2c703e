//! Re-weighting a line by exp(−2·b·ADC) until it stays.
//!
//! The weights depend on the ADC alone, so the re-weighting is a fixed point g(D) = D of one unknown. Two derivatives of it
//! cost four more sums, and Halley's step on it, kept inside the bracket that the signs of g(D) − D give, mostly reaches the
//! same fixed point in one iteration where plain re-weighting takes tens, or circles for ever.

use super::{Equal, LogSignals, Observations, Slope};
use crate::fit::status;
use crate::lanes::{Element, Lanes};

/// Largest 1/(1 − g′) that a step is lengthened by, before its bend at most doubles it: near a double root, g′ → 1, it
/// would be far too long, and at twice this one voxel of 1.5 million leapt to another root. At half of it one ended too early
/// in f32.
pub(super) const MAX_LENGTHENING: f64 = 100.0;

/// Least 1 − g′ of the power series of the first slope with which it is followed.
pub(super) const LEAST_SLACK: f64 = 0.1;
/// Largest second step from the first slope, as a part of the first step.
pub(super) const LONGEST_SECOND_STEP: f64 = 0.25;

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

impl<L: Lanes, O: Observations<L>> LogSignals<L, O> {
    /// Re-weighs until the slope stays, where `fitted`, but at most `max_iterations` times.
    #[inline(always)]
    pub(in crate::fit) fn reweigh(&mut self, equal: Equal<L>, fitted: L::M, max_iterations: u32) -> Reweighted<L> {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let (nowhere, everywhere) = (l.splat(f64::NEG_INFINITY), l.splat(f64::INFINITY));
        let mut adc = self.start(&equal);
        // Where the fixed points are known to lie.
        let upward = l.lt(zero, equal.slope.adc);
        let (mut low, mut high) = (l.select(upward, zero, nowhere), l.select(upward, everywhere, zero));
        let mut iterations = zero;
        // 1 while the estimate of a lane still moves: a mask that can be carried through the loop.
        let mut moving = l.select(fitted, one, zero);
        let mut done = 0;
        loop {
            self.weigh(adc);
            let slope = self.line().slope;
            done += 1;
            let (step, small) = self.step(adc, slope);
            let from = adc;
            adc = l.select(l.lt(zero, moving), l.add(adc, step), adc);
            iterations = l.add(iterations, moving);
            moving = l.select(small, zero, moving);
            let still = l.lt(zero, moving);
            if !l.any(still) || done == max_iterations {
                let limit = l.select(still, l.splat(f64::from(status::ITERATION_LIMIT)), zero);
                return Reweighted { adc, iterations, limit };
            }
            let upward = l.lt(from, slope.adc);
            low = l.select(upward, l.max(low, from), low);
            high = l.select(upward, high, l.min(high, from));
            // Once fixed points are known to lie between `low` and `high`, a step that leaves is halved instead.
            let leaves = l.or(l.le(adc, low), l.le(high, adc));
            let bracketed = l.lt(l.sub(high, low), everywhere);
            let halved = l.and(l.and(leaves, bracketed), still);
            adc = l.select(halved, l.mul(l.splat(0.5), l.add(low, high)), adc);
        }
    }

    /// The ADC to begin with, from the slope with equal weights: Halley's step, and Newton's step from there to where the power
    /// series of the slope meets the ADC. Where weights differ much the series is wrong: the second step is a part of the first.
    #[inline(always)]
    fn start(&self, equal: &Equal<L>) -> L::V {
        let l = self.lanes;
        let adc = self.step(l.splat(0.0), equal.slope).0;
        let [first, second] = equal.slope.derivatives;
        let [third, fourth] = equal.next_terms;
        // Horner's scheme for the series and, on the side, for its derivative.
        let (mut series, mut derivative) = (l.mul_add(fourth, adc, third), fourth);
        for term in [l.mul(l.splat(0.5), second), first, equal.slope.adc] {
            derivative = l.mul_add(derivative, adc, series);
            series = l.mul_add(series, adc, term);
        }
        let slack = l.sub(l.splat(1.0), derivative);
        let longest = l.mul(l.splat(LONGEST_SECOND_STEP), l.abs(adc));
        let step = l.max(l.neg(longest), l.min(longest, l.div(l.sub(series, adc), slack)));
        l.select(l.lt(l.splat(LEAST_SLACK), slack), l.add(adc, step), adc)
    }

    /// Halley's step from the ADC that made the weights of a slope, and whether it is the last.
    #[inline(always)]
    fn step(&self, adc: L::V, slope: Slope<L>) -> (L::V, L::M) {
        let l = self.lanes;
        let one = l.splat(1.0);
        let longest = l.splat(self.longest_step);
        let [first, second] = slope.derivatives;
        let (slack, least) = (l.sub(one, first), l.splat(1.0 / MAX_LENGTHENING));
        let shortened = l.lt(slack, least);
        let slack = l.max(slack, least);
        let squared = l.mul(slack, slack);
        let distance = l.sub(slope.adc, adc);
        let bend = l.mul(l.mul(l.splat(0.5), second), distance);
        let bend = l.max(l.neg(squared), l.min(l.mul(l.splat(0.5), squared), bend));
        let step = l.div(l.mul(distance, slack), l.sub(squared, bend));
        let step = l.max(l.neg(longest), l.min(longest, step));
        // Relative to the slack, the next step would be about a part of the cube of this one; where this was shortened it is
        // far longer, and the square has been seen to be enough.
        let length = l.abs(step);
        let left = l.select(shortened, slack, l.mul(l.splat(self.left_of_cube), length));
        let cubed = l.mul(l.mul(l.mul(length, length), left), l.max(slack, one));
        let bar = l.mul(l.mul(squared, slack), l.splat(tolerance(L::T::EPSILON)));
        (step, l.le(cubed, l.mul(bar, l.max(one, l.abs(adc)))))
    }

    /// Re-weighs `rounds` times, as it is published: the slope at the end, which may still move.
    #[inline(always)]
    pub(in crate::fit) fn reweigh_plainly(&mut self, start: L::V, rounds: u32) -> L::V {
        let mut adc = start;
        for _ in 0..rounds {
            self.weigh(adc);
            adc = self.line().slope.adc;
        }
        adc
    }
}
