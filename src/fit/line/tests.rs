//! The slope with equal weights, of sums and of moments, and its power series.

use super::{BLOCK, LogSignals, TERMS};
use crate::lanes::{Element, LaneWork, Lanes, run_f32, run_f64};

/// ADC and derivatives of a voxel at b-values, by sums and by moments.
struct Both<'a>(&'a [f64], &'a [f64]);

impl LaneWork for Both<'_> {
    type Output = [[f64; 3]; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> [[f64; 3]; 2] {
        let Self(b, signals) = self;
        let mut logs = LogSignals::new(l, b, vec![l.splat(0.0); b.len()]);
        let signals: Vec<L::T> = signals.iter().flat_map(|&s| vec![L::T::of(s); BLOCK]).collect();
        logs.take_logs(&signals, 0);
        let sums = logs.equal_slope(logs.n_used()).0.slope;
        logs.weigh_equally();
        let moments = logs.line().slope;
        [sums, moments].map(|slope| {
            let [first, second] = slope.derivatives;
            [slope.adc, first, second].map(|of| l.lane(&of, 0).to_f64())
        })
    }
}

const PROTOCOLS: [&[f64]; 4] =
    [&[0.05, 0.2, 0.5, 0.75], &[0.0, 0.0, 0.05, 0.4, 0.4, 0.8], &[0.1, 0.9], &[0.0, 0.01, 0.02, 0.5, 1.0, 3.0]];

#[test]
fn sums_are_the_moments_of_equal_weights() {
    for b in PROTOCOLS {
        let signals: Vec<f64> =
            b.iter().zip(1..).map(|(b, i)| (90.0 + 7.0 * (i as f64).sin()) * (-1.3 * b).exp()).collect();
        let [sums, moments] = run_f64(Both(b, &signals));
        for (sum, moment) in sums.iter().zip(moments) {
            assert!((sum - moment).abs() < 1e-12 * (1.0 + moment.abs()), "{b:?}: {sums:?}, not {moments:?}");
        }
        let other: Vec<f64> = signals.iter().zip(1..).map(|(s, i)| s * (1.0 + 1e-6 * i as f64)).collect();
        let [_, other] = run_f64(Both(b, &other));
        assert!((sums[0] - other[0]).abs() > 1e-8, "canary: another voxel has another slope");
    }
}

#[test]
fn equal_signals_have_no_slope_at_all() {
    for b in PROTOCOLS {
        for signal in 1..400 {
            let signals = vec![f64::from(signal); b.len()];
            assert_eq!(run_f32(Both(b, &signals))[0], [0.0; 3], "{b:?} at {signal}");
        }
    }
}

/// How far off the power series of a voxel's slope is at b-values, with the weights of an ADC: whole and without its
/// last term.
struct OffBy<'a>(&'a [f64], &'a [f64], f64);

impl LaneWork for OffBy<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> [f64; 2] {
        let Self(b, signals, of_weights) = self;
        let mut logs = LogSignals::new(l, b, vec![l.splat(0.0); b.len()]);
        let signals: Vec<L::T> = signals.iter().flat_map(|&s| vec![L::T::of(s); BLOCK]).collect();
        logs.take_logs(&signals, 0);
        let terms: Vec<f64> = (0..TERMS).map(|k| l.lane(&logs.sum(k), 0).to_f64()).collect();
        logs.weigh(l.splat(of_weights));
        let adc = l.lane(&logs.line().slope.adc, 0).to_f64();
        [TERMS, TERMS - 1].map(|n| {
            let series = terms[..n].iter().rev().fold(0.0, |sum, term| sum * of_weights + term);
            (series - adc).abs()
        })
    }
}

#[test]
fn a_power_series_of_five_terms_leaves_a_fifth_power() {
    for b in PROTOCOLS.into_iter().filter(|b| b.len() > 2) {
        let range = b[b.len() - 1] - b[0];
        let signals: Vec<f64> =
            b.iter().zip(1..).map(|(b, i)| (90.0 + 40.0 * (i as f64).sin()) * (-1.3 * b).exp()).collect();
        for of_weights in [0.02 / range, -0.02 / range] {
            let [[whole, without_last], [half_way, _]] =
                [1.0, 0.5].map(|part| run_f64(OffBy(b, &signals, part * of_weights)));
            assert!(whole < 1e-4 && whole > 20.0 * half_way, "{b:?}: off by {whole}, half way by {half_way}");
            assert!(without_last > 2.0 * whole, "canary: {b:?} without the last term: {without_last}, not {whole}");
        }
    }
}
