//! Any stored grid, seen as axial slices in radiological convention.

use std::ops::Range;

use crate::volume::Grid;

/// A stored axis as the picture walks it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// Which of the stored axes: 0, 1, 2 for i, j, k.
    pub(super) stored: usize,
    /// Voxels along it.
    pub(super) len: usize,
    /// Edge of a voxel along it, mm.
    pub(super) mm: f64,
    /// Distance in memory between neighbours.
    stride: usize,
    /// Whether the picture walks against the stored order.
    reversed: bool,
}

impl Axis {
    /// The stored index of the picture's `n`th voxel along this axis.
    pub(super) fn index(&self, n: usize) -> usize {
        if self.reversed { self.len - 1 - n } else { n }
    }

    /// What the picture's `n`th voxel along this axis adds to the place in memory.
    pub(super) fn offset(&self, n: usize) -> usize {
        self.index(n) * self.stride
    }

    /// The stored index of a place between the picture's voxels, whose middles are at whole numbers.
    fn place(&self, n: f64) -> f64 {
        if self.reversed { self.len as f64 - 1.0 - n } else { n }
    }

    /// Where the picture walks along this axis of `grid`: a unit vector (RAS+).
    pub(super) fn direction(&self, grid: &Grid) -> [f64; 3] {
        let sign = if self.reversed { -1.0 } else { 1.0 };
        std::array::from_fn(|world| sign * grid.affine[world][self.stored] / self.mm)
    }
}

/// The permutation and flips that bring a grid nearest to axial slices as radiologists read them: columns run from the
/// patient's right to left, rows from anterior to posterior, slices from superior to inferior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AxialView {
    pub(super) columns: Axis,
    pub(super) rows: Axis,
    pub(super) slices: Axis,
}

impl AxialView {
    pub(super) fn of(grid: &Grid) -> Self {
        let (orientation, zooms) = (grid.orientation(), grid.zooms());
        let axis = |from: char, to: char| {
            let along = |direction: &char| *direction == from || *direction == to;
            // There is one: an orientation has each direction once.
            let stored = orientation.iter().position(along).unwrap_or_default();
            Axis {
                stored,
                len: grid.shape[stored],
                mm: match zooms[stored] {
                    mm if mm > 0.0 => mm,
                    _ => 1.0,
                },
                stride: grid.shape[..stored].iter().product(),
                reversed: orientation[stored] == from,
            }
        };
        Self { columns: axis('R', 'L'), rows: axis('A', 'P'), slices: axis('S', 'I') }
    }

    /// The position in mm of a place of the picture: column, row and slice, voxels' middles at whole numbers.
    pub(super) fn position(&self, grid: &Grid, [column, row, slice]: [f64; 3]) -> [f64; 3] {
        let mut ijk = [0.0; 3];
        for (axis, n) in [(self.columns, column), (self.rows, row), (self.slices, slice)] {
            ijk[axis.stored] = axis.place(n);
        }
        grid.position(ijk)
    }

    /// The position in mm of the middle of a slice.
    pub(super) fn middle(&self, grid: &Grid, slice: usize) -> [f64; 3] {
        let half = |axis: Axis| (axis.len as f64 - 1.0) / 2.0;
        self.position(grid, [half(self.columns), half(self.rows), slice as f64])
    }

    /// Columns and rows of one slice of `values`, columns fastest.
    pub(super) fn crop<T: Copy>(&self, values: &[T], [columns, rows]: &[Range<usize>; 2], slice: usize) -> Vec<T> {
        let start = self.slices.offset(slice);
        let columns: Vec<usize> = columns.clone().map(|c| self.columns.offset(c)).collect();
        rows.clone()
            .map(|row| &values[start + self.rows.offset(row)..])
            .flat_map(|line| columns.iter().map(move |&column| line[column]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: [[f64; 3]; 3]) -> Grid {
        Grid {
            shape: [4, 5, 6],
            affine: [
                [rows[0][0], rows[0][1], rows[0][2], 7.0],
                [rows[1][0], rows[1][1], rows[1][2], -3.0],
                [rows[2][0], rows[2][1], rows[2][2], 11.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
        }
    }

    /// The world position of the picture's first voxel, and where each picture axis leads.
    fn walks(grid: &Grid) -> [[f64; 3]; 3] {
        let view = AxialView::of(grid);
        [view.columns, view.rows, view.slices].map(|axis| {
            let at = |n: usize| {
                let mut ijk = [0.0; 3];
                ijk[axis.stored] = axis.index(n) as f64;
                grid.position(ijk)
            };
            std::array::from_fn(|w| at(axis.len - 1)[w] - at(0)[w])
        })
    }

    #[test]
    fn columns_go_left_rows_go_back_slices_go_down() {
        let (c, s) = (0.3f64.cos(), 0.3f64.sin());
        for rows in [
            [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]],
            [[-2.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 5.0]],
            [[0.0, 0.0, 2.0], [-2.0, 0.0, 0.0], [0.0, 5.0, 0.0]],
            [[0.0, -3.0, 0.0], [0.0, 0.0, 1.0], [-2.0, 0.0, 0.0]],
            [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, -1.0]],
            [[0.0, 2.0 * s, 5.0 * c], [-1.0, 0.0, 0.0], [0.0, 2.0 * c, -5.0 * s]],
        ] {
            let [across, down, through] = walks(&grid(rows));
            assert!(across[0] < -across[1].abs(), "{rows:?}: {across:?}");
            assert!(down[1] < -down[2].abs(), "{rows:?}: {down:?}");
            assert!(through[2] < -through[0].abs(), "{rows:?}: {through:?}");
        }
    }

    #[test]
    fn slices_hold_every_voxel_once() {
        let grid = grid([[0.0, 0.0, 2.0], [-2.0, 0.0, 0.0], [0.0, 5.0, 0.0]]);
        let view = AxialView::of(&grid);
        let values: Vec<usize> = (0..grid.n_voxels()).collect();
        let all = [0..view.columns.len, 0..view.rows.len];
        let slices = (0..view.slices.len).flat_map(|slice| view.crop(&values, &all, slice));
        let mut seen: Vec<usize> = slices.collect();
        // Columns walk against k, rows along i, slices against j: from voxel (0, 4, 5) to (0, 4, 4).
        assert_eq!(seen[..2], [116, 96]);
        seen.sort_unstable();
        assert_eq!(seen, values);
    }
}
