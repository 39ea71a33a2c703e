//! A contact sheet on its canvas.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::super::axial::AxialView;
use super::super::bar::{Bar, Beyond};
use super::super::canvas::{Anchor, Canvas, Colour, FAINT, INK, Line, SOFT_INK, Style, WHITE};
use super::super::colour::ColourScale;
use super::super::text::{Fonts, Weight};
use super::super::tile::{ON_TILE, described, draw_sides, millimetres};
use super::outline::{self, Inked};
use super::plane::Planes;
use super::sample::plane;
use super::{ContactSheet, GAP, Panel};
use crate::{RESEARCH_USE_ONLY, Result};

const MARGIN: f32 = 28.0;
const WIDEST: f32 = 1800.0;
/// Narrower sheets would cut their words short.
const NARROWEST: f32 = 900.0;
const BAR_GAP: f32 = 22.0;
/// A row is at least this high, so that its colour bar can be read.
const LEAST_ROW: f32 = 172.0;
/// Height of the words above a row, and of the space below it.
const ROW_WORDS: f32 = 28.0;
const ROW_GAP: f32 = 18.0;
const REMARK_ROW: f32 = 24.0;
const LEGEND_ROW: f32 = 28.0;
const HEIGHTS_ROW: f32 = 38.0;
const FOOTER: f32 = 58.0;
const SWATCH: [f32; 2] = [26.0, 16.0];
const SCALE_BAR_MM: f64 = 50.0;

const TITLE: Style = Style::new(30.0, Weight::Bold, INK);
const REMARK: Style = Style::new(17.0, Weight::Regular, SOFT_INK);
const ROW_TITLE: Style = Style::new(19.0, Weight::Bold, INK);
const ROW_NOTE: Style = Style::new(15.0, Weight::Regular, SOFT_INK);
const HEIGHT: Style = Style::new(17.0, Weight::Bold, INK);
const LEGEND: Style = Style::new(17.0, Weight::Regular, INK);

/// Around an image in its tile.
const OUTSIDE: Colour = [236, 236, 236];
const DARK: Colour = [40, 40, 40];

/// A contact sheet with all that is decided before it is drawn.
pub(super) struct Sheet<'a> {
    pub(super) content: &'a ContactSheet<'a>,
    /// One a panel.
    pub(super) scales: Vec<ColourScale>,
    pub(super) planes: Planes,
    /// Of the columns.
    pub(super) heights: Vec<f64>,
}

/// The pixels of a tile; `None` where there is no image at all.
type Pixels = Option<Vec<Colour>>;

