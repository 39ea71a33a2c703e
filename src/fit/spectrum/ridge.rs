//! The regularised spectrum: the minimum of ‖B·x − c‖² + λ·‖x‖² over x ≥ 0.
//!
//! More bins are above 0 than there are samples, so that solving for bins is work for nothing. The residual y = c − B·x has
//! no more elements than there are samples, and determines all bins: x = max(0, Bᵀy)/λ, whence λ·y + B·max(0, Bᵀy) = λ·c.
//! That is where the gradient of the convex φ(y) = λ/2·‖y‖² + ½·‖max(0, Bᵀy)‖² − λ·cᵀy vanishes, whose second derivative is
//! λ·I + B₊B₊ᵀ over the bins where Bᵀy > 0. Newton's method (semi-smooth: Qi L, Sun J. Math Program 1993;58:353,
//! doi:10.1007/BF01581275) has the exact solution as soon as these stay. Bᵀy is a sum of exponentials in D, one a
//! b-value, and so changes its sign less often than there are b-values (Descartes' rule): these bins are a few runs, and
//! B₊B₊ᵀ a few differences of sums made before.

use super::basis::Basis;
use super::factors::Factors;
use super::vectors::{
    dot, largest, largest_difference, load, positive_squares, products, residual, store, take_positive,
};
use crate::lanes::Lanes;

/// Most halvings of a step.
const MOST_HALVINGS: u32 = 50;

/// A solver with what it needs to remember.
#[derive(Debug)]
pub(super) struct Ridge<'a> {
    basis: &'a Basis,
    /// y and Bᵀy, of this step and of the one before.
    y: Vec<f64>,
    g: Vec<f64>,
    last_y: Vec<f64>,
    last_g: Vec<f64>,
    /// The second derivative.
    factors: Factors,
    /// Bins where Bᵀy > 0: from one to before another.
    runs: Vec<[usize; 2]>,
    last_runs: Vec<[usize; 2]>,
    /// A right-hand side and then its solution.
    vector: Vec<f64>,
    /// The spectrum.
    pub(super) x: Vec<f64>,
    /// c − B·x.
    pub(super) residual: Vec<f64>,
}

/// How a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) steps: u32,
    pub(super) converged: bool,
}

impl<'a> Ridge<'a> {
    pub(super) fn new(basis: &'a Basis) -> Self {
        let rows = || vec![0.0; basis.n_rows];
        let bins = || vec![0.0; basis.stride];
        Self {
            basis,
            y: rows(),
            g: bins(),
            last_y: rows(),
            last_g: bins(),
            factors: Factors::new(basis),
            runs: Vec::new(),
            last_runs: Vec::new(),
            vector: rows(),
            x: bins(),
            residual: rows(),
        }
    }

