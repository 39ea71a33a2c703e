//! Fits a block of voxels on lanes: a lane takes its next voxel as soon as its fit has ended, so that all lanes work.

use super::dictionary::Dictionary;
use super::found::Found;
use super::lm;
use super::probe::Promising;
use super::problem::{Effort, Problem};
use super::samples::Samples;
use super::starts::Starts;
use super::state::{State, advance};
use crate::lanes::{Element, Lanes};
use crate::model::signal::MOST_PARAMETERS;
use crate::model::signal::eval::{Evaluator, WIDE};

/// Voxels of a block: enough to keep lanes filled to its end, few enough for the second-level cache.
pub const BLOCK: usize = 2048;

/// Lanes of the longest vector that there is.
const LONGEST: usize = 16;

/// Fits blocks of voxels.
#[derive(Debug)]
pub struct Fitter<'p, L: Lanes> {
    pub(super) lanes: L,
    problem: &'p Problem,
    dictionary: &'p Dictionary,
    pub(super) effort: Effort,
    pub(super) evaluator: Evaluator<'p, L>,
    pub(super) state: State<L>,
    pub(super) n_parameters: usize,
    /// Parameters with bounds that depend on the voxel's largest signal, and these in units of the scale.
    relative: Vec<(usize, [L::T; 2])>,
    starts: Starts<'p, L>,
    /// Fits that go on from where a parameter was idle.
    pub(super) promising: Vec<Promising<L::T>>,
}

/// Where a fit of a voxel starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<T> {
    /// From the dictionary: the best, the second, ...
    Start(usize),
    /// Where its best fit has ended, but for a parameter that takes another value.
    End { but: Option<(usize, T)> },
}

