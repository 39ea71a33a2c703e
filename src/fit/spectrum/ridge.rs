//! The regularised spectrum: the minimum of ‖B·x − c‖² + λ·‖x‖² over x ≥ 0.
//!
//! More bins are above 0 than there are samples, so that solving for bins is work for nothing. The residual y = c − B·x has
//! no more elements than there are samples, and determines all bins: x = max(0, Bᵀy)/λ, whence λ·y + B·max(0, Bᵀy) = λ·c.
//! That is where the gradient of the convex φ(y) = λ/2·‖y‖² + ½·‖max(0, Bᵀy)‖² − λ·cᵀy vanishes, whose second derivative is
//! λ·I + B₊B₊ᵀ over the bins where Bᵀy > 0. Newton's method (semi-smooth: Qi L, Sun J. Math Program 1993;58:353,
//! doi:10.1007/BF01581275) has the exact solution as soon as these stay. Bᵀy is a sum of exponentials in D, one a
//! b-value, and so changes its sign less often than there are b-values (Descartes' rule): these bins are a few runs, and
//! B₊B₊ᵀ a few differences of sums made before.

use super::basis::{Basis, ROWS_TOGETHER, first_row};
use super::vectors::{
    add_difference, add_scaled, dot, load, positive_squares, products, residual, store, take_positive,
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
    /// The second derivative as L·D·Lᵀ: the columns of L·D, packed, and 1/D.
    factors: Vec<f64>,
    inverse: Vec<f64>,
    /// Bins where Bᵀy > 0: from one to before another.
    runs: Vec<[usize; 2]>,
    last_runs: Vec<[usize; 2]>,
    /// A right-hand side and then its solution; what is in between; a column of L·D.
    vector: Vec<f64>,
    forward: Vec<f64>,
    column: Vec<f64>,
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
            factors: vec![0.0; basis.packed()],
            inverse: rows(),
            runs: Vec::new(),
            last_runs: Vec::new(),
            vector: rows(),
            forward: rows(),
            column: rows(),
            x: bins(),
            residual: rows(),
        }
    }

    /// Forgets the voxel before: all bins are tried first, so that no result depends on another voxel.
    pub(super) fn start(&mut self) {
        self.runs.clear();
        self.runs.push([0, self.basis.n_bins()]);
    }

    /// Goes to the minimum in at most `limit` steps, from the bins of the last call; then `x` and `residual` stand ready.
    /// `c` is as long as `residual`.
    #[inline(always)]
    pub(super) fn minimise<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64, limit: u32) -> Ended {
        let mut last = f64::INFINITY;
        let mut ended = Ended { steps: 0, converged: false };
        while ended.steps < limit && !ended.converged {
            ended.steps += 1;
            self.factorise(lanes, lambda);
            self.vector.iter_mut().zip(c).for_each(|(to, c)| *to = lambda * c);
            self.solve(lanes);
            self.y.copy_from_slice(&self.vector);
            let mut squares = products(lanes, self.basis, &self.y, &mut self.g);
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
                halve(&mut self.y, &self.last_y);
                halve(&mut self.g, &self.last_g);
                squares = positive_squares(lanes, &self.g);
            };
            last = value;
            std::mem::swap(&mut self.runs, &mut self.last_runs);
            positive_runs(&self.g[..self.basis.n_bins()], &mut self.runs);
            let bins_stay = halvings == 0 && self.runs == self.last_runs;
            ended.converged = bins_stay || ended.steps > 1 && stands_still(&self.y, &self.last_y);
            std::mem::swap(&mut self.y, &mut self.last_y);
            std::mem::swap(&mut self.g, &mut self.last_g);
        }
        std::mem::swap(&mut self.y, &mut self.last_y);
        std::mem::swap(&mut self.g, &mut self.last_g);
        self.finish(lanes, c, lambda);
        ended
    }

    /// x from y, and c − B·x from x. What is between that and y is rounding, which grows as λ falls; a step from the
    /// difference takes it back.
    #[inline(always)]
    fn finish<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) {
        let mut mended = false;
        loop {
            take_positive(lanes, &self.g, 1.0 / lambda, &mut self.x);
            residual(lanes, self.basis, &self.x, c, &mut self.residual);
            let off = largest_difference(&self.y, &self.residual);
            if mended || off <= 8.0 * f64::EPSILON * largest(c) {
                return;
            }
            mended = true;
            self.vector.iter_mut().zip(&self.residual).zip(&self.y).for_each(|((to, r), y)| *to = lambda * (r - y));
            self.solve(lanes);
            self.y.iter_mut().zip(&self.vector).for_each(|(y, step)| *y += step);
            products(lanes, self.basis, &self.y, &mut self.g);
        }
    }

    /// d‖c − B·x‖²/d ln λ at the minimum that was found last.
    #[inline(always)]
    pub(super) fn slope<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) -> f64 {
        self.vector.iter_mut().zip(c).zip(&self.y).for_each(|((to, c), y)| *to = c - y);
        self.solve(lanes);
        2.0 * lambda * dot(lanes, &self.y, &self.vector)
    }

    /// λ·I + B₊B₊ᵀ, and its factors.
    #[inline(always)]
    fn factorise<L: Lanes>(&mut self, lanes: L, lambda: f64) {
        let Self { basis, factors, inverse, column, .. } = self;
        factors.fill(0.0);
        for &[from, to] in &self.runs {
            add_difference(lanes, basis.sum_before(to), basis.sum_before(from), factors);
        }
        for j in 0..basis.rank {
            factors[basis.at(j, j)] += lambda;
        }
        for first in (0..basis.n_rows).step_by(ROWS_TOGETHER) {
            let last = basis.rank.min(first + ROWS_TOGETHER);
            take_earlier_columns(lanes, basis, first, inverse, factors);
            for j in first..last {
                column[first..].copy_from_slice(&factors[basis.at(first, j)..][..basis.n_rows - first]);
                inverse[j] = 1.0 / column[j];
                for later in j + 1..last {
                    let to = &mut factors[basis.at(first, later)..][..basis.n_rows - first];
                    add_scaled(lanes, -(column[later] * inverse[j]), &column[first..], to);
                }
            }
        }
    }

    /// Solves for `vector`, which it replaces.
    #[inline(always)]
    fn solve<L: Lanes>(&mut self, lanes: L) {
        let Self { basis, factors, inverse, vector, forward, .. } = self;
        for j in 0..basis.rank {
            // Rows of the block before j change, too, and are not looked at again.
            forward[j] = vector[j];
            let rows = first_row(j);
            let column = &factors[basis.at(rows, j)..][..basis.n_rows - rows];
            add_scaled(lanes, -(vector[j] * inverse[j]), column, &mut vector[rows..]);
        }
        vector.fill(0.0);
        for j in (0..basis.rank).rev() {
            // What is above the diagonal meets zeros.
            let rows = first_row(j);
            let known = dot(lanes, &factors[basis.at(rows, j)..][..basis.n_rows - rows], &vector[rows..]);
            vector[j] = (forward[j] - known) * inverse[j];
        }
    }
}

