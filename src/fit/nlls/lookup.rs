//! Looking voxels up in a dictionary, on lanes.

use std::ops::Range;

use super::dictionary::{Dictionary, Extent, Linear, MOST_LINEAR, MOST_ZONES};
use crate::lanes::{Element, Lanes};
use crate::model::signal::MOST_PARAMETERS as MOST;

/// A dictionary made ready for lanes.
#[derive(Debug)]
pub struct Lookup<'d, L: Lanes> {
    lanes: L,
    dictionary: &'d Dictionary,
    n_linear: usize,
    /// `[node][vector][sample]`
    basis: Vec<L::T>,
    nodes: Vec<Node<L::T>>,
    /// The lower bound of a mixing parameter, and how far the upper one is from it.
    mixing: [L::T; 2],
}

/// What else a node is, in the type computed in: see [`super::dictionary::Node`].
#[derive(Debug)]
struct Node<T> {
    number: T,
    angle: [T; 2],
    parameters: [T; MOST],
    triangle: [[T; MOST_LINEAR]; MOST_LINEAR],
}

impl<T: Element> Node<T> {
    fn new(index: usize, node: &super::dictionary::Node) -> Self {
        let mut parameters = [T::of(0.0); MOST];
        parameters.iter_mut().zip(&node.parameters).for_each(|(to, &from)| *to = T::of(from));
        Self {
            number: T::of(index as f64),
            angle: node.angle.map(T::of),
            parameters,
            triangle: node.triangle.map(|row| row.map(T::of)),
        }
    }

    /// A coefficient of the node's signals, from projections on its basis.
    #[inline(always)]
    fn coefficient(&self, i: usize, projections: &[T; MOST_LINEAR]) -> T {
        let row = &self.triangle[i];
        row[0] * projections[0] + row[1] * projections[1] + row[2] * projections[2]
    }
}

/// A place to start from.
#[derive(Debug, Clone, Copy)]
pub struct Start<V> {
    /// How much of the sum of squares of the samples is explained there; negative for none.
    pub explained: V,
    /// The node of the dictionary, as a number.
    pub node: V,
    /// Projections on its basis.
    pub projections: [V; MOST_LINEAR],
}

impl<V: Copy> Start<V> {
    /// This start where the mask is true, else the other.
    #[inline(always)]
    fn or<L: Lanes<V = V>>(self, l: L, mask: L::M, other: Self) -> Self {
        let mut projections = self.projections;
        for (to, no) in projections.iter_mut().zip(other.projections) {
            *to = l.select(mask, *to, no);
        }
        let explained = l.select(mask, self.explained, other.explained);
        Self { explained, node: l.select(mask, self.node, other.node), projections }
    }
}

