//! How large a region is: its volume and diameters.
//!
//! Diameters are the largest distances between the centres of outer faces of voxels. Those are the vertices of the mesh
//! that the image biomarker standardisation initiative (IBSI; Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145) takes
//! its maximum 3D diameter from: marching cubes cut a mask half-way between a voxel inside and its neighbour outside. A
//! region of one voxel is thus as long as the voxel, where centres of voxels would make it 0 mm, and corners of voxels
//! would make a cube of one voxel √3 edges long.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Cell, Regions, Table, region_name};
use crate::volume::Grid;

/// Size of a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Voxels.
    pub n_voxels: usize,
    /// Volume of the voxels, ml (IBSI's voxel counting).
    pub volume_ml: f64,
    /// The largest distance within one stored slice, mm, of the slices nearest to axial, as radiologists measure it.
    pub longest_axial_diameter_mm: f64,
    /// The largest distance in space, mm.
    pub longest_3d_diameter_mm: f64,
}

impl Shape {
    /// Headings of [`Self::cells`].
    pub const COLUMNS: [&str; 4] = ["n_voxels", "volume_ml", "longest_axial_diameter_mm", "longest_3d_diameter_mm"];

    /// The values, one a column of [`Self::COLUMNS`].
    pub fn cells(&self) -> [Cell; 4] {
        [
            self.n_voxels.into(),
            self.volume_ml.into(),
            self.longest_axial_diameter_mm.into(),
            self.longest_3d_diameter_mm.into(),
        ]
    }

    /// The shape of `voxels`, indices into `grid` in any order. Diameters of no voxel are NaN.
    pub fn of(voxels: &[usize], grid: &Grid) -> Self {
        let slices = slices(voxels, grid);
        let mm = |&point: &Point| grid.position(point.map(|twice| twice as f64 / 2.0));
        let axial = slices.iter().map(|slice| longest(slice.within.iter().map(mm)));
        Self {
            n_voxels: voxels.len(),
            volume_ml: voxels.len() as f64 * grid.voxel_mm3() / 1000.0,
            longest_axial_diameter_mm: axial.fold(f64::NAN, f64::max),
            longest_3d_diameter_mm: longest(slices.iter().flat_map(|s| s.within.iter().chain(&s.through)).map(mm)),
        }
    }
}

/// The shape of every region.
pub fn shapes(regions: &Regions, grid: &Grid) -> BTreeMap<u16, Shape> {
    let regions: Vec<(u16, &[usize])> = regions.iter().collect();
    regions.into_par_iter().map(|(label, voxels)| (label, Shape::of(voxels, grid))).collect()
}

/// One row a region: `region label` and [`Shape::COLUMNS`].
pub fn shape_table(names: &BTreeMap<u16, String>, shapes: &BTreeMap<u16, Shape>) -> Table {
    let mut table = Table::new(&[&["region", "label"][..], &Shape::COLUMNS].concat());
    for (&label, shape) in shapes {
        let mut row = vec![region_name(names, label).into(), usize::from(label).into()];
        row.extend(shape.cells());
        table.push(row);
    }
    table
}

/// Twice a voxel index, so that centres of faces are whole numbers too.
type Point = [i64; 3];

/// The outermost centres of faces of one slice: corners of convex hulls, in whose corners the largest distance lies.
///
/// An affine map keeps hulls, so they are those of indices, in whole numbers. Faces between two voxels of the region
/// need not be told apart from outer ones: they lie between outer ones on the line across them.
struct Slice {
    /// Faces across the slice's own two axes.
    within: Vec<Point>,
    /// Faces towards the slices on both sides.
    through: Vec<Point>,
}

