//! A map as a sheet of axial slices.

use rayon::prelude::*;

use super::axial::AxialView;
use super::bar::{Bar, Beyond};
use super::canvas::{Anchor, Canvas, INK, SOFT_INK, Style, WHITE};
use super::colour::{ColourKind, ColourScale};
use super::layout::Layout;
use super::resample::Resampler;
use super::robust_range;
use super::text::{Fonts, Weight};
use crate::volume::Grid;
use crate::{Error, RESEARCH_USE_ONLY, Result};

const MARGIN: f32 = 28.0;
const TITLE: Style = Style::new(30.0, Weight::Bold, INK);
const SUBTITLE: Style = Style::new(17.0, Weight::Regular, SOFT_INK);
const FOOTER: Style = Style::new(16.0, Weight::Regular, SOFT_INK);
const ON_TILE: Style = Style {
    halo: Some([0, 0, 0]),
    ..Style::new(16.0, Weight::Bold, WHITE)
};
/// From the tiles to the colour bar.
const BAR_GAP: f32 = 28.0;
/// Longer titles are cut short where the picture is not wider anyway.
const WIDEST_WORDS: f32 = 1200.0;
/// Height of the title line, and of all words above the tiles without it.
const TITLE_HEIGHT: f32 = 36.0;
const HEADER_HEIGHT: f32 = 56.0;
const FOOTER_HEIGHT: f32 = 44.0;
/// A picture is at least this high between header and footer, so that the bar can be read.
const LEAST_BODY: f32 = 230.0;

/// A map to be drawn as axial slices in radiological convention: the patient's right is on the left of the picture,
/// anterior is up, and slices run from superior to inferior, whatever the order in which the grid stores them.
#[derive(Debug, Clone, Copy)]
pub struct Montage<'a> {
    /// What the map shows; may be empty.
    pub title: &'a str,
    /// Unit of the values, for the colour bar; may be empty.
    pub unit: &'a str,
    /// Where the voxels lie.
    pub grid: &'a Grid,
    /// One 3D volume, i fastest. What is not finite is shown as "no value".
    pub values: &'a [f32],
    /// Values at the ends of the colour bar; by default [`robust_range`].
    pub range: Option<(f32, f32)>,
    /// How values become colours.
    pub kind: ColourKind,
}

