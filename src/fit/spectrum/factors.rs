//! The second derivative that the regularised spectrum's steps divide by, and its factors.

use super::basis::{Basis, ROWS_TOGETHER};
use super::vectors::{across, load, store};
use crate::lanes::Lanes;

/// A symmetric matrix, `[rank][rank]`, as L·D·Lᵀ with ones on the diagonal of L. Packed as [`Basis::at`] has it; rows beyond the
/// rank are those of the identity.
#[derive(Debug)]
pub(super) struct Factors {
    /// The columns of L·D.
    scaled: Vec<f64>,
    /// Those of −L, but for the diagonal.
    lower: Vec<f64>,
    /// 1/D.
    inverse: Vec<f64>,
}

impl Factors {
    pub(super) fn new(basis: &Basis) -> Self {
        let packed = || vec![0.0; basis.packed()];
        Self { scaled: packed(), lower: packed(), inverse: vec![0.0; basis.n_rows] }
    }

    /// Factors λ·I + B₊B₊ᵀ over the bins in `runs`, each from one to before another.
    #[inline(always)]
    pub(super) fn factorise<L: Lanes>(&mut self, lanes: L, basis: &Basis, runs: &[[usize; 2]], lambda: f64) {
        let Self { scaled, lower, inverse } = self;
        differences(lanes, basis, runs, scaled);
        for j in 0..basis.rank {
            scaled[basis.at(j, j)] += lambda;
        }
        // Rows beyond the rank are those of the identity.
        for j in basis.rank..basis.n_rows {
            scaled[basis.at(j, j)] = 1.0;
        }
        for first in (0..basis.n_rows).step_by(ROWS_TOGETHER) {
            factorise_columns(lanes, basis, first, inverse, lower, scaled);
        }
    }

    /// Solves for `vector`, as long as [`Basis::n_rows`], which it replaces.
    #[inline(always)]
    pub(super) fn solve<L: Lanes>(&self, lanes: L, basis: &Basis, vector: &mut [f64]) {
        let Self { lower, inverse, .. } = self;
        let n_rows = basis.n_rows;
        for first in (0..n_rows).step_by(ROWS_TOGETHER) {
            let [a, b, c, d] = columns(basis, first, lower);
            let own = &mut vector[first..];
            // `lower` is −L.
            let v0 = own[0];
            let v1 = own[1] + a[1] * v0;
            let v2 = own[2] + (a[2] * v0 + b[2] * v1);
            let v3 = own[3] + (a[3] * v0 + b[3] * v1 + c[3] * v2);
            (own[0], own[1], own[2], own[3]) = (v0, v1, v2, v3);
            let (v0, v1, v2, v3) = (lanes.splat(v0), lanes.splat(v1), lanes.splat(v2), lanes.splat(v3));
            let mut at = ROWS_TOGETHER;
            while at < n_rows - first {
                let mut sum = lanes.mul_add(v0, load(lanes, &a[at..]), load(lanes, &own[at..]));
                sum = lanes.mul_add(v1, load(lanes, &b[at..]), sum);
                sum = lanes.mul_add(v2, load(lanes, &c[at..]), sum);
                sum = lanes.mul_add(v3, load(lanes, &d[at..]), sum);
                store(lanes, sum, &mut own[at..]);
                at += L::LANES;
            }
        }
        for first in (0..n_rows).step_by(ROWS_TOGETHER).rev() {
            let [a, b, c, d] = columns(basis, first, lower);
            let own = &mut vector[first..];
            let zero = lanes.splat(0.0);
            let (mut s0, mut s1, mut s2, mut s3) = (zero, zero, zero, zero);
            let mut at = ROWS_TOGETHER;
            while at < n_rows - first {
                let known = load(lanes, &own[at..]);
                s0 = lanes.mul_add(known, load(lanes, &a[at..]), s0);
                s1 = lanes.mul_add(known, load(lanes, &b[at..]), s1);
                s2 = lanes.mul_add(known, load(lanes, &c[at..]), s2);
                s3 = lanes.mul_add(known, load(lanes, &d[at..]), s3);
                at += L::LANES;
            }
            let inverse = &inverse[first..][..ROWS_TOGETHER];
            let v3 = own[3] * inverse[3] + across(lanes, s3);
            let v2 = own[2] * inverse[2] + across(lanes, s2) + c[3] * v3;
            let v1 = own[1] * inverse[1] + across(lanes, s1) + b[3] * v3 + b[2] * v2;
            let v0 = own[0] * inverse[0] + across(lanes, s0) + a[3] * v3 + a[2] * v2 + a[1] * v1;
            (own[0], own[1], own[2], own[3]) = (v0, v1, v2, v3);
        }
    }
}

/// The sum of bbᵀ over the columns in `runs`.
#[inline(always)]
fn differences<L: Lanes>(lanes: L, basis: &Basis, runs: &[[usize; 2]], sum: &mut [f64]) {
    let zero = lanes.splat(0.0);
    let mut first = true;
    for &[from, to] in runs {
        let (before, after) = (&basis.sum_before(from)[..sum.len()], &basis.sum_before(to)[..sum.len()]);
        let mut at = 0;
        while at < sum.len() {
            let rise = lanes.sub(load(lanes, &after[at..]), load(lanes, &before[at..]));
            let own = if first { zero } else { load(lanes, &sum[at..]) };
            store(lanes, lanes.add(own, rise), &mut sum[at..]);
            at += L::LANES;
        }
        first = false;
    }
    if first {
        sum.fill(0.0);
    }
}

