//! Rows of numbers, one number a voxel of a block.

use std::ops::{Index, IndexMut};

use super::block::BLOCK;

/// From row to row it is a block and a cache line more: rows a power of two apart would all be kept in the same few places of
/// the first-level cache, and the samples of one voxel would push one another out.
const STRIDE: usize = BLOCK + 16;

/// `[row][voxel]`
#[derive(Debug, Clone)]
pub struct Rows<T>(Vec<T>);

impl<T: Copy> Rows<T> {
    /// So many rows of a value.
    pub fn new(n: usize, value: T) -> Self {
        Self(vec![value; n * STRIDE])
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len() / STRIDE
    }

    /// Row by row, a block of voxels each.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.0.chunks_exact(STRIDE).map(|row| &row[..BLOCK])
    }

    /// What all rows hold of one voxel.
    #[inline(always)]
    pub fn of_voxel(&self, voxel: usize) -> impl Iterator<Item = T> {
        self.0[voxel..].iter().step_by(STRIDE).copied()
    }

    /// The same, to be written to.
    #[inline(always)]
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.0.chunks_exact_mut(STRIDE).map(|row| &mut row[..BLOCK])
    }
}

impl<T> Index<usize> for Rows<T> {
    type Output = [T];

    #[inline(always)]
    fn index(&self, row: usize) -> &[T] {
        &self.0[row * STRIDE..][..BLOCK]
    }
}

impl<T> IndexMut<usize> for Rows<T> {
    #[inline(always)]
    fn index_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.0[row * STRIDE..][..BLOCK]
    }
}
