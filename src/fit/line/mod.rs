//! The log-signals of a vector of voxels, and weighted lines through them; `shaders/common/line.wgsl` is the twin, name by
//! name.

mod reweigh;
pub(super) mod wgsl;

use super::blocks::BLOCK;
use crate::lanes::Lanes;

pub(super) use reweigh::{Reweighted, tolerance};

/// Least Σ(b − mean b)² in (ms/µm²)² that counts as two different b-values.
pub(super) const LEAST_SPREAD: f64 = 1e-9;

/// Observations whose sum is made before it joins the others': the rounding of hundreds of repeats, one after the other,
/// would show in the slope.
const GROUP: usize = 16;

/// One vector an observation.
pub(super) trait Observations<L: Lanes>: Clone + AsRef<[L::V]> + AsMut<[L::V]> {}
impl<L: Lanes, O: Clone + AsRef<[L::V]> + AsMut<[L::V]>> Observations<L> for O {}

/// The observations of one vector of voxels that a line is laid through.
pub(super) struct LogSignals<L: Lanes, O> {
    pub(super) lanes: L,
    /// ms/µm²
    pub(super) b: O,
    b_min: L::V,
    b_max: L::V,
    longest_step: f64,
    /// 1 for a usable sample, 0 for one without a logarithm.
    pub(super) used: O,
    /// ln(signal / largest signal); 0 where not usable.
    pub(super) y: O,
    pub(super) weight: O,
}

/// A weighted line through the log-signals, in moments about its centre.
pub(super) struct Line<L: Lanes> {
    pub(super) b_mean: L::V,
    pub(super) y_mean: L::V,
    /// Σw(b − b_mean)²
    pub(super) spread: L::V,
    /// −slope: the ADC.
    pub(super) adc: L::V,
    /// Derivative of `adc` by the ADC that made the weights exp(−2·b·ADC).
    pub(super) derivative: L::V,
}

impl<L: Lanes, O: Observations<L>> LogSignals<L, O> {
    /// Signals at b-values in ms/µm², as many as there are `zeros`.
    #[inline(always)]
    pub(super) fn new(lanes: L, b_values: &[f64], zeros: O) -> Self {
        let mut b = zeros.clone();
        b.as_mut().iter_mut().zip(b_values).for_each(|(to, &b)| *to = lanes.splat(b));
        let (b_min, b_max) = b_range(b_values);
        let longest_step = longest_step(b_values);
        let (b_min, b_max) = (lanes.splat(b_min), lanes.splat(b_max));
        Self { lanes, b, b_min, b_max, longest_step, used: zeros.clone(), y: zeros.clone(), weight: zeros }
    }

    /// Takes the first rows of `signals`: fills `used` and `y`, and returns the largest usable signal (1 where there is none).
    #[inline(always)]
    pub(super) fn take_logs(&mut self, signals: &[L::T], at: usize) -> L::V {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut largest = zero;
        for obs in 0..self.b.as_ref().len() {
            let signal = l.load(&signals[obs * BLOCK + at..]);
            let usable = l.and(l.lt(zero, signal), l.lt(signal, l.splat(f64::INFINITY)));
            self.used.as_mut()[obs] = l.select(usable, one, zero);
            // Where not usable, the ratio to the largest signal is made 1, whose logarithm is 0.
            self.y.as_mut()[obs] = l.select(usable, signal, zero);
            largest = l.max(largest, self.y.as_ref()[obs]);
        }
        largest = l.select(l.lt(zero, largest), largest, one);
        let scale = l.div(one, largest);
        for (y, &used) in self.y.as_mut().iter_mut().zip(self.used.as_ref()) {
            let ratio = l.select(l.lt(zero, used), l.mul(*y, scale), one);
            *y = l.ln_of_normal(ratio);
        }
        largest
    }

    /// How many samples are usable.
    #[inline(always)]
    pub(super) fn n_used(&self) -> L::V {
        let l = self.lanes;
        self.used.as_ref().iter().fold(l.splat(0.0), |n, &used| l.add(n, used))
    }

