//! Which slices of a map are shown, how much of each, how large, and where.

use std::ops::Range;

use super::axial::AxialView;

/// Room for the tiles, in pixels: with bar and words a sheet that fits a full-HD screen and prints well on A4.
const ROOM: [f64; 2] = [1360.0, 880.0];
/// Most slices of a picture.
const MOST_TILES: usize = 24;
/// Pixels between tiles.
const GAP: usize = 4;
/// A voxel's edge is drawn no longer than this, so that tiny maps are not blown up.
const LARGEST_VOXEL: f64 = 64.0;
/// Voxels around what there is to show.
const BORDER: usize = 3;

/// The tiles of a montage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// The view's slices that are shown, superior first.
    pub(super) slices: Vec<usize>,
    /// The view's columns and rows that are shown.
    pub(super) crop: [Range<usize>; 2],
    /// Width and height of a tile in pixels.
    pub(super) tile: [usize; 2],
    /// Tiles in a row of the sheet.
    pub(super) across: usize,
}

impl Layout {
    /// The layout for one volume of `values`.
    pub(super) fn new(view: &AxialView, values: &[f32]) -> Self {
        let [columns, rows, slices] = extent(view, values);
        let mm = [columns.len() as f64 * view.columns.mm, rows.len() as f64 * view.rows.mm];
        let slices = evenly(slices);
        let (across, down) = arrange(slices.len(), mm);
        let largest = LARGEST_VOXEL / view.columns.mm.min(view.rows.mm);
        let pixels_per_mm = fit(across, down, mm).min(largest);
        Self {
            slices,
            crop: [columns, rows],
            tile: mm.map(|mm| ((mm * pixels_per_mm).round() as usize).max(1)),
            across,
        }
    }

    /// Width and height of all tiles together, in pixels.
    pub(super) fn size(&self) -> [usize; 2] {
        let down = self.slices.len().div_ceil(self.across);
        let length = |n: usize, tile: usize| n * tile + (n - 1) * GAP;
        [length(self.across, self.tile[0]), length(down, self.tile[1])]
    }

    /// Top left of the `n`th tile, from that of all.
    pub(super) fn place(&self, n: usize) -> [usize; 2] {
        [(n % self.across) * (self.tile[0] + GAP), (n / self.across) * (self.tile[1] + GAP)]
    }
}

/// The columns, rows and slices of the view with anything in them that is finite and not 0, and a border in plane; all of
/// them where there is nothing.
fn extent(view: &AxialView, values: &[f32]) -> [Range<usize>; 3] {
    let axes = [view.columns, view.rows, view.slices];
    let mut found = axes.map(|axis| axis.len..0);
    for z in 0..view.slices.len {
        for y in 0..view.rows.len {
            let line = view.slices.offset(z) + view.rows.offset(y);
            let shown = |x: usize| {
                let value = values[line + view.columns.offset(x)];
                value.is_finite() && value != 0.0
            };
            let Some(first) = (0..view.columns.len).find(|&x| shown(x)) else {
                continue;
            };
            let last = (first..view.columns.len).rfind(|&x| shown(x));
            let line = [first..last.unwrap_or(first) + 1, y..y + 1, z..z + 1];
            for (all, one) in found.iter_mut().zip(line) {
                *all = all.start.min(one.start)..all.end.max(one.end);
            }
        }
    }
    if found[2].is_empty() {
        return axes.map(|axis| 0..axis.len);
    }
    let [columns, rows, slices] = found;
    let widened = |range: Range<usize>, len: usize| range.start.saturating_sub(BORDER)..(range.end + BORDER).min(len);
    [widened(columns, view.columns.len), widened(rows, view.rows.len), slices]
}

