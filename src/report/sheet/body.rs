//! Where in an image the patient is.

use std::ops::Range;

use super::super::axial::AxialView;
use super::super::{ColourKind, robust_range};

/// Tissue is brighter than air by more than this share of what bright tissue is: half of the liver's signal in most
/// images, several times the noise in air.
const TISSUE: f32 = 0.15;
/// A column, row or slice belongs to the body if it holds this share of what the fullest holds: more than stray noise.
const SHARE: f64 = 0.02;

/// The columns, rows and slices of the view that hold the body: what is clearly brighter than air. All of them where
/// nothing is.
pub(super) fn body(view: &AxialView, values: &[f32]) -> [Range<usize>; 3] {
    let threshold = threshold(values);
    let axes = [view.columns, view.rows, view.slices];
    let mut counts = axes.map(|axis| vec![0usize; axis.len]);
    for s in 0..axes[2].len {
        for r in 0..axes[1].len {
            let line = axes[2].offset(s) + axes[1].offset(r);
            for c in 0..axes[0].len {
                let inside = usize::from(values[line + axes[0].offset(c)] > threshold);
                counts[0][c] += inside;
                counts[1][r] += inside;
                counts[2][s] += inside;
            }
        }
    }
    counts.map(|counts| {
        let fullest = counts.iter().copied().max().unwrap_or(0) as f64;
        let full = |&count: &usize| count > 0 && count as f64 >= SHARE * fullest;
        let first = counts.iter().position(full).unwrap_or(0);
        first..counts.iter().rposition(full).map_or(counts.len(), |last| last + 1)
    })
}

/// A value between air and tissue: part of the way from the darkest to bright tissue.
fn threshold(values: &[f32]) -> f32 {
    let darkest = values.iter().copied().filter(|value| value.is_finite()).fold(f32::INFINITY, f32::min);
    let bright = robust_range(values, ColourKind::Grey).1;
    darkest + TISSUE * (bright - darkest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Grid;

    fn view(shape: [usize; 3]) -> AxialView {
        let affine = [[-2.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, -5.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        AxialView::of(&Grid { shape, affine })
    }

    /// A block of `inside` in columns 8 to 23 and rows 5 to 15 of all slices but the first; stray bright voxels elsewhere.
    fn image(air: f32, inside: f32, stray: bool) -> Vec<f32> {
        let mut values = vec![air; 32 * 20 * 6];
        for s in 1..6 {
            for r in 5..16 {
                values[(s * 20 + r) * 32..][8..24].fill(inside);
            }
        }
        if stray {
            values[(3 * 20 + 18) * 32 + 30] = inside;
        }
        values
    }

    #[test]
    fn the_body_stands_out_from_air_of_any_kind() {
        let expected = [8..24, 5..16, 1..6];
        for (air, inside) in [(0.0, 900.0), (30.0, 200.0), (-1024.0, 40.0)] {
            assert_eq!(body(&view([32, 20, 6]), &image(air, inside, true)), expected);
        }
        let mut beyond = image(0.0, 900.0, false);
        beyond[(3 * 20 + 18) * 32..][8..24].fill(900.0);
        assert_ne!(body(&view([32, 20, 6]), &beyond)[1], expected[1], "a whole line is more than noise");
    }

    #[test]
    fn nothing_that_stands_out_is_shown_whole() {
        for value in [0.0, 7.0, f32::NAN] {
            assert_eq!(body(&view([4, 3, 2]), &[value; 24]), [0..4, 0..3, 0..2]);
        }
    }

    #[test]
    fn bright_organs_do_not_make_the_others_air() {
        let mut values = image(0.0, 100.0, false);
        for s in 2..4 {
            values[(s * 20 + 8) * 32..][10..15].fill(500.0);
        }
        assert_eq!(body(&view([32, 20, 6]), &values)[..2], [8..24, 5..16]);
    }
}