/// Takes the parts along all columns before `first` from the [`ROWS_TOGETHER`] columns that begin there, at once: a vector of
/// rows of each stays in a register meanwhile.
#[inline(always)]
fn take_earlier_columns<L: Lanes>(lanes: L, basis: &Basis, first: usize, inverse: &[f64], factors: &mut [f64]) {
    let (before, own) = factors.split_at_mut(basis.at(first, first));
    let length = basis.n_rows - first;
    let (a, own) = own.split_at_mut(length);
    let (b, own) = own.split_at_mut(length);
    let (c, own) = own.split_at_mut(length);
    let d = &mut own[..length];
    for row in (first..basis.n_rows).step_by(L::LANES) {
        let at = row - first;
        let [mut sum_a, mut sum_b, mut sum_c, mut sum_d] =
            [load(lanes, &a[at..]), load(lanes, &b[at..]), load(lanes, &c[at..]), load(lanes, &d[at..])];
        for (j, inverse) in inverse[..first].iter().enumerate() {
            let rows = load(lanes, &before[basis.at(row, j)..]);
            let parts = &before[basis.at(first, j)..][..ROWS_TOGETHER];
            sum_a = lanes.mul_add(rows, lanes.splat(-parts[0] * inverse), sum_a);
            sum_b = lanes.mul_add(rows, lanes.splat(-parts[1] * inverse), sum_b);
            sum_c = lanes.mul_add(rows, lanes.splat(-parts[2] * inverse), sum_c);
            sum_d = lanes.mul_add(rows, lanes.splat(-parts[3] * inverse), sum_d);
        }
        store(lanes, sum_a, &mut a[at..]);
        store(lanes, sum_b, &mut b[at..]);
        store(lanes, sum_c, &mut c[at..]);
        store(lanes, sum_d, &mut d[at..]);
    }
}

fn halve(step: &mut [f64], from: &[f64]) {
    step.iter_mut().zip(from).for_each(|(to, from)| *to = 0.5 * (*to + from));
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most: f64, value| most.max(value.abs()))
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()))
}

/// Whether a step was rounding.
fn stands_still(y: &[f64], last: &[f64]) -> bool {
    largest_difference(y, last) <= 4.0 * f64::EPSILON * largest(y)
}

/// Where values are above 0: from one place to before another.
#[inline(always)]
fn positive_runs(values: &[f64], runs: &mut Vec<[usize; 2]>) {
    runs.clear();
    let mut inside = false;
    for (at, &value) in values.iter().enumerate() {
        if (value > 0.0) != inside {
            inside = !inside;
            match runs.last_mut() {
                Some(run) if !inside => run[1] = at,
                _ => runs.push([at, values.len()]),
            }
        }
    }
}
