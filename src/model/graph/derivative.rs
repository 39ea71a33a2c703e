//! Exact derivatives, as nodes of the same graph; what they say at edges stands in [`super::super::operator`].

use std::collections::HashMap;

use super::{Entry, Graph, Node, Operation};
use crate::model::operator::{Binary, Unary};

use Binary::{Add, Div, Max, Min, Mul, Pow, Sub};

impl Graph {
    /// The derivative of a node by an input; `None` where the node does not depend on it.
    pub fn derivative(&mut self, of: Node, by: u32) -> Option<Node> {
        Derivation { graph: self, by, known: HashMap::new() }.of(of)
    }
}

/// A derivative that is 0 is `None`, so that no product with 0 is ever made.
struct Derivation<'g> {
    graph: &'g mut Graph,
    by: u32,
    known: HashMap<Node, Option<Node>>,
}

impl Derivation<'_> {
    fn of(&mut self, node: Node) -> Option<Node> {
        if let Some(&known) = self.known.get(&node) {
            return known;
        }
        let derivative = match self.graph.entry(node) {
            Entry::Number(_) | Entry::Constant(_) => None,
            Entry::Operation(Operation::Input(input)) => (input == self.by).then(|| self.constant(1.0)),
            Entry::Operation(Operation::Unary(op, x)) => {
                let dx = self.of(x);
                dx.map(|dx| self.unary(op, node, x, dx))
            }
            Entry::Operation(Operation::Binary(op, a, b)) => {
                let (da, db) = (self.of(a), self.of(b));
                let by_a = da.map(|da| self.by_first(op, node, [a, b], da));
                let by_b = db.map(|db| self.by_second(op, node, [a, b], db));
                match (by_a, by_b) {
                    (Some(x), Some(y)) => Some(self.binary(Add, x, y)),
                    (only, None) | (None, only) => only,
                }
            }
        };
        self.known.insert(node, derivative);
        derivative
    }

    /// A small number, which every evaluator can hold.
    fn constant(&mut self, value: f64) -> Node {
        self.graph.intern(Entry::Number(value.to_bits()))
    }

    fn binary(&mut self, op: Binary, a: Node, b: Node) -> Node {
        self.graph.binary(op, a, b)
    }

    fn function(&mut self, op: Unary, x: Node) -> Node {
        self.graph.unary(op, x)
    }

    /// dx · the slope of a function at x, whose value there is `node`.
    fn unary(&mut self, op: Unary, node: Node, x: Node, dx: Node) -> Node {
        match op {
            Unary::Neg => self.function(Unary::Neg, dx),
            Unary::Exp => self.binary(Mul, dx, node),
            Unary::Expm1 => {
                let slope = self.function(Unary::Exp, x);
                self.binary(Mul, dx, slope)
            }
            Unary::Log => self.binary(Div, dx, x),
            Unary::LogOr0 => {
                let inverse = self.function(Unary::InverseOr0, x);
                self.binary(Mul, dx, inverse)
            }
            Unary::Sqrt => {
                let half = self.constant(0.5);
                let inverse = self.function(Unary::InverseOr0, node);
                let slope = self.binary(Mul, half, inverse);
                self.binary(Mul, dx, slope)
            }
            Unary::Sin => {
                let slope = self.function(Unary::Cos, x);
                self.binary(Mul, dx, slope)
            }
            Unary::Cos => {
                let slope = self.function(Unary::Sin, x);
                let product = self.binary(Mul, dx, slope);
                self.function(Unary::Neg, product)
            }
            Unary::Abs => {
                let slope = self.function(Unary::Sign, x);
                self.binary(Mul, dx, slope)
            }
            Unary::Sign => {
                let zero = self.constant(0.0);
                self.binary(Mul, dx, zero)
            }
            Unary::InverseOr0 => {
                let square = self.binary(Mul, node, node);
                let product = self.binary(Mul, dx, square);
                self.function(Unary::Neg, product)
            }
        }
    }

    /// da · the slope of an operator by its first argument.
    fn by_first(&mut self, op: Binary, node: Node, [a, b]: [Node; 2], da: Node) -> Node {
        match op {
            Add | Sub => da,
            Mul => self.binary(Mul, da, b),
            Div => self.binary(Div, da, b),
            Pow => {
                // y·x^y / x
                let inverse = self.function(Unary::InverseOr0, a);
                let power = self.binary(Mul, node, inverse);
                let slope = self.binary(Mul, b, power);
                self.binary(Mul, da, slope)
            }
            Min => self.share(da, b, a),
            Max => self.share(da, a, b),
        }
    }

    /// db · the slope of an operator by its second argument.
    fn by_second(&mut self, op: Binary, node: Node, [a, b]: [Node; 2], db: Node) -> Node {
        match op {
            Add => db,
            Sub => self.function(Unary::Neg, db),
            Mul => self.binary(Mul, db, a),
            Div => {
                // −(a/b) / b
                let quotient = self.binary(Mul, db, node);
                let slope = self.binary(Div, quotient, b);
                self.function(Unary::Neg, slope)
            }
            Pow => {
                let log = self.function(Unary::LogOr0, a);
                let slope = self.binary(Mul, node, log);
                self.binary(Mul, db, slope)
            }
            Min => self.share(db, a, b),
            Max => self.share(db, b, a),
        }
    }

    /// The derivative times 1 where `larger` is the larger one, ½ where they are equal, else 0.
    fn share(&mut self, derivative: Node, larger: Node, smaller: Node) -> Node {
        let half = self.constant(0.5);
        let difference = self.binary(Sub, larger, smaller);
        let sign = self.function(Unary::Sign, difference);
        let scaled = self.binary(Mul, half, sign);
        let share = self.binary(Add, half, scaled);
        self.binary(Mul, derivative, share)
    }
}
