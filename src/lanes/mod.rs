//! Explicit SIMD: one kernel text for f32 and f64, run with the best instruction set that the processor has.
//!
//! A kernel is a [`LaneWork`]; [`run_f32`] and [`run_f64`] hand it a [`Lanes`] token of the processor's width. Mark
//! every function between the dispatch and the arithmetic `#[inline(always)]`: what is not inlined is compiled for
//! the baseline instruction set.

mod element;
mod f32;
mod f64;
mod twice;

use std::fmt::Debug;

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

pub use element::Element;
pub use twice::Twice;

/// Arithmetic operations of [`Lanes::exp_in_range`] in f32, without those on bits; a multiply-add is two.
pub const FLOPS_OF_EXP: f64 = 22.0;
/// Those of [`Lanes::ln_of_normal`].
pub const FLOPS_OF_LN: f64 = 28.0;
/// Those of [`Lanes::exp2_in_range`].
pub const FLOPS_OF_EXP2: f64 = 16.0;
/// Those of [`Lanes::log2_of_normal`].
pub const FLOPS_OF_LOG2: f64 = 25.0;

/// Arithmetic on as many lanes as a vector register holds.
pub trait Lanes: Copy {
    /// The type of a lane.
    type T: Element;
    /// A vector.
    type V: Copy + Debug;
    /// A comparison's outcome, lane by lane.
    type M: Copy + Debug;
    /// Lanes in a vector.
    const LANES: usize;

    /// The same value in every lane.
    fn splat(self, x: f64) -> Self::V;
    /// The same value in every lane.
    fn fill(self, x: Self::T) -> Self::V;
    /// The first `LANES` values of a slice.
    fn load(self, from: &[Self::T]) -> Self::V;
    /// Writes to the first `LANES` values of a slice.
    fn store(self, v: Self::V, to: &mut [Self::T]);
    /// Calls work as a function of its own, compiled for this instruction set: what is large and used from several
    /// places is compiled once.
    fn call<W: NullaryFnOnce>(self, work: W) -> W::Output;
    /// One lane of a vector.
    fn lane(self, v: &Self::V, lane: usize) -> Self::T;
    /// Replaces one lane of a vector.
    fn set_lane(self, v: &mut Self::V, lane: usize, x: Self::T);
    /// a + b
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a / b
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c, fused where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a · b, fused where the processor can.
    #[inline(always)]
    fn mul_sub_from(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.mul_add(self.neg(a), b, c)
    }
    /// √a
    fn sqrt(self, a: Self::V) -> Self::V;
    /// |a|
    fn abs(self, a: Self::V) -> Self::V;
    /// −a
    fn neg(self, a: Self::V) -> Self::V;
    /// The smaller of two numbers; which one of a number and a NaN is not specified.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger of two numbers; which one of a number and a NaN is not specified.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// a < b; false for NaN.
    fn lt(self, a: Self::V, b: Self::V) -> Self::M;
    /// a ≤ b; false for NaN.
    fn le(self, a: Self::V, b: Self::V) -> Self::M;
    /// Both.
    fn and(self, a: Self::M, b: Self::M) -> Self::M;
    /// Either.
    fn or(self, a: Self::M, b: Self::M) -> Self::M;
    /// Whether any lane is true.
    fn any(self, m: Self::M) -> bool;
    /// `yes` where true, else `no`.
    fn select(self, m: Self::M, yes: Self::V, no: Self::V) -> Self::V;
    /// eˣ for −87 ≤ x ≤ 88, without a look at anything else.
    fn exp_in_range(self, x: Self::V) -> Self::V;
    /// Natural logarithm of a positive normal number, without a look at anything else.
    fn ln_of_normal(self, x: Self::V) -> Self::V;
    /// 2ˣ for −126 ≤ x ≤ 127, without a look at anything else.
    fn exp2_in_range(self, x: Self::V) -> Self::V;
    /// Logarithm to base 2 of a positive normal number, without a look at anything else.
    fn log2_of_normal(self, x: Self::V) -> Self::V;
    /// eˣ; 0 where it would be subnormal, ∞ on overflow.
    fn exp(self, x: Self::V) -> Self::V;
    /// Natural logarithm; −∞ for 0 and subnormals, NaN for negatives, NaN and ∞ kept.
    fn ln(self, x: Self::V) -> Self::V;
}

