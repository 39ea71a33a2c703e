//! Where the pixels of a contact sheet lie in the patient, and in the grid of any image of the patient.

use std::ops::Range;

use super::super::axial::AxialView;
use crate::volume::Grid;

/// What lies halfway between two voxels belongs to the one that the picture comes to later, by this share of a voxel:
/// rounding must not decide, nor the order in which a grid is stored.
const NUDGE_VOXELS: f64 = 1e-3;

/// Directions of a stack of planes: to the right of the picture, down it, and from plane to plane upwards. Unit vectors
/// at right angles, in mm (RAS+).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Directions([[f64; 3]; 3]);

impl Directions {
    /// Those of the axial slices of `grid`.
    pub(super) fn of(grid: &Grid) -> Self {
        let view = AxialView::of(grid);
        let across = view.columns.direction(grid);
        let rows = view.rows.direction(grid);
        // A sheared grid's rows are not at right angles with its columns.
        let shear = dot(rows, across);
        let upright: [f64; 3] = std::array::from_fn(|w| rows[w] - shear * across[w]);
        let length = dot(upright, upright).sqrt();
        let down = upright.map(|x| x / length);
        let up = std::array::from_fn(|w| {
            let (a, b) = ((w + 1) % 3, (w + 2) % 3);
            across[a] * down[b] - across[b] * down[a]
        });
        Self([across, down, up])
    }

    /// How far a position in mm lies along each direction, mm.
    pub(super) fn along(&self, position: [f64; 3]) -> [f64; 3] {
        self.0.map(|direction| dot(direction, position))
    }

    /// How far a block of the picture's columns, rows and slices of `grid` reaches along each direction, mm: from the outer
    /// edges of its first voxels to those of its last.
    pub(super) fn reach(&self, grid: &Grid, view: &AxialView, block: &[Range<usize>; 3]) -> [(f64, f64); 3] {
        let mut reach = [(f64::INFINITY, f64::NEG_INFINITY); 3];
        for corner in 0..8 {
            let place = std::array::from_fn(|axis| match corner >> axis & 1 {
                0 => block[axis].start as f64 - 0.5,
                _ => block[axis].end as f64 - 0.5,
            });
            let along = self.along(view.position(grid, place));
            for (reach, along) in reach.iter_mut().zip(along) {
                *reach = (reach.0.min(along), reach.1.max(along));
            }
        }
        reach
    }
}

/// Pixels of parallel planes, the same in each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes {
    pub(super) directions: Directions,
    /// How far the tile's top left lies along the first two directions, mm.
    pub(super) start: [f64; 2],
    /// Edge of a pixel.
    pub(super) mm_per_pixel: f64,
    /// Width and height of a tile in pixels.
    pub(super) tile: [usize; 2],
}

impl Planes {
    /// The position in mm of a place on the plane at `height`, in pixels from its top left.
    pub(super) fn position(&self, [x, y]: [f64; 2], height: f64) -> [f64; 3] {
        let along = [self.start[0] + x * self.mm_per_pixel, self.start[1] + y * self.mm_per_pixel, height];
        std::array::from_fn(|w| (0..3).map(|n| along[n] * self.directions.0[n][w]).sum())
    }

    /// The height z (superior positive) of the middle of the plane at `height`, mm.
    pub(super) fn z(&self, height: f64) -> f64 {
        self.position(self.tile.map(|pixels| pixels as f64 / 2.0), height)[2]
    }

    /// The places of the plane at `height` in `grid`.
    pub(super) fn onto(&self, grid: &Grid, height: f64) -> Places {
        let inverse = grid.inverse();
        let index = |mm: [f64; 3]| inverse_at(&inverse, mm);
        let zoom = grid.zooms().into_iter().fold(f64::INFINITY, f64::min);
        let nudge = NUDGE_VOXELS * zoom;
        let pixels = nudge / self.mm_per_pixel;
        let at = |x, y| index(self.position([x + pixels, y + pixels], height + nudge));
        let start = at(0.0, 0.0);
        let step = |to: [f64; 3]| std::array::from_fn(|axis| to[axis] - start[axis]);
        Places {
            start,
            across: step(at(1.0, 0.0)),
            down: step(at(0.0, 1.0)),
            shape: grid.shape,
            per_pixel: ((self.mm_per_pixel / zoom).ceil() as usize).clamp(1, MOST_PER_PIXEL),
        }
    }
}

/// Most places of a pixel along one axis: voxels finer than that are sampled.
const MOST_PER_PIXEL: usize = 4;

/// From places of a plane, in pixels from its top left, to voxel indices of a grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Places {
    start: [f64; 3],
    across: [f64; 3],
    down: [f64; 3],
    pub(super) shape: [usize; 3],
    /// Voxels along a pixel's edge.
    pub(super) per_pixel: usize,
}

impl Places {
    /// The fractional voxel index of a place; middles are at whole numbers.
    pub(super) fn index(&self, x: f64, y: f64) -> [f64; 3] {
        std::array::from_fn(|axis| self.start[axis] + x * self.across[axis] + y * self.down[axis])
    }

    /// Where in memory the voxel that holds a fractional index is; `None` outside of the grid.
    pub(super) fn voxel(&self, index: [f64; 3]) -> Option<usize> {
        let mut voxel = 0;
        for axis in [2, 1, 0] {
            let nearest = (index[axis] + 0.5).floor();
            if nearest < 0.0 || nearest >= self.shape[axis] as f64 {
                return None;
            }
            voxel = voxel * self.shape[axis] + nearest as usize;
        }
        Some(voxel)
    }

    /// The middles of `n` × `n` equal parts of a pixel.
    pub(super) fn within(&self, [x, y]: [usize; 2], n: usize) -> impl Iterator<Item = [f64; 3]> {
        let part = move |pixel: usize, part: usize| pixel as f64 + (part as f64 + 0.5) / n as f64;
        (0..n * n).map(move |p| self.index(part(x, p % n), part(y, p / n)))
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|n| a[n] * b[n]).sum()
}

fn inverse_at(inverse: &[[f64; 4]; 4], mm: [f64; 3]) -> [f64; 3] {
    Grid { shape: [0; 3], affine: *inverse }.position(mm)
}
