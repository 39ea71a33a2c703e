//! Everything of an examination side by side: images by row, the same few planes of the patient by column.

mod body;
mod draw;
mod heights;
mod outline;
mod plane;
mod sample;
#[cfg(test)]
mod tests;

use super::axial::AxialView;
use super::colour::{ColourKind, ColourScale, outline_colour};
use super::tile;
use crate::volume::Grid;
use crate::{Error, Result};

use body::body;
use draw::Sheet;
use plane::{Directions, Planes};

/// Largest tile in pixels, and the room that its rows have across.
const LARGEST_TILE: [f64; 2] = [420.0, 380.0];
const TILES_ROOM: f64 = 1560.0;
/// Pixels between tiles of a row.
const GAP: usize = 6;
/// A voxel's edge is drawn no longer than this, so that tiny images are not blown up.
const LARGEST_VOXEL: f64 = 32.0;
/// Around the body and the labels, mm.
const BORDER_MM: f64 = 6.0;

/// A picture of a whole examination for eyes to compare: each row an image or map, each column an axial plane of the
/// patient, the same in every row, whatever the grids; all tiles have one field of view and scale. Radiological
/// convention, superior planes first.
///
/// The first panel gives the directions of the planes, their heights (those of some of its slices) and the field of view:
/// what of it is brighter than air, and all labels. Another image shows the voxels that a plane cuts, not interpolated;
/// where it has none, it says so.
#[derive(Debug, Clone, Copy)]
pub struct ContactSheet<'a> {
    /// What the sheet shows.
    pub title: &'a str,
    /// Short lines below the title, such as how far the images can be trusted to lie on each other.
    pub remarks: &'a [String],
    /// The rows, the first an image of the anatomy.
    pub panels: &'a [Panel<'a>],
    /// Outlines over all panels.
    pub outlines: Option<Outlines<'a>>,
}

/// One row of a contact sheet: an image or a map.
#[derive(Debug, Clone, Copy)]
pub struct Panel<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Unit of the values; may be empty.
    pub unit: &'a str,
    /// Where the voxels lie.
    pub grid: &'a Grid,
    /// One 3D volume, i fastest. What is not finite is shown as "no value".
    pub values: &'a [f32],
    /// How values become colours.
    pub kind: ColourKind,
    /// Values at the ends of the colour bar; by default [`super::robust_range`]. Images of one scale, such as the phases
    /// of one series, are compared by eye only if they share it.
    pub range: Option<(f32, f32)>,
}

/// Labels whose outlines are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Outlines<'a> {
    /// Where the labels' voxels lie.
    pub grid: &'a Grid,
    /// One label a voxel, i fastest; 0 is background.
    pub labels: &'a [u16],
    /// Those that are drawn, in the order of the legend.
    pub shown: &'a [Outline<'a>],
}

/// How one label is outlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Its number.
    pub label: u16,
    /// What it is called.
    pub name: &'a str,
    /// Red, green, blue (sRGB); by default one of twelve, the first six of which the colour-blind can tell apart: lesions
    /// first, in the order of the list.
    pub colour: Option<[u8; 3]>,
    /// Whether it is a lesion: drawn stronger, and the planes are chosen to show it.
    pub lesion: bool,
}

impl ContactSheet<'_> {
    /// The picture as a PNG file, at most 1800 pixels wide. The same values give the same bytes, and so does the same
    /// anatomy in another stored orientation.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no panel, if values or labels are not one volume of their grid, or if a range is
    /// empty.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let scales: Vec<ColourScale> = self
            .panels
            .iter()
            .map(|p| tile::scale(p.title, p.grid, p.values, p.kind, p.range))
            .collect::<Result<_>>()?;
        let Some(anatomy) = self.panels.first() else {
            return Err(Error::Internal(format!("the contact sheet {:?} has no images", self.title)));
        };
        if let Some(outlines) = self.outlines.filter(|o| o.labels.len() != o.grid.n_voxels()) {
            let (n, expected) = (outlines.labels.len(), outlines.grid.n_voxels());
            return Err(Error::Internal(format!("outlines need one volume of {expected} labels, not {n}")));
        }
        let (planes, heights) = planes(anatomy, self.outlines.as_ref());
        Sheet { content: self, scales, planes, heights }.draw()?.to_png()
    }
}