impl<'d, L: Lanes> Lookup<'d, L> {
    /// A lookup; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, dictionary: &'d Dictionary, extents: &[Extent]) -> Self {
        let mut basis = Vec::new();
        for node in &dictionary.nodes {
            for row in &node.basis {
                for &value in row {
                    basis.push(L::T::of(value));
                }
            }
        }
        let n_linear = dictionary.nodes.first().map_or(0, |node| node.basis.len());
        let mut nodes = Vec::new();
        for (index, node) in dictionary.nodes.iter().enumerate() {
            nodes.push(Node::new(index, node));
        }
        let mut mixing = [L::T::of(0.0); 2];
        if let (Linear::Mixing, &[_, f]) = (dictionary.linear, dictionary.solved.as_slice()) {
            let [low, high] = extents[f].bounds;
            mixing = [L::T::of(low), L::T::of(high - low)];
        }
        Self { lanes, dictionary, n_linear, basis, nodes, mixing }
    }

    /// The parameters that a node gives to a voxel with these projections Qᵀy on its basis, in units of their scales.
    #[inline(always)]
    pub fn parameters(&self, node: usize, projections: &[L::T; MOST_LINEAR]) -> [L::T; MOST] {
        let node = &self.nodes[node];
        let mut to = node.parameters;
        match (self.dictionary.linear, self.dictionary.solved.as_slice()) {
            (Linear::Mixing, &[s, f]) => {
                let zero = L::T::of(0.0);
                let (at_low, at_high) = (node.coefficient(0, projections), node.coefficient(1, projections));
                let at_low = if at_low > zero { at_low } else { zero };
                let at_high = if at_high > zero { at_high } else { zero };
                to[s] = at_low + at_high;
                let share = if to[s] > zero { at_high.over(to[s]) } else { zero };
                to[f] = self.mixing[0] + share * self.mixing[1];
            }
            (_, solved) => {
                for (i, &parameter) in solved.iter().enumerate() {
                    to[parameter] = node.coefficient(i, projections);
                }
            }
        }
        to
    }

    /// The best places to start from for a vector of voxels, `y` being its samples: one for each zone, the best first.
    #[inline(always)]
    pub fn starts(&self, y: &[L::V]) -> [Start<L::V>; MOST_ZONES] {
        let l = self.lanes;
        let none = Start { explained: l.splat(-1.0), node: l.splat(0.0), projections: [l.splat(0.0); MOST_LINEAR] };
        let mut starts = [none; MOST_ZONES];
        let n_starts = self.dictionary.zones.len();
        for (start, zone) in starts.iter_mut().zip(&self.dictionary.zones) {
            *start = match (self.dictionary.linear, self.n_linear) {
                (Linear::Mixing, _) => self.best::<2, true>(zone, y, none),
                (Linear::All, 1) => self.best::<1, false>(zone, y, none),
                (Linear::All, 2) => self.best::<2, false>(zone, y, none),
                (Linear::All, _) => self.best::<3, false>(zone, y, none),
            };
        }
        for i in 0..n_starts {
            for j in i + 1..n_starts {
                let in_order = l.le(starts[j].explained, starts[i].explained);
                (starts[i], starts[j]) = (starts[i].or(l, in_order, starts[j]), starts[j].or(l, in_order, starts[i]));
            }
        }
        starts
    }

    /// The best node of a zone, of M linear parameters or a mixture.
    #[inline(always)]
    fn best<const M: usize, const MIXED: bool>(
        &self,
        zone: &Range<usize>,
        y: &[L::V],
        none: Start<L::V>,
    ) -> Start<L::V> {
        let l = self.lanes;
        let mut best = none;
        for node in zone.clone() {
            let (explained, projections) = if MIXED { self.mixed(node, y) } else { self.linear::<M>(node, y) };
            let this = Start { explained, node: l.fill(self.nodes[node].number), projections };
            best = this.or(l, l.lt(best.explained, explained), best);
        }
        best
    }

    /// Qᵀy of a node.
    #[inline(always)]
    fn projections<const M: usize>(&self, node: usize, y: &[L::V]) -> [L::V; M] {
        let l = self.lanes;
        let rows = &self.basis[node * M * y.len()..][..M * y.len()];
        let mut projections = [l.splat(0.0); M];
        for (m, projection) in projections.iter_mut().enumerate() {
            for (&q, &y) in rows[m * y.len()..][..y.len()].iter().zip(y) {
                *projection = l.mul_add(l.fill(q), y, *projection);
            }
        }
        projections
    }

    /// What linear parameters without bounds explain.
    #[inline(always)]
    fn linear<const M: usize>(&self, node: usize, y: &[L::V]) -> (L::V, [L::V; MOST_LINEAR]) {
        let l = self.lanes;
        let found = self.projections::<M>(node, y);
        let mut all = [l.splat(0.0); MOST_LINEAR];
        let mut explained = l.splat(0.0);
        for (to, from) in all.iter_mut().zip(found) {
            *to = from;
            explained = l.mul_add(from, from, explained);
        }
        (explained, all)
    }

    /// What a mixture of two signals explains, each with a share of 0 or more.
    #[inline(always)]
    fn mixed(&self, node: usize, y: &[L::V]) -> (L::V, [L::V; MOST_LINEAR]) {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let [first, second] = self.projections::<2>(node, y);
        let [cos, sin] = self.nodes[node].angle;
        let (cos, sin) = (l.fill(cos), l.fill(sin));
        // Between the directions of the two signals, which are (1, 0) and (cos, sin), all is explained; beyond them,
        // what lies along the nearer one.
        let inside = l.and(l.le(zero, second), l.le(l.mul(second, cos), l.mul(first, sin)));
        let along_first = l.max(first, zero);
        let along_second = l.max(l.mul_add(second, sin, l.mul(first, cos)), zero);
        let nearer = l.lt(along_second, along_first);
        let beyond =
            [l.select(nearer, along_first, l.mul(along_second, cos)), l.select(nearer, zero, l.mul(along_second, sin))];
        let first = l.select(inside, first, beyond[0]);
        let second = l.select(inside, second, beyond[1]);
        (l.mul_add(first, first, l.mul(second, second)), [first, second, zero])
    }
}
