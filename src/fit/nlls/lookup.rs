//! Looking voxels up in a dictionary, on lanes.

#![expect(clippy::needless_range_loop, reason = "loops of vector code, which iterators would hide from the compiler")]

use std::ops::Range;

use super::dictionary::{Dictionary, Extent, Linear, MOST_LINEAR};
use crate::lanes::{Element, Lanes};
use crate::model::signal::MOST_PARAMETERS as MOST;

/// A dictionary made ready for lanes.
#[derive(Debug)]
pub struct Lookup<'d, L: Lanes> {
    lanes: L,
    dictionary: &'d Dictionary,
    n_parameters: usize,
    n_linear: usize,
    n_samples: usize,
    /// `[node][vector][sample]`
    basis: Vec<L::T>,
    nodes: Vec<Node<L::T>>,
    /// `[direction][sample]`
    directions: Vec<L::T>,
    /// What lies along each direction, or 0 where that is below 0, and its square.
    along: Vec<[L::V; 2]>,
    /// The lower bound of a mixing parameter, and how far the upper one is from it.
    mixing: [L::T; 2],
}

/// What else a node is, in the type computed in: see [`super::dictionary::Node`].
#[derive(Debug)]
struct Node<T> {
    number: T,
    parameters: [T; MOST],
    triangle: [[T; MOST_LINEAR]; MOST_LINEAR],
    directions: [usize; 2],
    per_length: [T; 2],
    cos: T,
    /// 1/sin², or 0 where the two directions are the same.
    per_sin_squared: T,
}

impl<T: Element> Node<T> {
    fn new(index: usize, node: &super::dictionary::Node) -> Self {
        let mut parameters = [T::of(0.0); MOST];
        parameters.iter_mut().zip(&node.parameters).for_each(|(to, &from)| *to = T::of(from));
        let [cos, per_sin_squared] = node.between();
        Self {
            number: T::of(index as f64),
            parameters,
            triangle: node.triangle.map(|row| row.map(T::of)),
            directions: node.directions,
            per_length: node.per_length.map(T::of),
            cos: T::of(cos),
            per_sin_squared: T::of(per_sin_squared),
        }
    }
}

/// A place to start from.
#[derive(Debug, Clone, Copy)]
pub struct Start<V> {
    /// How much of the sum of squares of the samples is explained there; negative for none.
    pub explained: V,
    /// The node of the dictionary, as a number.
    pub node: V,
    /// Projections on its basis; not of a mixture.
    projections: [V; MOST_LINEAR],
}

impl<V: Copy> Start<V> {
    /// None yet: anything explains more.
    #[inline(always)]
    pub fn none<L: Lanes<V = V>>(l: L) -> Self {
        let zero = l.splat(0.0);
        Self { explained: l.splat(-1.0), node: zero, projections: [zero; MOST_LINEAR] }
    }

    /// This start where the mask is true, else the other.
    #[inline(always)]
    fn or<L: Lanes<V = V>, const M: usize>(self, l: L, mask: L::M, other: Self) -> Self {
        let mut projections = self.projections;
        for m in 0..M {
            projections[m] = l.select(mask, projections[m], other.projections[m]);
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
            n_parameters: extents.len(),
            n_linear: first.len(),
            n_samples: first.first().map_or(0, Vec::len),
            basis,
            nodes,
            directions: dictionary.directions.iter().flatten().map(|&value| L::T::of(value)).collect(),
            along: vec![[lanes.splat(0.0); 2]; dictionary.directions.len()],
            mixing,
        }
    }

    /// A vector of a node's basis.
    #[inline(always)]
    fn vector(&self, node: usize, m: usize) -> &[L::T] {
        &self.basis[(node * self.n_linear + m) * self.n_samples..][..self.n_samples]
    }

    /// The best places to start from for a vector of voxels, `y` being its samples: one for each zone, the best first.
    #[inline(always)]
    pub fn starts(&mut self, y: &[L::V], starts: &mut [Start<L::V>]) {
        let l = self.lanes;
        if self.dictionary.linear == Linear::Mixing {
            self.project_on_directions(y);
        }
        let none = Start::none(l);
        for (start, zone) in starts.iter_mut().zip(&self.dictionary.zones) {
            *start = match (self.dictionary.linear, self.n_linear) {
                (Linear::Mixing, _) => self.best_mixture(zone, none),
                (Linear::All, 1) => self.best::<1>(zone, y, none),
                (Linear::All, 2) => self.best::<2>(zone, y, none),
                (Linear::All, _) => self.best::<3>(zone, y, none),
            };
        }
        for i in 0..starts.len() {
            for j in i + 1..starts.len() {
                let (a, b) = (starts[i], starts[j]);
                let in_order = l.le(b.explained, a.explained);
                (starts[i], starts[j]) =
                    (a.or::<L, MOST_LINEAR>(l, in_order, b), b.or::<L, MOST_LINEAR>(l, in_order, a));
            }
        }
    }

