//! What is drawn on: filled shapes, lines, text and blocks of pixels, encoded as PNG.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::text::{Fonts, Weight};
use crate::{Error, Result};

/// Red, green, blue (sRGB).
pub(super) type Colour = [u8; 3];

pub(super) const WHITE: Colour = [255, 255, 255];
/// Ink of words.
pub(super) const INK: Colour = [26, 26, 26];
/// Ink of what stands back: notes, axes.
pub(super) const SOFT_INK: Colour = [96, 96, 96];
/// Lines that guide the eye.
pub(super) const FAINT: Colour = [222, 222, 222];

/// Where a text's position lies on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: Colour,
    /// A rim that keeps the text legible on any picture.
    pub(super) halo: Option<Colour>,
}

impl Style {
    pub(super) const fn new(size: f32, weight: Weight, colour: Colour) -> Self {
        Self { size, weight, colour, halo: None }
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) width: f32,
    pub(super) colour: Colour,
    /// Lengths of strokes and gaps, in pixels.
    pub(super) dash: Option<[f32; 2]>,
}

/// An opaque picture, with the origin at its top left.
pub(super) struct Canvas {
    pixels: Pixmap,
    pub(super) fonts: Fonts,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, fonts: Fonts) -> Result<Self> {
        let mut pixels = Pixmap::new(width, height)
            .ok_or_else(|| Error::Internal(format!("a picture of {width} x {height} pixels cannot be made")))?;
        pixels.fill(Color::WHITE);
        Ok(Self { pixels, fonts })
    }

    /// Fills a rectangle, its edges anti-aliased where they fall between pixels.
    pub(super) fn fill_rect(&mut self, [x, y, width, height]: [f32; 4], colour: Colour) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            let paint = paint(colour, 1.0);
            self.pixels.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// Fills the inside of a closed polygon.
    pub(super) fn fill_polygon(&mut self, points: &[(f32, f32)], colour: Colour, opacity: f32) {
        if let Some(path) = path(points, true) {
            self.fill_path(&path, colour, opacity);
        }
    }

    /// Fills a circle.
    pub(super) fn fill_circle(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.fill_path(&path, colour, 1.0);
        }
    }

    /// Draws a line through points.
    pub(super) fn line(&mut self, points: &[(f32, f32)], line: Line) {
        let stroke = Stroke {
            width: line.width,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: line.dash.and_then(|lengths| StrokeDash::new(lengths.to_vec(), 0.0)),
            ..Stroke::default()
        };
        if let Some(path) = path(points, false) {
            self.pixels.stroke_path(&path, &paint(line.colour, 1.0), &stroke, Transform::identity(), None);
        }
    }

    /// Writes a line of text; `y` is its baseline.
    pub(super) fn text(&mut self, text: &str, (x, y): (f32, f32), anchor: Anchor, style: Style) {
        let width = self.width(text, style);
        let left = match anchor {
            Anchor::Left => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::Right => x - width,
        };
        let at = (left, y.round());
        let Some(path) = self.fonts.outline(text, style.size, style.weight, at) else {
            return;
        };
        if let Some(halo) = style.halo {
            let stroke = Stroke { width: style.size / 6.0, line_join: LineJoin::Round, ..Stroke::default() };
            let paint = paint(halo, 1.0);
            self.pixels.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
        }
        self.fill_path(&path, style.colour, 1.0);
    }

    /// Writes a line of text centred in height on `y`.
    pub(super) fn text_beside(&mut self, text: &str, x: f32, y: f32, anchor: Anchor, style: Style) {
        let baseline = y + self.fonts.cap_height(style.size) / 2.0;
        self.text(text, (x, baseline), anchor, style);
    }

    /// Writes a line of text that reads upwards, centred in its length on `y`; `x` is its baseline.
    pub(super) fn text_upwards(&mut self, text: &str, (x, y): (f32, f32), style: Style) {
        let start = (x - self.width(text, style) / 2.0, y);
        let outline = self
            .fonts
            .outline(text, style.size, style.weight, start)
            .and_then(|path| path.transform(Transform::from_rotate_at(-90.0, x, y)));
        if let Some(path) = outline {
            self.fill_path(&path, style.colour, 1.0);
        }
    }

    /// The text, cut short with an ellipsis if it is wider than `room` pixels.
    pub(super) fn shortened(&self, text: &str, room: f32, style: Style) -> String {
        self.fonts.shortened(text, room, style.size, style.weight)
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> [f32; 2] {
        [self.pixels.width(), self.pixels.height()].map(|pixels| pixels as f32)
    }

    /// Width of a line of text in pixels.
    pub(super) fn width(&self, text: &str, style: Style) -> f32 {
        self.fonts.width(text, style.size, style.weight)
    }

    /// The rows of a block of pixels with its top left at `(x, y)`, 4 bytes a pixel.
    pub(super) fn rows(
        &mut self,
        (x, y): (usize, usize),
        width: usize,
        height: usize,
    ) -> impl Iterator<Item = &mut [u8]> {
        let line = self.pixels.width() as usize * 4;
        let rows = self.pixels.data_mut().chunks_exact_mut(line);
        rows.skip(y).take(height).map(move |row| &mut row[x * 4..(x + width) * 4])
    }

    /// The picture as a PNG file.
    pub(super) fn to_png(&self) -> Result<Vec<u8>> {
        let rgba = self.pixels.data();
        let mut rgb = vec![0; rgba.len() / 4 * 3];
        for (to, from) in rgb.chunks_exact_mut(3).zip(rgba.chunks_exact(4)) {
            to.copy_from_slice(&from[..3]);
        }
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Paeth)
            .write_image(&rgb, self.pixels.width(), self.pixels.height(), ExtendedColorType::Rgb8)
            .map_err(|e| Error::Internal(format!("encoding a picture: {e}")))?;
        Ok(png)
    }

    fn fill_path(&mut self, path: &Path, colour: Colour, opacity: f32) {
        let paint = paint(colour, opacity);
        self.pixels.fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
    }
}

fn paint([r, g, b]: Colour, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (opacity * 255.0).round() as u8);
    paint
}

fn path(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let (&(x, y), rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    for &(x, y) in rest {
        path.line_to(x, y);
    }
    if closed {
        path.close();
    }
    path.finish()
}
