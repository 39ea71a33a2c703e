//! The log-signals of a vector of voxels, and weighted lines through them; `shaders/common/line.wgsl` is the twin, name by
//! name, but for what pays on a CPU alone: logarithms to base 2, the lowest b first, and the sums of `equal`.

mod equal;
mod reweigh;
pub(super) mod wgsl;

use std::f64::consts::{LN_2, LOG2_E};

use self::equal::TERMS;
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
    /// b·log₂e, with b in ms/µm², so that signals are powers of 2: log₂ S = log₂ S0 − b·ADC.
    pub(super) b: O,
    /// b less the lowest, which is the first.
    above: O,
    /// What the signals count to the slope with equal weights, and to its change with the ADC that makes weights.
    equal: [O; TERMS],
    /// Σ(b − mean b)² of all samples.
    spread: f64,
    lowest_adc: f64,
    longest_step: f64,
    left_of_cube: f64,
    /// 1 for a usable sample, 0 for one without a logarithm.
    pub(super) used: O,
    /// log₂(signal / largest signal), at least −126; any number where not usable.
    pub(super) y: O,
    pub(super) weight: O,
}

/// A weighted line through the log-signals, in moments about its centre.
pub(super) struct Line<L: Lanes> {
    pub(super) b_mean: L::V,
    pub(super) y_mean: L::V,
    /// Σw(b − b_mean)²
    pub(super) spread: L::V,
    pub(super) slope: Slope<L>,
}

/// The slope of a weighted line.
#[derive(Clone, Copy)]
pub(super) struct Slope<L: Lanes> {
    /// −slope: the ADC.
    pub(super) adc: L::V,
    /// First and second derivative of `adc` by the ADC that made the weights exp(−2·b·ADC).
    derivatives: [L::V; 2],
}

/// The slope with equal weights, which are those of ADC = 0.
pub(super) struct Equal<L: Lanes> {
    pub(super) slope: Slope<L>,
    /// The next two terms of its power series in the ADC that makes weights: a sixth of the third derivative, a twenty-fourth
    /// of the fourth. 0 where samples are missing.
    next_terms: [L::V; 2],
}

impl<L: Lanes> Slope<L> {
    #[inline(always)]
    fn select(l: L, mask: L::M, yes: Self, no: Self) -> Self {
        let mut slope = Self { adc: l.select(mask, yes.adc, no.adc), ..no };
        for (to, yes) in slope.derivatives.iter_mut().zip(yes.derivatives) {
            *to = l.select(mask, yes, *to);
        }
        slope
    }
}

impl<L: Lanes, O: Observations<L>> LogSignals<L, O> {
    /// Signals at b-values in ms/µm², in ascending order and as many as there are `zeros`.
    #[inline(always)]
    pub(super) fn new(lanes: L, b_values: &[f64], zeros: O) -> Self {
        debug_assert!(b_values.is_sorted(), "the first weight is that of the lowest b");
        let b: Vec<f64> = b_values.iter().map(|b| b * LOG2_E).collect();
        let row = |values: &mut dyn Iterator<Item = f64>| {
            let mut row = zeros.clone();
            row.as_mut().iter_mut().zip(values).for_each(|(to, x)| *to = lanes.splat(x));
            row
        };
        let (spread, equal) = equal::slopes(&b, 2.0 * LN_2);
        Self {
            lanes,
            b: row(&mut b.iter().copied()),
            above: row(&mut b.iter().map(|x| x - b[0])),
            equal: equal.map(|form| row(&mut form.into_iter())),
            spread,
            lowest_adc: lowest_adc(b_values),
            longest_step: longest_step(b_values),
            left_of_cube: left_of_cube(b_values),
            used: zeros.clone(),
            y: zeros.clone(),
            weight: zeros,
        }
    }

