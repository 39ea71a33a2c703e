//! The operators of formulas: what they are called, and what their value is, everywhere.
//!
//! One rule: **outside its domain an operator has no value, which is NaN, and whatever is computed from NaN is NaN**.
//! All evaluators (the host in f64, the CPU's lanes in f32 and f64, WGSL) keep this table:
//!
//! | operator | edge | value |
//! | --- | --- | --- |
//! | `x / 0` | for every x | NaN: the sign of zero is not meaningful, so no infinity has a sign |
//! | `log x` | x ≤ 0 | NaN |
//! | `sqrt x` | x < 0 | NaN |
//! | `abs 0` | | 0 |
//! | `x^n` | n an integer constant | products of x, and 1 over them for n < 0; so x may be negative, and 0^n is NaN for n < 0 |
//! | `x^0` | for every x, NaN too | 1, a constant |
//! | `x^0.5` | | `sqrt x` |
//! | `0^y` | y > 0; y < 0 | 0; NaN |
//! | `x^y` | x < 0, y no integer constant | NaN, even where y happens to be an integer |
//! | `min`, `max` | equal arguments | that value |
//! | `exp x` | where it would be subnormal; above the type's range | 0; +∞ |
//! | `expm1 x` | above the type's range | +∞ |
//! | `sin x`, `cos x` | x infinite | NaN |
//! | `+ - *` | | as in IEEE 754 |
//!
//! Numbers nearer to 0 than the type's smallest normal number count as 0 wherever 0 is an edge: GPUs flush them.
//! `x^y` is `exp(y · log x)`: where it is not made of products, its error grows with the size of `y · log x`.
//! The sign of a zero cannot be observed through any operator, so simplification need not keep it.
//!
//! Derivatives are made of the same operators and three more, which no formula can call. Where a slope is infinite they
//! say 0, "this sample tells nothing", which a fit can go on with:
//!
//! | derivative | edge | value |
//! | --- | --- | --- |
//! | of `sqrt x`, of `x^y` by x | x = 0 | 0, unless y is the constant 1 |
//! | of `x^y` by y | x = 0 | 0 |
//! | of `abs x` | x = 0 | 0 |
//! | of `min`, `max` | equal arguments | ½ for each |

use crate::lanes::{FLOPS_OF_EXP, FLOPS_OF_LN};

/// A function of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the functions")]
pub enum Unary {
    Neg,
    Exp,
    /// eˣ − 1, which near x = 0 has digits that exp(x) − 1 has lost.
    Expm1,
    Log,
    Sqrt,
    Sin,
    Cos,
    Abs,
    /// −1, 0 or 1.
    Sign,
    /// 1/x, and 0 for 0.
    InverseOr0,
    /// The logarithm, and 0 for 0.
    LogOr0,
}

/// An operator between two arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the operators")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
}

/// What a formula may call by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Takes one argument.
    One(Unary),
    /// Takes two arguments.
    Two(Binary),
}

/// The functions of the grammar.
pub const FUNCTIONS: [(&str, Function); 9] = [
    ("exp", Function::One(Unary::Exp)),
    ("expm1", Function::One(Unary::Expm1)),
    ("log", Function::One(Unary::Log)),
    ("sqrt", Function::One(Unary::Sqrt)),
    ("sin", Function::One(Unary::Sin)),
    ("cos", Function::One(Unary::Cos)),
    ("abs", Function::One(Unary::Abs)),
    ("min", Function::Two(Binary::Min)),
    ("max", Function::Two(Binary::Max)),
];

/// The constants of the grammar.
pub const CONSTANTS: [(&str, f64); 1] = [("pi", std::f64::consts::PI)];

fn counts_as_zero(x: f64) -> bool {
    x.abs() < f64::MIN_POSITIVE
}

/// Functions whose last bits IEEE 754 leaves open.
#[derive(Debug, Clone, Copy)]
pub struct Elementary {
    exp: fn(f64) -> f64,
    expm1: fn(f64) -> f64,
    log: fn(f64) -> f64,
    sin: fn(f64) -> f64,
    cos: fn(f64) -> f64,
}

impl Elementary {
    /// Those of the system.
    pub const SYSTEM: Self = Self { exp: f64::exp, expm1: f64::exp_m1, log: f64::ln, sin: f64::sin, cos: f64::cos };
    /// Those of the `libm` crate, made of IEEE 754 arithmetic alone, so that they have the same bits on every machine.
    pub const PORTABLE: Self =
        Self { exp: libm::exp, expm1: libm::expm1, log: libm::log, sin: libm::sin, cos: libm::cos };
}

impl Unary {
    /// The value in f64: the definition that every evaluator is held against.
    #[inline]
    pub fn value(self, x: f64) -> f64 {
        self.value_by(&Elementary::SYSTEM, x)
    }

    /// The same by given functions.
    #[inline]
    pub fn value_by(self, by: &Elementary, x: f64) -> f64 {
        match self {
            Self::Neg => -x,
            Self::Exp => match (by.exp)(x) {
                subnormal if subnormal < f64::MIN_POSITIVE => 0.0,
                value => value,
            },
            Self::Expm1 => (by.expm1)(x),
            Self::Log if x < f64::MIN_POSITIVE => f64::NAN,
            Self::Log => (by.log)(x),
            Self::Sqrt => x.sqrt(),
            Self::Sin => (by.sin)(x),
            Self::Cos => (by.cos)(x),
            Self::Abs => x.abs(),
            Self::Sign if counts_as_zero(x) => 0.0,
            Self::Sign => x.signum(),
            Self::InverseOr0 | Self::LogOr0 if counts_as_zero(x) => 0.0,
            Self::InverseOr0 => 1.0 / x,
            Self::LogOr0 => Self::Log.value_by(by, x),
        }
    }
}

impl Unary {
    /// Arithmetic operations of the lanes in f32; those that are calls count as the elementary function in them.
    pub fn flops(self) -> f64 {
        match self {
            Self::Exp | Self::Expm1 => FLOPS_OF_EXP,
            Self::Log | Self::LogOr0 => FLOPS_OF_LN,
            Self::Sin | Self::Cos => FLOPS_OF_EXP,
            Self::Neg | Self::Sqrt | Self::Abs | Self::Sign | Self::InverseOr0 => 1.0,
        }
    }
}

impl Binary {
    /// Arithmetic operations of the lanes in f32.
    pub fn flops(self) -> f64 {
        match self {
            Self::Pow => FLOPS_OF_EXP + FLOPS_OF_LN + 1.0,
            Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Min | Self::Max => 1.0,
        }
    }

    /// The value in f64: the definition that every evaluator is held against.
    #[inline]
    pub fn value(self, a: f64, b: f64) -> f64 {
        self.value_by(&Elementary::SYSTEM, a, b)
    }

    /// The same by given functions.
    #[inline]
    pub fn value_by(self, by: &Elementary, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div if counts_as_zero(b) => f64::NAN,
            Self::Div => a / b,
            Self::Pow if b == 0.0 => 1.0,
            Self::Pow if counts_as_zero(a) && b > 0.0 => 0.0,
            Self::Pow if counts_as_zero(a) => f64::NAN,
            Self::Pow => Unary::Exp.value_by(by, b * Unary::Log.value_by(by, a)),
            Self::Min | Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => a.min(b),
            Self::Max => a.max(b),
        }
    }

    /// Whether the order of the arguments makes no difference.
    pub fn commutes(self) -> bool {
        matches!(self, Self::Add | Self::Mul | Self::Min | Self::Max)
    }
}
