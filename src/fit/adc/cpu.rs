//! The ADC fit over lanes; `shaders/adc.wgsl` is its twin, name by name.

use super::{AdcKernel, AdcOutput, BadSamples, LEAST_SPREAD, MAX_LENGTHENING, Method, tolerance};
use crate::device::{Batch, ColumnMut};
use crate::fit::status;
use crate::lanes::{Element, LaneWork, Lanes, Twice};
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

/// Voxels converted at a time: with ten observations they stay in a core's first-level cache.
const BLOCK: usize = 512;

pub(super) struct Fit<'a, 'b, 'c> {
    pub(super) kernel: &'a AdcKernel,
    pub(super) batch: &'a Batch<'b>,
    pub(super) out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Fit<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let lanes = Twice(lanes);
        let zero = lanes.splat(0.0);
        // A known number of observations stays in registers.
        match self.batch.n_obs() {
            4 => self.over(lanes, [zero; 4]),
            n => self.over(lanes, vec![zero; n]),
        }
    }
}

impl Fit<'_, '_, '_> {
    #[inline(always)]
    fn over<L: Lanes, O: Observations<L>>(self, lanes: L, zeros: O) {
        let n_obs = self.batch.n_obs();
        let mut signals = vec![L::T::of(0.0f32); n_obs * BLOCK];
        let mut voxel = Voxel::new(lanes, self.kernel, zeros);
        for first in (0..self.batch.n_voxels()).step_by(BLOCK) {
            let len = BLOCK.min(self.batch.n_voxels() - first);
            for (obs, row) in signals.chunks_exact_mut(BLOCK).enumerate() {
                self.batch.row(obs).load(first, &mut row[..len]);
                // The last vector may be longer than the batch: what it reads must be defined, and is not written.
                row[len..].fill(L::T::of(0.0f32));
            }
            for at in (0..len).step_by(L::LANES) {
                let estimate = voxel.fit(&signals, at);
                let count = L::LANES.min(len - at);
                for (output, column) in self.kernel.outputs.iter().zip(self.out.iter_mut()) {
                    write(lanes, estimate.get(*output), column, first + at, count);
                }
            }
        }
    }
}

#[inline(always)]
fn write<L: Lanes>(lanes: L, values: L::V, column: &mut ColumnMut, at: usize, count: usize) {
    // As long as the longest vector.
    let mut buffer = [L::T::of(0.0f32); 64];
    lanes.store(values, &mut buffer);
    match column {
        ColumnMut::F32(to) if count == L::LANES => {
            copy::<L, _>(&buffer, &mut to[at..], Element::to_f32)
        }
        ColumnMut::U16(to) if count == L::LANES => {
            copy::<L, _>(&buffer, &mut to[at..], |v| v.to_f32() as u16)
        }
        ColumnMut::F32(to) => to[at..at + count]
            .iter_mut()
            .zip(&buffer)
            .for_each(|(t, v)| *t = v.to_f32()),
        ColumnMut::U16(to) => to[at..at + count]
            .iter_mut()
            .zip(&buffer)
            .for_each(|(t, v)| *t = v.to_f32() as u16),
    }
}

/// As many values as there are lanes: a length that the compiler knows.
#[inline(always)]
fn copy<L: Lanes, To>(from: &[L::T], to: &mut [To], convert: impl Fn(L::T) -> To) {
    for (to, &from) in to[..L::LANES].iter_mut().zip(&from[..L::LANES]) {
        *to = convert(from);
    }
}

/// What is known of a vector of voxels, on its way out.
struct Estimate<L: Lanes> {
    adc: L::V,
    s0: L::V,
    adc_se: L::V,
    rmse: L::V,
    r2: L::V,
    iterations: L::V,
    status: L::V,
}

impl<L: Lanes> Estimate<L> {
    #[inline(always)]
    fn get(&self, output: AdcOutput) -> L::V {
        match output {
            AdcOutput::Adc => self.adc,
            AdcOutput::S0 => self.s0,
            AdcOutput::AdcSe => self.adc_se,
            AdcOutput::Rmse => self.rmse,
            AdcOutput::R2 => self.r2,
            AdcOutput::Iterations => self.iterations,
            AdcOutput::Status => self.status,
        }
    }
}

