//! Fits a block of voxels on lanes: a lane takes its next voxel as soon as its fit has ended, so that all lanes work.

#![expect(clippy::needless_range_loop, reason = "a parameter is a number in several lists")]

use pulp::NullaryFnOnce;

use super::dictionary::{Dictionary, MOST_LINEAR};
use super::lm;
use super::lookup::{Lookup, STARTS, Start};
use super::problem::{Effort, Problem};
use super::samples::Samples;
use super::state::{State, advance};
use crate::lanes::{Element, Lanes};
use crate::model::signal::MOST_PARAMETERS;
use crate::model::signal::eval::{Evaluator, WIDE};

/// Voxels of a block: enough to keep lanes filled to its end, few enough for the second-level cache.
pub const BLOCK: usize = 2048;

/// What has been found for the voxels of a block.
#[derive(Debug)]
pub struct Found<T> {
    /// `[parameter][voxel]`, in units of the scales; those of the signal relative to the voxel's largest.
    pub parameters: Vec<Vec<T>>,
    /// The sum of squared residuals relative to the largest signal; infinite where nothing was found.
    pub squares: Vec<T>,
    /// Steps of the fit that was kept.
    pub iterations: Vec<u16>,
}

impl<T: Element> Found<T> {
    /// Room for a block's.
    pub fn new(n_parameters: usize) -> Self {
        let zeros = vec![T::of(0.0); BLOCK];
        Self { parameters: vec![zeros.clone(); n_parameters], squares: zeros, iterations: vec![0; BLOCK] }
    }
}

/// Fits blocks of voxels.
#[derive(Debug)]
pub struct Fitter<'p, L: Lanes> {
    lanes: L,
    problem: &'p Problem,
    dictionary: &'p Dictionary,
    effort: Effort,
    evaluator: Evaluator<'p, L>,
    lookup: Lookup<'p, L>,
    state: State<L>,
    n_parameters: usize,
    /// `[start][voxel]`
    starts: Vec<Vec<Queued<L::T>>>,
}

#[derive(Debug, Clone, Copy)]
struct Queued<T> {
    explained: T,
    node: T,
    projections: [T; MOST_LINEAR],
}