    /// The parameters at a start of the voxels that were looked up last, in units of their scales.
    #[inline(always)]
    pub fn parameters(&self, start: &Start<L::V>) -> [L::V; MOST] {
        let l = self.lanes;
        let zero = l.splat(0.0);
        let mut to = [zero; MOST];
        let solved = self.dictionary.solved.as_slice();
        let is_mixture = self.dictionary.linear == Linear::Mixing;
        let (mut along, mut per_length, mut triangle) = ([zero; 2], [zero; 2], [[zero; MOST_LINEAR]; MOST_LINEAR]);
        let (mut cos, mut per_sin_squared) = (zero, zero);
        for lane in 0..L::LANES {
            let node = &self.nodes[l.lane(&start.node, lane).to_f32() as usize];
            for p in 0..self.n_parameters {
                l.set_lane(&mut to[p], lane, node.parameters[p]);
            }
            if is_mixture {
                for i in 0..2 {
                    l.set_lane(&mut along[i], lane, l.lane(&self.along[node.directions[i]][0], lane));
                    l.set_lane(&mut per_length[i], lane, node.per_length[i]);
                }
                l.set_lane(&mut cos, lane, node.cos);
                l.set_lane(&mut per_sin_squared, lane, node.per_sin_squared);
            } else {
                for i in 0..self.n_linear {
                    for j in i..self.n_linear {
                        l.set_lane(&mut triangle[i][j], lane, node.triangle[i][j]);
                    }
                }
            }
        }
        if let (true, &[s, f]) = (is_mixture, solved) {
            // The shares of the two directions, and so of the signals.
            let [first, second] = along;
            let added = l.mul(l.max(l.sub(second, l.mul(cos, first)), zero), per_sin_squared);
            let second_alone = l.lt(first, l.mul(cos, second));
            let at_low = l.select(second_alone, zero, l.max(l.sub(first, l.mul(cos, added)), zero));
            let at_high = l.select(second_alone, second, added);
            let (at_low, at_high) = (l.mul(at_low, per_length[0]), l.mul(at_high, per_length[1]));
            to[s] = l.add(at_low, at_high);
            let share = l.select(l.lt(zero, to[s]), l.div(at_high, to[s]), zero);
            to[f] = l.mul_add(share, l.fill(self.mixing[1]), l.fill(self.mixing[0]));
        } else {
            for (i, &parameter) in solved.iter().enumerate() {
                to[parameter] = zero;
                for j in i..self.n_linear {
                    to[parameter] = l.mul_add(triangle[i][j], start.projections[j], to[parameter]);
                }
            }
        }
        to
    }

    /// The best node of a zone, of M linear parameters without bounds: |Qᵀy|² is what they explain.
    #[inline(always)]
    fn best<const M: usize>(&self, zone: &Range<usize>, y: &[L::V], none: Start<L::V>) -> Start<L::V> {
        let l = self.lanes;
        let mut best = none;
        for node in zone.clone() {
            let mut this = Start { explained: l.splat(0.0), node: l.fill(self.nodes[node].number), ..none };
            for m in 0..M {
                let mut projection = l.splat(0.0);
                for (&q, &y) in self.vector(node, m).iter().zip(y) {
                    projection = l.mul_add(l.fill(q), y, projection);
                }
                this.projections[m] = projection;
                this.explained = l.mul_add(projection, projection, this.explained);
            }
            best = this.or::<L, M>(l, l.lt(best.explained, this.explained), best);
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
            let positive = l.max(sum, l.splat(0.0));
            *along = [positive, l.mul(positive, positive)];
        }
    }

    /// The best node of a zone, of mixtures of two signals with a share of 0 or more each. Where samples lie between the two
    /// directions, what the first explains and what the second adds to it; beyond them what lies along the nearer one.
    #[inline(always)]
    fn best_mixture(&self, zone: &Range<usize>, none: Start<L::V>) -> Start<L::V> {
        let l = self.lanes;
        let mut best = none;
        for node in &self.nodes[zone.clone()] {
            let [first, first_squared] = self.along[node.directions[0]];
            let [second, second_squared] = self.along[node.directions[1]];
            let cos = l.fill(node.cos);
            let added = l.max(l.mul_sub_from(cos, first, second), l.splat(0.0));
            let both = l.mul_add(l.mul(added, added), l.fill(node.per_sin_squared), first_squared);
            let explained = l.select(l.lt(first, l.mul(cos, second)), second_squared, both);
            let this = Start { explained, node: l.fill(node.number), ..none };
            best = this.or::<L, 0>(l, l.lt(best.explained, explained), best);
        }
        best
    }
}

#[cfg(test)]
mod tests;
