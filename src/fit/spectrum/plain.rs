//! The spectrum without regularisation: the minimum of ‖B·x − c‖² over x ≥ 0.
//!
//! A few spikes, fewer than there are samples: an active set that grows by the bin of steepest descent (Lawson CL, Hanson RJ.
//! Solving Least Squares Problems, 1974, ch. 23; doi:10.1137/1.9781611971217), with the columns of the set kept orthogonal,
//! since those of neighbouring bins are nearly the same and the normal equations would square that.

use super::basis::Basis;
use super::ridge::Ended;
use super::vectors::{add_scaled, dot, products};
use crate::lanes::Lanes;

/// A slope below this share of ‖b‖·‖c‖ is rounding.
const FLAT: f64 = 1e-14;

/// A solver with what it needs to remember.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    basis: &'a Basis,
    /// ‖b‖ of each column b of B.
    lengths: Vec<f64>,
    /// The bins above 0, their values, and where these go to.
    bins: Vec<usize>,
    values: Vec<f64>,
    goal: Vec<f64>,
    /// Columns of B by bins, `[bin][n_rows]`.
    columns: Vec<f64>,
    /// Orthonormal columns, one a bin of the set, and what makes those of B of them: in `r[j]` are the
    /// parts of the j-th bin's column. Both `[bin][n_rows]`.
    q: Vec<f64>,
    r: Vec<f64>,
    /// Bᵀ(c − B·x).
    slopes: Vec<f64>,
    /// The spectrum.
    pub(super) x: Vec<f64>,
    /// c − B·x.
    pub(super) residual: Vec<f64>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(basis: &'a Basis) -> Self {
        let padded = |bin| basis.column(bin).chain(std::iter::repeat_n(0.0, basis.n_rows - basis.rank));
        let length = |bin| basis.column(bin).map(|b| b * b).sum::<f64>().sqrt();
        Self {
            basis,
            lengths: (0..basis.n_bins()).map(length).collect(),
            bins: Vec::new(),
            values: Vec::new(),
            goal: Vec::new(),
            columns: (0..basis.n_bins()).flat_map(padded).collect(),
            q: vec![0.0; basis.n_rows * basis.n_rows],
            r: vec![0.0; basis.n_rows * basis.n_rows],
            slopes: vec![0.0; basis.stride],
            x: vec![0.0; basis.stride],
            residual: vec![0.0; basis.n_rows],
        }
    }

    /// Goes to the minimum in at most `limit` steps; then `x` and `residual` stand ready. `c` is as long as `residual`.
    #[inline(always)]
    pub(super) fn minimise<L: Lanes>(&mut self, lanes: L, c: &[f64], limit: u32) -> Ended {
        let basis = self.basis;
        let flat = FLAT * dot(lanes, c, c).sqrt();
        self.keep(0);
        self.values.clear();
        self.residual.copy_from_slice(c);
        let mut ended = Ended { steps: 0, converged: false };
        while ended.steps < limit && !ended.converged {
            products(lanes, basis, &self.residual, &mut self.slopes);
            ended.converged = !self.grow(lanes, c, flat);
            ended.steps += 1;
        }
        self.x.fill(0.0);
        for (&bin, &value) in self.bins.iter().zip(&self.values) {
            self.x[bin] = value;
        }
        ended
    }

    /// Takes the steepest bin that can be above 0, and solves for the set; false where there is none.
    #[inline(always)]
    fn grow<L: Lanes>(&mut self, lanes: L, c: &[f64], flat: f64) -> bool {
        for &bin in &self.bins {
            self.slopes[bin] = 0.0;
        }
        loop {
            let (bin, slope) = steepest(&self.slopes[..self.basis.n_bins()]);
            if slope <= flat * self.lengths[bin] {
                return false;
            }
            let n = self.bins.len();
            if n == self.basis.rank {
                return false;
            }
            self.push(lanes, bin);
            self.solve(lanes, c);
            // Rounding: a bin whose slope is upwards would go below 0.
            if self.goal[n] > 0.0 {
                break;
            }
            self.keep(n);
            self.solve(lanes, c);
            self.slopes[bin] = 0.0;
        }
        self.values.push(0.0);
        // Towards the goal as far as no bin falls below 0; what reaches 0 leaves.
        while self.goal.iter().any(|&goal| goal <= 0.0) {
            let way = |(value, goal): (&f64, &f64)| if *goal <= 0.0 { value / (value - goal) } else { f64::INFINITY };
            let part = self.values.iter().zip(&self.goal).map(way).fold(1.0, f64::min);
            for (value, goal) in self.values.iter_mut().zip(&self.goal) {
                let arrives = way((value, goal)) <= part;
                *value = if arrives { 0.0 } else { *value + part * (goal - *value) };
            }
            let first = self.values.iter().position(|&value| value <= 0.0).unwrap_or(0);
            let later = self.bins[first..].to_vec();
            let values = self.values[first..].to_vec();
            self.keep(first);
            self.values.truncate(first);
            for (bin, value) in later.into_iter().zip(values).filter(|(_, value)| *value > 0.0) {
                self.push(lanes, bin);
                self.values.push(value);
            }
            self.solve(lanes, c);
        }
        self.values.copy_from_slice(&self.goal);
        true
    }

    /// Drops all bins but the first `n`.
    fn keep(&mut self, n: usize) {
        self.bins.truncate(n);
    }

    /// Adds a bin: its column less its parts along the others, twice, since once leaves rounding.
    #[inline(always)]
    fn push<L: Lanes>(&mut self, lanes: L, bin: usize) {
        let (n, n_rows) = (self.bins.len(), self.basis.n_rows);
        let (q, column) = self.q.split_at_mut(n * n_rows);
        let column = &mut column[..n_rows];
        let parts = &mut self.r[n * n_rows..][..n_rows];
        column.copy_from_slice(&self.columns[bin * n_rows..][..n_rows]);
        parts.fill(0.0);
        for _ in 0..2 {
            for (part, q) in parts.iter_mut().zip(q.chunks_exact(n_rows)) {
                let along = dot(lanes, q, column);
                add_scaled(lanes, -along, q, column);
                *part += along;
            }
        }
        let length = dot(lanes, column, column).sqrt().max(f64::MIN_POSITIVE);
        column.iter_mut().for_each(|x| *x /= length);
        parts[n] = length;
        self.bins.push(bin);
    }

    /// The values of the set's bins that come nearest to `c`, and what they leave of it.
    #[inline(always)]
    fn solve<L: Lanes>(&mut self, lanes: L, c: &[f64]) {
        let n_rows = self.basis.n_rows;
        self.residual.copy_from_slice(c);
        self.goal.clear();
        for q in self.q.chunks_exact(n_rows).take(self.bins.len()) {
            let along = dot(lanes, q, &self.residual);
            add_scaled(lanes, -along, q, &mut self.residual);
            self.goal.push(along);
        }
        for j in (0..self.goal.len()).rev() {
            let (before, own) = self.goal.split_at_mut(j);
            let parts = &self.r[j * n_rows..][..n_rows];
            own[0] /= parts[j];
            for (goal, part) in before.iter_mut().zip(parts) {
                *goal -= part * own[0];
            }
        }
    }
}

/// The largest of some values, and the first place where it is.
fn steepest(slopes: &[f64]) -> (usize, f64) {
    let mut steepest = (0, f64::NEG_INFINITY);
    for (bin, &slope) in slopes.iter().enumerate() {
        if slope > steepest.1 {
            steepest = (bin, slope);
        }
    }
    steepest
}
