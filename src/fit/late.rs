//! Voxels that take more iterations than their neighbours.
//!
//! A vector is done when its last lane is, so a few voxels of noise would keep all others waiting. They are set aside
//! instead and fitted anew together, which changes no result, since voxels do not see one another.

use super::blocks::BLOCK;
use crate::lanes::{Element, Lanes};

/// Voxels set aside: at most two blocks of them.
pub(super) struct Late<T> {
    /// `[observation][2 * BLOCK]`
    signals: Vec<T>,
    /// Where in the batch they belong.
    voxels: Vec<usize>,
    /// Those that are being fitted.
    pub(super) taken: Vec<usize>,
}

impl<T: Element> Late<T> {
    pub(super) fn new(n_obs: usize) -> Self {
        let voxels = Vec::with_capacity(2 * BLOCK);
        Self { signals: vec![T::of(0.0f32); n_obs * 2 * BLOCK], voxels, taken: Vec::with_capacity(BLOCK) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.voxels.len()
    }

    /// Whether there are as many as are fitted at once.
    pub(super) fn fill_a_block(&self) -> bool {
        self.voxels.len() >= BLOCK
    }

    /// Sets those lanes aside that are `limited`; the vector begins `at` voxels into the block, and this at `first` in the
    /// batch.
    #[inline(always)]
    pub(super) fn note<L: Lanes<T = T>>(&mut self, lanes: L, limited: L::V, signals: &[T], first: usize, at: usize) {
        if !lanes.any(lanes.lt(lanes.splat(0.0), limited)) {
            return;
        }
        let mut buffer = [T::of(0.0f32); 64];
        lanes.store(limited, &mut buffer);
        // A bit a lane: few are set.
        let mut late = 0u64;
        for (lane, &limited) in buffer[..L::LANES].iter().enumerate() {
            late |= u64::from(limited > T::of(0.0f32)) << lane;
        }
        while late != 0 {
            let (voxel, n) = (at + late.trailing_zeros() as usize, self.voxels.len());
            for (to, from) in self.signals.chunks_exact_mut(2 * BLOCK).zip(signals.chunks_exact(BLOCK)) {
                to[n] = from[voxel];
            }
            self.voxels.push(first + voxel);
            late &= late - 1;
        }
    }

    /// Takes up to a block of them and says how many; their places are in `taken`.
    pub(super) fn take(&mut self, signals: &mut [T]) -> usize {
        let from = self.voxels.len().saturating_sub(BLOCK);
        self.taken.clear();
        self.taken.extend(self.voxels.drain(from..));
        let len = self.taken.len();
        for (to, late) in signals.chunks_exact_mut(BLOCK).zip(self.signals.chunks_exact(2 * BLOCK)) {
            to[..len].copy_from_slice(&late[from..from + len]);
            to[len..].fill(T::of(0.0f32));
        }
        len
    }
}
