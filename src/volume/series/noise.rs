//! The noise of a series: what is known of it, and the volumes that tell of it.

use super::average::agree;
use super::{Place, Series, row_at};
use crate::Result;
use crate::device::Row;
use crate::volume::{Image, SeriesAxis};

/// b-values of repeats differ by no more than this, s/mm²: a diffusivity of 2·10⁻³ mm²/s then changes the signal by 0.2 %.
const REPEAT_TOLERANCE: f64 = 1.0;
/// Below it, s/mm², perfusion changes the signal within [`REPEAT_TOLERANCE`], and repeats agree exactly.
const SMALL_B: f64 = 50.0;

impl Series {
    /// Sets the noise's σ, in the unit of the observations: an image of one volume on the grid of the series.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) for another image.
    pub fn set_sigma(&mut self, sigma: Image) -> Result<()> {
        self.check_sigma(&sigma)?;
        self.sigma = Some(sigma);
        Ok(())
    }

    /// Whether an image could be set as the noise's σ.
    ///
    /// # Errors
    /// Those of [`Self::set_sigma`].
    pub fn check_sigma(&self, sigma: &Image) -> Result<()> {
        self.check_map(sigma, "is to hold the noise's sigma")
    }

    /// The image of the noise's σ, if it is set.
    pub fn sigma(&self) -> Option<&Image> {
        self.sigma.as_ref()
    }

    /// Groups of two and more volumes that agree in all axes, neither filtered nor averaged: what differs between them is
    /// noise, motion and, of diffusion, direction.
    pub fn repeats(&self) -> Vec<Vec<Row<'_>>> {
        let b = self.axes.iter().position(SeriesAxis::is_b);
        // Small b-values are repeats of b = 0 for a decay that perfusion is left out of, and not for the noise.
        let tolerance = |at: &[f64]| match b.map(|b| at[b]) {
            Some(b) if b < SMALL_B => 0.0,
            _ => self.b_tolerance.min(REPEAT_TOLERANCE),
        };
        let mut groups: Vec<(&[f64], Vec<Row>)> = Vec::new();
        for volume in &self.volumes {
            let rows = volume.from.iter().filter_map(|&index| self.as_stored(index));
            match groups.iter_mut().find(|(at, _)| agree(at, &volume.at, b, tolerance(at).min(tolerance(&volume.at)))) {
                Some((_, group)) => group.extend(rows),
                None => groups.push((&volume.at, rows.collect())),
            }
        }
        groups.into_iter().map(|(_, rows)| rows).filter(|rows| rows.len() > 1).collect()
    }

    /// The first volume that each observation was made from, neither filtered nor averaged.
    pub fn unfiltered(&self) -> Vec<Row<'_>> {
        self.volumes.iter().filter_map(|volume| self.as_stored(*volume.from.first()?)).collect()
    }

    /// Whether the observations are the files' own volumes.
    pub fn is_as_stored(&self) -> bool {
        self.volumes.iter().all(|volume| matches!(volume.voxels, super::Voxels::Borrowed(_)))
    }

    /// A volume of the files, counted over all of them.
    fn as_stored(&self, index: usize) -> Option<Row<'_>> {
        let mut volume = index;
        for (image, of) in self.images.iter().enumerate() {
            match volume.checked_sub(of.n_volumes()) {
                None => return Some(row_at(&self.images, Place { image, volume })),
                Some(rest) => volume = rest,
            }
        }
        None
    }
}
