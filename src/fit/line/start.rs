//! Where the re-weighting begins: at one of three ADCs. Lines with their weights are sums of the log-signals whose factors
//! are the b-values' alone.

use std::f64::consts::{LN_2, LOG2_E};

use super::{LEAST_SPREAD, LogSignals, Observations, Slope, b_range};
use crate::lanes::Lanes;

/// Share of the way to a start beside 0 from which on it is taken: the slope with equal weights is the lower one where there
/// is noise.
const BESIDE: f64 = 0.35;

/// Re-weighting may begin so far from 0, in µm²/ms: there weights change by e^1.7 from the lowest b to the highest. Halley's
/// first step from the nearest start leaves 7 % of voxels a second re-weighting, and 16 % from 0 alone.
pub(super) fn beside(b: &[f64]) -> f64 {
    let (b_min, b_max) = b_range(b);
    0.84 / (b_max - b_min).max(LEAST_SPREAD.sqrt())
}

/// On which side of 0 a voxel begins, if not there.
#[derive(Clone, Copy)]
struct Side<L: Lanes> {
    falls: L::M,
    rises: L::M,
}

impl<L: Lanes> Side<L> {
    #[inline(always)]
    fn select(self, l: L, [below, at_zero, above]: [L::V; 3]) -> L::V {
        l.select(self.falls, above, l.select(self.rises, below, at_zero))
    }
}

/// Slopes that are known before any weight is computed.
#[derive(Clone, Copy)]
pub(in crate::fit) struct Start<L: Lanes> {
    /// The ADC with equal weights.
    pub(in crate::fit) equal: L::V,
    /// An ADC near it,
    pub(super) from: L::V,
    /// and the slope with its weights.
    pub(super) slope: Slope<L>,
}

/// What the log-signals at b-values `b` count to the ADC of a line with the weights of `adc`, and to its first and second
/// derivative by `adc`; `b` and `adc` are those of `LogSignals`.
pub(super) fn factors(b: &[f64], adc: f64) -> [Vec<f64>; 3] {
    // As in `Line`: the derivative of a weight is −rate·b times itself.
    let rate = 2.0 * LN_2;
    let weight: Vec<f64> = b.iter().map(|x| (-rate * (x - b[0]) * adc).exp()).collect();
    let total: f64 = weight.iter().sum();
    let mean = b.iter().zip(&weight).map(|(b, w)| w * b).sum::<f64>() / total;
    // w·(b − mean b)ᵏ and their sum.
    let power = |k: i32| -> (Vec<f64>, f64) {
        let of: Vec<f64> = b.iter().zip(&weight).map(|(b, w)| w * (b - mean).powi(k)).collect();
        let sum = of.iter().sum();
        (of, sum)
    };
    let [(db, _), (bb, spread), (bbb, cubes), (_, fourths)] = [1, 2, 3, 4].map(power);
    let adc: Vec<f64> = db.iter().map(|db| -db / spread).collect();
    let residuals = |of: &[f64], sum: f64, next: f64| -> Vec<f64> {
        (of.iter().zip(&weight).zip(&adc)).map(|((of, w), adc)| of - w * sum / total + adc * next).collect()
    };
    let first: Vec<f64> = residuals(&bb, spread, cubes).iter().map(|sum| rate * sum / spread).collect();
    let second = (residuals(&bbb, cubes, fourths).iter().zip(&first))
        .map(|(sum, first)| rate * (2.0 * first * cubes - rate * sum) / spread)
        .collect();
    [adc, first, second]
}

/// Σ(b − mean b)²
pub(super) fn spread(b: &[f64]) -> f64 {
    let mean = b.iter().sum::<f64>() / b.len() as f64;
    b.iter().map(|b| (b - mean).powi(2)).sum()
}

impl<L: Lanes, O: Observations<L>> LogSignals<L, O> {
    /// Where the re-weighting begins, and whether there is a line. Where all samples are usable its slopes are sums over them.
    #[inline(always)]
    pub(in crate::fit) fn start(&mut self, n_used: L::V) -> (Start<L>, L::M) {
        let l = self.lanes;
        let (zero, beside) = (l.splat(0.0), l.splat(self.beside));
        let [_, at_zero, _] = &self.starts;
        let mut equal = self.sum(at_zero[0].as_ref());
        let bound = l.splat(BESIDE * self.beside);
        let side = Side { falls: l.lt(bound, equal), rises: l.lt(equal, l.neg(bound)) };
        let (adc, derivatives) = (self.sum_beside(0, side), [self.sum_beside(1, side), self.sum_beside(2, side)]);
        let mut from = side.select(l, [l.neg(beside), zero, beside]);
        let mut slope = Slope { adc, derivatives };
        let mut spread = l.splat(self.spread);
        let missing = l.lt(n_used, l.splat(self.b.as_ref().len() as f64));
        if l.any(missing) {
            self.weigh_equally();
            let line = self.line();
            slope = Slope::select(l, missing, line.slope, slope);
            equal = l.select(missing, line.slope.adc, equal);
            from = l.select(missing, zero, from);
            spread = l.select(missing, line.spread, spread);
        }
        (Start { equal, from, slope }, l.lt(l.splat(LEAST_SPREAD * LOG2_E * LOG2_E), spread))
    }

    /// Σ of the log-signals, each by its factor in a slope. The factors add up to 0, so that equal signals are a slope of
    /// exactly 0 if the first is taken from all.
    #[inline(always)]
    fn sum(&self, factors: &[L::V]) -> L::V {
        let (l, y) = (self.lanes, self.y.as_ref());
        let mut sum = l.splat(0.0);
        for (&factor, &of) in factors[1..].iter().zip(&y[1..]) {
            sum = l.mul_add(factor, l.sub(of, y[0]), sum);
        }
        sum
    }

    /// The same with the factors of the start on a side; `which` of its sums.
    #[inline(always)]
    fn sum_beside(&self, which: usize, side: Side<L>) -> L::V {
        let (l, y) = (self.lanes, self.y.as_ref());
        let [below, at_zero, above] = &self.starts;
        let (below, at_zero, above) = (below[which].as_ref(), at_zero[which].as_ref(), above[which].as_ref());
        let mut sum = l.splat(0.0);
        for obs in 1..y.len() {
            sum = l.mul_add(side.select(l, [below[obs], at_zero[obs], above[obs]]), l.sub(y[obs], y[0]), sum);
        }
        sum
    }
}
