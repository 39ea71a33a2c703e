//! One voxel's curve reduced, in f32 or f64: the same as `describe` of shaders/curve.wgsl.

use super::curve::{CurveKernel, Step};
use super::descriptor::{BAD_INPUT, NOT_ENHANCED, PERSISTENT, PLATEAU, WASH_OUT};
use crate::lanes::Element;

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

/// What one voxel's curve comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve<T> {
    pub(super) status: u16,
    pub(super) peak: T,
    pub(super) time_to_peak: T,
    pub(super) slope: T,
    pub(super) area: T,
    pub(super) curve_type: u16,
}

/// Reduces one voxel's curve; `sample` gives its signal in each row.
pub(super) fn describe<T: Element>(c: &Constants<T>, sample: impl Fn(usize) -> T) -> Curve<T> {
    let zero = T::of(0.0);
    let mut finite = true;
    let mut baseline = zero;
    for i in 0..c.n_baseline {
        finite &= sample(i).is_finite();
        baseline += sample(i);
    }
    baseline = baseline * c.per_baseline_sample;

    let (mut peak, mut time_to_peak, mut slope, mut area) = (zero, zero, zero, zero);
    let (mut before, mut early_peak, mut e) = (baseline, zero, zero);
    for (i, &[seconds, per_second, area_weight]) in c.steps.iter().enumerate() {
        let s = sample(c.n_baseline + i);
        finite &= s.is_finite();
        e = s - baseline;
        if i == 0 || e > peak {
            (peak, time_to_peak) = (e, seconds);
        }
        let step_slope = (s - before) * per_second;
        if i == 0 || step_slope > slope {
            slope = step_slope;
        }
        if i + 1 == c.n_early {
            early_peak = peak;
        }
        area += e * area_weight;
        before = s;
    }

    let change = c.tolerance * peak;
    let status = match (finite, peak > c.threshold) {
        (false, _) => BAD_INPUT,
        (true, false) => NOT_ENHANCED,
        (true, true) => 0,
    };
    let curve_type = match status {
        0 if e - peak < zero - change => WASH_OUT,
        0 if e - early_peak > change => PERSISTENT,
        0 => PLATEAU,
        _ => 0,
    };
    Curve { status, peak, time_to_peak, slope, area, curve_type }
}
