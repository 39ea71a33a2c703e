//! The minimum over a set of bins x ≥ 0 that bins join and leave, by its normal equations: fast, and wrong in the last digits,
//! since neighbouring bins are nearly the same. For guesses.
//!
//! The inverse of the equations' matrix is kept, and changed by one row at a time (bordering: Guttman L. Ann Math Stat
//! 1946;17:336, doi:10.1214/aoms/1177730946), in a square of a size that a compiler knows.

use super::guess::{Grid, Spikes};
use super::vectors::{add_scaled, dot, least_across, load, peaks, store};
use crate::lanes::Lanes;

/// Most bins of a set; those of four components are eight.
pub(super) const MOST: usize = 15;
/// Numbers in a row, and in one of half that, which mostly is enough.
const ROW: usize = 16;
const HALF: usize = 8;
/// What the others leave of a bin's ‖b‖² below this share of it is rounding.
const SMALLEST: f64 = 1e-10;
/// The value of a bin that is to leave; one that has just joined is at 0.
const GONE: f64 = -1.0;

/// A set of bins, in places on a grid.
#[derive(Debug, Default, Clone)]
pub(super) struct Set {
    n: usize,
    bins: [usize; ROW],
    /// Their values, and those of the minimum over the set.
    values: [f64; ROW],
    goal: [f64; ROW],
    /// The inverse of BᵀB over the set; 0 beyond it.
    inverse: [[f64; ROW]; ROW],
}

impl Set {
    /// Lets all bins go.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.n = 0;
        self.bins = [0; ROW];
        self.values = [0.0; ROW];
        self.goal = [0.0; ROW];
        self.inverse = [[0.0; ROW]; ROW];
    }

    pub(super) fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Becomes another set, whose inverse stands, with the goal of other products.
    #[inline(always)]
    pub(super) fn copy<L: Lanes>(&mut self, lanes: L, set: &Self, parts: &[f64]) {
        self.clone_from(set);
        let mut own = [0.0; ROW];
        for at in 0..self.n {
            own[at] = parts[self.bins[at]];
        }
        product(lanes, &self.inverse, &own, &mut self.goal);
    }

    /// Takes in a bin, unless the others explain it. The inverse of one row more is that of the rows before and the square of
    /// what the new row does not share with them.
    #[inline(always)]
    pub(super) fn join<L: Lanes>(&mut self, lanes: L, grid: &Grid, parts: &[f64], bin: usize, value: f64) {
        match self.n {
            0..HALF => self.join_first::<HALF, L>(lanes, grid, parts, bin, value),
            HALF..MOST => self.join_first::<ROW, L>(lanes, grid, parts, bin, value),
            _ => (),
        }
    }

    /// The same for a set that has room in `N` rows. What is beyond the set meets zeros; loops that are as long for every set
    /// are guessed right by a processor.
    #[inline(always)]
    fn join_first<const N: usize, L: Lanes>(&mut self, lanes: L, grid: &Grid, parts: &[f64], bin: usize, value: f64) {
        let n = self.n;
        let squares = grid.squares(bin);
        let (mut shared, mut along) = ([0.0; N], [0.0; N]);
        for at in 0..N {
            shared[at] = squares[self.bins[at]];
        }
        product(lanes, &self.inverse, &shared, &mut along);
        let own = squares[bin] - dot(lanes, &shared, &along);
        if own <= SMALLEST * squares[bin] {
            return;
        }
        let slope = parts[bin] - dot(lanes, &shared, &self.goal[..N]);
        self.n += 1;
        (self.bins[n], self.values[n]) = (bin, value);
        along[n] = -1.0;
        self.turn(lanes, &along, 1.0 / own, slope / own);
    }

    /// Lets a bin go: the last one takes its place.
    #[inline(always)]
    fn leave<const N: usize, L: Lanes>(&mut self, lanes: L, at: usize) {
        let mut own = [0.0; N];
        own.copy_from_slice(&self.inverse[at][..N]);
        let factor = -1.0 / own[at];
        self.turn(lanes, &own, factor, -self.goal[at] * factor);
        self.n -= 1;
        let last = self.n;
        self.bins[at] = self.bins[last];
        self.values[at] = self.values[last];
        self.values[last] = 0.0;
        self.goal[at] = self.goal[last];
        self.inverse[at] = self.inverse[last];
        for row in 0..N {
            self.inverse[row][at] = self.inverse[row][last];
            self.inverse[row][last] = 0.0;
        }
        self.inverse[last] = [0.0; ROW];
        self.goal[last] = 0.0;
    }

    /// inverse ← inverse + factor·v·vᵀ, goal ← goal − part·v.
    #[inline(always)]
    fn turn<const N: usize, L: Lanes>(&mut self, lanes: L, v: &[f64; N], factor: f64, part: f64) {
        for row in 0..N {
            add_scaled(lanes, factor * v[row], v, &mut self.inverse[row][..N]);
        }
        add_scaled(lanes, -part, v, &mut self.goal[..N]);
    }

    /// Goes to the minimum over the set; bins that fall below 0 on the way leave it.
    #[inline(always)]
    pub(super) fn settle<L: Lanes>(&mut self, lanes: L) {
        match self.n {
            0..=HALF => self.settle_first::<HALF, L>(lanes),
            _ => self.settle_first::<ROW, L>(lanes),
        }
    }

    /// The same for a set of at most `N` bins.
    #[inline(always)]
    fn settle_first<const N: usize, L: Lanes>(&mut self, lanes: L) {
        // Each time one leaves at least, rounding aside.
        for _ in 0..MOST {
            if step(lanes, &mut self.values[..N], &self.goal[..N]) {
                return;
            }
            loop {
                // All are looked at, whichever it is, so that no branch depends on that.
                let mut gone = N;
                for at in 0..N {
                    gone = if self.values[at] < 0.0 { at } else { gone };
                }
                if gone == N {
                    break;
                }
                self.leave::<N, L>(lanes, gone);
            }
        }
    }

    /// Takes in the bins of steepest descent, each of those around it; false where there are none.
    #[inline(always)]
    pub(super) fn grow<L: Lanes>(
        &mut self,
        lanes: L,
        grid: &Grid,
        parts: &[f64],
        slopes: &mut [f64],
        flat: f64,
    ) -> bool {
        let length = grid.lengths.len();
        let mut first = 0;
        while first < length {
            // Four vectors at a time, as in products over bins.
            let from = &parts[first..][..4 * L::LANES];
            let mut a = load(lanes, from);
            let mut b = load(lanes, &from[L::LANES..]);
            let mut c = load(lanes, &from[2 * L::LANES..]);
            let mut d = load(lanes, &from[3 * L::LANES..]);
            for at in 0..self.n {
                let value = lanes.splat(-self.values[at]);
                let squares = &grid.squares[self.bins[at] * length + first..][..4 * L::LANES];
                a = lanes.mul_add(value, load(lanes, squares), a);
                b = lanes.mul_add(value, load(lanes, &squares[L::LANES..]), b);
                c = lanes.mul_add(value, load(lanes, &squares[2 * L::LANES..]), c);
                d = lanes.mul_add(value, load(lanes, &squares[3 * L::LANES..]), d);
            }
            let to = &mut slopes[first + 1..][..4 * L::LANES];
            store(lanes, a, to);
            store(lanes, b, &mut to[L::LANES..]);
            store(lanes, c, &mut to[2 * L::LANES..]);
            store(lanes, d, &mut to[3 * L::LANES..]);
            first += 4 * L::LANES;
        }
        slopes[length + 1] = 0.0;
        for at in 0..self.n {
            slopes[self.bins[at] + 1] = 0.0;
        }
        let mut found = [0; MOST];
        let n = peaks(lanes, slopes, flat, &grid.lengths, &mut found);
        for &bin in &found[..n] {
            self.join(lanes, grid, parts, bin, 0.0);
        }
        n > 0
    }

    /// What is above 0, in the order of places.
    #[inline(always)]
    pub(super) fn sort_into(&mut self, spikes: &mut Spikes) {
        spikes.n = 0;
        for end in 0..self.n {
            let mut at = end;
            while at > 0 && spikes.bins[at - 1] > self.bins[end] {
                (spikes.bins[at], spikes.values[at]) = (spikes.bins[at - 1], spikes.values[at - 1]);
                at -= 1;
            }
            (spikes.bins[at], spikes.values[at]) = (self.bins[end], self.values[end]);
        }
        spikes.n = self.n;
    }
}

