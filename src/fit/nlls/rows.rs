//! Rows of numbers, one number a voxel of a block.

use std::ops::{Index, IndexMut};

use super::block::BLOCK;

/// From row to row it is a block and a cache line more: rows a power of two apart would all be kept in the same few places of
/// the first-level cache, and the samples of one voxel would push one another out.
const STRIDE: usize = BLOCK + 16;

/// `[row][voxel]`
#[derive(Debug, Clone)]
pub struct Rows<T>(Vec<[T; STRIDE]>);

impl<T: Copy> Rows<T> {
    /// So many rows of a value.
    pub fn new(n: usize, value: T) -> Self {
        Self(vec![[value; STRIDE]; n])
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Row by row, a block of voxels each.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.0.iter().map(|row| &row[..BLOCK])
    }

    /// The same, to be written to.
    #[inline(always)]
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.0.iter_mut().map(|row| &mut row[..BLOCK])
    }

    /// What all rows hold of one voxel.
    #[inline(always)]
    pub fn of_voxel(&self, voxel: usize) -> impl Iterator<Item = T> {
        // One look for all rows.
        assert!(voxel < BLOCK, "a voxel of the block");
        self.0.iter().map(move |row| row[voxel])
    }

    /// The same, to be written to.
    #[inline(always)]
    pub fn of_voxel_mut(&mut self, voxel: usize) -> impl Iterator<Item = &mut T> {
        assert!(voxel < BLOCK, "a voxel of the block");
        self.0.iter_mut().map(move |row| &mut row[voxel])
    }
}

impl<T> Index<usize> for Rows<T> {
    type Output = [T];

    #[inline(always)]
    fn index(&self, row: usize) -> &[T] {
        &self.0[row][..BLOCK]
    }
}

impl<T> IndexMut<usize> for Rows<T> {
    #[inline(always)]
    fn index_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.0[row][..BLOCK]
    }
}
