//! Products of vectors with the basis. Bins lie in lanes; the lanes' element is f64, as [`crate::lanes::run_f64`] has it.

use bytemuck::{cast_slice, cast_slice_mut};

use super::basis::{BINS_TOGETHER, Tiles};
use crate::lanes::{Element, Lanes};

/// The sum of a vector's lanes.
#[inline(always)]
pub(super) fn across<L: Lanes>(lanes: L, v: L::V) -> f64 {
    let half = L::LANES / 2;
    if half == 0 {
        return lanes.lane(&v, 0).to_f64();
    }
    // Halves, so that one addition does not wait for all others.
    let (mut low, mut high) = (lanes.lane(&v, 0).to_f64(), lanes.lane(&v, half).to_f64());
    let mut lane = 1;
    while lane < half {
        low += lanes.lane(&v, lane).to_f64();
        high += lanes.lane(&v, half + lane).to_f64();
        lane += 1;
    }
    low + high
}

#[inline(always)]
pub(super) fn load<L: Lanes>(lanes: L, from: &[f64]) -> L::V {
    lanes.load(cast_slice::<f64, L::T>(from))
}

#[inline(always)]
pub(super) fn store<L: Lanes>(lanes: L, v: L::V, to: &mut [f64]) {
    lanes.store(v, cast_slice_mut::<f64, L::T>(to));
}

/// The sum of values, as many as a multiple of the lanes.
#[inline(always)]
pub(super) fn sum<L: Lanes>(lanes: L, values: &[f64]) -> f64 {
    let mut sum = lanes.splat(0.0);
    let mut at = 0;
    while at < values.len() {
        sum = lanes.add(sum, load(lanes, &values[at..]));
        at += L::LANES;
    }
    across(lanes, sum)
}

/// aᵀb of vectors as long as a multiple of the lanes.
#[inline(always)]
pub(super) fn dot<L: Lanes>(lanes: L, a: &[f64], b: &[f64]) -> f64 {
    let b = &b[..a.len()];
    let mut sum = lanes.splat(0.0);
    let mut at = 0;
    while at < a.len() {
        sum = lanes.mul_add(load(lanes, &a[at..]), load(lanes, &b[at..]), sum);
        at += L::LANES;
    }
    across(lanes, sum)
}

/// to ← to + factor·v.
#[inline(always)]
pub(super) fn add_scaled<L: Lanes>(lanes: L, factor: f64, v: &[f64], to: &mut [f64]) {
    let factor = lanes.splat(factor);
    let v = &v[..to.len()];
    let mut at = 0;
    while at < to.len() {
        let sum = lanes.mul_add(factor, load(lanes, &v[at..]), load(lanes, &to[at..]));
        store(lanes, sum, &mut to[at..]);
        at += L::LANES;
    }
}

/// g = Bᵀy.
#[inline(always)]
pub(super) fn products<L: Lanes>(lanes: L, tiles: &Tiles, y: &[f64], g: &mut [f64]) {
    let zero = lanes.splat(0.0);
    let mut first = 0;
    for tile in tiles.iter() {
        // Four vectors at a time, whose sums do not wait for one another: all bins of a tile where a vector has four.
        let mut at = 0;
        while at < BINS_TOGETHER {
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            let rows = tile.as_chunks::<BINS_TOGETHER>().0;
            let y = &y[..rows.len()];
            let mut row = 0;
            while row < rows.len() {
                let tile = &rows[row][at..][..4 * L::LANES];
                let y = lanes.splat(y[row]);
                a = lanes.mul_add(load(lanes, tile), y, a);
                b = lanes.mul_add(load(lanes, &tile[L::LANES..]), y, b);
                c = lanes.mul_add(load(lanes, &tile[2 * L::LANES..]), y, c);
                d = lanes.mul_add(load(lanes, &tile[3 * L::LANES..]), y, d);
                row += 1;
            }
            let g = &mut g[first + at..][..4 * L::LANES];
            store(lanes, a, g);
            store(lanes, b, &mut g[L::LANES..]);
            store(lanes, c, &mut g[2 * L::LANES..]);
            store(lanes, d, &mut g[3 * L::LANES..]);
            at += 4 * L::LANES;
        }
        first += BINS_TOGETHER;
    }
}

/// ‖max(0, g)‖².
#[inline(always)]
pub(super) fn positive_squares<L: Lanes>(lanes: L, g: &[f64]) -> f64 {
    let zero = lanes.splat(0.0);
    let mut sums = (zero, zero);
    let mut at = 0;
    while at < g.len() {
        let even = lanes.max(load(lanes, &g[at..]), zero);
        let odd = lanes.max(load(lanes, &g[at + L::LANES..]), zero);
        sums = (lanes.mul_add(even, even, sums.0), lanes.mul_add(odd, odd, sums.1));
        at += 2 * L::LANES;
    }
    across(lanes, lanes.add(sums.0, sums.1))
}

