//! How a fit over lanes walks through a batch: signals by the block in, estimates by the vector out.

use super::late::Late;
use crate::device::{Batch, ColumnMut};
use crate::lanes::{Element, Lanes};

/// Voxels converted at a time: with ten observations they stay in a core's first-level cache.
pub(super) const BLOCK: usize = 512;

/// A fit of one vector of voxels.
pub(super) trait VectorFit<L: Lanes> {
    /// What is known of a vector of voxels, on its way out.
    type Estimate;

    /// Fits the voxels from `at`, in at most `limit` iterations; observation `i` of them stands from
    /// `signals[i * BLOCK + at]`.
    fn fit(&mut self, signals: &[L::T], at: usize, limit: u32) -> Self::Estimate;

    /// How many iterations a vector is given at first, and in the end. Lanes that need more than the first are [`Late`]; where
    /// many do, later vectors are given more.
    fn limits(&self) -> [u32; 2];

    /// More than 0 where the limit ended the iteration.
    fn limited(&self, estimate: &Self::Estimate) -> L::V;

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
    let [mut few, most] = fit.limits();
    let mut signals = vec![L::T::of(0.0f32); rows.len() * BLOCK];
    let mut late = Late::new(rows.len());
    let mut first = 0;
    // One loop for blocks of the batch and of late voxels, so that the fit stands in the program once.
    loop {
        let left = batch.n_voxels() - first;
        let again = left == 0 || late.fill_a_block();
        let len = if again { late.take(&mut signals) } else { load(batch, rows, first, BLOCK.min(left), &mut signals) };
        if len == 0 {
            return;
        }
        let limit = if again { most } else { few.min(most) };
        let n_late = late.len();
        for at in (0..len).step_by(L::LANES) {
            let estimate = fit.fit(&signals, at, limit);
            let count = L::LANES.min(len - at);
            for (i, column) in out.iter_mut().enumerate() {
                let values = fit.value(&estimate, i);
                if again {
                    scatter(lanes, values, column, &late.taken[at..at + count]);
                } else {
                    write(lanes, values, column, first + at, count);
                }
            }
            if limit < most {
                late.note(lanes, fit.limited(&estimate), &signals, first, at);
            }
        }
        // What is late is begun anew, which pays where it is rare.
        if limit < most && late.len() - n_late > len / 4 {
            few += 1;
        }
        first += if again { 0 } else { len };
    }
}

/// Real signals of `len` voxels from `first` on, and `len` itself.
#[inline(always)]
fn load<T: Element>(batch: &Batch, rows: &[usize], first: usize, len: usize, signals: &mut [T]) -> usize {
    for (block, &row) in signals.chunks_exact_mut(BLOCK).zip(rows) {
        batch.row(row).load(first, &mut block[..len]);
        // The last vector may be longer than the batch: what it reads must be defined, and is not written.
        block[len..].fill(T::of(0.0f32));
    }
    len
}

#[inline(always)]
fn write<L: Lanes>(lanes: L, values: L::V, column: &mut ColumnMut, at: usize, count: usize) {
    // As long as the longest vector.
    let mut buffer = [L::T::of(0.0f32); 64];
    lanes.store(values, &mut buffer);
    match column {
        ColumnMut::F32(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], Element::to_f32),
        ColumnMut::F64(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f64()),
        ColumnMut::U16(to) if count == L::LANES => copy::<L, _>(&buffer, &mut to[at..], to_u16),
        ColumnMut::F32(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = v.to_f32()),
        ColumnMut::U16(to) => to[at..at + count].iter_mut().zip(&buffer).for_each(|(t, v)| *t = to_u16(*v)),
    }
}

/// Values of voxels that do not follow one another.
#[inline(always)]
fn scatter<L: Lanes>(lanes: L, values: L::V, column: &mut ColumnMut, voxels: &[usize]) {
    let mut buffer = [L::T::of(0.0f32); 64];
    lanes.store(values, &mut buffer);
    for (&voxel, value) in voxels.iter().zip(&buffer) {
        match column {
            ColumnMut::F32(to) => to[voxel] = value.to_f32(),
            ColumnMut::F64(to) => to[voxel] = value.to_f64(),
            ColumnMut::U16(to) => to[voxel] = to_u16(*value),
        }
    }
}

/// A count below 2¹⁶. 2²³ + a count has it in its low bits: a conversion that vectors have, unlike one that saturates.
#[inline(always)]
fn to_u16(count: impl Element) -> u16 {
    (count.to_f32() + 8_388_608.0).to_bits() as u16
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
