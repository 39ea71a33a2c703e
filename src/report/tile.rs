//! What the tiles of all pictures share: their scale of colours, and the words on them.

use super::canvas::{Anchor, Canvas, Style, WHITE};
use super::colour::{ColourKind, ColourScale};
use super::range::robust_range;
use super::text::Weight;
use crate::volume::Grid;
use crate::{Error, Result};

/// Words on a tile.
pub(super) const ON_TILE: Style = Style { halo: Some([0, 0, 0]), ..Style::new(16.0, Weight::Bold, WHITE) };

/// The colours of one volume of `grid`, by default over its [`robust_range`].
///
/// # Errors
/// [`Error::Internal`] if `values` is not one volume, or if the range is empty.
pub(super) fn scale(
    title: &str,
    grid: &Grid,
    values: &[f32],
    kind: ColourKind,
    range: Option<(f32, f32)>,
) -> Result<ColourScale> {
    let (n, expected) = (values.len(), grid.n_voxels());
    if n != expected || n == 0 {
        return Err(Error::Internal(format!("a picture of {title:?} needs one volume of {expected} values, not {n}")));
    }
    let (low, high) = range.unwrap_or_else(|| robust_range(values, kind));
    if !(low < high && low.is_finite() && high.is_finite()) {
        return Err(Error::Internal(format!("a picture of {title:?} has no colours from {low} to {high}")));
    }
    Ok(ColourScale::new(kind, (low, high)))
}

/// "192 × 192 × 40 voxels of 1.98 × 1.98 × 5.00 mm".
pub(super) fn described([nx, ny, nz]: [usize; 3], [dx, dy, dz]: [f64; 3]) -> String {
    format!("{nx} × {ny} × {nz} voxels of {dx:.2} × {dy:.2} × {dz:.2} mm")
}

/// "−12 mm".
pub(super) fn millimetres(mm: f64) -> String {
    let mm = mm.round();
    let sign = if mm < 0.0 { "\u{2212}" } else { "" };
    format!("{sign}{} mm", mm.abs())
}

/// Marks the patient's right and left on a tile with its top left at `(x, y)`.
pub(super) fn draw_sides(canvas: &mut Canvas, (x, y): (usize, usize), [width, height]: [usize; 2]) {
    let middle = y as f32 + height as f32 / 2.0;
    canvas.text_beside("R", x as f32 + 6.0, middle, Anchor::Left, ON_TILE);
    canvas.text_beside("L", (x + width) as f32 - 6.0, middle, Anchor::Right, ON_TILE);
}