impl Sheet<'_> {
    pub(super) fn draw(&self) -> Result<Canvas> {
        let fonts = Fonts::new()?;
        let (ink, drawn) = self.outlines();
        let tiles = self.tiles(&ink);
        let row = LEAST_ROW.max(self.planes.tile[1] as f32);
        let beyond: Vec<Beyond> = self
            .content
            .panels
            .iter()
            .zip(&self.scales)
            .map(|(panel, scale)| Beyond::of(panel.values, scale))
            .collect();
        let bars: Vec<Bar> = (self.content.panels.iter().zip(&self.scales).zip(&beyond))
            .map(|((panel, scale), beyond)| Bar { scale, unit: panel.unit, beyond, height: row })
            .collect();

        let n = self.heights.len();
        let across = (n * self.planes.tile[0] + (n - 1) * GAP) as f32;
        let bar = bars.iter().map(|bar| bar.width(&fonts)).fold(0.0, f32::max);
        let width = (across + BAR_GAP + bar + 2.0 * MARGIN).clamp(NARROWEST, WIDEST).ceil();
        let legend = self.legend(&fonts, &drawn, width - 2.0 * MARGIN);
        let remarks = self.content.remarks.len() as f32 * REMARK_ROW;
        let legend_rows = legend.iter().map(|entry| entry.row + 1).max().unwrap_or(0) as f32;
        let top = 62.0 + remarks + legend_rows * LEGEND_ROW;
        let pitch = ROW_WORDS + row + ROW_GAP;
        let height = top + HEIGHTS_ROW + bars.len() as f32 * pitch + FOOTER;

        let mut canvas = Canvas::new(width as u32, height as u32, fonts)?;
        self.draw_words(&mut canvas);
        for entry in &legend {
            entry.draw(&mut canvas, 62.0 + remarks);
        }
        self.draw_heights(&mut canvas, top + 26.0);
        for (n, (panel, bar)) in self.content.panels.iter().zip(&bars).enumerate() {
            let top = top + HEIGHTS_ROW + n as f32 * pitch;
            draw_row_words(&mut canvas, panel, across, top + 19.0);
            let top = (top + ROW_WORDS) as usize;
            for (column, pixels) in tiles[n].iter().enumerate() {
                self.draw_tile(&mut canvas, (self.left(column), top), pixels.as_deref());
            }
            bar.draw(&mut canvas, (MARGIN + across + BAR_GAP, top as f32));
        }
        let first = tiles.first().and_then(|row| row.first()).is_some_and(Option::is_some);
        if first {
            let bottom = top + HEIGHTS_ROW + ROW_WORDS + self.planes.tile[1] as f32;
            self.draw_scale(&mut canvas, bottom);
        }
        Ok(canvas)
    }

    /// The left edge of a column.
    fn left(&self, column: usize) -> usize {
        MARGIN as usize + column * (self.planes.tile[0] + GAP)
    }

    /// The ink of each column, and which outlines are on any.
    fn outlines(&self) -> (Vec<Vec<Inked>>, BTreeSet<usize>) {
        let Some(outlines) = &self.content.outlines else {
            return (vec![Vec::new(); self.heights.len()], BTreeSet::new());
        };
        let columns: Vec<_> =
            self.heights.par_iter().map(|&height| outline::draw(outlines, &self.planes, height)).collect();
        let drawn = columns.iter().flat_map(|(_, drawn)| drawn).copied().collect();
        (columns.into_iter().map(|(ink, _)| ink).collect(), drawn)
    }

    /// The tiles by row and column.
    fn tiles(&self, ink: &[Vec<Inked>]) -> Vec<Vec<Pixels>> {
        let tile = |(panel, scale): (&Panel, &ColourScale), column: usize| {
            let shown = plane(&self.planes, panel.grid, panel.values, panel.kind, self.heights[column])?;
            let mut pixels: Vec<Colour> =
                shown.into_iter().map(|value| value.map_or(OUTSIDE, |value| scale.colour(value))).collect();
            for inked in &ink[column] {
                pixels[inked.pixel] = inked.over(pixels[inked.pixel]);
            }
            Some(pixels)
        };
        let rows = self.content.panels.par_iter().zip(&self.scales);
        rows.map(|row| (0..self.heights.len()).into_par_iter().map(|column| tile(row, column)).collect()).collect()
    }

    fn draw_tile(&self, canvas: &mut Canvas, corner: (usize, usize), pixels: Option<&[Colour]>) {
        let [width, height] = self.planes.tile;
        let Some(pixels) = pixels else {
            let [x, y] = [corner.0 as f32, corner.1 as f32];
            canvas.fill_rect([x, y, width as f32, height as f32], OUTSIDE);
            let note = canvas.shortened("no image at this height", width as f32 - 12.0, ROW_NOTE);
            canvas.text_beside(&note, x + width as f32 / 2.0, y + height as f32 / 2.0, Anchor::Middle, ROW_NOTE);
            return;
        };
        for (line, pixels) in canvas.rows(corner, width, height).zip(pixels.chunks_exact(width)) {
            for (rgba, colour) in line.chunks_exact_mut(4).zip(pixels) {
                rgba[..3].copy_from_slice(colour);
            }
        }
        if width >= 60 && height >= 60 {
            draw_sides(canvas, corner, self.planes.tile);
        }
    }

    /// Title, remarks and footer.
    fn draw_words(&self, canvas: &mut Canvas) {
        let [width, height] = canvas.size();
        let room = width - 2.0 * MARGIN;
        let title = canvas.shortened(self.content.title, room, TITLE);
        canvas.text(&title, (MARGIN, 46.0), Anchor::Left, TITLE);
        for (n, remark) in self.content.remarks.iter().enumerate() {
            let remark = canvas.shortened(remark, room, REMARK);
            canvas.text(&remark, (MARGIN, 74.0 + n as f32 * REMARK_ROW), Anchor::Left, REMARK);
        }
        canvas.text(RESEARCH_USE_ONLY, (MARGIN, height - 24.0), Anchor::Left, REMARK);
    }

    fn draw_heights(&self, canvas: &mut Canvas, baseline: f32) {
        for (column, &height) in self.heights.iter().enumerate() {
            let middle = self.left(column) as f32 + self.planes.tile[0] as f32 / 2.0;
            let z = format!("z = {}", millimetres(self.planes.z(height)));
            let z = canvas.shortened(&z, self.planes.tile[0] as f32, HEIGHT);
            canvas.text(&z, (middle, baseline), Anchor::Middle, HEIGHT);
        }
    }

    /// A length in the first tile, whose lower edge is at `bottom`.
    fn draw_scale(&self, canvas: &mut Canvas, bottom: f32) {
        let length = (SCALE_BAR_MM / self.planes.mm_per_pixel).round() as f32;
        if length + 90.0 > self.planes.tile[0] as f32 {
            return;
        }
        let (x, y) = (MARGIN + 8.0, bottom - 12.0);
        canvas.fill_rect([x - 1.0, y - 1.0, length + 2.0, 5.0], [0; 3]);
        canvas.fill_rect([x, y, length, 3.0], WHITE);
        let style = Style { size: 14.0, ..ON_TILE };
        canvas.text_beside(&millimetres(SCALE_BAR_MM), x + length + 8.0, y + 1.0, Anchor::Left, style);
    }

    /// Where each entry of the legend goes.
    fn legend(&self, fonts: &Fonts, drawn: &BTreeSet<usize>, room: f32) -> Vec<Entry> {
        let shown = self.content.outlines.map_or(&[][..], |outlines| outlines.shown);
        let colours = self.content.outlines.map_or_else(Vec::new, |outlines| outlines.colours());
        let outlined = drawn.iter().map(|&n| {
            let line = Line { width: shown[n].width() as f32 + 0.9, colour: colours[n], dash: None };
            (Some(line), shown[n].name.to_owned())
        });
        let left_out: Vec<&str> =
            shown.iter().enumerate().filter(|(n, _)| !drawn.contains(n)).map(|(_, outline)| outline.name).collect();
        let note = (!left_out.is_empty()).then(|| (None, format!("not at these heights: {}", left_out.join(", "))));
        let (mut x, mut row) = (0.0, 0);
        let mut entries = Vec::new();
        for (line, text) in outlined.chain(note) {
            let key = if line.is_some() { SWATCH[0] + 8.0 } else { 0.0 };
            let text = fonts.shortened(&text, room - key, LEGEND.size, LEGEND.weight);
            let width = key + fonts.width(&text, LEGEND.size, LEGEND.weight);
            if x > 0.0 && x + width > room {
                (x, row) = (0.0, row + 1);
            }
            entries.push(Entry { line, text, x: MARGIN + x, row });
            x += width + 26.0;
        }
        entries
    }
}

