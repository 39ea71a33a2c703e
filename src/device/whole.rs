//! A sink that puts the parts of columns together.

use std::sync::{Mutex, PoisonError};

use super::cpu::split;
use super::{Column, ColumnMut, Sink};
use crate::{Error, Result};

/// Values that one lock covers: threads rarely meet, and a lock costs nothing beside copying them.
const PIECE: usize = 64 * 1024;

/// Takes parts of columns, in any order and from any thread, to their places.
pub(crate) struct Whole<'c> {
    /// `[piece][column]`
    pieces: Vec<Mutex<Vec<ColumnMut<'c>>>>,
}

impl<'c> Whole<'c> {
    /// For parts of `columns`, which are all of the same length.
    pub(crate) fn new(columns: &'c mut [Column]) -> Self {
        Self { pieces: split(columns, PIECE).into_iter().map(Mutex::new).collect() }
    }
}

impl Sink for Whole<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        let end = first + columns.first().map_or(0, Column::len);
        let mut start = first;
        while start < end {
            let at = start / PIECE;
            let next = end.min((at + 1) * PIECE);
            let elsewhere = || Error::Internal("values came for voxels that there are not".into());
            let mut piece = self.pieces.get(at).ok_or_else(elsewhere)?.lock().unwrap_or_else(PoisonError::into_inner);
            for (to, from) in piece.iter_mut().zip(columns) {
                to.put(start % PIECE, from, start - first..next - first).ok_or_else(elsewhere)?;
            }
            start = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_to_their_places_in_any_order() {
        let n = 2 * PIECE + 100;
        let want = [
            Column::F32((0..n).map(|v| v as f32).collect()),
            Column::F64((0..n).map(|v| v as f64).collect()),
            Column::U16((0..n).map(|v| v as u16).collect()),
        ];
        let mut got: Vec<Column> = want.iter().map(|column| column.filled_like(0.0, n)).collect();
        let whole = Whole::new(&mut got);
        let part = |voxels: std::ops::Range<usize>| {
            let places: Vec<usize> = voxels.collect();
            want.each_ref().map(|column| column.at(&places))
        };
        for voxels in [PIECE - 3..n, 7..PIECE - 3, 0..7] {
            whole.take(voxels.start, &part(voxels)).unwrap();
        }
        assert!(whole.take(n - 1, &part(0..2)).is_err(), "beyond the end");
        assert!(whole.take(0, &[Column::U16(vec![1])]).is_err(), "of another type");
        assert!(got == want);
    }
}
