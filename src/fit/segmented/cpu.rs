//! The segmented fit over lanes; `shaders/segmented.wgsl` is its twin, name by name.

use super::dstar::{Fast, Found};
use super::{N_PARAMETERS, SegmentedKernel, SegmentedOutput};
use crate::device::{Batch, ColumnMut};
use crate::fit::blocks::{BLOCK, VectorFit, bit, fit_blocks};
use crate::fit::line::{Equal, LogSignals, Reweighted};
use crate::fit::{BadSamples, status};
use crate::lanes::{LaneWork, Lanes, Twice};
use crate::units::MM2_PER_S_PER_UM2_PER_MS;

pub(super) struct Fit<'a, 'b, 'c> {
    pub(super) kernel: &'a SegmentedKernel,
    pub(super) batch: &'a Batch<'b>,
    pub(super) out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Fit<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let lanes = Twice(lanes);
        let kernel = self.kernel;
        let zeros = vec![lanes.splat(0.0); kernel.b.len()];
        let logs = LogSignals::new(lanes, kernel.line_b(), zeros[..kernel.n_line].to_vec());
        let b = kernel.b.iter().map(|&b| lanes.splat(b)).collect();
        let fast = Fast { lanes, kernel, b, used: zeros.clone(), rest: zeros.clone() };
        let mut voxel = Voxel { lanes, kernel, logs, ratio: zeros, fast };
        fit_blocks(lanes, self.batch, &kernel.rows, &mut voxel, self.out);
    }
}

/// The observations of one vector of voxels.
struct Voxel<'a, L: Lanes> {
    lanes: L,
    kernel: &'a SegmentedKernel,
    logs: LogSignals<L, Vec<L::V>>,
    /// signal/S0; 0 where not usable.
    ratio: Vec<L::V>,
    fast: Fast<'a, L>,
}

struct Estimate<L: Lanes> {
    s0: L::V,
    d: L::V,
    f: L::V,
    dstar: L::V,
    rmse: L::V,
    r2: L::V,
    aicc: L::V,
    iterations: L::V,
    status: L::V,
    limited: L::V,
}

/// What the line through the log-signals says, before bounds.
struct Slow<L: Lanes> {
    /// µm²/ms
    d: L::V,
    /// The line's signal at b = 0.
    s0: L::V,
    iterations: L::V,
    /// The status bit of the limit, where it was reached.
    limit: L::V,
}

#[inline(always)]
fn clip<L: Lanes>(l: L, x: L::V, [low, high]: [f64; 2]) -> L::V {
    l.max(l.splat(low), l.min(l.splat(high), x))
}

/// 1 where `x` lies at one of its bounds.
#[inline(always)]
fn at_bound<L: Lanes>(l: L, x: L::V, [low, high]: [f64; 2]) -> L::M {
    l.or(l.le(x, l.splat(low)), l.le(l.splat(high), x))
}

