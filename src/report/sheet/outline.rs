//! Outlines of labels over the tiles of a contact sheet.

use std::collections::BTreeSet;

use super::super::axial::AxialView;
use super::super::canvas::Colour;
use super::plane::{Places, Planes};
use super::{Outline, Outlines};

/// Widths in pixels: an organ's is as thin as can be, since it encloses what is looked at.
const ORGAN: f64 = 1.1;
const LESION: f64 = 1.8;
/// A lesion's outline has a dark rim, which sets it off from bright and coloured surroundings.
const RIM: f64 = 1.2;
const RIM_COLOUR: Colour = [0, 0, 0];
const RIM_OPACITY: f32 = 0.45;

/// A pixel on an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Inked {
    /// Its place in the tile, columns fastest.
    pub(super) pixel: usize,
    pub(super) colour: Colour,
    pub(super) opacity: f32,
}

impl Inked {
    /// The pixel's colour with this ink over it.
    pub(super) fn over(&self, below: Colour) -> Colour {
        std::array::from_fn(|c| {
            let (below, ink) = (f32::from(below[c]), f32::from(self.colour[c]));
            (below + self.opacity * (ink - below)).round() as u8
        })
    }
}

impl Outline<'_> {
    pub(super) fn width(&self) -> f64 {
        if self.lesion { LESION } else { ORGAN }
    }
}

/// The outlines on the plane at `height`, organs first and lesions over them, and which labels of the list are on it.
pub(super) fn draw(outlines: &Outlines, planes: &Planes, height: f64) -> (Vec<Inked>, BTreeSet<usize>) {
    let places = planes.onto(outlines.grid, height);
    let middles = (0..planes.tile[1]).flat_map(|y| (0..planes.tile[0]).map(move |x| [x, y]));
    let cut: BTreeSet<u16> = middles
        .filter_map(|at| places.within(at, 1).next().and_then(|index| places.voxel(index)))
        .map(|voxel| outlines.labels[voxel])
        .collect();
    let colours = outlines.colours();
    let (mut ink, mut drawn) = (Vec::new(), BTreeSet::new());
    for lesions in [false, true] {
        for (n, outline) in outlines.shown.iter().enumerate() {
            if outline.lesion != lesions || !cut.contains(&outline.label) {
                continue;
            }
            drawn.insert(n);
            let share = Share::of(outlines, &places, outline.label, planes.tile);
            if lesions {
                share.trace(outline.width() + 2.0 * RIM, RIM_COLOUR, RIM_OPACITY, &mut ink);
            }
            share.trace(outline.width(), colours[n], 1.0, &mut ink);
        }
    }
    (ink, drawn)
}

/// How much of each pixel a label has, one pixel more on every side.
struct Share {
    width: usize,
    shares: Vec<f64>,
}

impl Share {
    fn of(outlines: &Outlines, places: &Places, label: u16, [width, height]: [usize; 2]) -> Self {
        let through = AxialView::of(outlines.grid).slices.stored;
        let n = places.per_pixel;
        let at = |column: usize, row: usize| {
            let part = |pixel: usize, part: usize| pixel as f64 - 1.0 + (part as f64 + 0.5) / n as f64;
            let parts = (0..n * n).map(|p| places.index(part(column, p % n), part(row, p / n)));
            parts.map(|index| share(outlines.labels, places, label, through, index)).sum::<f64>() / (n * n) as f64
        };
        let width = width + 2;
        let shares = (0..(height + 2) * width).map(|p| at(p % width, p / width)).collect();
        Self { width, shares }
    }

    /// Inks the pixels within half of `line_width` of where the label has half of a pixel. To first order that is as far
    /// as the share differs from a half, over the share's slope.
    fn trace(&self, line_width: f64, colour: Colour, opacity: f32, ink: &mut Vec<Inked>) {
        let width = self.width;
        let inner = |n: usize, len: usize| (1..len - 1).contains(&n);
        for p in 0..self.shares.len() {
            if !(inner(p % width, width) && inner(p / width, self.shares.len() / width)) {
                continue;
            }
            let across = (self.shares[p + 1] - self.shares[p - 1]) / 2.0;
            let down = (self.shares[p + width] - self.shares[p - width]) / 2.0;
            let distance = (self.shares[p] - 0.5).abs() / across.hypot(down).max(1e-3);
            let covered = (line_width / 2.0 + 0.5 - distance).clamp(0.0, 1.0) as f32;
            if covered > 0.0 {
                let pixel = (p / width - 1) * (width - 2) + p % width - 1;
                ink.push(Inked { pixel, colour, opacity: opacity * covered });
            }
        }
    }
}

/// How much of a place is the label's: linear between voxels' middles in the plane, so that outlines have no steps;
/// through the plane that of the voxel which the plane cuts.
fn share(labels: &[u16], places: &Places, label: u16, through: usize, index: [f64; 3]) -> f64 {
    let [a, b] = [(through + 1) % 3, (through + 2) % 3];
    let mut total = 0.0;
    for corner in 0..4 {
        let mut at = index;
        let mut weight = 1.0;
        for (axis, upper) in [(a, corner & 1), (b, corner >> 1)] {
            let below = index[axis].floor();
            let above = index[axis] - below;
            at[axis] = below + upper as f64;
            weight *= if upper == 1 { above } else { 1.0 - above };
        }
        if places.voxel(at).is_some_and(|voxel| labels[voxel] == label) {
            total += weight;
        }
    }
    total
}
