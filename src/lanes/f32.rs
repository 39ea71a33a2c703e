//! f32 lanes: exp, ln, and those to base 2, after the argument reductions and polynomials of Cephes (Moshier 1989, netlib
//! `single`).

use pulp::{NullaryFnOnce, Simd};

use super::{Lanes, Of};

impl<S: Simd> Lanes for Of<S, f32> {
    super::arithmetic!(f32, f32s, m32s, F32_LANES, add | sub | mul | div | min | max);

    #[inline(always)]
    fn exp_in_range(self, x: Self::V) -> Self::V {
        let s = self.simd;
        // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits; with 127 more they are the exponent of 2ⁿ, which
        // is 0 for n = −127 and ∞ for n = 128.
        let magic = self.splat(12_582_912.0 + 127.0);
        let shifted = self.mul_add(x, self.splat(std::f64::consts::LOG2_E), magic);
        let n = self.sub(shifted, magic);
        let r = self.mul_add(n, self.splat(-0.693_359_375), x);
        let r = self.mul_add(n, self.splat(2.121_944_4e-4), r);
        let mut p = self.splat(1.987_569_15e-4);
        for c in [1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1] {
            p = self.mul_add(p, r, self.splat(c));
        }
        let y = self.add(self.mul_add(p, self.mul(r, r), r), self.splat(1.0));
        let power = s.wrapping_dyn_shl_u32s(s.transmute_u32s_f32s(shifted), s.splat_u32s(23));
        self.mul(y, s.transmute_f32s_u32s(power))
    }

    #[inline(always)]
    fn exp2_in_range(self, x: Self::V) -> Self::V {
        let s = self.simd;
        // As for eˣ; what is left of x after its integer is exact.
        let magic = self.splat(12_582_912.0 + 127.0);
        let shifted = self.add(x, magic);
        let r = self.sub(x, self.sub(shifted, magic));
        let mut p = self.splat(1.535_336_188_319_5e-4);
        for c in [
            1.339_887_440_266_574e-3,
            9.618_437_357_674_64e-3,
            5.550_332_471_162_809e-2,
            2.402_264_791_363_012e-1,
            6.931_472_028_550_42e-1,
            1.0,
        ] {
            p = self.mul_add(p, r, self.splat(c));
        }
        let power = s.wrapping_dyn_shl_u32s(s.transmute_u32s_f32s(shifted), s.splat_u32s(23));
        self.mul(p, s.transmute_f32s_u32s(power))
    }

    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        // From n = −127 to n = 128.
        let (low, high) = (self.splat(-88.0), self.splat(89.0));
        let x = match S::IS_SCALAR {
            true => self.select(self.lt(x, low), low, self.select(self.lt(high, x), high, x)),
            // Of a number and a NaN, vectors give what comes second.
            false => self.min(high, self.max(low, x)),
        };
        self.exp_in_range(x)
    }

    #[inline(always)]
    fn ln_of_normal(self, x: Self::V) -> Self::V {
        let (e, f) = self.split(x);
        let z = self.mul(f, f);
        let y = self.mul(self.mul(self.log_polynomial(f), f), z);
        let y = self.mul_add(e, self.splat(-2.121_944_4e-4), y);
        let y = self.mul_add(z, self.splat(-0.5), y);
        self.mul_add(e, self.splat(0.693_359_375), self.add(f, y))
    }

    #[inline(always)]
    fn log2_of_normal(self, x: Self::V) -> Self::V {
        let (e, f) = self.split(x);
        let bend = self.mul_add(self.log_polynomial(f), f, self.splat(-0.5));
        let ln = self.mul_add(bend, self.mul(f, f), f);
        self.mul_add(ln, self.splat(std::f64::consts::LOG2_E), e)
    }

    #[inline(always)]
    fn ln(self, x: Self::V) -> Self::V {
        let y = self.ln_of_normal(x);
        let normal = self.le(self.splat(f64::from(f32::MIN_POSITIVE)), x);
        let finite = self.lt(x, self.splat(f64::INFINITY));
        let tiny = self.select(self.lt(x, self.splat(0.0)), self.splat(f64::NAN), self.splat(f64::NEG_INFINITY));
        let y = self.select(normal, self.select(finite, y, x), tiny);
        self.select(self.le(x, x), y, x)
    }
}

impl<S: Simd> Of<S, f32> {
    /// e and f of x = 2ᵉ·(1 + f) with 1 + f in [√½, √2).
    #[inline(always)]
    fn split(self, x: S::f32s) -> (S::f32s, S::f32s) {
        const SQRT_HALF: u32 = 0x3f35_04f3;
        let s = self.simd;
        let biased = s.add_u32s(s.transmute_u32s_f32s(x), s.splat_u32s(0x3f80_0000 - SQRT_HALF));
        let mantissa = s.add_u32s(s.and_u32s(biased, s.splat_u32s(0x007f_ffff)), s.splat_u32s(SQRT_HALF));
        let exponent = s.wrapping_dyn_shr_u32s(biased, s.splat_u32s(23));
        // 2²³ + an integer below 2²³ has that integer in its low bits.
        let exponent = s.transmute_f32s_u32s(s.or_u32s(exponent, s.splat_u32s(0x4b00_0000)));
        let e = self.sub(exponent, self.splat(8_388_608.0 + 127.0));
        (e, self.sub(s.transmute_f32s_u32s(mantissa), self.splat(1.0)))
    }

    /// (ln(1 + f) − f + f²/2)/f³
    #[inline(always)]
    fn log_polynomial(self, f: S::f32s) -> S::f32s {
        let mut p = self.splat(7.037_683_629_2e-2);
        for c in [
            -1.151_461_031_0e-1,
            1.167_699_874_0e-1,
            -1.242_014_084_6e-1,
            1.424_932_278_7e-1,
            -1.666_805_766_5e-1,
            2.000_071_476_5e-1,
            -2.499_999_399_3e-1,
            3.333_333_117_4e-1,
        ] {
            p = self.mul_add(p, f, self.splat(c));
        }
        p
    }
}