    /// Takes the first rows of `signals`: fills `used` and `y`, and returns the largest usable signal (1 where there is none).
    #[inline(always)]
    pub(super) fn take_logs(&mut self, signals: &[L::T], at: usize) -> L::V {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut largest = zero;
        for (obs, (used, y)) in self.used.as_mut().iter_mut().zip(self.y.as_mut()).enumerate() {
            let signal = l.load(&signals[obs * BLOCK + at..]);
            let usable = l.lt(zero, signal);
            *used = l.select(usable, one, zero);
            *y = l.select(usable, signal, zero);
            largest = l.max(largest, *y);
        }
        // A rare sample, looked for only where it has become the largest.
        let infinity = l.splat(f64::INFINITY);
        if l.any(l.le(infinity, largest)) {
            largest = zero;
            for (used, y) in self.used.as_mut().iter_mut().zip(self.y.as_mut()) {
                let finite = l.lt(*y, infinity);
                *used = l.select(finite, *used, zero);
                *y = l.select(finite, *y, zero);
                largest = l.max(largest, *y);
            }
        }
        largest = l.select(l.lt(zero, largest), largest, one);
        let scale = l.div(one, largest);
        let least = l.splat(f64::from(f32::MIN_POSITIVE));
        for y in self.y.as_mut() {
            *y = l.log2_of_normal(l.max(l.mul(*y, scale), least));
        }
        largest
    }

