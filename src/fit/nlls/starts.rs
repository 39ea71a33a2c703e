//! Where the fits of a block's voxels start.

use pulp::NullaryFnOnce;

use super::block::BLOCK;
use super::dictionary::Dictionary;
use super::lookup::{Lookup, Start};
use super::problem::Problem;
use super::rows::Rows;
use super::samples::Samples;
use crate::lanes::{Element, Lanes, Twice};

/// The starts of all voxels of a block.
#[derive(Debug)]
pub(super) struct Starts<'p, L: Lanes> {
    lanes: Twice<L>,
    problem: &'p Problem,
    lookup: Lookup<'p, Twice<L>>,
    /// Each voxel's best start, its second, ...
    pub(super) queues: Vec<Queue<L::T>>,
}

/// A place to start from for each voxel.
#[derive(Debug, Clone)]
pub(super) struct Queue<T> {
    /// How much of the sum of squares is explained there; negative for none.
    pub(super) explained: Vec<T>,
    /// The node of the dictionary, as a number.
    pub(super) node: Vec<T>,
    /// `[parameter][voxel]`, within bounds.
    pub(super) parameters: Rows<T>,
}

impl<'p, L: Lanes> Starts<'p, L> {
    /// No starts; the only place that takes memory.
    #[inline(always)]
    pub(super) fn new(lanes: L, problem: &'p Problem, dictionary: &'p Dictionary) -> Self {
        let zero = L::T::of(0.0);
        let parameters = Rows::new(problem.extents.len(), zero);
        let queue = Queue { explained: vec![zero; BLOCK], node: vec![zero; BLOCK], parameters };
        let lookup = Lookup::new(Twice(lanes), dictionary, &problem.extents);
        Self { lanes: Twice(lanes), problem, lookup, queues: vec![queue; dictionary.zones.len()] }
    }

    /// Looks `n` voxels up.
    #[inline(always)]
    pub(super) fn look_up(&mut self, samples: &Samples<L::T>, n: usize) {
        let l = self.lanes;
        let mut y = vec![l.splat(0.0); samples.y.len()];
        let mut starts = vec![Start::none(l); self.queues.len()];
        for first in (0..n).step_by(Twice::<L>::LANES) {
            for (to, row) in y.iter_mut().zip(samples.y.iter()) {
                *to = l.load(&row[first..]);
            }
            let largest = l.load(&samples.largest[first..]);
            let (lookup, to) = (&mut self.lookup, &mut self.queues);
            l.call(LookUp { lanes: l, lookup, problem: self.problem, y: &y, starts: &mut starts, largest, first, to });
        }
    }
}

/// Looks a vector of voxels up, the first of which is the block's `first`.
struct LookUp<'f, 'p, L: Lanes> {
    lanes: L,
    lookup: &'f mut Lookup<'p, L>,
    problem: &'p Problem,
    y: &'f [L::V],
    starts: &'f mut [Start<L::V>],
    largest: L::V,
    first: usize,
    to: &'f mut [Queue<L::T>],
}

impl<L: Lanes> NullaryFnOnce for LookUp<'_, '_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lanes: l, lookup, problem, y, starts, largest, first, to } = self;
        lookup.starts(y, starts);
        for (queue, start) in to.iter_mut().zip(&*starts) {
            l.store(start.explained, &mut queue.explained[first..]);
            l.store(start.node, &mut queue.node[first..]);
            let parameters = lookup.parameters(start);
            for (p, extent) in problem.extents.iter().enumerate() {
                let [low, high] = extent.bounds;
                let (mut low, mut high) = (l.splat(low), l.splat(high));
                if extent.is_signal {
                    (low, high) = (l.div(low, largest), l.div(high, largest));
                }
                l.store(l.min(l.max(parameters[p], low), high), &mut queue.parameters[p][first..]);
            }
        }
    }
}
