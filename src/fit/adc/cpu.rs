//! The ADC fit over lanes; `shaders/adc.wgsl` is its twin, name by name.

use super::{AdcKernel, AdcOutput, BadSamples, Method};
use crate::device::{Batch, ColumnMut};
use crate::fit::blocks::{BLOCK, VectorFit, bit, fit_blocks};
use crate::fit::line::{Line, LogSignals, Observations, Reweighted};
use crate::fit::status;
use crate::lanes::{LaneWork, Lanes, Twice};
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

/// Re-weightings that a vector is given at first: most voxels take one, noise in air up to tens.
pub(super) const FEW: u32 = 1;

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
        match self.kernel.b.len() {
            4 => self.over(lanes, [zero; 4]),
            n => self.over(lanes, vec![zero; n]),
        }
    }
}

impl Fit<'_, '_, '_> {
    #[inline(always)]
    fn over<L: Lanes, O: Observations<L>>(self, lanes: L, zeros: O) {
        let b = &self.kernel.b;
        let mut rows: Vec<usize> = (0..b.len()).collect();
        rows.sort_by(|&i, &j| b[i].total_cmp(&b[j]));
        let ascending: Vec<f64> = rows.iter().map(|&row| b[row]).collect();
        let mut voxel = Voxel { lanes, kernel: self.kernel, logs: LogSignals::new(lanes, &ascending, zeros) };
        fit_blocks(lanes, self.batch, &rows, &mut voxel, self.out);
    }
}

struct Voxel<'a, L: Lanes, O> {
    lanes: L,
    kernel: &'a AdcKernel,
    logs: LogSignals<L, O>,
}

struct Estimate<L: Lanes> {
    adc: L::V,
    s0: L::V,
    adc_se: L::V,
    rmse: L::V,
    r2: L::V,
    iterations: L::V,
    status: L::V,
    limited: L::V,
}

impl<L: Lanes, O: Observations<L>> VectorFit<L> for Voxel<'_, L, O> {
    type Estimate = Estimate<L>;

    #[inline(always)]
    fn value(&self, estimate: &Estimate<L>, column: usize) -> L::V {
        match self.kernel.outputs[column] {
            AdcOutput::Adc => estimate.adc,
            AdcOutput::S0 => estimate.s0,
            AdcOutput::AdcSe => estimate.adc_se,
            AdcOutput::Rmse => estimate.rmse,
            AdcOutput::R2 => estimate.r2,
            AdcOutput::Iterations => estimate.iterations,
            AdcOutput::Status => estimate.status,
        }
    }

    #[inline(always)]
    fn limits(&self) -> [u32; 2] {
        [FEW, self.kernel.options.max_iterations]
    }

    #[inline(always)]
    fn limited(&self, estimate: &Estimate<L>) -> L::V {
        estimate.limited
    }

    #[inline(always)]
    fn fit(&mut self, signals: &[L::T], at: usize, limit: u32) -> Estimate<L> {
        let l = self.lanes;
        let (zero, nan) = (l.splat(0.0), l.splat(f64::NAN));
        let largest = self.logs.take_logs(signals, at);
        let n_used = self.logs.n_used();
        let n_obs = l.splat(self.kernel.b.len() as f64);

        let enough = match self.kernel.options.bad_samples {
            BadSamples::Drop => l.le(l.splat(2.0), n_used),
            BadSamples::Voxel => l.and(l.le(l.splat(2.0), n_used), l.le(n_obs, n_used)),
        };
        let (equal, determined) = self.logs.equal_slope(n_used);
        let fitted = l.and(enough, determined);

        let (adc, weights_of, iterations, limited) = match self.kernel.options.method {
            Method::Lls => (equal.slope.adc, None, zero, zero),
            Method::Wlls => (self.logs.reweigh_plainly(equal.slope.adc, 1), Some(equal.slope.adc), l.splat(1.0), zero),
            Method::Iwlls => {
                let Reweighted { adc, iterations, limit } = self.logs.reweigh(equal, fitted, limit);
                (adc, Some(adc), iterations, limit)
            }
        };

        let dropped = bit(l, l.lt(n_used, n_obs), status::SAMPLES_DROPPED);
        let remarks = l.add(l.add(bit(l, l.lt(adc, zero), status::NEGATIVE), limited), dropped);
        let unfit = l.select(enough, l.splat(f64::from(status::SINGULAR)), l.splat(f64::from(status::BAD_INPUT)));
        let finite = l.lt(l.abs(adc), l.splat(f64::INFINITY));
        let fitted = l.and(fitted, finite);
        let (mut s0, mut adc_se, mut rmse, mut r2) = (zero, zero, zero, zero);
        if self.kernel.wants_line() {
            let line = self.line_with_weights_of(weights_of);
            let y0 = l.mul_add(adc, line.b_mean, line.y_mean);
            s0 = l.mul(largest, self.logs.signal(y0));
            adc_se = self.standard_error(&line, adc, y0, n_used);
            (rmse, r2) = self.goodness(signals, at, largest, n_used, y0, adc);
        }
        let mm2_per_s = l.splat(MM2_PER_S_PER_UM2_PER_MS);
        Estimate {
            adc: l.select(fitted, l.mul(adc, mm2_per_s), nan),
            s0: l.select(fitted, s0, nan),
            adc_se: l.select(fitted, l.mul(adc_se, mm2_per_s), nan),
            rmse: l.select(fitted, rmse, nan),
            r2: l.select(fitted, r2, nan),
            iterations: l.select(fitted, iterations, zero),
            status: l.select(fitted, remarks, l.add(unfit, dropped)),
            limited,
        }
    }
}

