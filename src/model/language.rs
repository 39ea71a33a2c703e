//! How steps are written in the languages that code is generated in: one table for all of them.

use super::graph::Operation;
use super::operator::{Binary, Unary};

/// A language that code is generated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Of scalars, with the functions of `shaders/common/formula.wgsl`.
    Wgsl,
    /// Of vectors on lanes `l`, with the functions of `edges`.
    Rust,
}

impl Language {
    /// A step as an expression, given how its inputs and its operands are called.
    pub fn expression<R: Copy>(
        self,
        step: Operation<R>,
        input: impl Fn(u32) -> String,
        name: impl Fn(R) -> String,
    ) -> String {
        let (wgsl, rust) = match step {
            Operation::Input(row) => return input(row),
            Operation::Unary(op, x) => unary(op, &name(x)),
            Operation::Binary(op, a, b) => binary(op, &name(a), &name(b)),
        };
        match self {
            Self::Wgsl => wgsl,
            Self::Rust => rust,
        }
    }
}

fn unary(op: Unary, x: &str) -> (String, String) {
    match op {
        Unary::Neg => (format!("-{x}"), format!("l.neg({x})")),
        Unary::Exp => (format!("op_exp({x})"), format!("l.exp({x})")),
        Unary::Expm1 => (format!("op_expm1({x})"), format!("edges::expm1(l, {x})")),
        Unary::Log => (format!("op_log({x})"), format!("edges::log(l, {x})")),
        Unary::Sqrt => (format!("op_sqrt({x})"), format!("l.sqrt({x})")),
        Unary::Sin => (format!("op_sin({x})"), format!("edges::each_lane(l, Unary::Sin, {x})")),
        Unary::Cos => (format!("op_cos({x})"), format!("edges::each_lane(l, Unary::Cos, {x})")),
        Unary::Abs => (format!("abs({x})"), format!("l.abs({x})")),
        Unary::Sign => (format!("op_sign({x})"), format!("edges::sign(l, {x})")),
        Unary::InverseOr0 => (format!("op_inverse_or_0({x})"), format!("edges::inverse_or_0(l, {x})")),
        Unary::LogOr0 => (format!("op_log_or_0({x})"), format!("edges::log_or_0(l, {x})")),
    }
}

fn binary(op: Binary, a: &str, b: &str) -> (String, String) {
    match op {
        Binary::Add => (format!("{a} + {b}"), format!("l.add({a}, {b})")),
        Binary::Sub => (format!("{a} - {b}"), format!("l.sub({a}, {b})")),
        Binary::Mul => (format!("{a} * {b}"), format!("l.mul({a}, {b})")),
        Binary::Div => (format!("op_div({a}, {b})"), format!("edges::div(l, {a}, {b})")),
        Binary::Pow => (format!("op_pow({a}, {b})"), format!("edges::pow(l, {a}, {b})")),
        Binary::Min => (format!("op_min({a}, {b})"), format!("edges::min(l, {a}, {b})")),
        Binary::Max => (format!("op_max({a}, {b})"), format!("edges::max(l, {a}, {b})")),
    }
}
