//! A series: volumes over one grid, each with a value of every axis.

mod appended;
mod average;
mod choose;
mod noise;
mod select;
#[cfg(test)]
mod tests;

pub use appended::Appended;
pub use select::{Selection, TableColumn, VolumeChoice};

use choose::{Choice, choose};

use super::axes::{AxisSource, SeriesAxis, together};
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
    /// The axes that tell volumes apart, at least one.
    pub axes: Vec<SeriesAxis>,
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
            axes: vec![SeriesAxis::b(AxisSource::Beside)],
            select: Selection::default(),
            average: Average::default(),
            b_tolerance: B_TOLERANCE,
            average_within: None,
            median_3x3: false,
        }
    }
}

impl SeriesOptions {
    /// Which of the axes is that of b-values, if one is.
    fn b_axis(&self) -> Option<usize> {
        self.axes.iter().position(SeriesAxis::is_b)
    }
}

/// One observation of a series.
#[derive(Debug)]
pub struct Volume {
    /// The value of each axis in its unit; the mean over repeats that were averaged.
    pub at: Vec<f64>,
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
    /// The axes, in the order of [`Volume::at`].
    pub axes: Vec<SeriesAxis>,
    /// The observations: in the order of the files, or by rising values of the axes where repeats were averaged.
    pub volumes: Vec<Volume>,
    /// Volumes that were left out as the scanner's own, by their index over all inputs, and what they are.
    pub left_out: Vec<(usize, Appended)>,
    images: Vec<Image>,
    /// What multiplies axes, by their indices.
    factors: Vec<(usize, Image)>,
    /// The noise's σ of each voxel, in the unit of the observations.
    sigma: Option<Image>,
    b_tolerance: f64,
}

/// Where the observations of a series lie on its axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// `[axis][observation]` in the axes' units.
    pub values: Vec<Vec<f64>>,
    /// Axes that a factor of each voxel multiplies: their rows follow those of the observations, in this order.
    pub scaled: Vec<usize>,
    /// Whether a row of the noise's σ is the last.
    pub has_sigma: bool,
}

impl Series {
    /// Puts images together: checks that they share a grid, gives each volume its place on the axes, leaves out what a scanner
    /// appended (unless [`Selection::volumes`] names volumes itself), selects, filters and averages.
    ///
    /// Of several files, one whose sidecar calls it an ADC map is left out and not counted. Of a series whose only axis
    /// is b, up to two volumes at the end are left out where their voxels show that they are an ADC map or a mean of the
    /// others; they need no b-value. Both are warned of.
    ///
    /// # Errors
    /// [`Error::Data`] where grids differ, values of axes are missing, wrong or of another number than the volumes, or
    /// nothing is left; [`Error::Usage`] for a selection by an axis that there is not.
    pub fn new(images: Vec<Image>, options: &SeriesOptions) -> Result<Self> {
        let images = without_adc_files(images)?;
        let first = images.first().ok_or_else(|| Error::Usage("no input: give at least one image".into()))?;
        for image in &images {
            check_dimensions(image)?;
            check_same_grid(first, image)?;
        }
        let values = options.axes.iter().map(|axis| axis.values(&images)).collect::<Result<_>>()?;
        let remedy = "give each axis one value a volume, or one for all of them";
        let values = together(&options.axes, values).map_err(|problem| Error::data(&first.path, problem, remedy))?;
        let Choice { chosen, left_out } = choose(&images, &values, options)?;
        let volumes = average::volumes(&images, chosen, options)?;
        Ok(Self {
            grid: first.grid.clone(),
            axes: options.axes.clone(),
            volumes,
            left_out,
            images,
            factors: Vec::new(),
            sigma: None,
            b_tolerance: options.b_tolerance,
        })
    }

