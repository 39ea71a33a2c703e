//! The spectrum without regularisation: the minimum of ‖B·x − c‖² over x ≥ 0.
//!
//! A few spikes, fewer than there are samples: an active set (Lawson CL, Hanson RJ. Solving Least Squares Problems, 1974,
//! ch. 23; doi:10.1137/1.9781611971217) that begins with a guess and grows by the bins where the descent is steepest among
//! their neighbours, all at once: of several as of one, some stay above 0, since the way to the set's minimum leads down. The
//! columns of the set are kept orthogonal, since those of neighbouring bins are nearly the same and the normal equations would
//! square that. c is made orthogonal to them like one column more, without which each would have to be turned twice (Björck Å.
//! BIT 1967;7:1, doi:10.1007/BF01934122).

#![expect(clippy::needless_range_loop, reason = "bins of a set are numbers in several lists")]

use super::basis::Basis;
use super::guess::{Guess, Spikes};
use super::ridge::Ended;
use super::set::step;
use super::vectors::{add_scaled, dot, peaks, products};
use crate::lanes::Lanes;

/// A slope below this share of ‖b‖·‖c‖ is rounding.
const FLAT: f64 = 1e-14;
/// Most bins that join at once.
const MOST_JOIN: usize = 16;

/// A solver with what it needs to remember.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    basis: &'a Basis,
    guess: Guess,
    /// ‖b‖ of each column b of B.
    lengths: Vec<f64>,
    /// Number of bins in the set, the bins, their values, and where these go to.
    n: usize,
    bins: Vec<usize>,
    values: Vec<f64>,
    goal: Vec<f64>,
    /// Columns of B by bins, `[bin][n_rows]`.
    columns: Vec<f64>,
    /// Orthogonal columns, one a bin of the set, `[bin][n_rows]`: what the bins before leave of its column of B.
    q: Vec<f64>,
    /// How often each is in the columns of B, `[bin][n_rows]`: in the j-th are the numbers of the j-th bin's column.
    r: Vec<f64>,
    /// How often each is in c, and 1 over its square.
    along: Vec<f64>,
    inverse: Vec<f64>,
    /// What the first 0, 1, 2… columns leave of c, `[number][n_rows]`.
    rests: Vec<f64>,
    /// Bᵀ(c − B·x), between zeros.
    slopes: Vec<f64>,
    /// The spectrum.
    pub(super) x: Vec<f64>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(basis: &'a Basis) -> Self {
        let padded = |bin| basis.column(bin).chain(std::iter::repeat_n(0.0, basis.n_rows - basis.rank));
        let length = |bin| basis.column(bin).map(|b| b * b).sum::<f64>().sqrt();
        let n_rows = basis.n_rows;
        Self {
            basis,
            guess: Guess::new(basis),
            lengths: (0..basis.stride).map(|bin| if bin < basis.n_bins() { length(bin) } else { 0.0 }).collect(),
            n: 0,
            bins: vec![0; n_rows],
            values: vec![0.0; n_rows],
            goal: vec![0.0; n_rows],
            columns: (0..basis.n_bins()).flat_map(padded).collect(),
            q: vec![0.0; n_rows * n_rows],
            r: vec![0.0; n_rows * n_rows],
            along: vec![0.0; n_rows],
            inverse: vec![0.0; n_rows],
            rests: vec![0.0; n_rows * (n_rows + 1)],
            slopes: vec![0.0; basis.stride + 2],
            x: vec![0.0; basis.stride],
        }
    }

    /// c − B·x.
    #[inline(always)]
    pub(super) fn residual(&self) -> &[f64] {
        let n_rows = self.basis.n_rows;
        &self.rests[self.n * n_rows..][..n_rows]
    }

    /// Goes to the minimum in at most `limit` steps; then `x` and `residual` stand ready. `c` is as long as `residual`.
    #[inline(always)]
    pub(super) fn minimise<L: Lanes>(&mut self, lanes: L, c: &[f64], limit: u32) -> Ended {
        self.guess.find(lanes, c, dot(lanes, c, c).sqrt());
        self.minimise_from(lanes, c, limit, self.guess.spikes)
    }

    /// The same, from any spectrum.
    #[inline(always)]
    pub(super) fn minimise_from<L: Lanes>(&mut self, lanes: L, c: &[f64], limit: u32, spikes: Spikes) -> Ended {
        let length = dot(lanes, c, c).sqrt();
        self.n = 0;
        self.rests[..c.len()].copy_from_slice(c);
        for at in 0..spikes.n.min(self.basis.rank) {
            if spikes.values[at] > 0.0 {
                self.push(lanes, spikes.bins[at], spikes.values[at]);
            }
        }
        self.settle(lanes);
        let mut ended = Ended { steps: 0, converged: false };
        while ended.steps < limit && !ended.converged {
            let rest = &self.rests[self.n * self.basis.n_rows..];
            products(lanes, &self.basis.tiles, rest, &mut self.slopes[1..]);
            ended.converged = !self.grow(lanes, FLAT * length);
            ended.steps += 1;
        }
        self.x.fill(0.0);
        for at in 0..self.n {
            self.x[self.bins[at]] = self.values[at];
        }
        ended
    }

    /// Takes the steepest bins that can be above 0, and solves for the set; false where there is none.
    #[inline(always)]
    fn grow<L: Lanes>(&mut self, lanes: L, flat: f64) -> bool {
        for &bin in &self.bins[..self.n] {
            self.slopes[bin + 1] = 0.0;
        }
        loop {
            let mut found = [0; MOST_JOIN];
            let n = peaks(lanes, &self.slopes, flat, &self.lengths, &mut found);
            let n = n.min(self.basis.rank - self.n);
            if n == 0 {
                return false;
            }
            for &bin in &found[..n] {
                self.push(lanes, bin, 0.0);
                self.slopes[bin + 1] = 0.0;
            }
            self.settle(lanes);
            // Rounding: bins whose slopes are upwards would all go below 0.
            if found[..n].iter().any(|bin| self.bins[..self.n].contains(bin)) {
                return true;
            }
        }
    }

    /// Goes to the minimum over the set; bins that fall below 0 on the way leave it.
    #[inline(always)]
    fn settle<L: Lanes>(&mut self, lanes: L) {
        loop {
            let n = self.n;
            self.solve();
            if step(lanes, &mut self.values, &self.goal) {
                return;
            }
            let stay = (0..n).take_while(|&at| self.values[at] >= 0.0).count();
            self.n = stay;
            for at in stay..n {
                if self.values[at] >= 0.0 {
                    self.push(lanes, self.bins[at], self.values[at]);
                }
            }
        }
    }

    /// Adds a bin: takes the parts along the others from its column, and the part along what is left from c.
    #[inline(always)]
    fn push<L: Lanes>(&mut self, lanes: L, bin: usize, value: f64) {
        let (n, n_rows) = (self.n, self.basis.n_rows);
        let (q, column) = self.q.split_at_mut(n * n_rows);
        let column = &mut column[..n_rows];
        let parts = &mut self.r[n * n_rows..][..n_rows];
        column.copy_from_slice(&self.columns[bin * n_rows..][..n_rows]);
        for at in 0..n {
            let q = &q[at * n_rows..][..n_rows];
            parts[at] = dot(lanes, q, column) * self.inverse[at];
            add_scaled(lanes, -parts[at], q, column);
        }
        let inverse = 1.0 / dot(lanes, column, column).max(f64::MIN_POSITIVE);
        let (before, after) = self.rests[n * n_rows..][..2 * n_rows].split_at_mut(n_rows);
        let along = dot(lanes, column, before) * inverse;
        after.copy_from_slice(before);
        add_scaled(lanes, -along, column, after);
        (self.along[n], self.inverse[n]) = (along, inverse);
        (self.bins[n], self.values[n]) = (bin, value);
        self.n += 1;
    }

    /// The values of the set's bins that come nearest to `c`.
    #[inline(always)]
    fn solve(&mut self) {
        let (n, n_rows) = (self.n, self.basis.n_rows);
        self.goal[..n].copy_from_slice(&self.along[..n]);
        self.goal[n..].fill(0.0);
        self.values[n..].fill(0.0);
        for at in (0..n).rev() {
            let parts = &self.r[at * n_rows..][..n_rows];
            for before in 0..at {
                self.goal[before] -= parts[before] * self.goal[at];
            }
        }
    }
}