/// A kernel that is generic over its lanes.
pub trait LaneWork {
    /// What it returns.
    type Output;
    /// Runs it; must be `#[inline(always)]`.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Lanes of a SIMD instruction set with elements of one type.
#[derive(Debug, Clone, Copy)]
pub struct Of<S, T> {
    simd: S,
    lane: std::marker::PhantomData<T>,
}

struct Dispatch<W, T>(W, std::marker::PhantomData<T>);

macro_rules! dispatch {
    ($($T:ty)*) => {$(
        impl<W: LaneWork> WithSimd for Dispatch<W, $T> {
            type Output = W::Output;
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> W::Output {
                self.0.run(Of::<S, $T> { simd, lane: std::marker::PhantomData })
            }
        }
    )*};
}
dispatch!(f32 f64);

/// Runs a kernel in f32 on the best instruction set of this processor.
pub fn run_f32<W: LaneWork>(work: W) -> W::Output {
    Arch::new().dispatch(Dispatch(work, std::marker::PhantomData::<f32>))
}

/// Runs a kernel in f64 on vectors of at most four: f64 is the oracle, and a third instruction set is not worth the time
/// that a compiler takes for it.
pub fn run_f64<W: LaneWork>(work: W) -> W::Output {
    let work = Dispatch(work, std::marker::PhantomData::<f64>);
    #[cfg(target_arch = "x86_64")]
    match pulp::x86::V3::try_new() {
        Some(avx2) => Simd::vectorize(avx2, WithLanes(avx2, work)),
        None => work.with_simd(pulp::Scalar::new()),
    }
    #[cfg(not(target_arch = "x86_64"))]
    Arch::new().dispatch(work)
}

/// Work on lanes that are already chosen.
#[cfg(target_arch = "x86_64")]
struct WithLanes<S, W>(S, W);

#[cfg(target_arch = "x86_64")]
impl<S: Simd, W: WithSimd> NullaryFnOnce for WithLanes<S, W> {
    type Output = W::Output;
    #[inline(always)]
    fn call(self) -> W::Output {
        self.1.with_simd(self.0)
    }
}

/// The instruction set in use, and its f32 lanes.
pub fn instruction_set() -> (&'static str, usize) {
    struct Width;
    impl LaneWork for Width {
        type Output = usize;
        #[inline(always)]
        fn run<L: Lanes>(self, _: L) -> usize {
            L::LANES
        }
    }
    let lanes = run_f32(Width);
    let name = match (std::env::consts::ARCH, lanes) {
        (_, 1) => "scalar",
        ("x86_64", 8) => "AVX2 + FMA",
        ("x86_64", 16) => "AVX-512",
        ("aarch64", 4) => "NEON",
        _ => "SIMD",
    };
    (name, lanes)
}

/// What `vectorize` makes is inlined into callers of the same instruction set, but not into this one.
#[inline(never)]
fn outlined<S: Simd, W: NullaryFnOnce>(simd: S, work: W) -> W::Output {
    simd.vectorize(work)
}

/// The operations that f32 and f64 share, one call into `pulp` each.
macro_rules! arithmetic {
    ($T:ty, $vector:ident, $mask:ident, $lanes:ident, $($op:ident)|*) => { pastey::paste! {
        type T = $T;
        type V = S::$vector;
        type M = S::$mask;
        const LANES: usize = S::$lanes;

        #[inline(always)]
        fn splat(self, x: f64) -> Self::V { self.simd.[<splat_ $vector>](x as $T) }
        #[inline(always)]
        fn fill(self, x: $T) -> Self::V { self.simd.[<splat_ $vector>](x) }
        #[inline(always)]
        fn load(self, from: &[$T]) -> Self::V {
            bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[..Self::LANES]))
        }
        #[inline(always)]
        fn store(self, v: Self::V, to: &mut [$T]) {
            bytemuck::cast_slice_mut(&mut to[..Self::LANES]).copy_from_slice(bytemuck::bytes_of(&v));
        }
        #[inline(always)]
        fn call<W: NullaryFnOnce>(self, work: W) -> W::Output {
            super::outlined(self.simd, work)
        }
        #[inline(always)]
        fn lane(self, v: &Self::V, lane: usize) -> $T { bytemuck::cast_slice::<_, $T>(std::slice::from_ref(v))[lane] }
        #[inline(always)]
        fn set_lane(self, v: &mut Self::V, lane: usize, x: $T) {
            bytemuck::cast_slice_mut::<_, $T>(std::slice::from_mut(v))[lane] = x;
        }
        $(
            #[inline(always)]
            fn $op(self, a: Self::V, b: Self::V) -> Self::V { self.simd.[<$op _ $vector>](a, b) }
        )*
        #[inline(always)]
        fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V { self.simd.[<mul_add_e_ $vector>](a, b, c) }
        #[inline(always)]
        fn sqrt(self, a: Self::V) -> Self::V { self.simd.[<sqrt_ $vector>](a) }
        // The signs by hand: pulp's own functions are inlined only where the compiler cares to.
        #[inline(always)]
        fn abs(self, a: Self::V) -> Self::V {
            let sign = self.splat(-0.0);
            self.simd.[<xor_ $vector>](self.simd.[<and_ $vector>](a, sign), a)
        }
        #[inline(always)]
        fn neg(self, a: Self::V) -> Self::V { self.simd.[<xor_ $vector>](a, self.splat(-0.0)) }
        #[inline(always)]
        fn lt(self, a: Self::V, b: Self::V) -> Self::M { self.simd.[<less_than_ $vector>](a, b) }
        #[inline(always)]
        fn le(self, a: Self::V, b: Self::V) -> Self::M { self.simd.[<less_than_or_equal_ $vector>](a, b) }
        #[inline(always)]
        fn and(self, a: Self::M, b: Self::M) -> Self::M { self.simd.[<and_ $mask>](a, b) }
        #[inline(always)]
        fn or(self, a: Self::M, b: Self::M) -> Self::M { self.simd.[<or_ $mask>](a, b) }
        #[inline(always)]
        fn any(self, m: Self::M) -> bool { self.simd.[<first_true_ $mask>](m) < Self::LANES }
        #[inline(always)]
        fn select(self, m: Self::M, yes: Self::V, no: Self::V) -> Self::V { self.simd.[<select_ $vector>](m, yes, no) }
    }};
}
use arithmetic;

#[cfg(test)]
mod tests;
