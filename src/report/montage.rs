//! A map as a sheet of axial slices.

use rayon::prelude::*;

use super::axial::AxialView;
use super::bar::{Bar, Beyond};
use super::canvas::{Anchor, Canvas, INK, SOFT_INK, Style};
use super::colour::{ColourKind, ColourScale};
use super::layout::Layout;
use super::resample::Resampler;
use super::text::{Fonts, Weight};
use super::tile::{self, ON_TILE};
use crate::volume::Grid;
use crate::{RESEARCH_USE_ONLY, Result};

const MARGIN: f32 = 28.0;
const TITLE: Style = Style::new(30.0, Weight::Bold, INK);
const SUBTITLE: Style = Style::new(17.0, Weight::Regular, SOFT_INK);
const FOOTER: Style = Style::new(16.0, Weight::Regular, SOFT_INK);
/// From the tiles to the colour bar.
const BAR_GAP: f32 = 28.0;
/// Longer titles are cut short where the picture is not wider anyway.
const WIDEST_WORDS: f32 = 1200.0;
/// Height of the title line, and of all words above the tiles without it.
const TITLE_HEIGHT: f32 = 36.0;
const HEADER_HEIGHT: f32 = 56.0;
const FOOTER_HEIGHT: f32 = 58.0;
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
    /// Values at the ends of the colour bar; by default [`super::robust_range`].
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
        let scale = tile::scale(self.title, self.grid, self.values, self.kind, self.range)?;
        let view = AxialView::of(self.grid);
        let sheet = Sheet {
            map: self,
            layout: Layout::new(&view, self.values),
            beyond: Beyond::of(self.values, &scale),
            view,
            scale,
        };
        sheet.draw()?.to_png()
    }
}

/// A montage with all that is decided before it is drawn.
struct Sheet<'a> {
    map: &'a Montage<'a>,
    view: AxialView,
    layout: Layout,
    scale: ColourScale,
    beyond: Beyond,
}

impl Sheet<'_> {
    fn draw(&self) -> Result<Canvas> {
        let fonts = Fonts::new()?;
        let [tiles_width, tiles_height] = self.layout.size().map(|pixels| pixels as f32);
        let body = tiles_height.max(LEAST_BODY);
        let bar = Bar { scale: &self.scale, unit: self.map.unit, beyond: &self.beyond, height: body };
        let words = [(self.map.title, TITLE), (&self.subtitle(), SUBTITLE), (RESEARCH_USE_ONLY, FOOTER)]
            .map(|(text, style)| fonts.width(text, style.size, style.weight));
        let words = words.into_iter().fold(0.0, f32::max).min(WIDEST_WORDS);
        let content = words.max(tiles_width + BAR_GAP + bar.width(&fonts));
        let top = match self.map.title {
            "" => HEADER_HEIGHT,
            _ => HEADER_HEIGHT + TITLE_HEIGHT,
        };
        let width = (content + 2.0 * MARGIN).ceil();
        let height = top + body + FOOTER_HEIGHT;
        let mut canvas = Canvas::new(width as u32, height as u32, fonts)?;

        self.draw_words(&mut canvas, top);
        self.draw_tiles(&mut canvas, (MARGIN as usize, top as usize));
        bar.draw(&mut canvas, (MARGIN + tiles_width + BAR_GAP, top));
        Ok(canvas)
    }

    /// "192 × 192 × 40 voxels of 1.98 × 1.98 × 5.00 mm · 24 of 40 slices".
    fn subtitle(&self) -> String {
        let slices = match (self.layout.slices.len(), self.view.slices.len) {
            (1, 1) => "1 slice".to_owned(),
            (shown, all) if shown == all => format!("{all} slices"),
            (shown, all) => format!("{shown} of {all} slices"),
        };
        format!("{} · {slices}", tile::described(self.map.grid.shape, self.map.grid.zooms()))
    }

    /// The words above and below the tiles, which begin at `top`.
    fn draw_words(&self, canvas: &mut Canvas, top: f32) {
        let [width, height] = canvas.size();
        for (text, baseline, style) in [
            (self.map.title, top - 42.0, TITLE),
            (&self.subtitle(), top - 14.0, SUBTITLE),
            (RESEARCH_USE_ONLY, height - 24.0, FOOTER),
        ] {
            let text = canvas.shortened(text, width - 2.0 * MARGIN, style);
            canvas.text(&text, (MARGIN, baseline), Anchor::Left, style);
        }
    }

    fn draw_tiles(&self, canvas: &mut Canvas, (left, top): (usize, usize)) {
        let [columns, rows] = &self.layout.crop;
        let tile = self.layout.tile;
        let resampler = Resampler::new([columns.len(), rows.len()], tile);
        for (n, &slice) in self.layout.slices.iter().enumerate() {
            let voxels = self.view.crop(self.map.values, &self.layout.crop, slice);
            let [x, y] = self.layout.place(n);
            let corner = (left + x, top + y);
            let mut lines: Vec<&mut [u8]> = canvas.rows(corner, tile[0], tile[1]).collect();
            lines.par_iter_mut().enumerate().for_each(|(y, line)| {
                let shown = match self.map.kind {
                    ColourKind::Categorical => resampler.largest(&voxels, y),
                    _ => resampler.means(&voxels, y),
                };
                for (rgba, value) in line.chunks_exact_mut(4).zip(shown) {
                    rgba[..3].copy_from_slice(&self.scale.colour(value));
                }
            });
            self.draw_tile_words(canvas, slice, corner);
        }
    }

    /// Sides of the patient, and the slice's stored index and height, as far as the tile has room.
    fn draw_tile_words(&self, canvas: &mut Canvas, slice: usize, (x, y): (usize, usize)) {
        let [width, height] = self.layout.tile;
        if width < 60 || height < 60 {
            return;
        }
        let (left, right) = (x as f32 + 6.0, (x + width) as f32 - 6.0);
        tile::draw_sides(canvas, (x, y), self.layout.tile);

        let axis = &self.view.slices;
        let index = format!("{} {}", ['i', 'j', 'k'][axis.stored], axis.index(slice));
        let baseline = y as f32 + 20.0;
        canvas.text(&index, (left, baseline), Anchor::Left, ON_TILE);
        let mm = tile::millimetres(self.view.middle(self.map.grid, slice)[2]);
        if canvas.width(&format!("{index}   {mm}"), ON_TILE) < right - left {
            canvas.text(&mm, (right, baseline), Anchor::Right, ON_TILE);
        }
    }
}