/// The slices of a region, along the stored axis nearest to superior–inferior.
fn slices(voxels: &[usize], grid: &Grid) -> Vec<Slice> {
    let axial = grid.orientation().iter().position(|direction| matches!(direction, 'S' | 'I')).unwrap_or(2);
    let [across, down] = match axial {
        0 => [1, 2],
        1 => [0, 2],
        _ => [0, 1],
    };
    let [ni, nj, _] = grid.shape;
    // First and last voxel of every row of every slice: what lies between them is no corner of a hull.
    let n_rows = grid.shape[down];
    let mut ends: Vec<Option<[i64; 2]>> = vec![None; grid.shape[axial] * n_rows];
    for &voxel in voxels {
        let ijk = [voxel % ni, voxel / ni % nj, voxel / ni / nj];
        let (ends, at) = (&mut ends[ijk[axial] * n_rows + ijk[down]], ijk[across] as i64);
        *ends = Some(ends.map_or([at, at], |[first, last]| [first.min(at), last.max(at)]));
    }
    let of_slice = |(slice, ends): (usize, &[Option<[i64; 2]>])| {
        let rows: Vec<[i64; 3]> = (0..)
            .zip(ends)
            .filter_map(|(row, ends)| ends.map(|[first, last]| [2 * row, 2 * first, 2 * last]))
            .collect();
        let sides = rows.iter().flat_map(|&[row, first, last]| {
            [[first - 1, row], [last + 1, row], [first, row - 1], [first, row + 1], [last, row - 1], [last, row + 1]]
        });
        let centres = rows.iter().flat_map(|&[row, first, last]| [[first, row], [last, row]]);
        let corners = |points: Vec<[i64; 2]>, along: i64| {
            hull(points).into_iter().map(move |[x, y]| {
                let mut point = [along; 3];
                (point[across], point[down]) = (x, y);
                point
            })
        };
        let (slice, centres) = (2 * slice as i64, centres.collect::<Vec<_>>());
        Slice {
            within: corners(sides.collect(), slice).collect(),
            through: corners(centres.clone(), slice - 1).chain(corners(centres, slice + 1)).collect(),
        }
    };
    ends.chunks(n_rows.max(1)).enumerate().map(of_slice).collect()
}

/// Corners of the convex hull of points of a plane: the monotone chain of Andrew 1979
/// (doi:10.1016/0020-0190(79)90072-3), exact in whole numbers.
fn hull(mut points: Vec<[i64; 2]>) -> Vec<[i64; 2]> {
    points.sort_unstable();
    points.dedup();
    let turns_not_left =
        |a: [i64; 2], b: [i64; 2], c: [i64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0;
    let chain = |points: &mut dyn Iterator<Item = &[i64; 2]>| {
        let mut corners: Vec<[i64; 2]> = Vec::new();
        for &point in points {
            while corners.len() > 1 && turns_not_left(corners[corners.len() - 2], corners[corners.len() - 1], point) {
                corners.pop();
            }
            corners.push(point);
        }
        corners
    };
    let mut corners = chain(&mut points.iter());
    let upper = chain(&mut points.iter().rev());
    // Both chains have the two ends.
    corners.extend(upper.get(1..upper.len().saturating_sub(1)).unwrap_or_default());
    corners
}

/// The largest distance between two points, in their unit; NaN without points.
///
/// Exact: no two points are further apart than the sum of their distances from any third, so that, from the outermost
/// inwards, most pairs need not be looked at.
fn longest(points: impl Iterator<Item = [f64; 3]>) -> f64 {
    let points: Vec<[f64; 3]> = points.collect();
    if points.is_empty() {
        return f64::NAN;
    }
    let middle: [f64; 3] = std::array::from_fn(|axis| {
        let along = points.iter().map(|point| point[axis]);
        (along.clone().fold(f64::INFINITY, f64::min) + along.fold(f64::NEG_INFINITY, f64::max)) / 2.0
    });
    let mut from_middle: Vec<(f64, [f64; 3])> =
        points.iter().map(|&point| (squared(point, middle).sqrt(), point)).collect();
    from_middle.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut most, mut most_squared) = (0.0, 0.0);
    for (i, &(radius, point)) in from_middle.iter().enumerate() {
        if 2.0 * radius <= most {
            break;
        }
        for &(other_radius, other) in &from_middle[i + 1..] {
            if radius + other_radius <= most {
                break;
            }
            let apart = squared(point, other);
            if apart > most_squared {
                (most, most_squared) = (apart.sqrt(), apart);
            }
        }
    }
    most
}

fn squared(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum()
}

#[cfg(test)]
mod tests;