    /// Forgets the voxel before, so that no result depends on it: begins with the bins that are above 0 where none is kept from
    /// falling below. Over all bins the second derivative is diagonal, since the rows of B are orthogonal.
    #[inline(always)]
    pub(super) fn start<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) {
        let all = self.basis.sum_before(self.basis.n_bins());
        for row in 0..self.basis.rank {
            self.y[row] = lambda * c[row] / (lambda + all[self.basis.at(row, row)]);
        }
        products(lanes, &self.basis.tiles, &self.y, &mut self.g);
        positive_runs(lanes, &self.g, &mut self.runs);
    }

    /// Goes to the minimum in at most `limit` steps, from the bins of the last call; then `x` and `residual` stand ready.
    /// `c` is as long as `residual`.
    #[inline(always)]
    pub(super) fn minimise<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64, limit: u32) -> Ended {
        let mut last = f64::INFINITY;
        let mut ended = Ended { steps: 0, converged: false };
        while ended.steps < limit && !ended.converged {
            ended.steps += 1;
            self.factors.factorise(lanes, self.basis, &self.runs, lambda);
            scale(lanes, lambda, c, &mut self.vector);
            self.factors.solve(lanes, self.basis, &mut self.vector);
            self.y.copy_from_slice(&self.vector);
            products(lanes, &self.basis.tiles, &self.y, &mut self.g);
            let mut squares = positive_squares(lanes, &self.g);
            // A whole step may go too far where many bins change along it; some part of it always lowers φ.
            let mut halvings = 0;
            let value = loop {
                let own = 0.5 * lambda * dot(lanes, &self.y, &self.y);
                let with_c = lambda * dot(lanes, c, &self.y);
                let value = own + 0.5 * squares - with_c;
                let rounding = 1e-14 * (own + 0.5 * squares + with_c.abs());
                if value <= last + rounding || halvings == MOST_HALVINGS {
                    break value;
                }
                halvings += 1;
                halve(lanes, &mut self.y, &self.last_y);
                halve(lanes, &mut self.g, &self.last_g);
                squares = positive_squares(lanes, &self.g);
            };
            last = value;
            std::mem::swap(&mut self.runs, &mut self.last_runs);
            positive_runs(lanes, &self.g, &mut self.runs);
            let bins_stay = halvings == 0 && same(&self.runs, &self.last_runs);
            ended.converged = bins_stay || ended.steps > 1 && stands_still(lanes, &self.y, &self.last_y);
            std::mem::swap(&mut self.y, &mut self.last_y);
            std::mem::swap(&mut self.g, &mut self.last_g);
        }
        std::mem::swap(&mut self.y, &mut self.last_y);
        std::mem::swap(&mut self.g, &mut self.last_g);
        ended
    }

    /// x from y, and c − B·x from x. What is between that and y is rounding, which grows as λ falls; a step from the
    /// difference takes it back.
    #[inline(always)]
    pub(super) fn finish<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) {
        let mut mended = false;
        loop {
            take_positive(lanes, &self.g, 1.0 / lambda, &mut self.x);
            residual(lanes, &self.basis.tiles, &self.x, c, &mut self.residual);
            let off = largest_difference(lanes, &self.y, &self.residual);
            if mended || off <= 8.0 * f64::EPSILON * largest(lanes, c) {
                return;
            }
            mended = true;
            self.vector.iter_mut().zip(&self.residual).zip(&self.y).for_each(|((to, r), y)| *to = lambda * (r - y));
            self.factors.solve(lanes, self.basis, &mut self.vector);
            self.y.iter_mut().zip(&self.vector).for_each(|(y, step)| *y += step);
            products(lanes, &self.basis.tiles, &self.y, &mut self.g);
        }
    }

    /// d‖c − B·x‖²/d ln λ at the minimum that was found last.
    #[inline(always)]
    pub(super) fn slope<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) -> f64 {
        self.vector.iter_mut().zip(c).zip(&self.y).for_each(|((to, c), y)| *to = c - y);
        self.factors.solve(lanes, self.basis, &mut self.vector);
        2.0 * lambda * dot(lanes, &self.y, &self.vector)
    }
}

#[inline(always)]
fn halve<L: Lanes>(lanes: L, step: &mut [f64], from: &[f64]) {
    let half = lanes.splat(0.5);
    let mut at = 0;
    while at < step.len() {
        let sum = lanes.add(load(lanes, &step[at..]), load(lanes, &from[at..]));
        store(lanes, lanes.mul(half, sum), &mut step[at..]);
        at += L::LANES;
    }
}

/// to = factor·v.
#[inline(always)]
fn scale<L: Lanes>(lanes: L, factor: f64, v: &[f64], to: &mut [f64]) {
    let factor = lanes.splat(factor);
    let mut at = 0;
    while at < to.len() {
        store(lanes, lanes.mul(factor, load(lanes, &v[at..])), &mut to[at..]);
        at += L::LANES;
    }
}

#[inline(always)]
fn same(a: &[[usize; 2]], b: &[[usize; 2]]) -> bool {
    let mut same = a.len() == b.len();
    for at in 0..a.len().min(b.len()) {
        same &= a[at][0] == b[at][0] && a[at][1] == b[at][1];
    }
    same
}

/// Whether a step was rounding.
#[inline(always)]
fn stands_still<L: Lanes>(lanes: L, y: &[f64], last: &[f64]) -> bool {
    largest_difference(lanes, y, last) <= 4.0 * f64::EPSILON * largest(lanes, y)
}

/// Where values are above 0: from one place to before another.
#[inline(always)]
fn positive_runs<L: Lanes>(lanes: L, values: &[f64], runs: &mut Vec<[usize; 2]>) {
    runs.clear();
    let zero = lanes.splat(0.0);
    let mut inside = false;
    let mut first = 0;
    while first < values.len() {
        let vector = load(lanes, &values[first..]);
        let changes = if inside { lanes.le(vector, zero) } else { lanes.lt(zero, vector) };
        if lanes.any(changes) {
            let mut at = first;
            while at < first + L::LANES {
                if (values[at] > 0.0) != inside {
                    inside = !inside;
                    match runs.last_mut() {
                        Some(run) if !inside => run[1] = at,
                        _ => runs.push([at, values.len()]),
                    }
                }
                at += 1;
            }
        }
        first += L::LANES;
    }
}
