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
    n_samples: usize,
    /// `[node][vector][sample]`
    basis: Vec<L::T>,
    nodes: Vec<Node<L::T>>,
    /// `[direction][sample]`
    directions: Vec<L::T>,
    /// What lies along each direction, or 0 where that is below 0.
    along: Vec<L::V>,
    /// The lower bound of a mixing parameter, and how far the upper one is from it.
    mixing: [L::T; 2],
}

/// What else a node is, in the type computed in: see [`super::dictionary::Node`].
#[derive(Debug)]
struct Node<T> {
    number: T,
    directions: [usize; 2],
    cos: T,
    /// 1/sin², or 0 where the two directions are the same.
    per_sin_squared: T,
    parameters: [T; MOST],
    triangle: [[T; MOST_LINEAR]; MOST_LINEAR],
}

impl<T: Element> Node<T> {
    fn new(index: usize, node: &super::dictionary::Node) -> Self {
        let mut parameters = [T::of(0.0); MOST];
        parameters.iter_mut().zip(&node.parameters).for_each(|(to, &from)| *to = T::of(from));
        let [cos, sin] = node.angle;
        Self {
            number: T::of(index as f64),
            directions: node.directions,
            cos: T::of(cos),
            per_sin_squared: T::of(if sin > 0.0 { 1.0 / (sin * sin) } else { 0.0 }),
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
}

impl<V: Copy> Start<V> {
    /// This start where the mask is true, else the other.
    #[inline(always)]
    fn or<L: Lanes<V = V>>(self, l: L, mask: L::M, other: Self) -> Self {
        let explained = l.select(mask, self.explained, other.explained);
        Self { explained, node: l.select(mask, self.node, other.node) }
    }
}

impl<'d, L: Lanes> Lookup<'d, L> {
    /// A lookup; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, dictionary: &'d Dictionary, extents: &[Extent]) -> Self {
        let mut basis = Vec::new();
        let mut nodes = Vec::new();
        for (index, node) in dictionary.nodes.iter().enumerate() {
            basis.extend(node.basis.iter().flatten().map(|&value| L::T::of(value)));
            nodes.push(Node::new(index, node));
        }
        let first = dictionary.nodes.first().map_or(&[][..], |node| &node.basis);
        let mut mixing = [L::T::of(0.0); 2];
        if let (Linear::Mixing, &[_, f]) = (dictionary.linear, dictionary.solved.as_slice()) {
            let [low, high] = extents[f].bounds;
            mixing = [L::T::of(low), L::T::of(high - low)];
        }
        Self {
            lanes,
            dictionary,
            n_linear: first.len(),
            n_samples: first.first().map_or(0, Vec::len),
            basis,
            nodes,
            directions: dictionary.directions.iter().flatten().map(|&value| L::T::of(value)).collect(),
            along: vec![lanes.splat(0.0); dictionary.directions.len()],
            mixing,
        }
    }

    /// The parameters that a node gives to a voxel with these samples, in units of their scales.
    #[inline(always)]
    pub fn parameters(&self, number: usize, y: &[L::T]) -> [L::T; MOST] {
        let node = &self.nodes[number];
        let mut projections = [L::T::of(0.0); MOST_LINEAR];
        for (m, projection) in projections[..self.n_linear].iter_mut().enumerate() {
            for (&q, &y) in self.vector(number, m).iter().zip(y) {
                *projection += q * y;
            }
        }
        let mut to = node.parameters;
        match (self.dictionary.linear, self.dictionary.solved.as_slice()) {
            (Linear::Mixing, &[s, f]) => {
                let zero = L::T::of(0.0);
                let [at_low, at_high] = [node.coefficient(0, &projections), node.coefficient(1, &projections)];
                let at_low = if at_low > zero { at_low } else { zero };
                let at_high = if at_high > zero { at_high } else { zero };
                to[s] = at_low + at_high;
                let share = if to[s] > zero { at_high.over(to[s]) } else { zero };
                to[f] = self.mixing[0] + share * self.mixing[1];
            }
            (_, solved) => {
                for (i, &parameter) in solved.iter().enumerate() {
                    to[parameter] = node.coefficient(i, &projections);
                }
            }
        }
        to
    }

    /// A vector of a node's basis.
    #[inline(always)]
    fn vector(&self, node: usize, m: usize) -> &[L::T] {
        &self.basis[(node * self.n_linear + m) * self.n_samples..][..self.n_samples]
    }

    /// The best places to start from for a vector of voxels, `y` being its samples: one for each zone, the best first.
    #[inline(always)]
    pub fn starts(&mut self, y: &[L::V]) -> [Start<L::V>; MOST_ZONES] {
        let l = self.lanes;
        if self.dictionary.linear == Linear::Mixing {
            self.project_on_directions(y);
        }
        let mut starts = [Start { explained: l.splat(-1.0), node: l.splat(0.0) }; MOST_ZONES];
        let n_starts = self.dictionary.zones.len();
        for (start, zone) in starts.iter_mut().zip(&self.dictionary.zones) {
            *start = match self.dictionary.linear {
                Linear::Mixing => self.best_mixture(zone, *start),
                Linear::All => self.best(zone, y, *start),
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

    /// The best node of a zone, of linear parameters without bounds: |Qᵀy|² is what they explain.
    #[inline(always)]
    fn best(&self, zone: &Range<usize>, y: &[L::V], none: Start<L::V>) -> Start<L::V> {
        let l = self.lanes;
        let mut best = none;
        for node in zone.clone() {
            let mut explained = l.splat(0.0);
            for m in 0..self.n_linear {
                let mut projection = l.splat(0.0);
                for (&q, &y) in self.vector(node, m).iter().zip(y) {
                    projection = l.mul_add(l.fill(q), y, projection);
                }
                explained = l.mul_add(projection, projection, explained);
            }
            let this = Start { explained, node: l.fill(self.nodes[node].number) };
            best = this.or(l, l.lt(best.explained, explained), best);
        }
        best
    }

    /// What lies along the directions of all mixtures: many nodes have one of theirs in common.
    #[inline(always)]
    fn project_on_directions(&mut self, y: &[L::V]) {
        let l = self.lanes;
        for (along, direction) in self.along.iter_mut().zip(self.directions.chunks_exact(y.len())) {
            let mut sum = l.splat(0.0);
            for (&u, &y) in direction.iter().zip(y) {
                sum = l.mul_add(l.fill(u), y, sum);
            }
            *along = l.max(sum, l.splat(0.0));
        }
    }

    /// The best node of a zone, of mixtures of two signals with a share of 0 or more each. Where samples lie between the two
    /// directions, what the first explains and what the second adds to it; beyond them what lies along the nearer one.
    #[inline(always)]
    fn best_mixture(&self, zone: &Range<usize>, none: Start<L::V>) -> Start<L::V> {
        let l = self.lanes;
        let mut best = none;
        for node in &self.nodes[zone.clone()] {
            let [first, second] = [self.along[node.directions[0]], self.along[node.directions[1]]];
            let cos = l.fill(node.cos);
            let added = l.max(l.sub(second, l.mul(cos, first)), l.splat(0.0));
            let both = l.mul_add(l.mul(added, added), l.fill(node.per_sin_squared), l.mul(first, first));
            let explained = l.select(l.lt(first, l.mul(cos, second)), l.mul(second, second), both);
            let this = Start { explained, node: l.fill(node.number) };
            best = this.or(l, l.lt(best.explained, explained), best);
        }
        best
    }
}