    /// The signal of a log-signal, relative to the largest.
    #[inline(always)]
    pub(super) fn signal(&self, log_signal: L::V) -> L::V {
        self.lanes.exp(self.lanes.mul(log_signal, self.lanes.splat(LN_2)))
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

    /// The slope with equal weights, and whether there is one. Where all samples are usable it is a sum over them.
    #[inline(always)]
    pub(super) fn equal_slope(&mut self, n_used: L::V) -> (Equal<L>, L::M) {
        let l = self.lanes;
        let slope = Slope { adc: self.sum(0), derivatives: [self.sum(1), l.mul(l.splat(2.0), self.sum(2))] };
        let mut equal = Equal { slope, next_terms: [self.sum(3), self.sum(4)] };
        let mut spread = l.splat(self.spread);
        let missing = l.lt(n_used, l.splat(self.b.as_ref().len() as f64));
        if l.any(missing) {
            self.weigh_equally();
            let line = self.line();
            equal.slope = Slope::select(l, missing, line.slope, slope);
            for term in &mut equal.next_terms {
                *term = l.select(missing, l.splat(0.0), *term);
            }
            spread = l.select(missing, line.spread, spread);
        }
        (equal, l.lt(l.splat(LEAST_SPREAD * LOG2_E * LOG2_E), spread))
    }

    /// Σ of the log-signals, each by its factor in one of the sums for equal weights. The factors add up to 0, so that equal
    /// signals are a slope of exactly 0 if the first is taken from all.
    #[inline(always)]
    fn sum(&self, which: usize) -> L::V {
        let l = self.lanes;
        let (factors, y) = (self.equal[which].as_ref(), self.y.as_ref());
        let mut sum = l.splat(0.0);
        for (&factor, &of) in factors[1..].iter().zip(&y[1..]) {
            sum = l.mul_add(factor, l.sub(of, y[0]), sum);
        }
        sum
    }

    /// The weights exp(−2·b·adc) of the usable samples, relative to that of the lowest b.
    #[inline(always)]
    pub(super) fn weigh(&mut self, adc: L::V) {
        let l = self.lanes;
        // 2⁻¹²⁶ is a weight of nothing, and in the range of every exp2.
        let least = l.splat(-126.0);
        let minus_two_adc = l.mul(l.max(adc, l.splat(self.lowest_adc)), l.splat(-2.0));
        let (weight, above, used) = (self.weight.as_mut(), self.above.as_ref(), self.used.as_ref());
        weight[0] = used[0];
        for ((weight, &above), &used) in weight[1..].iter_mut().zip(&above[1..]).zip(&used[1..]) {
            *weight = l.mul(used, l.exp2_in_range(l.max(l.mul(minus_two_adc, above), least)));
        }
    }

    /// The line through the log-signals with today's weights.
    #[inline(always)]
    pub(super) fn line(&self) -> Line<L> {
        let l = self.lanes;
        let (weight, b, y) = (self.weight.as_ref(), self.b.as_ref(), self.y.as_ref());
        let (mut sum, mut sum_b, mut sum_y) = (weight[0], l.mul(weight[0], b[0]), l.mul(weight[0], y[0]));
        for ((&w, &b), &y) in weight[1..].iter().zip(&b[1..]).zip(&y[1..]) {
            sum = l.add(sum, w);
            sum_b = l.mul_add(w, b, sum_b);
            sum_y = l.mul_add(w, y, sum_y);
        }
        let per_sum = l.div(l.splat(1.0), sum);
        let (b_mean, y_mean) = (l.mul(sum_b, per_sum), l.mul(sum_y, per_sum));
        let centre = (b_mean, y_mean);
        let [bb, by, bbb, bby, bbbb, bbby] = if weight.len() <= GROUP {
            moments(l, centre, weight, b, y)
        } else {
            let mut sums = [l.splat(0.0); 6];
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
        // With residual = dy + adc·db: Σw·db²·residual and Σw·db³·residual, each with 2·ln 2, since a weight is 2^(−2·b·ADC).
        let rate_per_spread = l.mul(l.splat(2.0 * LN_2), per_spread);
        let first = l.mul(l.mul_add(adc, bbb, bby), rate_per_spread);
        let second =
            l.mul_sub_from(l.splat(2.0 * LN_2), l.mul_add(adc, bbbb, bbby), l.mul(l.mul(l.splat(2.0), first), bbb));
        let second = l.mul(second, rate_per_spread);
        Line { b_mean, y_mean, spread: bb, slope: Slope { adc, derivatives: [first, second] } }
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

/// What Halley's step leaves of its cube, in (ms/µm²)², where the re-weighting has a slope of 0. The unit makes it a share of the square
/// of the range of b; of fits to noise and to tissue at b from 50 to 750 s/mm² 999 in 1000 leave less than this share.
fn left_of_cube(b: &[f64]) -> f64 {
    let (b_min, b_max) = b_range(b);
    0.3 * (b_max - b_min).powi(2)
}

/// Below it weights are those of this ADC, in µm²/ms: signals that rise by 2⁴⁵ from the lowest b to the highest.
fn lowest_adc(b: &[f64]) -> f64 {
    let (b_min, b_max) = b_range(b);
    -45.0 * LN_2 / (b_max - b_min).max(LEAST_SPREAD.sqrt())
}

/// Σw·db², Σw·db·dy, Σw·db³, Σw·db²·dy, Σw·db⁴ and Σw·db³·dy about the centre (b, y).
#[inline(always)]
fn moments<L: Lanes>(l: L, centre: (L::V, L::V), weight: &[L::V], b: &[L::V], y: &[L::V]) -> [L::V; 6] {
    let zero = l.splat(0.0);
    let [mut bb, mut by, mut bbb, mut bby, mut bbbb, mut bbby] = [zero; 6];
    for ((&w, &b), &y) in weight.iter().zip(b).zip(y) {
        let (db, dy) = (l.sub(b, centre.0), l.sub(y, centre.1));
        let wb = l.mul(w, db);
        let wbb = l.mul(wb, db);
        let wbbb = l.mul(wbb, db);
        bb = l.add(bb, wbb);
        by = l.mul_add(wb, dy, by);
        bbb = l.add(bbb, wbbb);
        bby = l.mul_add(wbb, dy, bby);
        bbbb = l.mul_add(wbbb, db, bbbb);
        bbby = l.mul_add(wbbb, dy, bbby);
    }
    [bb, by, bbb, bby, bbbb, bbby]
}

#[cfg(test)]
mod tests;
