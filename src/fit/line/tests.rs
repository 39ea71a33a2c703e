//! The slope with equal weights, of sums and of moments.

use super::{BLOCK, LogSignals};
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
        let (sums, _) = logs.equal_slope(logs.n_used());
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
