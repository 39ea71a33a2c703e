//! The ADC fit over lanes; `shaders/adc.wgsl` is its twin, name by name.

use super::line::{Line, Observations, Voxel};
use super::{AdcKernel, AdcOutput, BadSamples, LEAST_SPREAD, MAX_LENGTHENING, Method, tolerance};
use crate::device::{Batch, ColumnMut};
use crate::fit::status;
use crate::lanes::{Element, LaneWork, Lanes, Twice};
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

/// Voxels converted at a time: with ten observations they stay in a core's first-level cache.
pub(super) const BLOCK: usize = 512;

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
        ColumnMut::F32(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], Element::to_f32),
        ColumnMut::F64(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f64()),
        ColumnMut::U16(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], |v| v.to_f32() as u16),
        ColumnMut::F32(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f32()),
        ColumnMut::U16(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f32() as u16),
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

/// A status bit where `mask` is true. A function, since a closure might not be inlined into the vector code.
#[inline(always)]
fn bit<L: Lanes>(lanes: L, mask: L::M, bit: u16) -> L::V {
    lanes.select(mask, lanes.splat(f64::from(bit)), lanes.splat(0.0))
}

impl<L: Lanes, O: Observations<L>> Voxel<'_, L, O> {
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

        let dropped = bit(l, l.lt(n_used, n_obs), status::SAMPLES_DROPPED);
        let remarks = l.add(l.add(bit(l, l.lt(adc, zero), status::NEGATIVE), limit), dropped);
        let unfit = l.select(enough, l.splat(f64::from(status::SINGULAR)), l.splat(f64::from(status::BAD_INPUT)));
        let finite = l.lt(l.abs(adc), l.splat(f64::INFINITY));
        let fitted = l.and(fitted, finite);
        let y0 = l.mul_add(adc, line.b_mean, line.y_mean);
        let s0 = if self.kernel.wants(AdcOutput::S0) { l.mul(largest, l.exp(y0)) } else { zero };
        let (rmse, r2) = self.goodness(signals, at, largest, n_used, y0, adc);
        let mm2_per_s = l.splat(MM2_PER_S_PER_UM2_PER_MS);
        Estimate {
            adc: l.select(fitted, l.mul(adc, mm2_per_s), nan),
            s0: l.select(fitted, s0, nan),
            adc_se: l.select(fitted, l.mul(self.standard_error(&line, adc, y0, n_used), mm2_per_s), nan),
            rmse: l.select(fitted, rmse, nan),
            r2: l.select(fitted, r2, nan),
            iterations: l.select(fitted, iterations, zero),
            status: l.select(fitted, remarks, l.add(unfit, dropped)),
        }
    }

    /// Re-weighs until the ADC stays: the line at the end, the ADC, the iterations, and the limit's status bit.
    #[inline(always)]
    fn reweigh(&mut self, lls: Line<L>, fitted: L::M) -> (Line<L>, L::V, L::V, L::V) {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let tolerance = l.splat(tolerance(L::T::EPSILON));
        let longest = l.splat(self.kernel.longest_step());
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
            let step = l.max(l.neg(longest), l.min(longest, step));
            // Newton's next step would be about the square of this one, times the lengthening.
            let squared = l.mul(l.mul(step, step), l.mul(lengthening, l.max(lengthening, one)));
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
        let needs_line = [AdcOutput::S0, AdcOutput::AdcSe, AdcOutput::Rmse, AdcOutput::R2];
        if needs_line.into_iter().any(|output| self.kernel.wants(output)) {
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
        for ((&w, &b), &y) in self.weight.as_ref().iter().zip(self.b.as_ref()).zip(self.y.as_ref()) {
            let residual = l.sub(y, l.sub(y0, l.mul(adc, b)));
            sum = l.mul_add(l.mul(w, residual), residual, sum);
        }
        let freedom = l.sub(n_used, l.splat(2.0));
        let variance = l.div(sum, l.mul(freedom, line.spread));
        l.select(l.lt(l.splat(0.0), freedom), l.sqrt(variance), l.splat(f64::NAN))
    }

    /// A signal relative to the largest; 0 where not usable, since no weight would undo a NaN.
    #[inline(always)]
    fn ratio(&self, signals: &[L::T], at: usize, obs: usize, scale: L::V) -> L::V {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let signal = l.mul(l.load(&signals[obs * BLOCK + at..]), scale);
        l.select(l.lt(zero, self.used.as_ref()[obs]), signal, zero)
    }

    /// Root mean square residual and coefficient of determination, both of signals.
    #[inline(always)]
    fn goodness(&self, signals: &[L::T], at: usize, largest: L::V, n_used: L::V, y0: L::V, adc: L::V) -> (L::V, L::V) {
        let l = self.lanes;
        let zero = l.splat(0.0);
        if !self.kernel.wants(AdcOutput::Rmse) && !self.kernel.wants(AdcOutput::R2) {
            return (zero, zero);
        }
        let scale = l.div(l.splat(1.0), largest);
        let mut sum = zero;
        for obs in 0..self.b.as_ref().len() {
            sum = l.add(sum, self.ratio(signals, at, obs, scale));
        }
        let mean = l.div(sum, n_used);
        let (mut residual_sum, mut total_sum) = (zero, zero);
        for obs in 0..self.b.as_ref().len() {
            let (s, used) = (self.ratio(signals, at, obs, scale), self.used.as_ref()[obs]);
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