impl<L: Lanes> VectorFit<L> for Voxel<'_, L> {
    type Estimate = Estimate<L>;

    #[inline(always)]
    fn value(&self, estimate: &Estimate<L>, column: usize) -> L::V {
        match self.kernel.outputs[column] {
            SegmentedOutput::S0 => estimate.s0,
            SegmentedOutput::D => estimate.d,
            SegmentedOutput::F => estimate.f,
            SegmentedOutput::Dstar => estimate.dstar,
            SegmentedOutput::FDstar => self.lanes.mul(estimate.f, estimate.dstar),
            SegmentedOutput::Rmse => estimate.rmse,
            SegmentedOutput::R2 => estimate.r2,
            SegmentedOutput::Aicc => estimate.aicc,
            SegmentedOutput::Iterations => estimate.iterations,
            SegmentedOutput::Status => estimate.status,
        }
    }

    /// The same twice: no lane is late.
    #[inline(always)]
    fn limits(&self) -> [u32; 2] {
        [self.kernel.options.max_iterations; 2]
    }

    #[inline(always)]
    fn limited(&self, estimate: &Estimate<L>) -> L::V {
        estimate.limited
    }

    #[inline(always)]
    fn fit(&mut self, signals: &[L::T], at: usize, _limit: u32) -> Estimate<L> {
        let l = self.lanes;
        let (zero, one, nan) = (l.splat(0.0), l.splat(1.0), l.splat(f64::NAN));
        let options = &self.kernel.options;
        let (d_bounds, dstar_bounds) = (options.d_bounds_inside(), options.dstar_bounds_inside());

        let largest = self.logs.take_logs(signals, at);
        let (s0, n_used) = self.take_ratios(signals, at);
        let n_obs = l.splat(self.kernel.b.len() as f64);
        let known = l.and(l.lt(zero, s0), l.lt(s0, l.splat(f64::INFINITY)));
        let enough = l.and(l.le(l.splat(2.0), self.logs.n_used()), known);
        let enough = match options.bad_samples {
            BadSamples::Drop => enough,
            BadSamples::Voxel => l.and(enough, l.le(n_obs, n_used)),
        };
        let (equal, determined) = self.logs.equal_slope(self.logs.n_used());
        let fitted = l.and(enough, determined);

        let slow = self.slow(equal, largest, fitted);
        let fraction = l.sub(one, l.div(slow.s0, s0));
        let finite = l.lt(l.add(l.abs(slow.d), l.abs(fraction)), l.splat(f64::INFINITY));
        let fitted = l.and(fitted, finite);
        let (d, f) = (clip(l, slow.d, d_bounds), clip(l, fraction, options.f_bounds));

        let mut found = Found { dstar: zero, steps: zero, limit: zero };
        let (mut rmse, mut r2, mut aicc) = (zero, zero, zero);
        if self.kernel.wants_dstar() {
            self.take_rest(d, f);
            let start = clip(l, l.mul(l.splat(10.0), d), dstar_bounds);
            found = self.fast.minimum(f, start, fitted);
            (rmse, r2, aicc) = self.goodness(s0, f, found.dstar, n_used);
        }

        let bounded = l.or(at_bound(l, d, d_bounds), at_bound(l, f, options.f_bounds));
        let bounded = bit(l, l.or(bounded, at_bound(l, found.dstar, dstar_bounds)), status::AT_BOUND);
        let dropped = bit(l, l.lt(n_used, n_obs), status::SAMPLES_DROPPED);
        let limit = l.max(slow.limit, found.limit);
        let unfit = l.select(enough, l.splat(f64::from(status::SINGULAR)), l.splat(f64::from(status::BAD_INPUT)));
        let mm2_per_s = l.splat(MM2_PER_S_PER_UM2_PER_MS);
        Estimate {
            s0: l.select(fitted, s0, nan),
            d: l.select(fitted, l.mul(d, mm2_per_s), nan),
            f: l.select(fitted, f, nan),
            dstar: l.select(fitted, l.mul(found.dstar, mm2_per_s), nan),
            rmse: l.select(fitted, rmse, nan),
            r2: l.select(fitted, r2, nan),
            aicc: l.select(fitted, aicc, nan),
            iterations: l.select(fitted, l.add(slow.iterations, found.steps), zero),
            status: l.add(l.select(fitted, l.add(bounded, limit), unfit), dropped),
            limited: limit,
        }
    }
}