/// A weighted line through the log-signals, in moments about its centre.
struct Line<L: Lanes> {
    b_mean: L::V,
    y_mean: L::V,
    /// Σw(b − b_mean)²
    spread: L::V,
    /// −slope: the ADC.
    adc: L::V,
    /// Derivative of `adc` by the ADC that made the weights exp(−2·b·ADC).
    derivative: L::V,
}

/// One vector an observation.
trait Observations<L: Lanes>: Clone + AsRef<[L::V]> + AsMut<[L::V]> {}
impl<L: Lanes, O: Clone + AsRef<[L::V]> + AsMut<[L::V]>> Observations<L> for O {}

/// The observations of one vector of voxels.
struct Voxel<'a, L: Lanes, O> {
    lanes: L,
    kernel: &'a AdcKernel,
    b: O,
    b_min: L::V,
    b_max: L::V,
    /// 1 for a usable sample, 0 for one without a logarithm.
    used: O,
    /// ln(signal / largest signal); 0 where not usable.
    y: O,
    weight: O,
}

impl<'a, L: Lanes, O: Observations<L>> Voxel<'a, L, O> {
    #[inline(always)]
    fn new(lanes: L, kernel: &'a AdcKernel, zeros: O) -> Self {
        let mut b = zeros.clone();
        b.as_mut()
            .iter_mut()
            .zip(&kernel.b)
            .for_each(|(to, &b)| *to = lanes.splat(b));
        let (b_min, b_max) = kernel.b_range();
        let (b_min, b_max) = (lanes.splat(b_min), lanes.splat(b_max));
        Self {
            lanes,
            kernel,
            b,
            b_min,
            b_max,
            used: zeros.clone(),
            y: zeros.clone(),
            weight: zeros,
        }
    }

    #[inline(always)]
    fn fit(&mut self, signals: &[L::T], at: usize) -> Estimate<L> {
        let l = self.lanes;
        let (zero, nan) = (l.splat(0.0), l.splat(f64::NAN));
        let largest = self.take_logs(signals, at);
        let n_used = self.used.as_ref().iter().fold(zero, |n, &u| l.add(n, u));
        let n_obs = l.splat(self.b.as_ref().len() as f64);

        self.weight.as_mut().copy_from_slice(self.used.as_ref());
        let lls = self.line();
        let enough = match self.kernel.options.bad_samples {
            BadSamples::Drop => l.le(l.splat(2.0), n_used),
            BadSamples::Voxel => l.and(l.le(l.splat(2.0), n_used), l.le(n_obs, n_used)),
        };
        let determined = l.lt(l.splat(LEAST_SPREAD), lls.spread);
        let fitted = l.and(enough, determined);

        let (line, adc, iterations, limit) = match self.kernel.options.method {
            Method::Lls => {
                let adc = lls.adc;
                (lls, adc, zero, zero)
            }
            Method::Wlls => {
                self.weigh(lls.adc);
                let line = self.line();
                let adc = line.adc;
                (line, adc, l.splat(1.0), zero)
            }
            Method::Iwlls => self.reweigh(lls, fitted),
        };

        let bit = |mask, bit: u16| l.select(mask, l.splat(f64::from(bit)), zero);
        let dropped = bit(l.lt(n_used, n_obs), status::SAMPLES_DROPPED);
        let remarks = l.add(
            l.add(bit(l.lt(adc, zero), status::NEGATIVE), limit),
            dropped,
        );
        let unfit = l.select(
            enough,
            l.splat(f64::from(status::SINGULAR)),
            l.splat(f64::from(status::BAD_INPUT)),
        );
        let finite = l.lt(l.abs(adc), l.splat(f64::INFINITY));
        let fitted = l.and(fitted, finite);
        let keep = |v| l.select(fitted, v, nan);

        let y0 = l.mul_add(adc, line.b_mean, line.y_mean);
        let (rmse, r2) = self.goodness(signals, at, largest, n_used, y0, adc);
        let mm2_per_s = l.splat(MM2_PER_S_PER_UM2_PER_MS);
        Estimate {
            adc: keep(l.mul(adc, mm2_per_s)),
            s0: if self.kernel.wants(AdcOutput::S0) {
                keep(l.mul(largest, l.exp(y0)))
            } else {
                zero
            },
            adc_se: keep(l.mul(self.standard_error(&line, adc, y0, n_used), mm2_per_s)),
            rmse: keep(rmse),
            r2: keep(r2),
            iterations: l.select(fitted, iterations, zero),
            status: l.select(fitted, remarks, l.add(unfit, dropped)),
        }
    }

