//! What fits have found.

use super::block::BLOCK;
use super::rows::Rows;
use crate::lanes::Element;

/// What has been found for the voxels of a block.
#[derive(Debug)]
pub struct Found<T> {
    /// `[parameter][voxel]`, in units of the scales; those of the signal relative to the voxel's largest.
    pub parameters: Rows<T>,
    /// The sum of squared residuals relative to the largest signal, before the last step, which promised to lower it by less
    /// than [`super::Effort::tolerance`] of it; infinite where nothing was found.
    pub squares: Vec<T>,
    /// Steps of the fit that was kept.
    pub iterations: Vec<u16>,
}

impl<T: Element> Found<T> {
    /// Room for a block's.
    pub fn new(n_parameters: usize) -> Self {
        let zeros = vec![T::of(0.0); BLOCK];
        Self { parameters: Rows::new(n_parameters, T::of(0.0)), squares: zeros, iterations: vec![0; BLOCK] }
    }
}