/// Tiles across and down that show so many slices of a size in mm largest; of equal choices, the fewest rows.
fn arrange(n_slices: usize, mm: [f64; 2]) -> (usize, usize) {
    let choice = |across: usize| (across, n_slices.div_ceil(across));
    let size = |(across, down)| fit(across, down, mm);
    (1..n_slices).rev().map(choice).fold(
        choice(n_slices),
        |best, other| {
            if size(other) > size(best) { other } else { best }
        },
    )
}

/// Pixels per mm that fit so many tiles into the room.
fn fit(across: usize, down: usize, mm: [f64; 2]) -> f64 {
    let along = |n: usize, room: f64, mm: f64| (room - ((n - 1) * GAP) as f64) / (n as f64 * mm);
    along(across, ROOM[0], mm[0]).min(along(down, ROOM[1], mm[1]))
}

/// Every slice, or every second, third, ..., so that there are not too many; centred in the range.
fn evenly(range: Range<usize>) -> Vec<usize> {
    let step = range.len().div_ceil(MOST_TILES).max(1);
    let rest = range.len().saturating_sub(1) % step;
    (range.start + rest / 2..range.end).step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Grid;

    fn layout(shape: [usize; 3], set: &[[usize; 3]]) -> Layout {
        // Stored as the view walks: columns to the left, rows to the back, slices downwards.
        let affine = [[-2.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, -5.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        let grid = Grid { shape, affine };
        let mut values = vec![0.0; grid.n_voxels()];
        for [i, j, k] in set {
            values[i + shape[0] * (j + shape[1] * k)] = 1.0;
        }
        Layout::new(&AxialView::of(&grid), &values)
    }

    #[test]
    fn only_what_there_is_to_show_is_shown() {
        let layout = layout([40, 30, 9], &[[10, 20, 2], [14, 9, 5]]);
        assert_eq!(layout.crop, [7..18, 6..24]);
        assert_eq!(layout.slices, [2, 3, 4, 5]);
    }

    #[test]
    fn an_empty_map_is_shown_whole() {
        let layout = layout([40, 30, 9], &[]);
        assert_eq!(layout.crop, [0..40, 0..30]);
        assert_eq!(layout.slices.len(), 9);
    }

    #[test]
    fn many_slices_are_thinned_evenly() {
        assert_eq!(evenly(0..24), (0..24).collect::<Vec<_>>());
        assert_eq!(evenly(0..40), (0..20).map(|n| 2 * n).collect::<Vec<_>>());
        assert_eq!(evenly(3..103), (0..20).map(|n| 5 + 5 * n).collect::<Vec<_>>());
        assert_eq!(evenly(0..1), [0]);
    }

    #[test]
    fn tiles_keep_the_proportions_and_the_room() {
        for n in 1..=24 {
            let corners = [[0, 0, 0], [63, 47, n - 1]];
            let layout = layout([64, 48, n], &corners);
            let [width, height] = layout.tile.map(|pixels| pixels as f64);
            assert!((width / height - 64.0 / 48.0).abs() < 0.02);
            let [wide, high] = layout.size();
            let [wide, high] = [wide as f64, high as f64];
            // Tiles are whole pixels: half a pixel each may come on top.
            assert!(wide <= ROOM[0] + 12.0 && high <= ROOM[1] + 12.0);
            // The room is used: one way or the other the tiles reach its edge.
            assert!(wide > 0.97 * ROOM[0] || high > 0.97 * ROOM[1], "{n} slices: {wide} x {high}");
        }
    }

    #[test]
    fn places_do_not_overlap() {
        let layout = layout([8, 8, 7], &[[0, 0, 0], [7, 7, 6]]);
        let [wide, high] = layout.size();
        let places: Vec<_> = (0..7).map(|n| layout.place(n)).collect();
        for (n, [x, y]) in places.iter().enumerate() {
            assert!(x + layout.tile[0] <= wide && y + layout.tile[1] <= high);
            for [x2, y2] in &places[..n] {
                assert!(x.abs_diff(*x2) > layout.tile[0] || y.abs_diff(*y2) > layout.tile[1]);
            }
        }
    }
}
