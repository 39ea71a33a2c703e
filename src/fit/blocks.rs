//! How a fit over lanes walks through a batch: signals by the block in, estimates by the vector out.

use crate::device::{Batch, ColumnMut};
use crate::lanes::{Element, Lanes};

/// Voxels converted at a time: with ten observations they stay in a core's first-level cache.
pub(super) const BLOCK: usize = 512;

/// A fit of one vector of voxels.
pub(super) trait VectorFit<L: Lanes> {
    /// What is known of a vector of voxels, on its way out.
    type Estimate;

    /// Fits the voxels from `at`; observation `i` of them stands from `signals[i * BLOCK + at]`.
    fn fit(&mut self, signals: &[L::T], at: usize) -> Self::Estimate;

    /// What a column is to hold.
    fn value(&self, estimate: &Self::Estimate, column: usize) -> L::V;
}

/// Fits a whole batch, whose row `rows[i]` is observation `i` of the fit; `out` are the columns asked for.
#[inline(always)]
pub(super) fn fit_blocks<L: Lanes, F: VectorFit<L>>(
    lanes: L,
    batch: &Batch,
    rows: &[usize],
    fit: &mut F,
    out: &mut [ColumnMut],
) {
    let mut signals = vec![L::T::of(0.0f32); rows.len() * BLOCK];
    for first in (0..batch.n_voxels()).step_by(BLOCK) {
        let len = BLOCK.min(batch.n_voxels() - first);
        for (block, &row) in signals.chunks_exact_mut(BLOCK).zip(rows) {
            batch.row(row).load(first, &mut block[..len]);
            // The last vector may be longer than the batch: what it reads must be defined, and is not written.
            block[len..].fill(L::T::of(0.0f32));
        }
        for at in (0..len).step_by(L::LANES) {
            let estimate = fit.fit(&signals, at);
            let count = L::LANES.min(len - at);
            for (i, column) in out.iter_mut().enumerate() {
                write(lanes, fit.value(&estimate, i), column, first + at, count);
            }
        }
    }
}

#[inline(always)]
fn write<L: Lanes>(lanes: L, values: L::V, column: &mut ColumnMut, at: usize, count: usize) {
    // As long as the longest vector.
    let mut buffer = [L::T::of(0.0f32); 64];
    lanes.store(values, &mut buffer);
    match column {
        ColumnMut::F32(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], Element::to_f32),
        ColumnMut::F64(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f64()),
        ColumnMut::U16(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], |v| v.to_f32() as u16),
        ColumnMut::F32(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f32()),
        ColumnMut::U16(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f32() as u16),
    }
}

/// As many values as there are lanes: a length that the compiler knows.
#[inline(always)]
fn copy<L: Lanes, To>(from: &[L::T], to: &mut [To], convert: impl Fn(L::T) -> To) {
    for (to, &from) in to[..L::LANES].iter_mut().zip(&from[..L::LANES]) {
        *to = convert(from);
    }
}

/// A status bit where `mask` is true. A function, since a closure might not be inlined into the vector code.
#[inline(always)]
pub(super) fn bit<L: Lanes>(lanes: L, mask: L::M, bit: u16) -> L::V {
    lanes.select(mask, lanes.splat(f64::from(bit)), lanes.splat(0.0))
}