impl<'p, L: Lanes> Fitter<'p, L> {
    /// A fitter; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, problem: &'p Problem, dictionary: &'p Dictionary, effort: Effort) -> Self {
        let none = Queued { explained: L::T::of(-1.0), node: L::T::of(0.0), projections: [L::T::of(0.0); MOST_LINEAR] };
        Self {
            lanes,
            problem,
            dictionary,
            effort,
            evaluator: Evaluator::new(lanes, &problem.code),
            lookup: Lookup::new(lanes, dictionary, effort.starts),
            state: State::new(lanes, problem.code.n_samples()),
            n_parameters: problem.extents.len(),
            starts: vec![vec![none; BLOCK]; STARTS],
        }
    }

    /// Fits `n` voxels.
    #[inline(always)]
    pub fn fit(&mut self, samples: &Samples<L::T>, n: usize, found: &mut Found<L::T>) {
        self.look_up(samples, n);
        self.state.weighted(self.lanes, samples.weights.is_some());
        found.squares[..n].fill(L::T::of(f64::INFINITY));
        let mut next = (0u32, 0u8);
        for lane in 0..WIDE * L::LANES {
            self.refill(lane, &mut next, samples, n);
        }
        while self.state.task.iter().any(Option::is_some) {
            advance(self.lanes, &mut self.state, &mut self.evaluator, self.n_parameters);
            self.finish(&mut next, samples, n, found);
        }
    }

    #[inline(always)]
    fn look_up(&mut self, samples: &Samples<L::T>, n: usize) {
        let l = self.lanes;
        let mut y = vec![l.splat(0.0); samples.y.len()];
        for first in (0..n).step_by(L::LANES) {
            for (to, row) in y.iter_mut().zip(&samples.y) {
                *to = l.load(&row[first..]);
            }
            let starts = l.call(Starts { lookup: &self.lookup, y: &y });
            for (queue, start) in self.starts.iter_mut().zip(&starts) {
                for lane in 0..L::LANES {
                    queue[first + lane] = Queued {
                        explained: l.lane(start.explained, lane),
                        node: l.lane(start.node, lane),
                        projections: start.projections.map(|projection| l.lane(projection, lane)),
                    };
                }
            }
        }
    }

    /// Writes the results of the fits that have ended, and gives their lanes the next voxels.
    #[inline(always)]
    fn finish(&mut self, next: &mut (u32, u8), samples: &Samples<L::T>, n: usize, found: &mut Found<L::T>) {
        let l = self.lanes;
        for w in 0..WIDE {
            let s = &self.state;
            let negligible = l.mul_add(l.splat(self.effort.tolerance), s.sums[w].squares, l.splat(self.effort.floor));
            // Not `potential <= negligible`: what is no number ends the fit too.
            let small = l.select(l.lt(negligible, s.potential[w]), l.splat(0.0), l.splat(1.0));
            let stuck = l.lt(l.splat(lm::MOST_DAMPING), s.damping[w]);
            let late = l.le(l.splat(self.problem.max_iterations as f64), s.iterations[w]);
            let ended = l.or(l.or(l.lt(l.splat(0.5), small), stuck), late);
            if !l.any(ended) {
                continue;
            }
            let mut flags = [L::T::of(0.0); 64];
            l.store(l.select(ended, l.splat(1.0), l.splat(0.0)), &mut flags);
            for (i, &flag) in flags[..L::LANES].iter().enumerate() {
                let lane = w * L::LANES + i;
                if flag.to_f32() > 0.5 && self.state.task[lane].is_some() {
                    self.keep(lane, found);
                    self.refill(lane, next, samples, n);
                }
            }
        }
    }

    /// Writes the result of a lane if it is the voxel's best.
    #[inline(always)]
    fn keep(&mut self, lane: usize, found: &mut Found<L::T>) {
        let l = self.lanes;
        let (w, i) = (lane / L::LANES, lane % L::LANES);
        let s = &mut self.state;
        let Some((voxel, _)) = s.task[lane] else { return };
        let voxel = voxel as usize;
        let squares = l.lane(s.sums[w].squares, i);
        if squares < found.squares[voxel] {
            found.squares[voxel] = squares;
            found.iterations[voxel] = l.lane(s.iterations[w], i).to_f32() as u16;
            for p in 0..self.n_parameters {
                found.parameters[p][voxel] = l.lane(s.at[p][w], i);
            }
        }
    }

    /// Gives a lane the next voxel and start, or none.
    #[inline(always)]
    fn refill(&mut self, lane: usize, next: &mut (u32, u8), samples: &Samples<L::T>, n: usize) {
        let l = self.lanes;
        let (w, i) = (lane / L::LANES, lane % L::LANES);
        let s = &mut self.state;
        s.task[lane] = None;
        loop {
            let (voxel, start) = *next;
            if voxel as usize >= n {
                return;
            }
            *next = if usize::from(start) + 1 < STARTS { (voxel, start + 1) } else { (voxel + 1, 0) };
            let v = voxel as usize;
            let queued = &self.starts[usize::from(start)][v];
            if samples.largest[v].to_f32() > 0.0 && queued.explained.to_f32() > 0.0 {
                s.task[lane] = Some((voxel, start));
                let (problem, dictionary, largest) = (self.problem, self.dictionary, samples.largest[v].to_f64());
                let mut from = [0.0; MOST_PARAMETERS];
                let from = &mut from[..self.n_parameters];
                let projections = queued.projections.map(Element::to_f64);
                dictionary.parameters(queued.node.to_f32() as usize, &projections, &problem.extents, from);
                for p in 0..self.n_parameters {
                    let extent = &problem.extents[p];
                    let by = if extent.is_signal { 1.0 / largest } else { 1.0 };
                    let [low, high] = extent.bounds.map(|bound| bound * by);
                    l.set_lane(&mut s.low[p][w], i, L::T::of(low));
                    l.set_lane(&mut s.high[p][w], i, L::T::of(high));
                    l.set_lane(&mut s.to[p][w], i, L::T::of(from[p].clamp(low, high)));
                }
                for (k, row) in samples.y.iter().enumerate() {
                    l.set_lane(&mut s.y[k * WIDE + w], i, row[v]);
                }
                if let (Some(to), Some(weights)) = (&mut s.weights, &samples.weights) {
                    for (k, row) in weights.iter().enumerate() {
                        l.set_lane(&mut to[k * WIDE + w], i, row[v]);
                    }
                }
                l.set_lane(&mut s.sums[w].squares, i, L::T::of(f64::INFINITY));
                l.set_lane(&mut s.damping[w], i, L::T::of(lm::FIRST_DAMPING / lm::LESS));
                l.set_lane(&mut s.promise[w], i, L::T::of(0.0));
                l.set_lane(&mut s.iterations[w], i, L::T::of(-1.0));
                return;
            }
        }
    }
}

/// Looks a vector of voxels up.
struct Starts<'f, 'p, L: Lanes> {
    lookup: &'f Lookup<'p, L>,
    y: &'f [L::V],
}

impl<L: Lanes> NullaryFnOnce for Starts<'_, '_, L> {
    type Output = [Start<L::V>; STARTS];

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.lookup.starts(self.y)
    }
}
