//! Formulas as one graph: equal sub-expressions are one node, whichever formula they stand in.
//!
//! Numbers are folded and expressions simplified as nodes are made. A simplification never changes a value, not even
//! in its last bit, but for the sign of a zero, which nothing can observe: `0·x`, `x − x` and `x / x` therefore stay,
//! since x may be infinite or NaN.

mod arrange;
mod derivative;
mod powers;
mod written;

use std::collections::HashMap;

use super::fault::{Fault, suggest};
use super::operator::{Binary, Elementary, Unary};
use super::parser::{Expr, ExprKind};
pub(super) use arrange::Varies;
use powers::{by_squaring, integer};

/// A node of a [`Graph`]; those it is computed from have smaller numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(u32);

impl Node {
    /// Its place in [`Graph::values`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One step of a voxel's computation on references of type `R`: nodes of a graph, values of a program, registers of an
/// evaluator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation<R> {
    /// What is known of the voxel alone, by its index: the voxel of an image, or a parameter.
    Input(u32),
    /// A function of one value.
    Unary(Unary, R),
    /// An operator between two values.
    Binary(Binary, R, R),
}

impl<R: Copy> Operation<R> {
    /// The same step on other references.
    pub fn map<S>(self, mut to: impl FnMut(R) -> S) -> Operation<S> {
        match self {
            Self::Input(row) => Operation::Input(row),
            Self::Unary(op, x) => Operation::Unary(op, to(x)),
            Self::Binary(op, a, b) => Operation::Binary(op, to(a), to(b)),
        }
    }

    /// What it is computed from.
    pub fn operands(self) -> impl Iterator<Item = R> {
        let (first, second) = match self {
            Self::Input(_) => (None, None),
            Self::Unary(_, x) => (Some(x), None),
            Self::Binary(_, a, b) => (Some(a), Some(b)),
        };
        first.into_iter().chain(second)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A number, by its bits; always 0 or normal in f32, so that every evaluator can hold it.
    Number(u64),
    /// What is the same for all voxels but not known before a run, by its index: a number, or an axis.
    Constant(u32),
    /// Different in every voxel, or computed.
    Operation(Operation<Node>),
}

/// Expressions without repetition.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    entries: Vec<Entry>,
    nodes: HashMap<Entry, Node>,
}

/// Whether an f32 holds a number without overflow or loss to the subnormals.
fn fits_f32(value: f64) -> bool {
    let rounded = value as f32;
    rounded.is_finite() && (rounded.is_normal() || value == 0.0)
}

impl Graph {
    /// What a node is.
    pub fn entry(&self, node: Node) -> Entry {
        self.entries[node.index()]
    }

    /// The value of a node that is a number.
    pub fn number_of(&self, node: Node) -> Option<f64> {
        match self.entry(node) {
            Entry::Number(bits) => Some(f64::from_bits(bits)),
            Entry::Constant(_) | Entry::Operation(_) => None,
        }
    }