impl<L: Lanes> Voxel<'_, L> {
    /// Fills `used` and `ratio`, and returns S0 (0 where no sample at the lowest b is usable) and how many samples are.
    #[inline(always)]
    fn take_ratios(&mut self, signals: &[L::T], at: usize) -> (L::V, L::V) {
        let l = self.lanes;
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        let mut n_used = zero;
        for obs in 0..self.ratio.len() {
            let signal = l.load(&signals[obs * BLOCK + at..]);
            let usable = l.and(l.lt(zero, signal), l.lt(signal, l.splat(f64::INFINITY)));
            self.fast.used[obs] = l.select(usable, one, zero);
            self.ratio[obs] = l.select(usable, signal, zero);
            n_used = l.add(n_used, self.fast.used[obs]);
        }
        let (mut sum, mut n_lowest) = (zero, zero);
        for obs in self.kernel.n_line..self.kernel.n_line + self.kernel.n_lowest {
            sum = l.add(sum, self.ratio[obs]);
            n_lowest = l.add(n_lowest, self.fast.used[obs]);
        }
        let s0 = l.div(sum, l.max(one, n_lowest));
        let per_s0 = l.select(l.lt(zero, s0), l.div(one, s0), zero);
        for ratio in &mut self.ratio {
            *ratio = l.mul(*ratio, per_s0);
        }
        (s0, n_used)
    }

    /// The line through the log-signals at high b, re-weighted from that with equal weights.
    #[inline(always)]
    fn slow(&mut self, equal: Equal<L>, largest: L::V, fitted: L::M) -> Slow<L> {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let Reweighted { adc, iterations, limit } = match self.kernel.options.plain_reweightings {
            None => {
                let reweighted = self.logs.reweigh(equal, fitted, self.kernel.options.max_iterations);
                // The weights of the estimate itself, whatever the other lanes went on doing.
                self.logs.weigh(reweighted.adc);
                reweighted
            }
            // The weights stay those that made the slope.
            Some(n) => {
                self.logs.weigh_equally();
                let adc = self.logs.reweigh_plainly(equal.slope.adc, n);
                Reweighted { adc, iterations: l.splat(f64::from(n)), limit: zero }
            }
        };
        let line = self.logs.line();
        let s0 = l.mul(largest, self.logs.signal(l.mul_add(adc, line.b_mean, line.y_mean)));
        Slow { d: adc, s0, iterations, limit }
    }

    /// Takes the slow part from the signals.
    #[inline(always)]
    fn take_rest(&mut self, d: L::V, f: L::V) {
        let l = self.lanes;
        let minus_slow = l.sub(f, l.splat(1.0));
        for (obs, rest) in self.fast.rest.iter_mut().enumerate() {
            let decay = l.exp(l.neg(l.mul(self.fast.b[obs], d)));
            *rest = l.mul(self.fast.used[obs], l.mul_add(minus_slow, decay, self.ratio[obs]));
        }
    }

    /// Root mean square residual, coefficient of determination and Akaike's criterion, all of signals.
    #[inline(always)]
    fn goodness(&self, s0: L::V, f: L::V, dstar: L::V, n_used: L::V) -> (L::V, L::V, L::V) {
        let l = self.lanes;
        let (zero, one, nan) = (l.splat(0.0), l.splat(1.0), l.splat(f64::NAN));
        let wanted = [SegmentedOutput::Rmse, SegmentedOutput::R2, SegmentedOutput::Aicc];
        if !wanted.into_iter().any(|output| self.kernel.wants(output)) {
            return (zero, zero, zero);
        }
        let mean = l.div(self.ratio.iter().fold(zero, |sum, &ratio| l.add(sum, ratio)), n_used);
        let (mut residual_sum, mut total_sum) = (zero, zero);
        let (mut lowest, mut highest) = (l.splat(f64::from(f32::MAX)), zero);
        for obs in 0..self.ratio.len() {
            let used = self.fast.used[obs];
            let residual = l.sub(self.fast.rest[obs], l.mul(f, self.fast.decay(obs, dstar)));
            let deviation = l.sub(self.ratio[obs], mean);
            let is_used = l.lt(zero, used);
            lowest = l.select(is_used, l.min(lowest, self.ratio[obs]), lowest);
            highest = l.select(is_used, l.max(highest, self.ratio[obs]), highest);
            residual_sum = l.mul_add(l.mul(used, residual), residual, residual_sum);
            total_sum = l.mul_add(l.mul(used, deviation), deviation, total_sum);
        }
        let per_sample = l.div(residual_sum, n_used);
        let rmse = l.mul(s0, l.sqrt(per_sample));
        // Equal signals need not be their own mean.
        let varies = l.and(l.lt(lowest, highest), l.lt(zero, total_sum));
        let r2 = l.select(varies, l.sub(one, l.div(residual_sum, total_sum)), nan);
        let freedom = l.sub(n_used, l.splat(N_PARAMETERS + 1.0));
        // n·ln(rss/n), with S0 apart: its square may leave the range of f32.
        let log = l.add(l.ln(per_sample), l.mul(l.splat(2.0), l.ln(s0)));
        let penalty = l.div(l.splat(2.0 * N_PARAMETERS * (N_PARAMETERS + 1.0)), freedom);
        let aicc = l.add(l.mul_add(n_used, log, l.splat(2.0 * N_PARAMETERS)), penalty);
        let defined = l.and(l.lt(zero, freedom), l.lt(zero, residual_sum));
        let defined = l.and(defined, l.lt(l.abs(aicc), l.splat(f64::INFINITY)));
        (rmse, r2, l.select(defined, aicc, nan))
    }
}