    /// Has an image, of one volume on the grid of the series, multiply the values of an axis voxel by voxel.
    ///
    /// # Errors
    /// [`Error::Usage`] for an axis that there is not, or that has a factor; [`Error::Data`] for another image.
    pub fn scale(&mut self, axis: &str, factor: Image) -> Result<()> {
        let refuse = |problem: String, remedy: &str| Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        let Some(place) = self.axes.iter().position(|a| a.name == axis) else {
            let names: Vec<&str> = self.axes.iter().map(|a| a.name.as_str()).collect();
            let remedy = format!("scale one of: {}", names.join(", "));
            return refuse(format!("the model has no axis `{axis}` to scale"), &remedy);
        };
        if self.factors.iter().any(|(other, _)| *other == place) {
            return refuse(format!("the axis `{axis}` is scaled twice"), "give one image, with the product of both");
        }
        self.check_map(&factor, &format!("is to scale the axis `{axis}`"))?;
        self.factors.push((place, factor));
        Ok(())
    }

    fn check_map(&self, map: &Image, purpose: &str) -> Result<()> {
        check_same_grid(&self.images[0], map)?;
        match map.n_volumes() {
            1 => Ok(()),
            n => {
                Err(Error::data(&map.path, format!("holds {n} volumes, and {purpose}"), "give an image of one volume"))
            }
        }
    }

    /// The observations, then the factors of [`Protocol::scaled`], then σ if it is set, ready for a kernel.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let maps = self.factors.iter().map(|(_, image)| image).chain(&self.sigma).map(|image| image.row(0));
        self.volumes.iter().map(|volume| self.row(volume)).chain(maps).collect()
    }

    /// Where the observations lie on the axes.
    pub fn protocol(&self) -> Protocol {
        Protocol {
            values: self.values(),
            scaled: self.factors.iter().map(|(axis, _)| *axis).collect(),
            has_sigma: self.sigma.is_some(),
        }
    }

    /// The names of axes that images scale, with the images.
    pub fn factors(&self) -> impl Iterator<Item = (&str, &Image)> {
        self.factors.iter().map(|(axis, image)| (self.axes[*axis].name.as_str(), image))
    }

    fn row<'a>(&'a self, volume: &'a Volume) -> Row<'a> {
        match &volume.voxels {
            Voxels::Borrowed(place) => row_at(&self.images, *place),
            Voxels::Made(values) => {
                Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F32, scaling: Scaling::IDENTITY }
            }
        }
    }

    /// `[axis][observation]` in the axes' units.
    pub fn values(&self) -> Vec<Vec<f64>> {
        (0..self.axes.len()).map(|axis| self.volumes.iter().map(|volume| volume.at[axis]).collect()).collect()
    }

    /// The b-values of the observations, s/mm²; none where b is no axis of the series.
    pub fn b_values(&self) -> Vec<f64> {
        let b = self.axes.iter().position(SeriesAxis::is_b);
        b.map_or_else(Vec::new, |b| self.volumes.iter().map(|volume| volume.at[b]).collect())
    }

    /// The files of the volumes, in order.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// All images that the rows come from: those of the volumes, then the factors, then σ.
    pub fn all_images(&self) -> impl Iterator<Item = &Image> {
        self.images.iter().chain(self.factors.iter().map(|(_, image)| image)).chain(&self.sigma)
    }

    /// What shows most of the body: the mean of the observations of the lowest b-value; without b-values, of all.
    pub fn brightest(&self) -> Vec<f32> {
        let b_values = self.b_values();
        let lowest = b_values.iter().copied().fold(f64::INFINITY, f64::min);
        let is_shown = |i: usize| b_values.get(i).is_none_or(|&b| b <= lowest);
        let shown = self.volumes.iter().enumerate().filter(|&(i, _)| is_shown(i));
        let rows: Vec<Row> = shown.map(|(_, volume)| self.row(volume)).collect();
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
            image.remarks.say(format!(
                "{}: left out, and not counted: its sidecar says that it is an ADC map",
                image.path.display()
            ));
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