    /// Every usable sample counts the same.
    #[inline(always)]
    pub(super) fn weigh_equally(&mut self) {
        self.weight.as_mut().copy_from_slice(self.used.as_ref());
    }

    /// The weights exp(−2·b·adc) of the usable samples, the largest of them near 1.
    #[inline(always)]
    pub(super) fn weigh(&mut self, adc: L::V) {
        let l = self.lanes;
        // e⁻⁸⁷ is a weight of nothing, and in the range of every exp.
        let least = l.splat(-87.0);
        let minus_two_adc = l.mul(adc, l.splat(-2.0));
        let reference = l.select(l.lt(l.splat(0.0), adc), self.b_min, self.b_max);
        for ((weight, &b), &used) in self.weight.as_mut().iter_mut().zip(self.b.as_ref()).zip(self.used.as_ref()) {
            let exponent = l.max(l.mul(minus_two_adc, l.sub(b, reference)), least);
            *weight = l.mul(used, l.exp_in_range(exponent));
        }
    }

    /// The line through the log-signals with today's weights.
    #[inline(always)]
    pub(super) fn line(&self) -> Line<L> {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let (mut sum, mut sum_b, mut sum_y) = (zero, zero, zero);
        for ((&w, &b), &y) in self.weight.as_ref().iter().zip(self.b.as_ref()).zip(self.y.as_ref()) {
            sum = l.add(sum, w);
            sum_b = l.mul_add(w, b, sum_b);
            sum_y = l.mul_add(w, y, sum_y);
        }
        let per_sum = l.div(l.splat(1.0), sum);
        let (b_mean, y_mean) = (l.mul(sum_b, per_sum), l.mul(sum_y, per_sum));
        let centre = (b_mean, y_mean);
        let (weight, b, y) = (self.weight.as_ref(), self.b.as_ref(), self.y.as_ref());
        let [bb, by, bbb, bby] = if weight.len() <= GROUP {
            moments(l, centre, weight, b, y)
        } else {
            let mut sums = [zero; 4];
            for ((weight, b), y) in weight.chunks(GROUP).zip(b.chunks(GROUP)).zip(y.chunks(GROUP)) {
                let group = moments(l, centre, weight, b, y);
                for (sum, group) in sums.iter_mut().zip(group) {
                    *sum = l.add(*sum, group);
                }
            }
            sums
        };
        let per_spread = l.div(l.splat(1.0), bb);
        let adc = l.neg(l.mul(by, per_spread));
        // d adc/d ADC = 2·Σw(b − b̄)²·residual / spread, with residual = dy + adc·db.
        let derivative = l.mul(l.mul_add(adc, bbb, bby), l.mul(l.splat(2.0), per_spread));
        Line { b_mean, y_mean, spread: bb, adc, derivative }
    }
}

/// Least and greatest b-value.
fn b_range(b: &[f64]) -> (f64, f64) {
    b.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &b| (lo.min(b), hi.max(b)))
}

/// No step is longer, in µm²/ms: it would change weights by more than e¹⁶ at once, and the weights of a wild start
/// would leave f32's range before they could be judged.
fn longest_step(b: &[f64]) -> f64 {
    let (b_min, b_max) = b_range(b);
    8.0 / (b_max - b_min).max(LEAST_SPREAD.sqrt())
}

/// Σw·db², Σw·db·dy, Σw·db³ and Σw·db²·dy about the centre (b, y).
#[inline(always)]
fn moments<L: Lanes>(l: L, centre: (L::V, L::V), weight: &[L::V], b: &[L::V], y: &[L::V]) -> [L::V; 4] {
    let zero = l.splat(0.0);
    let (mut bb, mut by, mut bbb, mut bby) = (zero, zero, zero, zero);
    for ((&w, &b), &y) in weight.iter().zip(b).zip(y) {
        let (db, dy) = (l.sub(b, centre.0), l.sub(y, centre.1));
        let wb = l.mul(w, db);
        let wbb = l.mul(wb, db);
        bb = l.add(bb, wbb);
        by = l.mul_add(wb, dy, by);
        bbb = l.mul_add(wbb, db, bbb);
        bby = l.mul_add(wbb, dy, bby);
    }
    [bb, by, bbb, bby]
}
