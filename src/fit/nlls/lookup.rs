//! Looking voxels up in a dictionary, on lanes.

use super::dictionary::{Dictionary, Linear, MOST_LINEAR};
use crate::lanes::{Element, Lanes};

/// Most starts of a voxel.
pub const STARTS: usize = 4;

/// A dictionary made ready for lanes.
#[derive(Debug)]
pub struct Lookup<'d, L: Lanes> {
    lanes: L,
    dictionary: &'d Dictionary,
    n_linear: usize,
    /// Zones of the last parameter, each of which gives its best.
    n_starts: usize,
    /// `[node][vector][sample]`
    basis: Vec<L::T>,
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
    pub fn new(lanes: L, dictionary: &'d Dictionary, n_starts: usize) -> Self {
        let mut basis = Vec::new();
        for node in &dictionary.nodes {
            for row in &node.basis {
                for &value in row {
                    basis.push(L::T::of(value));
                }
            }
        }
        let n_linear = dictionary.nodes.first().map_or(0, |node| node.basis.len());
        Self { lanes, dictionary, n_linear, n_starts: n_starts.min(STARTS), basis }
    }

    /// The best places to start from for a vector of voxels, `y` being its samples: one for each zone of the last
    /// parameter.
    #[inline(always)]
    pub fn starts(&self, y: &[L::V]) -> [Start<L::V>; STARTS] {
        let l = self.lanes;
        let none = Start { explained: l.splat(-1.0), node: l.splat(0.0), projections: [l.splat(0.0); MOST_LINEAR] };
        let mut starts = [none; STARTS];
        let n_outer = self.dictionary.n_outer();
        for outer in 0..n_outer {
            let this = match (self.dictionary.linear, self.n_linear) {
                (Linear::Mixing, _) => self.best(outer, y, none, Self::mixed),
                (_, 1) => self.best(outer, y, none, Self::linear::<1>),
                (_, 2) => self.best(outer, y, none, Self::linear::<2>),
                _ => self.best(outer, y, none, Self::linear::<3>),
            };
            let zone = &mut starts[outer * self.n_starts / n_outer];
            *zone = this.or(l, l.lt(zone.explained, this.explained), *zone);
        }
        starts
    }

    /// The best node for a value of the last parameter.
    #[inline(always)]
    fn best(
        &self,
        outer: usize,
        y: &[L::V],
        none: Start<L::V>,
        look: impl Fn(&Self, usize, &[L::V]) -> (L::V, [L::V; MOST_LINEAR]),
    ) -> Start<L::V> {
        let l = self.lanes;
        let n_inner = self.dictionary.n_inner;
        let mut best = none;
        for node in outer * n_inner..(outer + 1) * n_inner {
            let (explained, projections) = look(self, node, y);
            let this = Start { explained, node: l.splat(node as f64), projections };
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
        let [cos, sin] = self.dictionary.nodes[node].angle.map(|x| l.splat(x));
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
