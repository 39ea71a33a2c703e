//! The samples of a block of voxels, on their way into a fit.

use super::block::BLOCK;
use super::problem::Problem;
use super::rows::Rows;
use crate::device::Batch;
use crate::lanes::Element;

/// The samples of a block, ready to be fitted.
#[derive(Debug)]
pub struct Samples<T> {
    /// `[sample][voxel]`, relative to the voxel's largest; 0 where a sample is not finite.
    pub y: Rows<T>,
    /// `[sample][voxel]`: 0 where a sample is not finite, else 1; only where there are such samples.
    pub weights: Option<Vec<Vec<T>>>,
    /// `[factor][voxel]`: what multiplies axes, then σ relative to the voxel's largest sample; 1 where it cannot.
    pub factors: Vec<Vec<T>>,
    /// Whether the last of the factors is σ.
    has_sigma: bool,
    /// The voxel's largest signal; 0 where it cannot be fitted.
    pub largest: Vec<T>,
    /// Number of finite samples.
    pub n_used: Vec<u16>,
}

impl<T: Element> Samples<T> {
    /// Room for a block's.
    pub fn new(problem: &Problem) -> Self {
        let zeros = vec![T::of(0.0); BLOCK];
        Self {
            y: Rows::new(problem.code.n_samples(), T::of(0.0)),
            weights: None,
            factors: vec![vec![T::of(1.0); BLOCK]; problem.n_factors()],
            has_sigma: problem.noise.needs_sigma(),
            largest: zeros,
            n_used: vec![0; BLOCK],
        }
    }

    /// Takes `n` voxels of a batch from `first` on. A voxel needs at least `least` finite samples, a signal
    /// above 0, and factors above 0.
    #[inline(always)]
    pub fn take(&mut self, batch: &Batch, first: usize, n: usize, least: usize) {
        let (zero, one) = (T::of(0.0), T::of(1.0));
        self.largest.fill(zero);
        self.n_used.fill(0);
        for (k, row) in self.y.iter_mut().enumerate() {
            batch.row(k).load(first, &mut row[..n]);
            row[n..].fill(zero);
            for ((&y, largest), n_used) in row[..n].iter().zip(&mut self.largest).zip(&mut self.n_used) {
                let finite = y.is_finite();
                *n_used += u16::from(finite);
                *largest = if finite && y > *largest { y } else { *largest };
            }
        }
        let n_samples = self.y.len();
        let incomplete = self.n_used[..n].iter().any(|&used| usize::from(used) < n_samples);
        self.weights = incomplete.then(|| {
            let weight = |&y: &T| if y.is_finite() { one } else { zero };
            self.y.iter().map(|row| row.iter().map(weight).collect()).collect()
        });
        for (largest, &used) in self.largest[..n].iter_mut().zip(&self.n_used) {
            *largest = if usize::from(used) >= least { *largest } else { zero };
        }
        for (factor, row) in self.factors.iter_mut().enumerate() {
            batch.row(n_samples + factor).load(first, &mut row[..n]);
            for (factor, largest) in row[..n].iter_mut().zip(&mut self.largest) {
                if !(factor.is_finite() && *factor > zero) {
                    (*factor, *largest) = (one, zero);
                }
            }
        }
        let inverse: Vec<T> = self.largest.iter().map(|l| T::of(1.0 / l.to_f64())).collect();
        for row in self.y.iter_mut() {
            for (y, &inverse) in row[..n].iter_mut().zip(&inverse) {
                *y = if y.is_finite() { *y * inverse } else { zero };
            }
        }
        if let Some(sigma) = self.factors.last_mut().filter(|_| self.has_sigma) {
            sigma[..n].iter_mut().zip(&inverse).for_each(|(sigma, &inverse)| *sigma = *sigma * inverse);
        }
    }
}
