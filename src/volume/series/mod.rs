//! A diffusion series: volumes over one grid, each with its b-value.

mod appended;
mod average;
mod choose;
mod select;
#[cfg(test)]
mod tests;

pub use appended::Appended;
pub use select::{Selection, TableColumn, VolumeChoice};

use choose::{Choice, choose};

use super::bvalues::{BvalueSource, bvalues};
use super::filter::{Average, combine};
use super::{Grid, Image, Scaling, VoxelType, read_sidecar};
use crate::device::Row;
use crate::{Error, Result};

/// Grids that differ by more than this many voxels anywhere are different grids.
pub const GRID_TOLERANCE_VOXELS: f64 = 0.1;

/// b-values this close, in s/mm², are repeats of one another unless told otherwise.
pub const B_TOLERANCE: f64 = 5.0;

/// How images become a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesOptions {
    /// Where b-values come from.
    pub bvalues: BvalueSource,
    /// Which volumes are used.
    pub select: Selection,
    /// How repeats become one volume.
    pub average: Average,
    /// How far b-values of repeats may differ, s/mm².
    pub b_tolerance: f64,
    /// Which repeats are averaged with one another: those that agree in this column; `None`: all.
    pub average_within: Option<TableColumn>,
    /// Whether each volume is filtered by a 3 × 3 median in-plane first.
    pub median_3x3: bool,
}

impl Default for SeriesOptions {
    fn default() -> Self {
        Self {
            bvalues: BvalueSource::default(),
            select: Selection::default(),
            average: Average::default(),
            b_tolerance: B_TOLERANCE,
            average_within: None,
            median_3x3: false,
        }
    }
}

/// One observation of a series.
#[derive(Debug)]
pub struct Volume {
    /// b-value in s/mm²; the mean over repeats that were averaged.
    pub b: f64,
    /// The volumes it was made from, counted from 0 over all inputs in their order.
    pub from: Vec<usize>,
    voxels: Voxels,
}

#[derive(Debug)]
enum Voxels {
    /// As they lie in a file.
    Borrowed(Place),
    /// Filtered or averaged.
    Made(Vec<f32>),
}

#[derive(Debug, Clone, Copy)]
struct Place {
    image: usize,
    volume: usize,
}

/// Volumes of one 4D file or of several 3D files, in order, all over one grid.
#[derive(Debug)]
pub struct Series {
    /// The lattice of every volume: that of the first file.
    pub grid: Grid,
    /// The observations: in the order of the files, or by rising b-value where repeats were averaged.
    pub volumes: Vec<Volume>,
    /// Volumes that were left out as the scanner's own, by their index over all inputs, and what they are.
    pub left_out: Vec<(usize, Appended)>,
    images: Vec<Image>,
}

impl Series {
    /// Puts images together: checks that they share a grid, gives each volume its b-value, leaves out what a scanner
    /// appended (unless [`Selection::volumes`] names volumes itself), selects, filters and averages.
    ///
    /// Of several files, one whose sidecar calls it an ADC map is left out and not counted. Up to two volumes at the
    /// end are left out where their voxels show that they are an ADC map or a mean of the others; they need no
    /// b-value. Both are warned of.
    ///
    /// # Errors
    /// [`Error::Data`] where grids differ, b-values are missing, wrong or of another number than the volumes, or
    /// nothing is left.
    pub fn new(images: Vec<Image>, options: &SeriesOptions) -> Result<Self> {
        let images = without_adc_files(images)?;
        let first = images.first().ok_or_else(|| Error::Usage("no input: give at least one image".into()))?;
        for image in &images {
            check_dimensions(image)?;
            check_same_grid(first, image)?;
        }
        let b_values = bvalues(&images, &options.bvalues)?;
        let Choice { chosen, left_out } = choose(&images, &b_values, options)?;
        let volumes = average::volumes(&images, chosen, options)?;
        Ok(Self { grid: first.grid.clone(), volumes, left_out, images })
    }

    /// The observations, ready for a kernel.
    pub fn rows(&self) -> Vec<Row<'_>> {
        self.volumes.iter().map(|volume| self.row(volume)).collect()
    }

    fn row<'a>(&'a self, volume: &'a Volume) -> Row<'a> {
        match &volume.voxels {
            Voxels::Borrowed(place) => row_at(&self.images, *place),
            Voxels::Made(values) => {
                Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
            }
        }
    }

    /// The b-values of the observations, s/mm².
    pub fn b_values(&self) -> Vec<f64> {
        self.volumes.iter().map(|volume| volume.b).collect()
    }

    /// The files, in order.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The mean of the observations of the lowest b-value: what shows most of the body.
    pub fn brightest(&self) -> Vec<f32> {
        let lowest = self.b_values().into_iter().fold(f64::INFINITY, f64::min);
        let of_lowest = self.volumes.iter().filter(|volume| volume.b <= lowest);
        let rows: Vec<Row> = of_lowest.map(|volume| self.row(volume)).collect();
        combine(&rows, &self.grid, Average::Arithmetic, false)
    }
}

fn row_at(images: &[Image], place: Place) -> Row<'_> {
    images[place.image].row(place.volume)
}

/// Of several files, those that are not ADC maps by their own sidecars.
fn without_adc_files(images: Vec<Image>) -> Result<Vec<Image>> {
    if images.len() < 2 {
        return Ok(images);
    }
    let mut kept = Vec::new();
    for image in images {
        if read_sidecar(&image.path)?.is_some_and(|sidecar| sidecar.is_adc_map()) {
            tracing::warn!(
                "{}: left out, and not counted: its sidecar says that it is an ADC map",
                image.path.display()
            );
        } else {
            kept.push(image);
        }
    }
    Ok(kept)
}

fn check_dimensions(image: &Image) -> Result<()> {
    if image.dims.iter().skip(4).any(|&n| n > 1) {
        return Err(Error::data(
            &image.path,
            format!("has the dimensions {:?}, at most 4 can be used", image.dims),
            "give 3D or 4D images",
        ));
    }
    Ok(())
}

/// Whether two images lie on one grid, within [`GRID_TOLERANCE_VOXELS`]; the error says how they differ.
pub fn check_same_grid(first: &Image, other: &Image) -> Result<()> {
    let first_path = first.path.display();
    let problem = if first.grid.shape != other.grid.shape {
        format!("has {:?} voxels, {first_path} has {:?}", other.grid.shape, first.grid.shape)
    } else {
        let distance = first.grid.max_distance_voxels(&other.grid);
        if distance <= GRID_TOLERANCE_VOXELS {
            return Ok(());
        }
        format!("lies up to {distance:.3} voxels from {first_path}, more than {GRID_TOLERANCE_VOXELS}")
    };
    Err(Error::data(&other.path, problem, "give images of one series, on one grid"))
}