impl Montage<'_> {
    /// The picture as a PNG file: the slices with something to show (at most 24, evenly chosen, cropped to it), with
    /// their stored index and height, a colour bar with the share of values beyond its ends, and the research-use line.
    ///
    /// The same values give the same bytes. Fails if `values` is not one volume of `grid`, or if the range is empty.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        self.draw()?.to_png()
    }

    fn draw(&self) -> Result<Canvas> {
        let scale = self.scale()?;
        let view = AxialView::of(self.grid);
        let layout = Layout::new(&view, self.values);
        let beyond = Beyond::of(self.values, &scale);
        let fonts = Fonts::new()?;
        let [tiles_width, tiles_height] = layout.size().map(|pixels| pixels as f32);
        let body = tiles_height.max(LEAST_BODY);
        let bar = Bar {
            scale: &scale,
            unit: self.unit,
            beyond: &beyond,
            height: body,
        };
        let words = [
            (self.title, TITLE),
            (&self.subtitle(&layout), SUBTITLE),
            (RESEARCH_USE_ONLY, FOOTER),
        ]
        .map(|(text, style)| fonts.width(text, style.size, style.weight));
        let content = (tiles_width + BAR_GAP + bar.width(&fonts))
            .max(words.into_iter().fold(0.0, f32::max).min(WIDEST_WORDS));
        let width = (content + 2.0 * MARGIN).ceil();
        let top = HEADER_HEIGHT
            + if self.title.is_empty() {
                0.0
            } else {
                TITLE_HEIGHT
            };
        let height = top + body + FOOTER_HEIGHT + MARGIN / 2.0;
        let mut canvas = Canvas::new(width as u32, height as u32, fonts)?;

        self.draw_words(&mut canvas, &layout, top);
        self.draw_tiles(&mut canvas, &view, &layout, &scale, (MARGIN, top));
        bar.draw(&mut canvas, (MARGIN + tiles_width + BAR_GAP, top));
        Ok(canvas)
    }

    fn scale(&self) -> Result<ColourScale> {
        let (n, expected) = (self.values.len(), self.grid.n_voxels());
        if n != expected || n == 0 {
            return Err(Error::Internal(format!(
                "a picture of {:?} needs one volume of {expected} values, not {n}",
                self.title
            )));
        }
        let range = self
            .range
            .unwrap_or_else(|| robust_range(self.values, self.kind));
        if !(range.0 < range.1 && range.0.is_finite() && range.1.is_finite()) {
            return Err(Error::Internal(format!(
                "a picture of {:?} has no colours from {} to {}",
                self.title, range.0, range.1
            )));
        }
        Ok(ColourScale::new(self.kind, range))
    }

    /// "192 × 192 × 40 voxels of 1.98 × 1.98 × 5.00 mm · 24 of 40 slices".
    fn subtitle(&self, layout: &Layout) -> String {
        let [nx, ny, nz] = self.grid.shape;
        let [dx, dy, dz] = self.grid.zooms();
        let n_slices = AxialView::of(self.grid).slices.len;
        let shown = match layout.slices.len() {
            1 if n_slices == 1 => "1 slice".to_owned(),
            n if n == n_slices => format!("{n} slices"),
            n => format!("{n} of {n_slices} slices"),
        };
        format!("{nx} × {ny} × {nz} voxels of {dx:.2} × {dy:.2} × {dz:.2} mm · {shown}")
    }

    /// The words above and below the tiles, which begin at `top`.
    fn draw_words(&self, canvas: &mut Canvas, layout: &Layout, top: f32) {
        let [width, height] = canvas.size();
        let room = width - 2.0 * MARGIN;
        let title = canvas.shortened(self.title, room, TITLE);
        canvas.text(&title, (MARGIN, top - 42.0), Anchor::Left, TITLE);
        let subtitle = canvas.shortened(&self.subtitle(layout), room, SUBTITLE);
        canvas.text(&subtitle, (MARGIN, top - 14.0), Anchor::Left, SUBTITLE);
        let baseline = height - 24.0;
        canvas.text(RESEARCH_USE_ONLY, (MARGIN, baseline), Anchor::Left, FOOTER);
    }

    fn draw_tiles(
        &self,
        canvas: &mut Canvas,
        view: &AxialView,
        layout: &Layout,
        scale: &ColourScale,
        (left, top): (f32, f32),
    ) {
        let [columns, rows] = &layout.crop;
        let resampler = Resampler::new([columns.len(), rows.len()], layout.tile);
        let [width, height] = layout.tile;
        for (n, &slice) in layout.slices.iter().enumerate() {
            let voxels = view.crop(self.values, &layout.crop, slice);
            let [x, y] = layout.place(n);
            let corner = (left as usize + x, top as usize + y);
            let mut lines: Vec<&mut [u8]> = canvas.rows(corner, width, height).collect();
            lines.par_iter_mut().enumerate().for_each(|(y, line)| {
                let shown = match self.kind {
                    ColourKind::Categorical => resampler.largest(&voxels, y),
                    _ => resampler.means(&voxels, y),
                };
                for (rgba, value) in line.chunks_exact_mut(4).zip(shown) {
                    rgba[..3].copy_from_slice(&scale.colour(value));
                }
            });
            self.draw_tile_words(canvas, view, slice, layout.tile, corner);
        }
    }

    /// Sides of the patient, and the slice's stored index and height, as far as the tile has room.
    fn draw_tile_words(
        &self,
        canvas: &mut Canvas,
        view: &AxialView,
        slice: usize,
        tile: [usize; 2],
        (x, y): (usize, usize),
    ) {
        let [width, height] = tile.map(|pixels| pixels as f32);
        let (left, top) = (x as f32 + 6.0, y as f32);
        let right = left + width - 12.0;
        if width < 60.0 || height < 60.0 {
            return;
        }
        let middle = top + height / 2.0;
        canvas.text_beside("R", left, middle, Anchor::Left, ON_TILE);
        canvas.text_beside("L", right, middle, Anchor::Right, ON_TILE);

        let index = format!(
            "{} {}",
            ['i', 'j', 'k'][view.slices.stored],
            view.slices.index(slice)
        );
        canvas.text(&index, (left, top + 20.0), Anchor::Left, ON_TILE);
        let mm = self.height_of(view, slice);
        let both = canvas
            .fonts
            .width(&format!("{index}   {mm}"), ON_TILE.size, ON_TILE.weight);
        if both < width - 12.0 {
            canvas.text(&mm, (right, top + 20.0), Anchor::Right, ON_TILE);
        }
    }

    /// The height (z, superior positive) of the middle of a slice.
    fn height_of(&self, view: &AxialView, slice: usize) -> String {
        let mut middle = self.grid.shape.map(|n| (n - 1) as f64 / 2.0);
        middle[view.slices.stored] = view.slices.index(slice) as f64;
        let z = self.grid.position(middle)[2].round();
        let sign = if z < 0.0 { "\u{2212}" } else { "" };
        format!("{sign}{} mm", z.abs())
    }
}