impl Outlines<'_> {
    /// The colours of those that are drawn.
    fn colours(&self) -> Vec<[u8; 3]> {
        let (mut lesions, mut organs) = (0, self.shown.iter().filter(|outline| outline.lesion).count());
        let colour = |outline: &Outline| {
            let next = if outline.lesion { &mut lesions } else { &mut organs };
            *next += 1;
            outline.colour.unwrap_or_else(|| outline_colour(*next - 1))
        };
        self.shown.iter().map(colour).collect()
    }
}

/// Where the tiles lie, and the heights of the columns.
fn planes(anatomy: &Panel, outlines: Option<&Outlines>) -> (Planes, Vec<f64>) {
    let view = AxialView::of(anatomy.grid);
    let directions = Directions::of(anatomy.grid);
    let slices: Vec<f64> =
        (0..view.slices.len).map(|slice| directions.along(view.middle(anatomy.grid, slice))[2]).collect();
    let mut reach = directions.reach(anatomy.grid, &view, &body(&view, anatomy.values));
    let mut areas = Vec::new();
    if let Some(outlines) = outlines {
        let labelled = Labelled::of(outlines, &directions, &slices, view.slices.mm);
        if let Some(labels) = labelled.reach {
            for (all, labels) in reach.iter_mut().zip(labels).take(2) {
                *all = (all.0.min(labels.0), all.1.max(labels.1));
            }
            reach[2] = labels[2];
        }
        areas = labelled.lesions;
    }
    let heights: Vec<f64> = heights::choose(&slices, reach[2], &areas).into_iter().map(|slice| slices[slice]).collect();

    let whole = directions.reach(anatomy.grid, &view, &[view.columns, view.rows, view.slices].map(|axis| 0..axis.len));
    for (reach, whole) in reach.iter_mut().zip(whole).take(2) {
        // A border as far as there is an image.
        *reach = (reach.0.min(whole.0.max(reach.0 - BORDER_MM)), reach.1.max(whole.1.min(reach.1 + BORDER_MM)));
    }
    let mm = [0, 1].map(|axis| reach[axis].1 - reach[axis].0);
    let n = heights.len();
    let width = ((TILES_ROOM - ((n - 1) * GAP) as f64) / n as f64).min(LARGEST_TILE[0]);
    let smallest_voxel = view.columns.mm.min(view.rows.mm);
    let mm_per_pixel = (mm[0] / width).max(mm[1] / LARGEST_TILE[1]).max(smallest_voxel / LARGEST_VOXEL);
    let tile = mm.map(|mm| ((mm / mm_per_pixel).round() as usize).max(1));
    (Planes { directions, start: [reach[0].0, reach[1].0], mm_per_pixel, tile }, heights)
}

/// Where the labels that are drawn lie.
struct Labelled {
    /// From the first to the last voxel along each direction, mm; nothing if there is none.
    reach: Option<[(f64, f64); 3]>,
    /// A row a lesion: its voxels nearest to each slice.
    lesions: Vec<Vec<f64>>,
}

impl Labelled {
    /// `slices` are the heights of slices that are `thickness` mm thick.
    fn of(outlines: &Outlines, directions: &Directions, slices: &[f64], thickness: f64) -> Self {
        let [ni, nj, _] = outlines.grid.shape;
        let mut rows = vec![None; 1 << 16];
        for (n, outline) in outlines.shown.iter().enumerate() {
            rows[usize::from(outline.label)] = Some(n);
        }
        let mut reach: Option<[(f64, f64); 3]> = None;
        let mut counts = vec![vec![0.0; slices.len()]; outlines.shown.len()];
        for (voxel, &label) in outlines.labels.iter().enumerate() {
            let Some(row) = rows[usize::from(label)].filter(|_| label > 0) else { continue };
            let ijk = [voxel % ni, voxel / ni % nj, voxel / (ni * nj)].map(|n| n as f64);
            let along = directions.along(outlines.grid.position(ijk));
            let reach = reach.get_or_insert(along.map(|x| (x, x)));
            for (reach, along) in reach.iter_mut().zip(along) {
                *reach = (reach.0.min(along), reach.1.max(along));
            }
            let slice = heights::nearest(slices, along[2]);
            if (slices[slice] - along[2]).abs() <= thickness {
                counts[row][slice] += 1.0;
            }
        }
        let lesions = outlines.shown.iter().zip(counts).filter(|(outline, _)| outline.lesion).map(|(_, row)| row);
        Self { reach, lesions: lesions.collect() }
    }
}
