//! Curves reduced, a vector of voxels at a time, in f32 or f64: the same as `describe` of shaders/curve.wgsl.

use super::curve::{CurveKernel, Step};
use super::descriptor::{BAD_INPUT, Descriptor, NOT_ENHANCED, PERSISTENT, PLATEAU, WASH_OUT};
use crate::lanes::{Element, Lanes};

/// The kernel's numbers in the type that is computed in.
pub(super) struct Constants<T> {
    n_baseline: usize,
    per_baseline_sample: T,
    n_early: usize,
    tolerance: T,
    threshold: T,
    steps: Vec<[T; 3]>,
}

impl<T: Element> Constants<T> {
    pub(super) fn new(kernel: &CurveKernel) -> Self {
        let step = |s: &Step| [s.seconds, s.per_second, s.area_weight].map(T::of);
        Self {
            n_baseline: kernel.n_baseline,
            per_baseline_sample: T::of(1.0 / kernel.n_baseline as f64),
            n_early: kernel.n_early,
            tolerance: T::of(kernel.options.late_change),
            threshold: T::of(kernel.options.enhancement_threshold),
            steps: kernel.steps.iter().map(step).collect(),
        }
    }
}

/// What a vector of curves comes to.
pub(super) struct Curves<L: Lanes> {
    lanes: L,
    finite: L::M,
    enhanced: L::M,
    peak: L::V,
    time_to_peak: L::V,
    slope: L::V,
    area: L::V,
    curve_type: L::V,
}

/// Reduces the curves of as many voxels as there are lanes; their signals stand side by side, `stride` values a row.
#[inline(always)]
pub(super) fn describe<L: Lanes>(l: L, c: &Constants<L::T>, samples: &[L::T], stride: usize) -> Curves<L> {
    let (zero, infinity) = (l.splat(0.0), l.splat(f64::INFINITY));
    let mut finite = l.le(zero, zero);
    let mut baseline = zero;
    for row in samples.chunks(stride).take(c.n_baseline) {
        let s = l.load(row);
        finite = l.and(finite, l.lt(l.abs(s), infinity));
        baseline = l.add(baseline, s);
    }
    baseline = l.mul(baseline, l.fill(c.per_baseline_sample));

    let (mut peak, mut time_to_peak, mut slope, mut area) = (zero, zero, zero, zero);
    let (mut before, mut early_peak, mut e) = (baseline, zero, zero);
    for (i, (row, &[seconds, per_second, area_weight])) in
        samples.chunks(stride).skip(c.n_baseline).zip(&c.steps).enumerate()
    {
        let s = l.load(row);
        finite = l.and(finite, l.lt(l.abs(s), infinity));
        e = l.sub(s, baseline);
        let step_slope = l.mul(l.sub(s, before), l.fill(per_second));
        if i == 0 {
            (peak, time_to_peak, slope) = (e, l.fill(seconds), step_slope);
        } else {
            let is_peak = l.lt(peak, e);
            peak = l.select(is_peak, e, peak);
            time_to_peak = l.select(is_peak, l.fill(seconds), time_to_peak);
            slope = l.select(l.lt(slope, step_slope), step_slope, slope);
        }
        if i + 1 == c.n_early {
            early_peak = peak;
        }
        area = l.add(area, l.mul(e, l.fill(area_weight)));
        before = s;
    }

    let change = l.mul(l.fill(c.tolerance), peak);
    let [wash_out, persistent, plateau] = [WASH_OUT, PERSISTENT, PLATEAU].map(f64::from);
    let curve_type = l.select(l.lt(change, l.sub(e, early_peak)), l.splat(persistent), l.splat(plateau));
    let curve_type = l.select(l.lt(l.sub(e, peak), l.sub(zero, change)), l.splat(wash_out), curve_type);
    let enhanced = l.lt(l.fill(c.threshold), peak);
    Curves { lanes: l, finite, enhanced, peak, time_to_peak, slope, area, curve_type }
}

impl<L: Lanes> Curves<L> {
    /// A descriptor's values; where it is not defined NaN, or 0 for a code.
    #[inline(always)]
    pub(super) fn value(&self, descriptor: Descriptor) -> L::V {
        let l = self.lanes;
        let (value, none) = match descriptor {
            Descriptor::PeakEnhancement => (self.peak, f64::NAN),
            Descriptor::TimeToPeak => (self.time_to_peak, f64::NAN),
            Descriptor::WashInSlope => (self.slope, f64::NAN),
            Descriptor::AreaUnderEnhancement => (self.area, f64::NAN),
            Descriptor::CurveType => (self.curve_type, 0.0),
        };
        let undefined_at = descriptor.undefined_at();
        let mut value = l.select(self.finite, value, l.splat(none));
        if undefined_at & NOT_ENHANCED != 0 {
            value = l.select(self.enhanced, value, l.splat(none));
        }
        value
    }

    /// The status bits, as numbers.
    #[inline(always)]
    pub(super) fn status(&self) -> L::V {
        let l = self.lanes;
        let remark = l.select(self.enhanced, l.splat(0.0), l.splat(f64::from(NOT_ENHANCED)));
        l.select(self.finite, remark, l.splat(f64::from(BAD_INPUT)))
    }
}