/// [`ROWS_TOGETHER`] columns of a packed matrix, from the row of the first.
#[inline(always)]
fn columns<'a>(basis: &Basis, first: usize, packed: &'a [f64]) -> [&'a [f64]; ROWS_TOGETHER] {
    let length = basis.n_rows - first;
    let (a, rest) = packed[basis.at(first, first)..][..ROWS_TOGETHER * length].split_at(length);
    let (b, rest) = rest.split_at(length);
    let (c, d) = rest.split_at(length);
    [a, b, c, d]
}

/// The same to be changed.
#[inline(always)]
fn columns_mut<'a>(basis: &Basis, first: usize, packed: &'a mut [f64]) -> [&'a mut [f64]; ROWS_TOGETHER] {
    let length = basis.n_rows - first;
    let (a, rest) = packed[basis.at(first, first)..][..ROWS_TOGETHER * length].split_at_mut(length);
    let (b, rest) = rest.split_at_mut(length);
    let (c, d) = rest.split_at_mut(length);
    [a, b, c, d]
}

/// Factors [`ROWS_TOGETHER`] columns, those before which are factored: L·D in `scaled`, −L in `lower`, 1/D in `inverse`.
#[inline(always)]
fn factorise_columns<L: Lanes>(
    lanes: L,
    basis: &Basis,
    first: usize,
    inverse: &mut [f64],
    lower: &mut [f64],
    scaled: &mut [f64],
) {
    let mut at = 0;
    while at < ROWS_TOGETHER {
        let sums = less_earlier_columns(lanes, basis, first, at, lower, scaled);
        let to = columns_mut(basis, first, scaled);
        for column in 0..ROWS_TOGETHER {
            store(lanes, sums[column], &mut to[column][at..]);
        }
        at += L::LANES;
    }
    let own = own_block(basis, first, lower, scaled);
    inverse[first..][..ROWS_TOGETHER].copy_from_slice(&own);
    let [a, b, c, _] = columns(basis, first, lower);
    let (l1, l2, l3) = (lanes.splat(a[1]), lanes.splat(a[2]), lanes.splat(a[3]));
    let (m2, m3, n3) = (lanes.splat(b[2]), lanes.splat(b[3]), lanes.splat(c[3]));
    let mut at = ROWS_TOGETHER;
    while at < basis.n_rows - first {
        let [a, b, c, d] = less_earlier_columns(lanes, basis, first, at, lower, scaled);
        let b = lanes.mul_add(l1, a, b);
        let c = lanes.mul_add(m2, b, lanes.mul_add(l2, a, c));
        let d = lanes.mul_add(n3, c, lanes.mul_add(m3, b, lanes.mul_add(l3, a, d)));
        let (to, to_lower) = (columns_mut(basis, first, scaled), columns_mut(basis, first, lower));
        let rows = [a, b, c, d];
        for column in 0..ROWS_TOGETHER {
            store(lanes, rows[column], &mut to[column][at..]);
            store(lanes, lanes.mul(rows[column], lanes.splat(-own[column])), &mut to_lower[column][at..]);
        }
        at += L::LANES;
    }
}

/// A vector of rows of [`ROWS_TOGETHER`] columns, less the parts along all columns before them: they stay in registers
/// meanwhile.
#[inline(always)]
fn less_earlier_columns<L: Lanes>(
    lanes: L,
    basis: &Basis,
    first: usize,
    at: usize,
    lower: &[f64],
    scaled: &[f64],
) -> [L::V; ROWS_TOGETHER] {
    let own = columns(basis, first, scaled);
    let mut sums = [lanes.splat(0.0); ROWS_TOGETHER];
    for column in 0..ROWS_TOGETHER {
        sums[column] = load(lanes, &own[column][at..]);
    }
    for j in 0..first {
        let place = basis.at(first, j);
        let rows = load(lanes, &scaled[place + at..]);
        let parts = &lower[place..][..ROWS_TOGETHER];
        for column in 0..ROWS_TOGETHER {
            sums[column] = lanes.mul_add(rows, lanes.splat(parts[column]), sums[column]);
        }
    }
    sums
}

/// Factors the block on the diagonal: leaves −L in `lower`, and gives back 1/D.
#[inline(always)]
fn own_block(basis: &Basis, first: usize, lower: &mut [f64], scaled: &[f64]) -> [f64; ROWS_TOGETHER] {
    let [a, b, c, d] = columns(basis, first, scaled);
    let [to_a, to_b, to_c, _] = columns_mut(basis, first, lower);
    let i0 = 1.0 / a[0];
    let (l1, l2, l3) = (-a[1] * i0, -a[2] * i0, -a[3] * i0);
    let (b1, b2, b3) = (b[1] + l1 * a[1], b[2] + l1 * a[2], b[3] + l1 * a[3]);
    let i1 = 1.0 / b1;
    let (m2, m3) = (-b2 * i1, -b3 * i1);
    let (c2, c3) = (c[2] + l2 * a[2] + m2 * b2, c[3] + l2 * a[3] + m2 * b3);
    let i2 = 1.0 / c2;
    let n3 = -c3 * i2;
    let i3 = 1.0 / (d[3] + l3 * a[3] + m3 * b3 + n3 * c3);
    (to_a[1], to_a[2], to_a[3]) = (l1, l2, l3);
    (to_b[2], to_b[3], to_c[3]) = (m2, m3, n3);
    [i0, i1, i2, i3]
}
