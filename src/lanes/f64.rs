//! f64 lanes: the oracle's precision. exp and ln are the standard library's, lane by lane.

use pulp::{NullaryFnOnce, Simd};

use super::{Lanes, Of};

#[inline(always)]
fn each_lane<V: bytemuck::Pod>(mut v: V, f: impl Fn(f64) -> f64) -> V {
    for lane in bytemuck::cast_slice_mut::<V, f64>(std::slice::from_mut(&mut v)) {
        *lane = f(*lane);
    }
    v
}

impl<S: Simd> Lanes for Of<S, f64> {
    super::arithmetic!(f64, f64s, m64s, F64_LANES, add | sub | mul | div | min | max);

    #[inline(always)]
    fn exp_in_range(self, x: Self::V) -> Self::V {
        each_lane(x, f64::exp)
    }

    #[inline(always)]
    fn ln_of_normal(self, x: Self::V) -> Self::V {
        each_lane(x, f64::ln)
    }

    #[inline(always)]
    fn exp2_in_range(self, x: Self::V) -> Self::V {
        each_lane(x, f64::exp2)
    }

    #[inline(always)]
    fn log2_of_normal(self, x: Self::V) -> Self::V {
        each_lane(x, f64::log2)
    }

    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        each_lane(x, |x| if x < -708.396_418_532_264_1 { 0.0 } else { x.exp() })
    }

    #[inline(always)]
    fn ln(self, x: Self::V) -> Self::V {
        each_lane(x, |x| if (0.0..f64::MIN_POSITIVE).contains(&x) { f64::NEG_INFINITY } else { x.ln() })
    }
}
