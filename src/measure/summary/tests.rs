//! Against numpy, rational arithmetic, and values worked out by hand.

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

/// y = 1e-3 * (1 + x * x) of the 1,002 values above, which leans to the right.
fn skewed() -> Summary {
    summarise(scattered(1002).map(|x| 1e-3 * (1.0 + x * x)))
}

/// Moments in rational numbers (Python's `fractions`), their ratios in 50 decimal digits; numpy 2.4's
/// np.quantile(y, [.05, .95]).
const SKEWNESS: f64 = 0.639424275190597;
const EXCESS_KURTOSIS: f64 = -0.8546769739037271;
const P5_P95: [f64; 2] = [0.001002455514606322, 0.0019010516467371005];

/// Rounding of the mean, 1e-16 of it, stands against a spread of 0.2 of it.
fn close_moment(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-13 * b.abs()
}

#[test]
fn moments_agree_with_rational_arithmetic() {
    let s = skewed();
    assert!(close_moment(s.skewness, SKEWNESS), "{}", s.skewness);
    assert!(close_moment(s.excess_kurtosis, EXCESS_KURTOSIS), "{}", s.excess_kurtosis);
    assert!(close(s.p5, P5_P95[0]) && close(s.p95, P5_P95[1]), "{} {}", s.p5, s.p95);
}

#[test]
fn the_comparison_of_moments_can_fail() {
    // scipy 1.17: skew(y, bias=False), kurtosis(y, bias=False), and kurtosis that is not excess.
    let s = skewed();
    assert!(!close_moment(s.skewness, 0.6403833317950571));
    assert!(!close_moment(s.excess_kurtosis, -0.8529451910212846));
    assert!(!close_moment(s.excess_kurtosis + 3.0, EXCESS_KURTOSIS));
    assert!(!close(s.p5, P5_P95[0] + 1e-8));
}

#[test]
fn alike_values_have_no_shape_whatever_the_rounding() {
    let s = summarise([0.1; 7].into_iter());
    assert_eq!((s.skewness, s.excess_kurtosis), (0.0, 0.0));
    let s = summarise([0.1, 0.1, 0.1, 0.2].into_iter());
    assert!((s.skewness - 2.0 / 3.0f64.sqrt()).abs() < 1e-12, "{}", s.skewness);
}

#[test]
fn several_quantiles_are_those_of_a_sorted_list() {
    for n in [1, 2, 3, 20, 1001] {
        let mut sorted: Vec<f64> = scattered(n).collect();
        sorted.sort_by(f64::total_cmp);
        let p = [0.95, 0.0, 0.5, 0.05, 0.25, 0.75, 1.0];
        let expected = p.map(|p| {
            let place = p * (n - 1) as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + place.fract() * (above - below)
        });
        assert_eq!(quantiles(&mut scattered(n).collect::<Vec<_>>(), p), expected, "{n}");
    }
    assert!(quantiles(&mut [], [0.5])[0].is_nan());
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
    assert_eq!((one.p5, one.skewness), (2.5, 0.0));
    let none = summarise(std::iter::empty());
    assert_eq!(none.n, 0);
    assert!(none.mean.is_nan() && none.median.is_nan() && none.min.is_nan());
    assert!(none.p95.is_nan() && none.skewness.is_nan() && none.excess_kurtosis.is_nan());
}

#[test]
fn small_addends_are_not_lost_beside_large_ones() {
    // A plain sum gives 0 here.
    let values = [1e16, 1.0, -1e16, 1.0];
    let mut sum = Sum::default();
    values.iter().for_each(|&value| sum.add(value));
    assert_eq!(sum.value(), 2.0);
    assert_eq!(values.into_iter().sum::<f64>(), 1.0);
}
