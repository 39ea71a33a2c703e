//! First-order statistics of a set of values.

use serde::Serialize;

/// First-order statistics of a set of values, in the unit of the values. Without a finite value all but the counts are
/// NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Finite values, which all the statistics are of.
    pub n: usize,
    /// NaN and infinite values: counted, otherwise left out.
    pub n_nonfinite: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1; NaN for one value.
    pub sd: f64,
    /// Median.
    pub median: f64,
    /// First quartile, linearly interpolated ([`quantile`]).
    pub q1: f64,
    /// Third quartile, linearly interpolated ([`quantile`]).
    pub q3: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

/// Summarises `values`. Sums are compensated (Neumaier 1974, doi:10.1002/zamm.19740540106) and run in the order given,
/// so the same values give the same bits on any machine.
pub fn summarise(values: impl Iterator<Item = f64>) -> Summary {
    let mut n_nonfinite = 0;
    let mut finite: Vec<f64> = values
        .filter(|value| {
            n_nonfinite += usize::from(!value.is_finite());
            value.is_finite()
        })
        .collect();
    let n = finite.len();
    let mean = sum(finite.iter().copied()) / n as f64;
    let squares = sum(finite.iter().map(|value| (value - mean).powi(2)));
    Summary {
        n,
        n_nonfinite,
        mean,
        sd: match n {
            0 | 1 => f64::NAN,
            _ => (squares / (n - 1) as f64).sqrt(),
        },
        min: finite.iter().copied().fold(f64::NAN, f64::min),
        max: finite.iter().copied().fold(f64::NAN, f64::max),
        q1: quantile(&mut finite, 0.25),
        median: quantile(&mut finite, 0.5),
        q3: quantile(&mut finite, 0.75),
    }
}

/// The `p` quantile (0 to 1) of finite values by linear interpolation between order statistics: definition 7 of Hyndman
/// and Fan 1996 (doi:10.2307/2684934), numpy's default. Reorders `values`; NaN where there are none.
pub fn quantile(values: &mut [f64], p: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let place = p.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (_, &mut below, rest) = values.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
    let above = rest.iter().copied().fold(f64::NAN, f64::min);
    match place.fract() {
        0.0 => below,
        fraction => below + fraction * (above - below),
    }
}

/// Neumaier's compensated sum.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (total, lost) = values.fold((0.0f64, 0.0f64), |(total, lost), value| {
        let next = total + value;
        let rounding = if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        (next, lost + rounding)
    });
    total + lost
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without a pattern, made so that a few lines of numpy make the same:
    /// `((np.arange(n, dtype=np.uint64) * 2654435761) % 2**32) / 2**32`.
    fn scattered(n: u64) -> impl Iterator<Item = f64> {
        (0..n).map(|i| ((i * 2_654_435_761) % (1 << 32)) as f64 / 4_294_967_296.0)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-14 * b.abs()
    }

    #[test]
    fn agrees_with_numpy() {
        // numpy 2.4: y = 1e-3 * (1 + x) of the 1,002 values above; y.mean(), y.std(ddof=1), np.quantile(y, [.5, .25, .75]).
        let s = summarise(scattered(1002).map(|x| 1e-3 * (1.0 + x)));
        assert_eq!((s.n, s.n_nonfinite), (1002, 0));
        for (ours, numpy) in [
            (s.mean, 0.0014996630737361424),
            (s.sd, 0.00028897582694040224),
            (s.median, 0.0014997724717250094),
            (s.q1, 0.0012494065064238384),
            (s.q3, 0.0017492927422863432),
            (s.min, 0.001),
            (s.max, 0.001999544943450019),
        ] {
            assert!(close(ours, numpy), "{ours} is not numpy's {numpy}");
        }
    }

    #[test]
    fn the_comparison_with_numpy_can_fail() {
        let s = summarise(scattered(1002).map(|x| 1e-3 * (1.0 + x)));
        // The population's sd, and the median's neighbour in the sorted values, are what a mistake would give.
        assert!(!close(s.sd * (1001.0f64 / 1002.0).sqrt(), s.sd));
        assert!(!close(s.median, 0.0014997724717250094 + 5e-7));
    }

    #[test]
    fn quantiles_lie_between_order_statistics() {
        // np.quantile([3., 1., 4., 1., 5., 9.], [0, .1, .25, .5, .98, 1])
        let of = |p| quantile(&mut [3.0, 1.0, 4.0, 1.0, 5.0, 9.0], p);
        assert_eq!([0.0, 0.1, 0.25, 0.5, 1.0].map(of), [1.0, 1.0, 1.5, 3.5, 9.0]);
        assert!(close(of(0.98), 8.6));
    }

    #[test]
    fn values_that_are_not_numbers_are_counted_and_left_out() {
        let s = summarise([1.0, f64::NAN, 3.0, f64::INFINITY].into_iter());
        assert_eq!((s.n, s.n_nonfinite, s.mean), (2, 2, 2.0));
    }

    #[test]
    fn one_value_has_no_spread_and_none_has_nothing() {
        let one = summarise([2.5].into_iter());
        assert_eq!((one.mean, one.median, one.q1), (2.5, 2.5, 2.5));
        assert!(one.sd.is_nan());
        let none = summarise(std::iter::empty());
        assert_eq!(none.n, 0);
        assert!(none.mean.is_nan() && none.median.is_nan() && none.min.is_nan());
    }

    #[test]
    fn small_addends_are_not_lost_beside_large_ones() {
        // A plain sum gives 0 here.
        let values = [1e16, 1.0, -1e16, 1.0];
        assert_eq!(sum(values.into_iter()), 2.0);
        assert_eq!(values.into_iter().sum::<f64>(), 1.0);
    }
}