impl<L: Lanes, O: Observations<L>> Voxel<'_, L, O> {
    /// The line with the weights of an ADC, or with equal ones, whatever the other lanes went on doing.
    #[inline(always)]
    fn line_with_weights_of(&mut self, adc: Option<L::V>) -> Line<L> {
        match adc {
            Some(adc) => self.logs.weigh(adc),
            None => self.logs.weigh_equally(),
        }
        self.logs.line()
    }

    /// From the weighted residuals; NaN where no degree of freedom is left.
    #[inline(always)]
    fn standard_error(&self, line: &Line<L>, adc: L::V, y0: L::V, n_used: L::V) -> L::V {
        let l = self.lanes;
        if !self.kernel.wants(AdcOutput::AdcSe) {
            return l.splat(0.0);
        }
        let mut sum = l.splat(0.0);
        for ((&w, &b), &y) in self.logs.weight.as_ref().iter().zip(self.logs.b.as_ref()).zip(self.logs.y.as_ref()) {
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
        l.select(l.lt(zero, self.logs.used.as_ref()[obs]), signal, zero)
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
        let (mut sum, mut lowest, mut highest) = (zero, zero, l.splat(f64::from(f32::MIN)));
        for obs in 0..self.logs.b.as_ref().len() {
            sum = l.add(sum, self.ratio(signals, at, obs, scale));
            let (y, is_used) = (self.logs.y.as_ref()[obs], l.lt(zero, self.logs.used.as_ref()[obs]));
            lowest = l.select(is_used, l.min(lowest, y), lowest);
            highest = l.select(is_used, l.max(highest, y), highest);
        }
        let mean = l.div(sum, n_used);
        let (mut residual_sum, mut total_sum) = (zero, zero);
        for obs in 0..self.logs.b.as_ref().len() {
            let (s, used) = (self.ratio(signals, at, obs, scale), self.logs.used.as_ref()[obs]);
            let residual = l.sub(s, self.logs.signal(l.sub(y0, l.mul(adc, self.logs.b.as_ref()[obs]))));
            let deviation = l.sub(s, mean);
            residual_sum = l.mul_add(l.mul(used, residual), residual, residual_sum);
            total_sum = l.mul_add(l.mul(used, deviation), deviation, total_sum);
        }
        let rmse = l.mul(largest, l.sqrt(l.div(residual_sum, n_used)));
        let r2 = l.sub(l.splat(1.0), l.div(residual_sum, total_sum));
        // Equal signals need not be their own mean.
        let varies = l.and(l.lt(lowest, highest), l.lt(zero, total_sum));
        (rmse, l.select(varies, r2, l.splat(f64::NAN)))
    }
}
