//! One voxel on its way: what is expected of its samples, and what the next fit is given for them.

use super::{Robust, weigh};
use weigh::DISCOUNTED;

/// Huber's function gives way to the biweight when no expected sample moves by more than this share of the scale.
const STARTS: f64 = 0.1;
/// A fit stays when no expected sample moves by more than this share of the scale.
const STAYS: f64 = 1e-3;
/// The least scale, relative to the largest sample: what rounding leaves in f32.
const LEAST_SCALE: f64 = 1e-5;

/// A voxel whose fit still moves.
pub(super) struct Voxel {
    /// Its place in the batch.
    pub(super) at: usize,
    /// What its last fit expected of each sample.
    expected: Vec<f64>,
    /// What the next fit is given for samples.
    modified: Vec<f64>,
    /// The scale of its residuals.
    scale: f64,
    pub(super) n_discounted: usize,
    /// What least squares of modified samples take too little for the standard error: 1 / mean slope of ψ (Huber 1981,
    /// section 7.6, without the small factor K).
    pub(super) loosening: f64,
}

impl Voxel {
    pub(super) fn new(at: usize, samples: &[Vec<f64>]) -> Self {
        let (expected, modified) = (vec![f64::NAN; samples.len()], samples.iter().map(|row| row[at]).collect());
        Self { at, expected, modified, scale: 0.0, n_discounted: 0, loosening: 1.0 }
    }

    /// A row of what the next fit is given: a sample, or what else there is of the voxel.
    pub(super) fn row(&self, k: usize, all: &[Vec<f64>]) -> f64 {
        self.modified.get(k).copied().unwrap_or_else(|| all[k][self.at])
    }

    /// Looks at what the last fit expects, and modifies the samples for the next; true if the fit stays.
    pub(super) fn look(
        &mut self,
        is_start: bool,
        all: &[Vec<f64>],
        expected: impl Fn(usize) -> f64,
        fit: &Robust,
    ) -> bool {
        let mut change = 0.0f64;
        let (mut residuals, mut largest) = (Vec::with_capacity(self.modified.len()), 0.0f64);
        let is_usable = |y: f64| y.is_finite() && (y > 0.0 || !fit.needs_positive);
        for (k, samples) in all.iter().enumerate().take(self.expected.len()) {
            let (y, now) = (samples[self.at], expected(k));
            // The first comparison is with nothing.
            change = if self.expected[k].is_nan() { f64::INFINITY } else { change.max((now - self.expected[k]).abs()) };
            self.expected[k] = now;
            if is_usable(y) {
                residuals.push(y - now);
                largest = largest.max(y.abs());
            }
        }
        // Without a start there is no scale yet.
        if is_start || self.scale == 0.0 {
            self.scale = weigh::scale(&residuals, fit.fit.parameters.len(), LEAST_SCALE * largest);
        }
        let stays = change <= self.scale * if is_start { STARTS } else { STAYS };
        let mut slopes = 0.0;
        self.n_discounted = 0;
        for (k, samples) in all.iter().enumerate().take(self.expected.len()) {
            let y = samples[self.at];
            if !is_usable(y) {
                // No kernel counts it then, not even one that takes signals at or below 0.
                self.modified[k] = f64::NAN;
                continue;
            }
            let u = (y - self.expected[k]) / self.scale;
            let (weight, slope) = weigh::biweight(u);
            slopes += slope;
            self.n_discounted += usize::from(weight < DISCOUNTED);
            let counts = if is_start && !stays { weigh::huber(u) } else { weight * u };
            self.modified[k] = self.expected[k] + self.scale * counts;
        }
        self.loosening = if slopes > 0.0 { residuals.len() as f64 / slopes } else { f64::NAN };
        stays
    }
}
