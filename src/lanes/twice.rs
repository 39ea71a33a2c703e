//! Two vectors as one: the second fills the processor while the first waits for its own results.

use pulp::NullaryFnOnce;

use super::Lanes;

/// Lanes of twice the length.
#[derive(Debug, Clone, Copy)]
pub struct Twice<L>(pub L);

/// Two vectors, side by side where a line of the cache begins, or half of one where two are as long. Vectors are aligned as
/// their lanes are, and what a function keeps of them in memory would cross lines or not by chance: with AVX2 the ADC took 25 or 32 ms.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(target_arch = "x86_64", repr(align(64)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(align(32)))]
pub struct Pair<V>(V, V);

macro_rules! both {
    ($($op:ident($($arg:ident),*) -> $Out:ident;)*) => {$(
        #[inline(always)]
        fn $op(self, $($arg: Self::V),*) -> Self::$Out {
            Pair(self.0.$op($($arg.0),*), self.0.$op($($arg.1),*))
        }
    )*};
}

impl<L: Lanes> Lanes for Twice<L> {
    type T = L::T;
    type V = Pair<L::V>;
    type M = Pair<L::M>;
    const LANES: usize = 2 * L::LANES;

    #[inline(always)]
    fn splat(self, x: f64) -> Self::V {
        Pair(self.0.splat(x), self.0.splat(x))
    }
    #[inline(always)]
    fn fill(self, x: L::T) -> Self::V {
        Pair(self.0.fill(x), self.0.fill(x))
    }
    #[inline(always)]
    fn load(self, from: &[Self::T]) -> Self::V {
        Pair(self.0.load(from), self.0.load(&from[L::LANES..]))
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [Self::T]) {
        self.0.store(v.0, to);
        self.0.store(v.1, &mut to[L::LANES..]);
    }
    #[inline(always)]
    fn call<W: NullaryFnOnce>(self, work: W) -> W::Output {
        self.0.call(work)
    }
    #[inline(always)]
    fn lane(self, v: &Self::V, lane: usize) -> L::T {
        if lane < L::LANES { self.0.lane(&v.0, lane) } else { self.0.lane(&v.1, lane - L::LANES) }
    }
    #[inline(always)]
    fn set_lane(self, v: &mut Self::V, lane: usize, x: L::T) {
        match lane < L::LANES {
            true => self.0.set_lane(&mut v.0, lane, x),
            false => self.0.set_lane(&mut v.1, lane - L::LANES, x),
        }
    }
    both! {
        add(a, b) -> V;
        sub(a, b) -> V;
        mul(a, b) -> V;
        div(a, b) -> V;
        min(a, b) -> V;
        max(a, b) -> V;
        mul_add(a, b, c) -> V;
        sqrt(a) -> V;
        abs(a) -> V;
        neg(a) -> V;
        exp_in_range(a) -> V;
        ln_of_normal(a) -> V;
        exp2_in_range(a) -> V;
        log2_of_normal(a) -> V;
        exp(a) -> V;
        ln(a) -> V;
        lt(a, b) -> M;
        le(a, b) -> M;
    }
    #[inline(always)]
    fn and(self, a: Self::M, b: Self::M) -> Self::M {
        Pair(self.0.and(a.0, b.0), self.0.and(a.1, b.1))
    }
    #[inline(always)]
    fn or(self, a: Self::M, b: Self::M) -> Self::M {
        Pair(self.0.or(a.0, b.0), self.0.or(a.1, b.1))
    }
    #[inline(always)]
    fn any(self, m: Self::M) -> bool {
        self.0.any(m.0) | self.0.any(m.1)
    }
    #[inline(always)]
    fn select(self, m: Self::M, yes: Self::V, no: Self::V) -> Self::V {
        Pair(self.0.select(m.0, yes.0, no.0), self.0.select(m.1, yes.1, no.1))
    }
}
