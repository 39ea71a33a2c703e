//! Whether signals vary at all: what R² is a share of.

use crate::lanes::{Element, Lanes};

/// Σ(signal − mean)² of `n` signals; 0 where it is no more than rounding makes of equal ones. The twin of
/// `beyond_rounding` of `shaders/common/math.wgsl`.
#[inline(always)]
pub(super) fn beyond_rounding<L: Lanes>(l: L, spread: L::V, mean: L::V, n: L::V) -> L::V {
    let rounding = l.mul(l.mul(n, l.splat(L::T::EPSILON)), mean);
    let is_more = l.lt(l.mul(n, l.mul(rounding, rounding)), spread);
    l.select(is_more, spread, l.splat(0.0))
}

/// The same of one voxel in f64.
pub(super) fn beyond_rounding_f64(spread: f64, mean: f64, n: f64) -> f64 {
    let rounding = n * f64::EPSILON * mean;
    if spread > n * rounding * rounding { spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_signals_do_not_vary_and_others_do() {
        for n in [2, 10, 100] {
            for (signal, other, varies) in [(0.1, 0.1, false), (0.1, 0.1 * (1.0 + 1e-12), true), (0.0, 1e-30, true)] {
                let signals: Vec<f64> = (0..n).map(|i| if i == 0 { other } else { signal }).collect();
                let mean = signals.iter().sum::<f64>() / f64::from(n);
                let spread = signals.iter().map(|y| (y - mean).powi(2)).sum();
                assert_eq!(beyond_rounding_f64(spread, mean, n.into()) > 0.0, varies, "{n} × {signal}, {other}");
            }
        }
        // In the last case of 10, the mean is not 0.1: without the limit, R² would be a share of its rounding.
        assert!([0.1; 10].iter().sum::<f64>() / 10.0 != 0.1);
    }
}
