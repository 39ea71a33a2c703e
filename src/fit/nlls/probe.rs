//! Looks, from fits that ended where a parameter is [`super::idle`], for values of it that let them go on.

use super::block::{Fitter, Origin};
use super::found::Found;
use super::idle::Idle;
use super::samples::Samples;
use super::state::advance;
use crate::lanes::{Element, Lanes};
use crate::model::signal::eval::WIDE;

/// A voxel's fit that could go on, if its idle parameter had another value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promising<T> {
    pub(super) voxel: usize,
    pub(super) parameter: usize,
    pub(super) value: T,
}

impl<L: Lanes> Fitter<'_, L> {
    /// Fills `promising` with the fits that ended on this face, at the value of which the next step would gain most.
    #[inline(always)]
    pub(super) fn probe(&mut self, idle: &Idle, samples: &Samples<L::T>, n: usize, found: &Found<L::T>) {
        let l = self.lanes;
        let bound = L::T::of(idle.bound);
        self.promising.clear();
        let mut ends = Vec::new();
        for v in 0..n {
            if found.parameters[idle.face][v] == bound && found.squares[v].is_finite() {
                ends.push(v);
            }
        }
        for group in ends.chunks(WIDE * L::LANES) {
            for (lane, &v) in group.iter().enumerate() {
                self.begin(lane, v, Origin::End { but: None }, samples, found);
            }
            let from = self.state.groups.each_ref().map(|group| group.to);
            let none = [l.splat(0.0); WIDE];
            let (mut most, mut value) = (none, none);
            for &place in &idle.places {
                for (group, from) in self.state.groups.iter_mut().zip(from) {
                    group.to = from;
                    group.to[idle.parameter] = l.splat(place);
                    group.start_again(l);
                }
                advance(l, &mut self.state, &mut self.evaluator, self.n_parameters);
                for w in 0..WIDE {
                    let promise = self.state.groups[w].promise;
                    let more = l.lt(most[w], promise);
                    most[w] = l.select(more, promise, most[w]);
                    value[w] = l.select(more, l.splat(place), value[w]);
                }
            }
            for (lane, &voxel) in group.iter().enumerate() {
                let (w, i) = (lane / L::LANES, lane % L::LANES);
                let negligible = self.effort.tolerance * found.squares[voxel].to_f64() + self.effort.floor;
                if l.lane(&most[w], i).to_f64() > negligible {
                    let value = l.lane(&value[w], i);
                    self.promising.push(Promising { voxel, parameter: idle.parameter, value });
                }
            }
        }
    }
}