    /// The values of all nodes in f64, from those of the constants and of one voxel's inputs; what is not given is NaN.
    pub fn values(&self, constants: &[f64], inputs: &[f64]) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.entries.len());
        self.values_by(&Elementary::SYSTEM, constants, inputs, &mut values);
        values
    }

    /// The same by given functions, in place of what is in `values`, so that many voxels take memory once.
    pub fn values_by(&self, by: &Elementary, constants: &[f64], inputs: &[f64], values: &mut Vec<f64>) {
        let given = |list: &[f64], i: u32| list.get(i as usize).copied().unwrap_or(f64::NAN);
        values.clear();
        for entry in &self.entries {
            let of = |node: Node| values[node.index()];
            values.push(match *entry {
                Entry::Number(bits) => f64::from_bits(bits),
                Entry::Constant(i) => given(constants, i),
                Entry::Operation(Operation::Input(i)) => given(inputs, i),
                Entry::Operation(Operation::Unary(op, x)) => op.value_by(by, of(x)),
                Entry::Operation(Operation::Binary(op, a, b)) => op.value_by(by, of(a), of(b)),
            });
        }
    }

    /// For each node, whether it differs between voxels.
    pub fn varying(&self) -> Vec<bool> {
        self.depending(|leaf| matches!(leaf, Entry::Operation(Operation::Input(_))))
    }

    /// For each node, whether it is or is computed from a leaf of a kind.
    pub fn depending(&self, on: impl Fn(Entry) -> bool) -> Vec<bool> {
        let mut depending: Vec<bool> = Vec::with_capacity(self.entries.len());
        for &entry in &self.entries {
            let inherited = match entry {
                Entry::Operation(op) => op.operands().any(|node| depending[node.index()]),
                Entry::Number(_) | Entry::Constant(_) => false,
            };
            depending.push(inherited || on(entry));
        }
        depending
    }

    fn intern(&mut self, entry: Entry) -> Node {
        *self.nodes.entry(entry).or_insert_with(|| {
            self.entries.push(entry);
            Node(self.entries.len() as u32 - 1)
        })
    }

    /// A number, if f32 holds it.
    pub fn number(&mut self, value: f64) -> Option<Node> {
        // Both zeros are one.
        fits_f32(value).then(|| self.intern(Entry::Number((value + 0.0).to_bits())))
    }

    /// The constant of an index.
    pub fn constant(&mut self, index: u32) -> Node {
        self.intern(Entry::Constant(index))
    }

    /// The input of an index.
    pub fn input(&mut self, row: u32) -> Node {
        self.intern(Entry::Operation(Operation::Input(row)))
    }

    /// A function of one value.
    pub fn unary(&mut self, op: Unary, x: Node) -> Node {
        if let Some(value) = self.number_of(x)
            && let Some(node) = self.number(op.value(value))
        {
            return node;
        }
        match (op, self.entry(x)) {
            (Unary::Neg, Entry::Operation(Operation::Unary(Unary::Neg, inner))) => inner,
            (Unary::Neg, Entry::Operation(Operation::Binary(Binary::Sub, a, b))) => self.binary(Binary::Sub, b, a),
            (Unary::Abs, Entry::Operation(Operation::Unary(Unary::Neg, inner))) => self.unary(Unary::Abs, inner),
            (Unary::Abs, Entry::Operation(Operation::Unary(Unary::Abs, _))) => x,
            _ => self.intern(Entry::Operation(Operation::Unary(op, x))),
        }
    }

    /// An operator between two values.
    pub fn binary(&mut self, op: Binary, a: Node, b: Node) -> Node {
        // Simplification first: powers are products for numbers as for all else.
        if let Some(node) = self.simpler(op, a, b).or_else(|| self.folded(op, a, b)) {
            return node;
        }
        let (a, b) = if op.commutes() && b < a { (b, a) } else { (a, b) };
        self.intern(Entry::Operation(Operation::Binary(op, a, b)))
    }

    /// The result between two numbers, if it is one that can be held.
    fn folded(&mut self, op: Binary, a: Node, b: Node) -> Option<Node> {
        self.number(op.value(self.number_of(a)?, self.number_of(b)?))
    }

    /// An existing or simpler node of the same value.
    fn simpler(&mut self, op: Binary, a: Node, b: Node) -> Option<Node> {
        use Binary::{Add, Div, Max, Min, Mul, Pow, Sub};
        let (left, right) = (self.number_of(a), self.number_of(b));
        match (op, left, right) {
            (Add, Some(0.0), _) => return Some(b),
            (Add | Sub, _, Some(0.0)) => return Some(a),
            (Sub, Some(0.0), _) => return Some(self.unary(Unary::Neg, b)),
            (Mul, Some(1.0), _) => return Some(b),
            (Mul | Div, _, Some(1.0)) => return Some(a),
            (Mul, Some(-1.0), _) => return Some(self.unary(Unary::Neg, b)),
            (Mul | Div, _, Some(-1.0)) => return Some(self.unary(Unary::Neg, a)),
            (Pow, _, Some(0.5)) => return Some(self.unary(Unary::Sqrt, a)),
            (Pow, _, Some(y)) => return integer(y).and_then(|n| self.power(a, n)),
            (Min | Max, ..) if a == b => return Some(a),
            _ => {}
        }
        match (op, self.negated(a), self.negated(b)) {
            (Add, _, Some(y)) => Some(self.binary(Sub, a, y)),
            (Add, Some(x), None) => Some(self.binary(Sub, b, x)),
            (Sub, _, Some(y)) => Some(self.binary(Add, a, y)),
            (Mul | Div, Some(x), Some(y)) => Some(self.binary(op, x, y)),
            _ => None,
        }
    }

    /// x for a node that is −x.
    fn negated(&self, node: Node) -> Option<Node> {
        match self.entry(node) {
            Entry::Operation(Operation::Unary(Unary::Neg, x)) => Some(x),
            _ => None,
        }
    }

    /// xⁿ as products.
    fn power(&mut self, x: Node, n: i32) -> Option<Node> {
        let one = self.number(1.0)?;
        let positive = by_squaring(x, n.unsigned_abs(), |a, b| self.binary(Binary::Mul, a, b));
        let positive = positive.unwrap_or(one);
        match n < 0 {
            true => Some(self.binary(Binary::Div, one, positive)),
            false => Some(positive),
        }
    }

    /// Adds a formula, whose names mean the nodes in `names`.
    ///
    /// A fault is a name that is not there, or a number that no f32 holds, such as `1/0`.
    pub fn add(&mut self, expr: &Expr, names: &[(&str, Node)]) -> Result<Node, Fault> {
        let (node, numbers_only) = match &expr.kind {
            ExprKind::Number(value) => (self.number(*value), true),
            ExprKind::Name(name) => {
                let found = names.iter().find(|(known, _)| known == name);
                let node = found.map(|&(_, node)| node);
                (Some(node.ok_or_else(|| unknown(name, expr, names))?), false)
            }
            ExprKind::Unary(op, x) => {
                let x = self.add(x, names)?;
                (Some(self.unary(*op, x)), self.number_of(x).is_some())
            }
            ExprKind::Binary(op, a, b) => {
                let (a, b) = (self.add(a, names)?, self.add(b, names)?);
                let numbers_only = self.number_of(a).is_some() && self.number_of(b).is_some();
                (Some(self.binary(*op, a, b)), numbers_only)
            }
        };
        // What is computed from numbers alone and did not become a number cannot be held.
        match node {
            Some(node) if !numbers_only || self.number_of(node).is_some() => Ok(node),
            _ => Err(Fault::new(
                expr.at.clone(),
                "this number has no value in 32-bit floating point (1.2e-38 to 3.4e38, or 0)",
                "change the units or the formula",
            )),
        }
    }
}

fn unknown(name: &str, expr: &Expr, names: &[(&str, Node)]) -> Fault {
    Fault::new(
        expr.at.clone(),
        format!("unknown name `{name}`"),
        suggest(name, "names", names.iter().map(|(known, _)| *known)),
    )
}

#[cfg(test)]
mod tests;