    /// Fills `used` and `y`, and returns the largest usable signal (1 where there is none).
    #[inline(always)]
    fn take_logs(&mut self, signals: &[L::T], at: usize) -> L::V {
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

    /// The weights exp(−2·b·adc) of the usable samples, the largest of them near 1.
    #[inline(always)]
    fn weigh(&mut self, adc: L::V) {
        let l = self.lanes;
        // e⁻⁸⁷ is a weight of nothing, and in the range of every exp.
        let least = l.splat(-87.0);
        let minus_two_adc = l.mul(adc, l.splat(-2.0));
        let reference = l.select(l.lt(l.splat(0.0), adc), self.b_min, self.b_max);
        for ((weight, &b), &used) in self
            .weight
            .as_mut()
            .iter_mut()
            .zip(self.b.as_ref())
            .zip(self.used.as_ref())
        {
            let exponent = l.max(l.mul(minus_two_adc, l.sub(b, reference)), least);
            *weight = l.mul(used, l.exp_in_range(exponent));
        }
    }

    /// The line through the log-signals with today's weights.
    #[inline(always)]
    fn line(&self) -> Line<L> {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let (mut sum, mut sum_b, mut sum_y) = (zero, zero, zero);
        for ((&w, &b), &y) in self
            .weight
            .as_ref()
            .iter()
            .zip(self.b.as_ref())
            .zip(self.y.as_ref())
        {
            sum = l.add(sum, w);
            sum_b = l.mul_add(w, b, sum_b);
            sum_y = l.mul_add(w, y, sum_y);
        }
        let per_sum = l.div(l.splat(1.0), sum);
        let (b_mean, y_mean) = (l.mul(sum_b, per_sum), l.mul(sum_y, per_sum));
        let (mut bb, mut by, mut bbb, mut bby) = (zero, zero, zero, zero);
        for ((&w, &b), &y) in self
            .weight
            .as_ref()
            .iter()
            .zip(self.b.as_ref())
            .zip(self.y.as_ref())
        {
            let (db, dy) = (l.sub(b, b_mean), l.sub(y, y_mean));
            let wb = l.mul(w, db);
            let wbb = l.mul(wb, db);
            bb = l.add(bb, wbb);
            by = l.mul_add(wb, dy, by);
            bbb = l.mul_add(wbb, db, bbb);
            bby = l.mul_add(wbb, dy, bby);
        }
        let per_spread = l.div(l.splat(1.0), bb);
        let adc = l.neg(l.mul(by, per_spread));
        // d adc/d ADC = 2·Σw(b − b̄)²·residual / spread, with residual = dy + adc·db.
        let derivative = l.mul(l.mul_add(adc, bbb, bby), l.mul(l.splat(2.0), per_spread));
        Line {
            b_mean,
            y_mean,
            spread: bb,
            adc,
            derivative,
        }
    }

    /// Re-weighs until the ADC stays: the line at the end, the ADC, the iterations, and the limit's status bit.
    #[inline(always)]
    fn reweigh(&mut self, lls: Line<L>, fitted: L::M) -> (Line<L>, L::V, L::V, L::V) {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let tolerance = l.splat(tolerance(L::T::EPSILON));
        let (mut low, mut high) = (l.splat(f64::NEG_INFINITY), l.splat(f64::INFINITY));
        let (mut adc, mut iterations) = (lls.adc, zero);
        // 1 while the estimate of a lane still moves: a mask that can be carried through the loop.
        let mut moving = l.select(fitted, one, zero);
        let mut done = 0;
        loop {
            self.weigh(adc);
            let line = self.line();
            done += 1;
            let upward = l.lt(adc, line.adc);
            low = l.select(upward, l.max(low, adc), low);
            high = l.select(upward, high, l.min(high, adc));
            let slack = l.max(l.sub(one, line.derivative), l.splat(1.0 / MAX_LENGTHENING));
            let lengthening = l.div(one, slack);
            let step = l.mul(l.sub(line.adc, adc), lengthening);
            // Newton's next step would be about the square of this one, times the lengthening.
            let squared = l.mul(
                l.mul(step, step),
                l.mul(lengthening, l.max(lengthening, one)),
            );
            let small = l.le(squared, l.mul(tolerance, l.max(one, l.abs(adc))));
            let next = l.add(adc, step);
            // Once fixed points are known to lie between `low` and `high`, a step that leaves is halved instead.
            let middle = l.mul(l.splat(0.5), l.add(low, high));
            let leaves = l.or(l.le(next, low), l.le(high, next));
            let bracketed = l.lt(l.sub(high, low), l.splat(f64::INFINITY));
            let next = l.select(l.and(leaves, bracketed), l.select(small, adc, middle), next);
            let active = l.lt(zero, moving);
            adc = l.select(active, next, adc);
            iterations = l.add(iterations, moving);
            moving = l.select(small, zero, moving);
            let still = l.lt(zero, moving);
            if !l.any(still) || done == self.kernel.options.max_iterations {
                let limit = l.select(still, l.splat(f64::from(status::ITERATION_LIMIT)), zero);
                return (self.last_line(lls, adc), adc, iterations, limit);
            }
        }
    }

    /// The line at the estimate itself, whatever the other lanes went on doing; not computed where nothing needs it.
    #[inline(always)]
    fn last_line(&mut self, lls: Line<L>, adc: L::V) -> Line<L> {
        let needs_line = [
            AdcOutput::S0,
            AdcOutput::AdcSe,
            AdcOutput::Rmse,
            AdcOutput::R2,
        ];
        if needs_line
            .into_iter()
            .any(|output| self.kernel.wants(output))
        {
            self.weigh(adc);
            return self.line();
        }
        lls
    }

    /// From the weighted residuals; NaN where no degree of freedom is left.
    #[inline(always)]
    fn standard_error(&self, line: &Line<L>, adc: L::V, y0: L::V, n_used: L::V) -> L::V {
        let l = self.lanes;
        if !self.kernel.wants(AdcOutput::AdcSe) {
            return l.splat(0.0);
        }
        let mut sum = l.splat(0.0);
        for ((&w, &b), &y) in self
            .weight
            .as_ref()
            .iter()
            .zip(self.b.as_ref())
            .zip(self.y.as_ref())
        {
            let residual = l.sub(y, l.sub(y0, l.mul(adc, b)));
            sum = l.mul_add(l.mul(w, residual), residual, sum);
        }
        let freedom = l.sub(n_used, l.splat(2.0));
        let variance = l.div(sum, l.mul(freedom, line.spread));
        l.select(
            l.lt(l.splat(0.0), freedom),
            l.sqrt(variance),
            l.splat(f64::NAN),
        )
    }

    /// Root mean square residual and coefficient of determination, both of signals.
    #[inline(always)]
    fn goodness(
        &self,
        signals: &[L::T],
        at: usize,
        largest: L::V,
        n_used: L::V,
        y0: L::V,
        adc: L::V,
    ) -> (L::V, L::V) {
        let l = self.lanes;
        let zero = l.splat(0.0);
        if !self.kernel.wants(AdcOutput::Rmse) && !self.kernel.wants(AdcOutput::R2) {
            return (zero, zero);
        }
        let scale = l.div(l.splat(1.0), largest);
        // Where not usable a signal may be NaN, which no weight would undo.
        let signal = |obs: usize| {
            let stored = l.load(&signals[obs * BLOCK + at..]);
            l.select(
                l.lt(zero, self.used.as_ref()[obs]),
                l.mul(stored, scale),
                zero,
            )
        };
        let mut sum = zero;
        for obs in 0..self.b.as_ref().len() {
            sum = l.add(sum, signal(obs));
        }
        let mean = l.div(sum, n_used);
        let (mut residual_sum, mut total_sum) = (zero, zero);
        for obs in 0..self.b.as_ref().len() {
            let (s, used) = (signal(obs), self.used.as_ref()[obs]);
            let residual = l.sub(s, l.exp(l.sub(y0, l.mul(adc, self.b.as_ref()[obs]))));
            let deviation = l.sub(s, mean);
            residual_sum = l.mul_add(l.mul(used, residual), residual, residual_sum);
            total_sum = l.mul_add(l.mul(used, deviation), deviation, total_sum);
        }
        let rmse = l.mul(largest, l.sqrt(l.div(residual_sum, n_used)));
        let r2 = l.sub(l.splat(1.0), l.div(residual_sum, total_sum));
        (rmse, l.select(l.lt(zero, total_sum), r2, l.splat(f64::NAN)))
    }
}
