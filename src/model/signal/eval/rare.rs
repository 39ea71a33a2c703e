//! Operators that are calls.

use pulp::NullaryFnOnce;

use crate::lanes::Lanes;
use crate::model::edges;
use crate::model::graph::Operation;
use crate::model::operator::{Binary, Unary};

/// An operation that few formulas use, so that it is not compiled into every loop.
pub(super) struct Rare<L: Lanes> {
    pub(super) lanes: L,
    pub(super) operation: Operation<L::V>,
}

impl<L: Lanes> NullaryFnOnce for Rare<L> {
    type Output = L::V;

    #[inline(always)]
    fn call(self) -> L::V {
        let l = self.lanes;
        match self.operation {
            // Inputs are never asked for here.
            Operation::Input(_) => l.splat(f64::NAN),
            Operation::Unary(Unary::Neg, x) => l.neg(x),
            Operation::Unary(Unary::Exp, x) => l.exp(x),
            Operation::Unary(Unary::Expm1, x) => edges::expm1(l, x),
            Operation::Unary(Unary::Log, x) => edges::log(l, x),
            Operation::Unary(Unary::Sqrt, x) => l.sqrt(x),
            Operation::Unary(Unary::Abs, x) => l.abs(x),
            Operation::Unary(op @ (Unary::Sin | Unary::Cos), x) => edges::each_lane(l, op, x),
            Operation::Unary(Unary::Sign, x) => edges::sign(l, x),
            Operation::Unary(Unary::InverseOr0, x) => edges::inverse_or_0(l, x),
            Operation::Unary(Unary::LogOr0, x) => edges::log_or_0(l, x),
            Operation::Binary(Binary::Add, a, b) => l.add(a, b),
            Operation::Binary(Binary::Sub, a, b) => l.sub(a, b),
            Operation::Binary(Binary::Mul, a, b) => l.mul(a, b),
            Operation::Binary(Binary::Div, a, b) => edges::div(l, a, b),
            Operation::Binary(Binary::Pow, a, b) => edges::pow(l, a, b),
            Operation::Binary(Binary::Min, a, b) => edges::min(l, a, b),
            Operation::Binary(Binary::Max, a, b) => edges::max(l, a, b),
        }
    }
}