impl<'p, L: Lanes> Fitter<'p, L> {
    /// A fitter; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, problem: &'p Problem, dictionary: &'p Dictionary, effort: Effort) -> Self {
        let mut state = State::new(lanes, problem.code.n_samples(), problem.n_factors());
        let mut relative = Vec::new();
        for (p, extent) in problem.extents.iter().enumerate() {
            let [low, high] = extent.bounds;
            // 0 and infinity are what they are of any voxel.
            if extent.is_signal && extent.bounds.iter().any(|bound| bound.is_finite() && *bound != 0.0) {
                relative.push((p, extent.bounds.map(L::T::of)));
            }
            for group in &mut state.groups {
                (group.low[p], group.high[p]) = (lanes.splat(low), lanes.splat(high));
            }
        }
        Self {
            lanes,
            problem,
            dictionary,
            effort,
            evaluator: Evaluator::new(lanes, &problem.code),
            state,
            n_parameters: problem.extents.len(),
            relative,
            starts: Starts::new(lanes, problem, dictionary),
            promising: Vec::new(),
        }
    }

    /// Fits `n` voxels.
    #[inline(always)]
    pub fn fit(&mut self, samples: &Samples<L::T>, n: usize, found: &mut Found<L::T>) {
        self.starts.look_up(samples, n);
        self.state.weighted(self.lanes, samples.weights.is_some());
        for group in &mut self.state.groups {
            group.found = [self.lanes.splat(f64::NAN); MOST_PARAMETERS];
        }
        self.state.has_later = false;
        found.squares[..n].fill(L::T::of(f64::INFINITY));
        let dictionary = self.dictionary;
        // Start by start; then, face by face, those that may go on. What a fit sees of its voxel's earlier ones does not
        // depend on other voxels, since all have ended before.
        let n_starts = self.starts.queues.len();
        for pass in 0..n_starts + dictionary.idle.len() {
            let mut next = Next::Start { start: pass, voxel: 0 };
            if pass >= n_starts {
                self.probe(&dictionary.idle[pass - n_starts], samples, n, found);
                next = Next::Promising(0);
            }
            for lane in 0..WIDE * L::LANES {
                self.refill(lane, &mut next, samples, n, found);
            }
            while self.state.task.iter().any(Option::is_some) {
                advance(self.lanes, &mut self.state, &mut self.evaluator, self.n_parameters);
                self.finish(&mut next, samples, n, found);
            }
        }
    }

    /// Writes the results of the fits that have ended, and gives their lanes the next voxels.
    #[inline(always)]
    fn finish(&mut self, next: &mut Next, samples: &Samples<L::T>, n: usize, found: &mut Found<L::T>) {
        let l = self.lanes;
        for w in 0..WIDE {
            let s = &self.state.groups[w];
            let negligible = l.mul_add(l.splat(self.effort.tolerance), s.sums.squares, l.splat(self.effort.floor));
            // Not `potential <= negligible`: what is no number ends the fit too.
            let small = l.select(l.lt(negligible, s.potential), l.splat(0.0), l.splat(1.0));
            let stuck = l.lt(l.splat(lm::MOST_DAMPING), s.damping);
            let late = l.le(l.splat(self.problem.max_iterations as f64), s.iterations);
            let mut ended = l.or(l.lt(l.splat(0.5), small), l.or(stuck, late));
            if self.state.has_later {
                let mut same = l.le(l.splat(0.0), l.splat(0.0));
                for p in 0..self.n_parameters {
                    let found = s.found[p];
                    let near = l.mul(l.max(l.abs(found), l.splat(0.5)), l.splat(self.effort.same));
                    same = l.and(same, l.le(l.abs(l.sub(s.at[p], found)), near));
                }
                ended = l.or(ended, same);
            }
            if !l.any(ended) {
                continue;
            }
            let mut flags = [L::T::of(0.0); LONGEST];
            l.store(l.select(ended, l.splat(1.0), l.splat(0.0)), &mut flags);
            // Which lanes these are cannot be foreseen: no branch depends on it.
            let (mut free, mut n_free) = ([0; LONGEST], 0);
            for (i, &flag) in flags[..L::LANES].iter().enumerate() {
                let lane = w * L::LANES + i;
                free[n_free] = lane;
                n_free += usize::from(flag.to_f32() > 0.5 && self.state.task[lane].is_some());
            }
            for &lane in &free[..n_free] {
                self.keep(lane, found);
                self.refill(lane, next, samples, n, found);
            }
        }
    }

    /// Writes the result of a lane if it is the voxel's best.
    #[inline(always)]
    fn keep(&mut self, lane: usize, found: &mut Found<L::T>) {
        let l = self.lanes;
        let (w, i) = (lane / L::LANES, lane % L::LANES);
        let s = &self.state.groups[w];
        let Some(voxel) = self.state.task[lane] else { return };
        let voxel = voxel as usize;
        // Those before the last step, which is too short for others to be worth an evaluation.
        let squares = l.lane(&s.sums.squares, i);
        if squares < found.squares[voxel] {
            found.squares[voxel] = squares;
            // What is no number leads nowhere.
            let negligible = L::T::of(self.effort.tolerance) * squares + L::T::of(self.effort.floor);
            let arrives = l.lane(&s.potential, i) <= negligible;
            found.iterations[voxel] = l.lane(&s.iterations, i).to_f32() as u16 + u16::from(arrives);
            let end = if arrives { &s.to } else { &s.at };
            for (to, end) in found.parameters.of_voxel_mut(voxel).zip(end) {
                *to = l.lane(end, i);
            }
        }
    }

    /// Gives a lane the next fit, or none.
    #[inline(always)]
    fn refill(&mut self, lane: usize, next: &mut Next, samples: &Samples<L::T>, n: usize, found: &Found<L::T>) {
        self.state.task[lane] = None;
        if let Some((v, from)) = self.take(next, samples, n, found) {
            self.begin(lane, v, from, samples, found);
        }
    }

    /// The next fit's voxel, and where it starts.
    #[inline(always)]
    fn take(
        &self,
        next: &mut Next,
        samples: &Samples<L::T>,
        n: usize,
        found: &Found<L::T>,
    ) -> Option<(usize, Origin<L::T>)> {
        match next {
            Next::Start { start, voxel } => {
                let queue = &self.starts.queues[*start];
                while *voxel < n {
                    let v = *voxel;
                    *voxel += 1;
                    let is_start = samples.largest[v] > L::T::of(0.0) && queue.explained[v] > L::T::of(0.0);
                    if is_start && (*start == 0 || !self.has_been_here(&queue.node, v, found)) {
                        return Some((v, Origin::Start(*start)));
                    }
                }
                None
            }
            Next::Promising(number) => {
                let promising = self.promising.get(*number)?;
                *number += 1;
                Some((promising.voxel, Origin::End { but: Some((promising.parameter, promising.value)) }))
            }
        }
    }

    /// Whether the voxel's best start has led through the valley that this node lies in: see [`super::dictionary::Pass`].
    #[inline(always)]
    fn has_been_here(&self, node: &[L::T], v: usize, found: &Found<L::T>) -> bool {
        match &self.dictionary.pass {
            Some(pass) if found.squares[v].is_finite() => {
                let is_near = L::T::of(pass.nodes.start as f64) <= node[v] && node[v] < L::T::of(pass.nodes.end as f64);
                let [low, high] = pass.inside.map(L::T::of);
                let end = found.parameters[pass.parameter][v];
                is_near && low <= end && end <= high
            }
            _ => false,
        }
    }

    /// Begins a voxel's fit on a lane.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        lane: usize,
        v: usize,
        from: Origin<L::T>,
        samples: &Samples<L::T>,
        found: &Found<L::T>,
    ) {
        let l = self.lanes;
        let (w, i) = (lane / L::LANES, lane % L::LANES);
        self.state.task[lane] = Some(v as u32);
        let is_later = !matches!(from, Origin::Start(0));
        self.state.has_later |= is_later;
        let is_known = is_later && found.squares[v].is_finite();
        let s = &mut self.state.groups[w];
        for &(p, bounds) in &self.relative {
            let [low, high] = bounds.map(|bound| bound.over(samples.largest[v]));
            l.set_lane(&mut s.low[p], i, low);
            l.set_lane(&mut s.high[p], i, high);
        }
        let values = match from {
            Origin::Start(start) => &self.starts.queues[start].parameters,
            Origin::End { .. } => &found.parameters,
        };
        for (to, value) in s.to.iter_mut().zip(values.of_voxel(v)) {
            l.set_lane(to, i, value);
        }
        if let Origin::End { but: Some((parameter, value)) } = from {
            l.set_lane(&mut s.to[parameter], i, value);
        }
        if is_later {
            for (to, end) in s.found.iter_mut().zip(found.parameters.of_voxel(v)) {
                l.set_lane(to, i, if is_known { end } else { L::T::of(f64::NAN) });
            }
        }
        for (to, y) in s.y.iter_mut().zip(samples.y.of_voxel(v)) {
            l.set_lane(to, i, y);
        }
        for (to, row) in s.factors.iter_mut().zip(&samples.factors) {
            l.set_lane(to, i, row[v]);
        }
        if let (Some(to), Some(weights)) = (&mut s.weights, &samples.weights) {
            for (to, row) in to.iter_mut().zip(weights) {
                l.set_lane(to, i, row[v]);
            }
        }
        l.set_lane(&mut s.sums.squares, i, L::T::of(f64::INFINITY));
        l.set_lane(&mut s.damping, i, L::T::of(lm::FIRST_DAMPING / lm::LESS));
        l.set_lane(&mut s.promise, i, L::T::of(0.0));
        l.set_lane(&mut s.iterations, i, L::T::of(-1.0));
    }
}

/// The fit that the next free lane takes.
#[derive(Debug)]
enum Next {
    /// All voxels from one of their starts.
    Start { start: usize, voxel: usize },
    /// A fit that was found promising, by its number.
    Promising(usize),
}

#[cfg(test)]
mod tests;