/// One entry of the legend.
struct Entry {
    /// The outline's; none for a note.
    line: Option<Line>,
    text: String,
    x: f32,
    row: usize,
}

impl Entry {
    fn draw(&self, canvas: &mut Canvas, top: f32) {
        let middle = top + (self.row as f32 + 0.5) * LEGEND_ROW;
        let Some(line) = self.line else {
            canvas.text_beside(&self.text, self.x, middle, Anchor::Left, Style { colour: SOFT_INK, ..LEGEND });
            return;
        };
        let [width, height] = SWATCH;
        let upper = middle - height / 2.0;
        canvas.fill_rect([self.x, upper, width, height], DARK);
        canvas.line(&[(self.x, middle), (self.x + width, middle)], line);
        canvas.text_beside(&self.text, self.x + width + 8.0, middle, Anchor::Left, LEGEND);
    }
}

/// What a row is, and how fine its voxels are.
fn draw_row_words(canvas: &mut Canvas, panel: &Panel, width: f32, baseline: f32) {
    let view = AxialView::of(panel.grid);
    // As the picture has them, not as they are stored.
    let axes = [view.columns, view.rows, view.slices];
    let note = described(axes.map(|axis| axis.len), axes.map(|axis| axis.mm));
    let room = width - canvas.width(&note, ROW_NOTE) - 24.0;
    let title = canvas.shortened(panel.title, room.max(0.6 * width), ROW_TITLE);
    let used = canvas.width(&title, ROW_TITLE) + 24.0;
    canvas.line(&[(MARGIN, baseline - 22.5), (MARGIN + width, baseline - 22.5)], HAIRLINE);
    canvas.text(&title, (MARGIN, baseline), Anchor::Left, ROW_TITLE);
    let note = canvas.shortened(&note, width - used, ROW_NOTE);
    canvas.text(&note, (MARGIN + width, baseline), Anchor::Right, ROW_NOTE);
}

const HAIRLINE: Line = Line { width: 1.0, colour: FAINT, dash: None };
