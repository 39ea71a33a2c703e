//! Every operator against the standard library, and at its edges, in f32 and f64.

use super::{INF, NAN, agree, at};

/// Rounding of one f32 operation, and of the exponential of a rounded product of size up to 10.
const ROUNDING: f64 = 1.2e-7;
const POWER: f64 = 1e-6;

#[test]
fn operators_have_the_values_that_are_defined_for_them() {
    // a, b, value; 5e-324 is subnormal in f64, and 0 in f32.
    let cases: &[(&str, f64, &[[f64; 3]])] = &[
        ("a + b", ROUNDING, &[[1.5, 2.25, 3.75], [INF, 1.0, INF], [NAN, 1.0, NAN]]),
        ("a - b", ROUNDING, &[[1.5, 2.25, -0.75], [INF, INF, NAN], [1.0, NAN, NAN]]),
        ("a * b", ROUNDING, &[[1.5, -2.0, -3.0], [0.0, INF, NAN], [NAN, 0.0, NAN]]),
        (
            "a / b",
            ROUNDING,
            &[
                [1.0, 3.0, 1.0 / 3.0],
                [1.0, 0.0, NAN],
                [1.0, -0.0, NAN],
                [0.0, 0.0, NAN],
                [-1.0, 5e-324, NAN],
                [1.0, INF, 0.0],
                [INF, 2.0, INF],
                [INF, INF, NAN],
                [NAN, 2.0, NAN],
                [2.0, NAN, NAN],
            ],
        ),
        (
            "a ^ b",
            POWER,
            &[
                [2.0, 0.3, 2f64.powf(0.3)],
                [7.5, -1.25, 7.5f64.powf(-1.25)],
                [0.0, 2.5, 0.0],
                [5e-324, 2.5, 0.0],
                [0.0, -1.0, NAN],
                [0.0, 0.0, 1.0],
                [NAN, 0.0, 1.0],
                [-2.0, 0.0, 1.0],
                [-2.0, 2.0, NAN],
                [-2.0, 0.5, NAN],
                [2.0, NAN, NAN],
                [0.0, NAN, NAN],
                [NAN, 2.0, NAN],
                [INF, 2.0, INF],
                [INF, -2.0, 0.0],
                [1.0, 100.0, 1.0],
            ],
        ),
        ("a ^ 3", ROUNDING * 2.0, &[[-1.1, 0.0, -1.1 * 1.1 * 1.1], [0.0, 0.0, 0.0], [NAN, 0.0, NAN]]),
        ("a ^ -2", ROUNDING * 2.0, &[[-4.0, 0.0, 0.0625], [0.0, 0.0, NAN], [NAN, 0.0, NAN]]),
        (
            "min(a, b)",
            0.0,
            &[
                [1.0, 2.0, 1.0],
                [2.0, 1.0, 1.0],
                [3.0, 3.0, 3.0],
                [0.0, -0.0, 0.0],
                [-INF, 1.0, -INF],
                [NAN, 1.0, NAN],
                [1.0, NAN, NAN],
            ],
        ),
        (
            "max(a, b)",
            0.0,
            &[
                [1.0, 2.0, 2.0],
                [2.0, 1.0, 2.0],
                [3.0, 3.0, 3.0],
                [0.0, -0.0, 0.0],
                [-INF, 1.0, 1.0],
                [NAN, 1.0, NAN],
                [1.0, NAN, NAN],
            ],
        ),
        ("-a", 0.0, &[[1.5, 0.0, -1.5], [-INF, 0.0, INF], [NAN, 0.0, NAN]]),
        ("abs(a)", 0.0, &[[-1.5, 0.0, 1.5], [0.0, 0.0, 0.0], [-INF, 0.0, INF], [NAN, 0.0, NAN]]),
        (
            "exp(a)",
            ROUNDING * 2.0,
            &[
                [1.0, 0.0, std::f64::consts::E],
                [0.0, 0.0, 1.0],
                [-80.0, 0.0, (-80f64).exp()],
                [-745.0, 0.0, 0.0],
                [1000.0, 0.0, INF],
                [-INF, 0.0, 0.0],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "log(a)",
            ROUNDING,
            &[
                [10.0, 0.0, std::f64::consts::LN_10],
                [1.0, 0.0, 0.0],
                [0.0, 0.0, NAN],
                [-0.0, 0.0, NAN],
                [5e-324, 0.0, NAN],
                [-1.0, 0.0, NAN],
                [-INF, 0.0, NAN],
                [INF, 0.0, INF],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "sqrt(a)",
            ROUNDING,
            &[
                [2.0, 0.0, std::f64::consts::SQRT_2],
                [0.0, 0.0, 0.0],
                [-0.0, 0.0, 0.0],
                [-1.0, 0.0, NAN],
                [INF, 0.0, INF],
                [NAN, 0.0, NAN],
            ],
        ),
        ("sin(a)", ROUNDING, &[[0.5, 0.0, 0.479_425_538_604_203], [0.0, 0.0, 0.0], [INF, 0.0, NAN], [NAN, 0.0, NAN]]),
        (
            "cos(a)",
            ROUNDING,
            &[[0.5, 0.0, 0.877_582_561_890_372_8], [0.0, 0.0, 1.0], [-INF, 0.0, NAN], [NAN, 0.0, NAN]],
        ),
    ];
    for (text, tolerance, cases) in cases {
        let pairs: Vec<_> = cases.iter().map(|&[a, b, _]| [a, b]).collect();
        let got = at(text, &pairs);
        for (i, &[a, b, want]) in cases.iter().enumerate() {
            let (single, double) = (got.f32[i], got.f64[i]);
            assert!(agree(single, want, *tolerance), "{text} of {a}, {b} in f32: {single}");
            // The definition in f64 is met to the last bits.
            assert!(agree(double, want, 1e-14), "{text} of {a}, {b} in f64: {double}");
        }
    }
    assert!(!agree(1.000_001, 1.0, ROUNDING) && !agree(1.0, NAN, ROUNDING));
    assert!(!agree(NAN, 1.0, ROUNDING) && !agree(-1.0, 1.0, ROUNDING));
}
