//! What operators must give at their edges, written by hand.

/// An operator's values: `[a, b, value]`, where NaN means no value.
pub(crate) struct Operator {
    pub(crate) formula: &'static str,
    /// Times the tolerance of a device.
    pub(crate) slack: f64,
    pub(crate) cases: &'static [[f64; 3]],
}

const NAN: f64 = f64::NAN;

pub(crate) const OPERATORS: &[Operator] = &[
    Operator {
        formula: "a + b",
        slack: 1.0,
        cases: &[[1.5, 2.25, 3.75], [1e-3, -1e-3, 0.0], [3e38, 3e38, NAN]],
    },
    Operator {
        formula: "a - b",
        slack: 1.0,
        cases: &[[1.5, 2.25, -0.75], [7.0, 7.0, 0.0], [-3e38, 3e38, NAN]],
    },
    Operator {
        formula: "a * b",
        slack: 1.0,
        cases: &[[1.5, -2.0, -3.0], [0.0, 5.0, 0.0], [1e20, 1e20, NAN]],
    },
    Operator {
        formula: "a / b",
        slack: 1.0,
        cases: &[
            [1.0, 3.0, 1.0 / 3.0],
            [1.0, 0.0, NAN],
            [0.0, -0.0, NAN],
            [-1.0, 1e-40, NAN],
        ],
    },
    Operator {
        formula: "a ^ b",
        slack: 10.0,
        cases: &[
            [2.0, 0.5, std::f64::consts::SQRT_2],
            [8.0, -1.5, 0.044_194_173_824_159_216],
            [0.0, 2.5, 0.0],
            [0.0, 0.0, 1.0],
            [-2.0, 0.0, 1.0],
            [0.0, -1.0, NAN],
            [-2.0, 2.0, NAN],
            [-2.0, 0.5, NAN],
        ],
    },
    Operator {
        formula: "a ^ 3 + 0 * b",
        slack: 2.0,
        cases: &[[-1.5, 1.0, -3.375], [0.0, 1.0, 0.0]],
    },
    Operator {
        formula: "a ^ -2 + 0 * b",
        slack: 2.0,
        cases: &[[-4.0, 1.0, 0.0625], [0.0, 1.0, NAN]],
    },
    Operator {
        formula: "min(a, b)",
        slack: 1.0,
        cases: &[[1.0, 2.0, 1.0], [2.0, 1.0, 1.0], [3.0, 3.0, 3.0]],
    },
    Operator {
        formula: "max(a, b)",
        slack: 1.0,
        cases: &[[1.0, 2.0, 2.0], [2.0, 1.0, 2.0], [3.0, 3.0, 3.0]],
    },
    Operator {
        // NaN does not get lost on the way.
        formula: "min(max(log(a), b), b)",
        slack: 1.0,
        cases: &[[1.0, -2.0, -2.0], [0.0, 1.0, NAN], [-1.0, 1.0, NAN]],
    },
    Operator {
        formula: "-a",
        slack: 1.0,
        cases: &[[1.5, 0.0, -1.5], [0.0, 0.0, 0.0]],
    },
    Operator {
        formula: "abs(a)",
        slack: 1.0,
        cases: &[[-1.5, 0.0, 1.5], [0.0, 0.0, 0.0]],
    },
    Operator {
        formula: "exp(a)",
        slack: 2.0,
        cases: &[
            [1.0, 0.0, std::f64::consts::E],
            [0.0, 0.0, 1.0],
            [-1000.0, 0.0, 0.0],
            [1000.0, 0.0, NAN],
        ],
    },
    Operator {
        formula: "log(a)",
        slack: 2.0,
        cases: &[
            [10.0, 0.0, std::f64::consts::LN_10],
            [1.0, 0.0, 0.0],
            [0.0, 0.0, NAN],
            [-1.0, 0.0, NAN],
        ],
    },
    Operator {
        formula: "sqrt(a)",
        slack: 2.0,
        cases: &[
            [2.0, 0.0, std::f64::consts::SQRT_2],
            [0.0, 0.0, 0.0],
            [-1.0, 0.0, NAN],
        ],
    },
    Operator {
        formula: "sin(a)",
        slack: 2.0,
        cases: &[
            [0.5, 0.0, 0.479_425_538_604_203],
            [-2.0, 0.0, -0.909_297_426_825_681_7],
            [100.0, 0.0, -0.506_365_641_109_758_8],
            [4.5, 0.0, -0.977_530_117_665_097_1],
        ],
    },
    Operator {
        formula: "cos(a)",
        slack: 2.0,
        cases: &[
            [0.5, 0.0, 0.877_582_561_890_372_8],
            [-2.0, 0.0, -0.416_146_836_547_142_4],
            [100.0, 0.0, 0.862_318_872_287_683_9],
            [4.5, 0.0, -0.210_795_799_430_779_73],
        ],
    },
];