/// x = max(0, g)·factor.
#[inline(always)]
pub(super) fn take_positive<L: Lanes>(lanes: L, g: &[f64], factor: f64, x: &mut [f64]) {
    let (zero, factor) = (lanes.splat(0.0), lanes.splat(factor));
    let mut at = 0;
    while at < x.len() {
        store(lanes, lanes.mul(lanes.max(load(lanes, &g[at..]), zero), factor), &mut x[at..]);
        at += L::LANES;
    }
}

/// r = c − B·x.
#[inline(always)]
pub(super) fn residual<L: Lanes>(lanes: L, tiles: &Tiles, x: &[f64], c: &[f64], r: &mut [f64]) {
    r.copy_from_slice(c);
    for (row, r) in r.iter_mut().take(tiles.rank()).enumerate() {
        let (mut even, mut odd) = (lanes.splat(0.0), lanes.splat(0.0));
        let mut first = 0;
        for tile in tiles.iter() {
            let (tile, x) = (&tile[row * BINS_TOGETHER..][..BINS_TOGETHER], &x[first..][..BINS_TOGETHER]);
            for at in (0..BINS_TOGETHER).step_by(2 * L::LANES) {
                even = lanes.mul_add(load(lanes, &tile[at..]), load(lanes, &x[at..]), even);
                let at = at + L::LANES;
                odd = lanes.mul_add(load(lanes, &tile[at..]), load(lanes, &x[at..]), odd);
            }
            first += BINS_TOGETHER;
        }
        *r -= across(lanes, lanes.add(even, odd));
    }
}

/// The largest size of values, as many as a multiple of the lanes.
#[inline(always)]
pub(super) fn largest<L: Lanes>(lanes: L, values: &[f64]) -> f64 {
    let mut most = lanes.splat(0.0);
    let mut at = 0;
    while at < values.len() {
        most = lanes.max(size(lanes, load(lanes, &values[at..])), most);
        at += L::LANES;
    }
    most_across(lanes, most)
}

/// The largest size of differences, likewise.
#[inline(always)]
pub(super) fn largest_difference<L: Lanes>(lanes: L, a: &[f64], b: &[f64]) -> f64 {
    let mut most = lanes.splat(0.0);
    let mut at = 0;
    while at < a.len() {
        most = lanes.max(size(lanes, lanes.sub(load(lanes, &a[at..]), load(lanes, &b[at..]))), most);
        at += L::LANES;
    }
    most_across(lanes, most)
}

#[inline(always)]
fn size<L: Lanes>(lanes: L, v: L::V) -> L::V {
    lanes.max(v, lanes.sub(lanes.splat(0.0), v))
}

#[inline(always)]
fn most_across<L: Lanes>(lanes: L, v: L::V) -> f64 {
    let mut most = 0.0;
    for lane in 0..L::LANES {
        most = lanes.lane(&v, lane).to_f64().max(most);
    }
    most
}

/// The least of a vector's lanes.
#[inline(always)]
pub(super) fn least_across<L: Lanes>(lanes: L, v: L::V) -> f64 {
    let mut least = lanes.lane(&v, 0).to_f64();
    for lane in 1..L::LANES {
        let value = lanes.lane(&v, lane).to_f64();
        least = if value < least { value } else { least };
    }
    least
}

/// Where values are the largest among their neighbours and more than `flat` times `scales`, until `found` has no
/// room for a vector of them; how many.
/// Before the first value and after the last is a 0.
#[inline(always)]
pub(super) fn peaks<L: Lanes>(lanes: L, values: &[f64], flat: f64, scales: &[f64], found: &mut [usize]) -> usize {
    let flat = lanes.splat(flat);
    let values = &values[..scales.len() + 2];
    let mut n = 0;
    let mut first = 0;
    while first < scales.len() && n + L::LANES <= found.len() {
        let near = &values[first..][..L::LANES + 2];
        let value = load(lanes, &near[1..]);
        let is_high = lanes.lt(lanes.mul(flat, load(lanes, &scales[first..])), value);
        let rises = lanes.lt(load(lanes, near), value);
        let falls = lanes.le(load(lanes, &near[2..]), value);
        let is_peak = lanes.and(is_high, lanes.and(rises, falls));
        if lanes.any(is_peak) {
            let ones = lanes.select(is_peak, lanes.splat(1.0), lanes.splat(0.0));
            for lane in 0..L::LANES {
                found[n] = first + lane;
                n += usize::from(lanes.lane(&ones, lane).to_f64() > 0.0);
            }
        }
        first += L::LANES;
    }
    n
}
