//! What fits have found.

use super::block::BLOCK;
use crate::lanes::Element;
use crate::model::signal::MOST_PARAMETERS;

/// What has been found for the voxels of a block.
#[derive(Debug)]
pub struct Found<T> {
    /// `[parameter][voxel]`, in units of the scales; those of the signal relative to the voxel's largest.
    pub parameters: Vec<Vec<T>>,
    /// The sum of squared residuals relative to the largest signal; infinite where nothing was found.
    pub squares: Vec<T>,
    /// Steps of the fit that was kept.
    pub iterations: Vec<u16>,
}

impl<T: Element> Found<T> {
    /// Room for a block's.
    pub fn new(n_parameters: usize) -> Self {
        let zeros = vec![T::of(0.0); BLOCK];
        Self { parameters: vec![zeros.clone(); n_parameters], squares: zeros, iterations: vec![0; BLOCK] }
    }

    /// The parameters of a voxel.
    #[inline(always)]
    pub(super) fn at(&self, v: usize) -> [T; MOST_PARAMETERS] {
        let mut at = [T::of(0.0); MOST_PARAMETERS];
        for (to, row) in at.iter_mut().zip(&self.parameters) {
            *to = row[v];
        }
        at
    }
}
