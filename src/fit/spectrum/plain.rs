//! The spectrum without regularisation: the minimum of ‖B·x − c‖² over x ≥ 0.
//!
//! A few spikes, fewer than there are samples: an active set that grows by the bin of steepest descent (Lawson CL, Hanson RJ.
//! Solving Least Squares Problems, 1974, ch. 23; doi:10.1137/1.9781611971217), with the columns of the set kept orthogonal,
//! since those of neighbouring bins are nearly the same and the normal equations would square that.

use super::basis::Basis;
use super::ridge::Ended;
use super::vectors::products;
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
    /// Orthonormal columns, one a bin, and what makes those of B of them: `r[j]` are the parts of the j-th bin's column.
    q: Vec<Vec<f64>>,
    r: Vec<Vec<f64>>,
    /// Bᵀ(c − B·x).
    slopes: Vec<f64>,
    /// The spectrum.
    pub(super) x: Vec<f64>,
    /// c − B·x.
    pub(super) residual: Vec<f64>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(basis: &'a Basis) -> Self {
        let length = |bin| basis.column(bin).map(|b| b * b).sum::<f64>().sqrt();
        Self {
            basis,
            lengths: (0..basis.n_bins()).map(length).collect(),
            bins: Vec::new(),
            values: Vec::new(),
            goal: Vec::new(),
            q: Vec::new(),
            r: Vec::new(),
            slopes: vec![0.0; basis.stride],
            x: vec![0.0; basis.stride],
            residual: vec![0.0; basis.n_rows],
        }
    }

    /// Goes to the minimum in at most `limit` steps; then `x` and `residual` stand ready. `c` is as long as `residual`.
    #[inline(always)]
    pub(super) fn minimise<L: Lanes>(&mut self, lanes: L, c: &[f64], limit: u32) -> Ended {
        let basis = self.basis;
        let flat = FLAT * norm(c);
        self.keep(0);
        self.values.clear();
        self.residual.copy_from_slice(c);
        let mut ended = Ended { steps: 0, converged: false };
        while ended.steps < limit && !ended.converged {
            products(lanes, basis, &self.residual, &mut self.slopes);
            ended.converged = !self.grow(c, flat);
            ended.steps += 1;
        }
        self.x.fill(0.0);
        for (&bin, &value) in self.bins.iter().zip(&self.values) {
            self.x[bin] = value;
        }
        ended
    }

    /// Takes the steepest bin that can be above 0, and solves for the set; false where there is none.
    fn grow(&mut self, c: &[f64], flat: f64) -> bool {
        for &bin in &self.bins {
            self.slopes[bin] = 0.0;
        }
        loop {
            let steepest = (0..self.basis.n_bins()).max_by(|&a, &b| self.slopes[a].total_cmp(&self.slopes[b]));
            let Some(bin) = steepest.filter(|&bin| self.slopes[bin] > flat * self.lengths[bin]) else { return false };
            let n = self.bins.len();
            self.push(bin);
            self.solve(c);
            // Rounding: a bin whose slope is upwards would go below 0.
            if n < self.basis.rank && self.goal[n] > 0.0 {
                break;
            }
            self.keep(n);
            self.solve(c);
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
                self.push(bin);
                self.values.push(value);
            }
            self.solve(c);
        }
        self.values.copy_from_slice(&self.goal);
        true
    }

    /// Drops all bins but the first `n`.
    fn keep(&mut self, n: usize) {
        self.bins.truncate(n);
        self.q.truncate(n);
        self.r.truncate(n);
    }

    /// Adds a bin: its column less its parts along the others, twice, since once leaves rounding.
    fn push(&mut self, bin: usize) {
        let mut column: Vec<f64> = self.basis.column(bin).collect();
        let mut parts = vec![0.0; self.q.len() + 1];
        for _ in 0..2 {
            for (part, q) in parts.iter_mut().zip(&self.q) {
                let along = inner(q, &column);
                column.iter_mut().zip(q).for_each(|(x, q)| *x -= along * q);
                *part += along;
            }
        }
        let length = norm(&column);
        column.iter_mut().for_each(|x| *x /= length.max(f64::MIN_POSITIVE));
        parts[self.q.len()] = length.max(f64::MIN_POSITIVE);
        self.bins.push(bin);
        self.q.push(column);
        self.r.push(parts);
    }

    /// The values of the set's bins that come nearest to `c`, and what they leave of it.
    fn solve(&mut self, c: &[f64]) {
        self.residual.copy_from_slice(c);
        self.goal.clear();
        for q in &self.q {
            let along = inner(q, &self.residual);
            self.residual.iter_mut().zip(q).for_each(|(r, q)| *r -= along * q);
            self.goal.push(along);
        }
        for j in (0..self.goal.len()).rev() {
            self.goal[j] /= self.r[j][j];
            for i in 0..j {
                self.goal[i] -= self.r[j][i] * self.goal[j];
            }
        }
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    inner(a, a).sqrt()
}
