//! Every function is held against f64, over its whole range and at its edges.

use std::marker::PhantomData;

use pulp::WithSimd;

use super::{Dispatch, Element, LaneWork, Lanes, run_f32, run_f64};

struct Map<'a, F>(&'a [f64], F);

/// A function of lanes, for any lanes.
trait Function {
    fn of<L: Lanes>(&self, lanes: L, x: L::V) -> L::V;
}

struct Exp;
struct Ln;
struct Exp2;
struct Log2;

impl Function for Exp {
    #[inline(always)]
    fn of<L: Lanes>(&self, lanes: L, x: L::V) -> L::V {
        lanes.exp(x)
    }
}

impl Function for Ln {
    #[inline(always)]
    fn of<L: Lanes>(&self, lanes: L, x: L::V) -> L::V {
        lanes.ln(x)
    }
}

impl Function for Exp2 {
    #[inline(always)]
    fn of<L: Lanes>(&self, lanes: L, x: L::V) -> L::V {
        lanes.exp2_in_range(x)
    }
}

impl Function for Log2 {
    #[inline(always)]
    fn of<L: Lanes>(&self, lanes: L, x: L::V) -> L::V {
        lanes.log2_of_normal(x)
    }
}

impl<F: Function> LaneWork for Map<'_, F> {
    type Output = Vec<f64>;
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<f64> {
        let mut out = Vec::new();
        for &x in self.0 {
            let mut result = vec![L::T::of(0.0f64); L::LANES];
            lanes.store(self.1.of(lanes, lanes.splat(x)), &mut result);
            out.push(result[L::LANES - 1].to_f64());
        }
        out
    }
}

fn worst_relative(xs: &[f64], got: &[f64], want: impl Fn(f64) -> f64) -> f64 {
    let error = |(&x, &y): (&f64, &f64)| ((y - want(x)) / want(x)).abs();
    xs.iter().zip(got).map(error).fold(0.0, f64::max)
}

/// f32 values, so that rounding the argument is no part of the error.
fn f32_range(from: f64, to: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from((from + (to - from) * i as f64 / (n - 1) as f64) as f32)).collect()
}

#[test]
fn exp_is_within_two_ulp() {
    let xs = f32_range(-87.0, 88.0, 200_001);
    let worst = worst_relative(&xs, &run_f32(Map(&xs, Exp)), f64::exp);
    assert!(worst < 2.0 * f64::from(f32::EPSILON) / 2.0 * 1.1, "{worst:e}");
    let off = worst_relative(&xs, &run_f32(Map(&xs, Exp)), |x| x.exp() * (1.0 + 3e-7));
    assert!(off > 2e-7, "a shifted reference must be noticed: {off:e}");
}

#[test]
fn ln_is_within_two_ulp() {
    let mut xs: Vec<f64> = f32_range(-87.0, 88.0, 100_001).iter().map(|x| f64::from(x.exp() as f32)).collect();
    xs.extend(f32_range(0.5, 2.0, 100_000));
    xs.retain(|&x| x != 1.0);
    let worst = worst_relative(&xs, &run_f32(Map(&xs, Ln)), f64::ln);
    assert!(worst < f64::from(f32::EPSILON) * 1.1, "{worst:e}");
}

#[test]
fn powers_and_logarithms_of_two_are_within_two_ulp() {
    let xs = f32_range(-126.0, 127.0, 200_001);
    let worst = worst_relative(&xs, &run_f32(Map(&xs, Exp2)), f64::exp2);
    assert!(worst < f64::from(f32::EPSILON) * 1.1, "{worst:e}");
    let mut xs: Vec<f64> = xs.iter().map(|x| f64::from(x.exp2() as f32)).collect();
    xs.extend(f32_range(0.5, 2.0, 100_000));
    xs.retain(|&x| x != 1.0);
    let log2 = run_f32(Map(&xs, Log2));
    let worst = worst_relative(&xs, &log2, f64::log2);
    assert!(worst < f64::from(f32::EPSILON) * 1.1, "{worst:e}");
    assert!(worst_relative(&xs, &log2, |x| x.log2() * (1.0 + 3e-7)) > 2e-7, "a shifted reference must be noticed");
    let xs = [0.3, 1.0, 1.7, 5e20];
    assert_eq!(run_f64(Map(&xs, Exp2))[..3], xs.map(f64::exp2)[..3]);
    assert_eq!(run_f64(Map(&xs, Log2)), xs.map(f64::log2));
}

#[test]
fn edges_are_defined() {
    let ln = [0.0, -1.0, f64::INFINITY, f64::NAN, 1.0];
    for got in [run_f32(Map(&ln, Ln)), run_f64(Map(&ln, Ln))] {
        assert_eq!(got[0], f64::NEG_INFINITY);
        assert!(got[1].is_nan());
        assert_eq!(got[2], f64::INFINITY);
        assert!(got[3].is_nan());
        assert_eq!(got[4], 0.0);
    }
    let exp = [0.0, -1000.0, 1000.0, f64::NEG_INFINITY, f64::INFINITY, f64::NAN];
    let scalar = Dispatch(Map(&exp, Exp), PhantomData::<f32>).with_simd(pulp::Scalar::new());
    for got in [scalar, run_f32(Map(&exp, Exp)), run_f64(Map(&exp, Exp))] {
        assert_eq!(got[..5], [1.0, 0.0, f64::INFINITY, 0.0, f64::INFINITY]);
        assert!(got[5].is_nan());
    }
}
