//! Formulas arranged for a fit: factors that do not depend on the observation, or not on the voxel, stand together, so
//! that each is computed as rarely as it can be. Values may change in their last bits.

use std::collections::HashMap;

use super::{Entry, Graph, Node, Operation};
use crate::model::operator::{Binary, Unary};

/// What a node depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum Varies {
    /// The observation at most: the host computes it.
    Sample,
    /// The voxel alone.
    Voxel,
    /// Both.
    Both,
}

impl Graph {
    /// What each node depends on.
    pub(in crate::model) fn variation(&self, is_axis: impl Fn(u32) -> bool) -> Vec<Varies> {
        let with_sample = self.depending(|leaf| matches!(leaf, Entry::Constant(i) if is_axis(i)));
        let varies = |(&sample, voxel): (&bool, bool)| match (sample, voxel) {
            (_, false) => Varies::Sample,
            (false, true) => Varies::Voxel,
            (true, true) => Varies::Both,
        };
        with_sample.iter().zip(self.varying()).map(varies).collect()
    }

    /// A graph of the same values as `wanted`, arranged. Each input is given as a multiple of its scale.
    pub(in crate::model) fn arranged(
        &self,
        wanted: &[Node],
        scales: &[f64],
        is_axis: impl Fn(u32) -> bool,
    ) -> (Self, Vec<Node>) {
        let variation = self.variation(is_axis);
        let mut arrangement = Arrangement { from: self, variation, scales, to: Self::default(), made: HashMap::new() };
        let nodes = wanted.iter().map(|&node| arrangement.node(node)).collect();
        (arrangement.to, nodes)
    }
}

struct Arrangement<'g> {
    from: &'g Graph,
    variation: Vec<Varies>,
    scales: &'g [f64],
    to: Graph,
    made: HashMap<Node, Node>,
}

/// The factors of a product by what they depend on.
#[derive(Default)]
struct Factors {
    number: f64,
    of_sample: Vec<Node>,
    of_voxel: Vec<Node>,
    of_both: Vec<Node>,
}

impl Arrangement<'_> {
    fn node(&mut self, node: Node) -> Node {
        if let Some(&made) = self.made.get(&node) {
            return made;
        }
        let on_device = self.variation[node.index()] != Varies::Sample;
        let made = match self.from.entry(node) {
            Entry::Operation(operation) if on_device && is_product(operation) => self.product(node),
            Entry::Operation(Operation::Unary(op, x)) => {
                let x = self.node(x);
                self.to.unary(op, x)
            }
            Entry::Operation(Operation::Binary(op, a, b)) => {
                let (a, b) = (self.node(a), self.node(b));
                self.to.binary(op, a, b)
            }
            leaf => self.to.intern(leaf),
        };
        self.made.insert(node, made);
        made
    }

    /// A product: first what the host knows, then what the voxel alone decides, then the rest.
    fn product(&mut self, node: Node) -> Node {
        let mut factors = Factors { number: 1.0, ..Factors::default() };
        self.collect(node, &mut factors);
        let sign = factors.number.signum();
        let magnitude = self.to.number(factors.number.abs());
        // The number joins what is computed most rarely.
        let rarest = if factors.of_sample.is_empty() { &mut factors.of_voxel } else { &mut factors.of_sample };
        rarest.extend(magnitude.filter(|&number| self.to.number_of(number) != Some(1.0)));
        let [of_sample, of_voxel, of_both] =
            [factors.of_sample, factors.of_voxel, factors.of_both].map(|list| self.multiplied(list));
        // A sign costs nothing on the host.
        let of_sample = match (of_sample, sign < 0.0) {
            (Some(product), true) => Some(self.to.unary(Unary::Neg, product)),
            (product, _) => product,
        };
        let on_device = self.multiplied([of_voxel, of_both].into_iter().flatten().collect());
        let signed = match (of_sample, on_device) {
            (None, Some(product)) if sign < 0.0 => Some(self.to.unary(Unary::Neg, product)),
            (Some(a), Some(b)) => Some(self.to.binary(Binary::Mul, b, a)),
            (only, None) | (None, only) => only,
        };
        signed.unwrap_or_else(|| self.to.intern(Entry::Number(sign.to_bits())))
    }

    fn multiplied(&mut self, mut factors: Vec<Node>) -> Option<Node> {
        factors.sort_unstable();
        factors.into_iter().reduce(|a, b| self.to.binary(Binary::Mul, a, b))
    }

    /// Adds the factors of a node.
    fn collect(&mut self, node: Node, factors: &mut Factors) {
        let varies = self.variation[node.index()];
        match self.from.entry(node) {
            Entry::Number(bits) => factors.number *= f64::from_bits(bits),
            Entry::Operation(Operation::Input(input)) => {
                factors.number *= self.scales.get(input as usize).copied().unwrap_or(1.0);
                let copy = self.to.input(input);
                factors.of_voxel.push(copy);
            }
            Entry::Operation(Operation::Unary(Unary::Neg, x)) => {
                factors.number = -factors.number;
                self.collect(x, factors);
            }
            Entry::Operation(Operation::Binary(Binary::Mul, a, b)) => {
                self.collect(a, factors);
                self.collect(b, factors);
            }
            Entry::Operation(Operation::Binary(Binary::Div, a, b)) if self.can_invert(b, varies) => {
                self.collect(a, factors);
                let (one, divisor) = (self.to.intern(Entry::Number(1f64.to_bits())), self.node(b));
                let inverse = self.to.binary(Binary::Div, one, divisor);
                self.sorted(factors, self.variation[b.index()]).push(inverse);
            }
            Entry::Operation(Operation::Binary(Binary::Div, a, b)) => {
                let (a, b) = (self.node(a), self.node(b));
                let quotient = self.to.binary(Binary::Div, a, b);
                self.sorted(factors, varies).push(quotient);
            }
            _ => {
                let copy = self.node(node);
                self.sorted(factors, varies).push(copy);
            }
        }
    }

    /// A division becomes a product where its divisor is computed more rarely than it.
    fn can_invert(&self, divisor: Node, varies: Varies) -> bool {
        self.variation[divisor.index()] < varies
    }

    fn sorted<'f>(&self, factors: &'f mut Factors, varies: Varies) -> &'f mut Vec<Node> {
        match varies {
            Varies::Sample => &mut factors.of_sample,
            Varies::Voxel => &mut factors.of_voxel,
            Varies::Both => &mut factors.of_both,
        }
    }
}

/// An input is one too: of its scale and the number that a fit works with.
fn is_product(operation: Operation<Node>) -> bool {
    matches!(
        operation,
        Operation::Input(_) | Operation::Unary(Unary::Neg, _) | Operation::Binary(Binary::Mul | Binary::Div, ..)
    )
}