/// The first `N` rows of a matrix, weighted and summed.
#[inline(always)]
fn product<const N: usize, L: Lanes>(lanes: L, rows: &[[f64; ROW]; ROW], weights: &[f64; N], sum: &mut [f64; N]) {
    for at in (0..N).step_by(L::LANES) {
        let (mut even, mut odd) = (lanes.splat(0.0), lanes.splat(0.0));
        for row in (0..N).step_by(2) {
            even = lanes.mul_add(lanes.splat(weights[row]), load(lanes, &rows[row][at..]), even);
            odd = lanes.mul_add(lanes.splat(weights[row + 1]), load(lanes, &rows[row + 1][at..]), odd);
        }
        store(lanes, lanes.add(even, odd), &mut sum[at..]);
    }
}

/// Goes from values to their goal, as far as none falls below 0; whether it arrives. Values that stop it become
/// [`GONE`]. Both are as long as a multiple of the lanes, with zeros at the end.
#[inline(always)]
pub(super) fn step<L: Lanes>(lanes: L, values: &mut [f64], goal: &[f64]) -> bool {
    let goal = &goal[..values.len()];
    let zero = lanes.splat(0.0);
    let (mut least, mut lowest) = (lanes.splat(1.0), zero);
    let mut at = 0;
    while at < values.len() {
        let goal = load(lanes, &goal[at..]);
        least = lanes.min(least, part(lanes, load(lanes, &values[at..]), goal));
        lowest = lanes.min(lowest, goal);
        at += L::LANES;
    }
    let least = lanes.splat(least_across(lanes, least));
    let arrives = !lanes.any(lanes.lt(lowest, zero));
    let mut at = 0;
    while at < values.len() {
        let (value, goal) = (load(lanes, &values[at..]), load(lanes, &goal[at..]));
        let next = lanes.mul_add(least, lanes.sub(goal, value), value);
        let stops = lanes.and(lanes.lt(goal, zero), lanes.le(part(lanes, value, goal), least));
        let next = lanes.select(stops, lanes.splat(GONE), next);
        store(lanes, if arrives { goal } else { next }, &mut values[at..]);
        at += L::LANES;
    }
    arrives
}

/// The part of the way to a goal after which a value is 0, at most all of it.
#[inline(always)]
fn part<L: Lanes>(lanes: L, value: L::V, goal: L::V) -> L::V {
    let part = lanes.div(value, lanes.sub(value, goal));
    lanes.select(lanes.lt(goal, lanes.splat(0.0)), part, lanes.splat(1.0))
}
