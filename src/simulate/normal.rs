//! The inverse of the normal distribution function, by operations that IEEE 754 defines to the last bit.
//!
//! Only `+ - * / sqrt` and a logarithm of our own are used, since those of platforms' libraries differ in their last
//! bits. The rational approximations are those of algorithm AS 241, PPND16 (Wichura 1988, doi:10.2307/2347330), whose
//! relative accuracy is about 1e-16.

/// The standard normal deviate below which a share `p` of the distribution lies; `p` strictly between 0 and 1.
pub(super) fn inverse_cdf(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-ln(tail)).sqrt();
    let magnitude = match r <= 5.0 {
        true => ratio(&TAIL, r - 1.6),
        false => ratio(&FAR_TAIL, r - 5.0),
    };
    magnitude.copysign(q)
}

/// Numerator and denominator, from the constant term up.
type Ratio = [[f64; 8]; 2];

fn ratio(polynomials: &Ratio, x: f64) -> f64 {
    let [numerator, denominator] =
        polynomials.map(|coefficients| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c));
    numerator / denominator
}

const CENTRE: Ratio = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];

const TAIL: Ratio = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-9,
    ],
];

const FAR_TAIL: Ratio = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
];

/// Natural logarithm of a positive normal number: x = m·2^e with m in [√½, √2), then the series of
/// ln m = 2·artanh((m − 1)/(m + 1)), whose last term here is below 1e-17.
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits(bits & MANTISSA | 1023 << 52);
    if m >= std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let series = (0..=10).rev().fold(0.0, |sum, k| sum * (s * s) + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// √2·erfinv(2p − 1) of the float64 p, to 40 digits by mpmath 1.3, rounded to float64.
    const REFERENCE: [(f64, f64); 9] = [
        (1e-15, -7.941345326170997),
        (1e-12, -7.034483825301132),
        (1e-6, -4.753424308822899),
        (0.01, -2.326347874040841),
        (0.074, -1.4466320671589785),
        (0.076, -1.4325027208258116),
        (0.3, -0.5244005127080408),
        (0.6, 0.2533471031357997),
        (0.999, 3.090232306167813),
    ];

    fn agrees(p: f64, expected: f64) -> bool {
        (inverse_cdf(p) - expected).abs() <= 2e-15 * expected.abs()
    }

    #[test]
    fn the_inverse_agrees_with_a_high_precision_one() {
        for (p, expected) in REFERENCE {
            assert!(agrees(p, expected), "{p}: {:e} {expected:e}", inverse_cdf(p));
            assert!(!agrees(p, expected * (1.0 + 1e-14)), "the comparison cannot fail");
        }
        assert_eq!(inverse_cdf(0.5), 0.0);
    }

    #[test]
    fn the_logarithm_agrees_with_the_platforms() {
        let mut x = 0.5f64.powi(53);
        while x < 1.0 {
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "{x}");
            x *= 1.01;
        }
    }
}
