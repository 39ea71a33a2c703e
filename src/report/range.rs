//! The range of values that a picture's colours span.

use super::ColourKind;
use crate::measure::quantile;

/// The percentiles that bound the values shown in full.
const PERCENTILES: (f64, f64) = (0.02, 0.98);

/// So many values are enough for a range, and quickly sorted out.
const ENOUGH: usize = 1 << 17;

/// The range of a picture's colours, robust against outliers and against a background of zeros: percentiles 2 and 98 of
/// the finite values that are not 0 (of every n-th of them where there are more than 131,072).
///
/// - Sequential scales start at 0 where percentile 2 is not negative and lies below half of percentile 98.
/// - Diverging scales are symmetric about 0: percentile 98 of the magnitudes.
///
/// A constant map gets a range around its value; a map without values gets 0 to 1 (−1 to 1 if diverging).
pub fn robust_range(values: &[f32], kind: ColourKind) -> (f32, f32) {
    let mut shown = sample(values);
    if kind == ColourKind::Diverging {
        let mut magnitudes: Vec<f64> = shown.into_iter().map(f64::abs).collect();
        let most = quantile(&mut magnitudes, PERCENTILES.1) as f32;
        return if most > 0.0 { (-most, most) } else { (-1.0, 1.0) };
    }
    let low = quantile(&mut shown, PERCENTILES.0) as f32;
    let high = quantile(&mut shown, PERCENTILES.1) as f32;
    if low.is_nan() {
        (0.0, 1.0)
    } else if low == high {
        let around = (0.5 * low.abs()).max(f32::MIN_POSITIVE);
        ((low - around).max(f32::MIN), (high + around).min(f32::MAX))
    } else if kind == ColourKind::Sequential && (0.0..0.5 * high).contains(&low) {
        (0.0, high)
    } else {
        (low, high)
    }
}

/// Values that a range goes by.
fn sample(values: &[f32]) -> Vec<f64> {
    let shown = || {
        let seen = |value: &&f32| value.is_finite() && **value != 0.0;
        values.iter().filter(seen).map(|&value| f64::from(value))
    };
    // Odd, since rows are often a power of two long: an even step would meet the same columns of each.
    let step = shown().count().div_ceil(ENOUGH) | 1;
    shown().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 … 101: percentiles 2 and 98 are the 3rd and the 99th value.
    fn ramp() -> Vec<f32> {
        (1..=101).map(|n| n as f32).collect()
    }

    #[test]
    fn percentiles_of_what_is_not_background() {
        let mut values = ramp();
        assert_eq!(robust_range(&values, ColourKind::Grey), (3.0, 99.0));
        values.extend([0.0; 5000]);
        values.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!(robust_range(&values, ColourKind::Grey), (3.0, 99.0));
    }

    #[test]
    fn outliers_do_not_move_it() {
        let mut values = ramp();
        values[100] = 1e9;
        assert_eq!(robust_range(&values, ColourKind::Grey), (3.0, 99.0));
        // Three of 101 do: that is more than two per cent.
        values[98..].fill(1e9);
        assert_eq!(robust_range(&values, ColourKind::Grey).1, 1e9);
    }

    #[test]
    fn sequential_starts_at_zero_where_that_is_near() {
        let values = ramp();
        assert_eq!(robust_range(&values, ColourKind::Sequential), (0.0, 99.0));
        let far: Vec<f32> = values.iter().map(|v| v + 100.0).collect();
        assert_eq!(robust_range(&far, ColourKind::Sequential), (103.0, 199.0));
        let negative: Vec<f32> = values.iter().map(|v| v - 50.5).collect();
        assert_eq!(robust_range(&negative, ColourKind::Sequential).0, -47.5);
    }

    #[test]
    fn a_part_of_many_values_stands_for_all() {
        // A ramp along rows of 512: every column must be met.
        let values: Vec<f32> = (0..1 << 20).map(|n| (n % 512 + 1) as f32).collect();
        assert!(sample(&values).len() <= ENOUGH);
        let (low, high) = robust_range(&values, ColourKind::Grey);
        assert!((low - 11.0).abs() < 1.0 && (high - 502.0).abs() < 1.0);
    }

    #[test]
    fn diverging_is_symmetric() {
        let values: Vec<f32> = ramp().iter().map(|v| -v).collect();
        assert_eq!(robust_range(&values, ColourKind::Diverging), (-99.0, 99.0));
    }

    #[test]
    fn maps_without_spread_still_have_a_range() {
        for kind in [ColourKind::Sequential, ColourKind::Grey, ColourKind::Diverging] {
            for values in [
                vec![],
                vec![f32::NAN; 3],
                vec![0.0; 3],
                vec![5.0],
                vec![-5.0; 4],
                vec![1e-45; 2],
                vec![f32::MAX; 2],
                vec![f32::MIN; 2],
            ] {
                let (low, high) = robust_range(&values, kind);
                assert!(low < high && low.is_finite() && high.is_finite(), "{kind:?} {values:?}: {low} {high}");
            }
        }
        assert_eq!(robust_range(&[8.0], ColourKind::Sequential), (4.0, 12.0));
    }
}
