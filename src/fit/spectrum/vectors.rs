//! Products of vectors with the basis. Bins lie in lanes; the lanes' element is f64, as [`crate::lanes::run_f64`] has it.

use bytemuck::{cast_slice, cast_slice_mut};

use super::basis::{BINS_TOGETHER, Basis};
use crate::lanes::{Element, Lanes};

/// The sum of a vector's lanes.
#[inline(always)]
fn across<L: Lanes>(lanes: L, v: L::V) -> f64 {
    let mut sum = 0.0;
    for lane in 0..L::LANES {
        sum += lanes.lane(&v, lane).to_f64();
    }
    sum
}

#[inline(always)]
pub(super) fn load<L: Lanes>(lanes: L, from: &[f64]) -> L::V {
    lanes.load(cast_slice::<f64, L::T>(from))
}

#[inline(always)]
pub(super) fn store<L: Lanes>(lanes: L, v: L::V, to: &mut [f64]) {
    lanes.store(v, cast_slice_mut::<f64, L::T>(to));
}

/// aᵀb of vectors as long as a multiple of the lanes.
#[inline(always)]
pub(super) fn dot<L: Lanes>(lanes: L, a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (cast_slice::<f64, L::T>(a), cast_slice::<f64, L::T>(b));
    let mut sum = lanes.splat(0.0);
    for (a, b) in a.chunks_exact(L::LANES).zip(b.chunks_exact(L::LANES)) {
        sum = lanes.mul_add(lanes.load(a), lanes.load(b), sum);
    }
    across(lanes, sum)
}

/// to ← to + factor·v.
#[inline(always)]
pub(super) fn add_scaled<L: Lanes>(lanes: L, factor: f64, v: &[f64], to: &mut [f64]) {
    let factor = lanes.splat(factor);
    let (v, to) = (cast_slice::<f64, L::T>(v), cast_slice_mut::<f64, L::T>(to));
    for (to, v) in to.chunks_exact_mut(L::LANES).zip(v.chunks_exact(L::LANES)) {
        lanes.store(lanes.mul_add(factor, lanes.load(v), lanes.load(to)), to);
    }
}

/// to ← to + (a − b).
#[inline(always)]
pub(super) fn add_difference<L: Lanes>(lanes: L, a: &[f64], b: &[f64], to: &mut [f64]) {
    let (a, b) = (cast_slice::<f64, L::T>(a), cast_slice::<f64, L::T>(b));
    let to = cast_slice_mut::<f64, L::T>(to);
    for (to, (a, b)) in to.chunks_exact_mut(L::LANES).zip(a.chunks_exact(L::LANES).zip(b.chunks_exact(L::LANES))) {
        lanes.store(lanes.add(lanes.load(to), lanes.sub(lanes.load(a), lanes.load(b))), to);
    }
}

/// g = Bᵀy, and ‖max(0, g)‖².
#[inline(always)]
pub(super) fn products<L: Lanes>(lanes: L, basis: &Basis, y: &[f64], g: &mut [f64]) -> f64 {
    let zero = lanes.splat(0.0);
    let mut squares = zero;
    let g = cast_slice_mut::<f64, L::T>(g);
    for (tile, g) in basis.tiles().zip(g.chunks_exact_mut(BINS_TOGETHER)) {
        // Four vectors at a time, whose sums do not wait for one another: all bins of a tile where a vector has four.
        for (at, g) in g.chunks_exact_mut(4 * L::LANES).enumerate() {
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            for (row, &y) in cast_slice::<f64, L::T>(tile).chunks_exact(BINS_TOGETHER).zip(y) {
                let row = &row[at * 4 * L::LANES..][..4 * L::LANES];
                let y = lanes.splat(y);
                a = lanes.mul_add(lanes.load(row), y, a);
                b = lanes.mul_add(lanes.load(&row[L::LANES..]), y, b);
                c = lanes.mul_add(lanes.load(&row[2 * L::LANES..]), y, c);
                d = lanes.mul_add(lanes.load(&row[3 * L::LANES..]), y, d);
            }
            let (first, second) = g.split_at_mut(2 * L::LANES);
            lanes.store(a, first);
            lanes.store(b, &mut first[L::LANES..]);
            lanes.store(c, second);
            lanes.store(d, &mut second[L::LANES..]);
            (a, b) = (lanes.max(a, zero), lanes.max(b, zero));
            (c, d) = (lanes.max(c, zero), lanes.max(d, zero));
            squares = lanes.mul_add(a, a, lanes.mul_add(b, b, squares));
            squares = lanes.mul_add(c, c, lanes.mul_add(d, d, squares));
        }
    }
    across(lanes, squares)
}

/// ‖max(0, g)‖².
#[inline(always)]
pub(super) fn positive_squares<L: Lanes>(lanes: L, g: &[f64]) -> f64 {
    let zero = lanes.splat(0.0);
    let mut squares = zero;
    for g in cast_slice::<f64, L::T>(g).chunks_exact(L::LANES) {
        let positive = lanes.max(lanes.load(g), zero);
        squares = lanes.mul_add(positive, positive, squares);
    }
    across(lanes, squares)
}

/// x = max(0, g)·factor.
#[inline(always)]
pub(super) fn take_positive<L: Lanes>(lanes: L, g: &[f64], factor: f64, x: &mut [f64]) {
    let (zero, factor) = (lanes.splat(0.0), lanes.splat(factor));
    let (g, x) = (cast_slice::<f64, L::T>(g), cast_slice_mut::<f64, L::T>(x));
    for (x, g) in x.chunks_exact_mut(L::LANES).zip(g.chunks_exact(L::LANES)) {
        lanes.store(lanes.mul(lanes.max(lanes.load(g), zero), factor), x);
    }
}

/// r = c − B·x.
#[inline(always)]
pub(super) fn residual<L: Lanes>(lanes: L, basis: &Basis, x: &[f64], c: &[f64], r: &mut [f64]) {
    r.copy_from_slice(c);
    for (tile, x) in basis.tiles().zip(x.chunks_exact(BINS_TOGETHER)) {
        for (row, r) in tile.chunks_exact(BINS_TOGETHER).zip(r.iter_mut()) {
            *r -= dot(lanes, row, x);
        }
    }
}
