//! Text without system fonts: Noto Sans (SIL Open Font License 1.1, in the crate `notosans`), drawn as outlines.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use crate::{Error, Result};

/// Size of a super- or subscript, and how far it is raised or lowered, in sizes of the text around it.
const SCRIPT: (f32, f32, f32) = (0.66, 0.34, -0.14);

/// The two weights that pictures use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// The fonts, parsed.
pub(super) struct Fonts {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Fonts {
    pub(super) fn new() -> Result<Self> {
        let parse = |bytes| Face::parse(bytes, 0).map_err(|e| Error::Internal(format!("built-in font: {e}")));
        Ok(Self { regular: parse(notosans::REGULAR_TTF)?, bold: parse(notosans::BOLD_TTF)? })
    }

    fn face(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Width of a line of text in pixels.
    pub(super) fn width(&self, text: &str, size: f32, weight: Weight) -> f32 {
        let face = self.face(weight);
        glyphs(face, text).map(|g| g.advance(face, size)).sum()
    }

    /// The text, cut short with an ellipsis if it is wider than `room` pixels.
    pub(super) fn shortened(&self, text: &str, room: f32, size: f32, weight: Weight) -> String {
        if self.width(text, size, weight) <= room {
            return text.to_owned();
        }
        let mut kept = text.to_owned();
        while kept.pop().is_some() {
            let shorter = format!("{}…", kept.trim_end());
            if self.width(&shorter, size, weight) <= room {
                return shorter;
            }
        }
        String::new()
    }

    /// Height of the capitals and digits in pixels: what centring a label on a line goes by.
    pub(super) fn cap_height(&self, size: f32) -> f32 {
        let height = self.regular.capital_height().unwrap_or(0);
        f32::from(height) * size / f32::from(self.regular.units_per_em())
    }

    /// The outlines of a line of text that starts at `x` on the baseline `y`; `None` if nothing of it is visible.
    pub(super) fn outline(&self, text: &str, size: f32, weight: Weight, (x, y): (f32, f32)) -> Option<Path> {
        let face = self.face(weight);
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale: 0.0 };
        let mut x = x;
        for glyph in glyphs(face, text) {
            pen.x = x;
            pen.y = y - glyph.raised * size;
            pen.scale = glyph.scale * size / f32::from(face.units_per_em());
            face.outline_glyph(glyph.id, &mut pen);
            x += glyph.advance(face, size);
        }
        pen.path.finish()
    }
}

/// A glyph as part of a line, lengths in sizes of the text.
struct Glyph {
    id: GlyphId,
    scale: f32,
    raised: f32,
}

impl Glyph {
    fn advance(&self, face: &Face<'_>, size: f32) -> f32 {
        let units = face.glyph_hor_advance(self.id).unwrap_or(0);
        f32::from(units) * self.scale * size / f32::from(face.units_per_em())
    }
}

fn glyphs<'a>(face: &'a Face<'_>, text: &'a str) -> impl Iterator<Item = Glyph> + 'a {
    text.chars().map(|character| {
        let (base, scale, raised) = unscripted(character);
        Glyph {
            // Glyph 0 is the font's own sign for a character that it lacks.
            id: face.glyph_index(base).unwrap_or_default(),
            scale,
            raised,
        }
    })
}

/// A super- or subscript as a smaller, shifted plain character: the font lacks some of them, and drawn from one source
/// they match.
fn unscripted(character: char) -> (char, f32, f32) {
    const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻";
    const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉₊₋";
    const PLAIN: &str = "0123456789+−";
    let find = |scripts: &str| {
        let place = scripts.chars().position(|c| c == character)?;
        PLAIN.chars().nth(place)
    };
    let (size, up, down) = SCRIPT;
    if let Some(base) = find(SUPERSCRIPTS) {
        (base, size, up)
    } else if let Some(base) = find(SUBSCRIPTS) {
        (base, size, down)
    } else {
        (character, 1.0, 0.0)
    }
}

/// Carries a font's outlines (y up, font units) to the canvas (y down, pixels).
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_that_units_need_are_in_both_fonts() {
        let fonts = Fonts::new().unwrap();
        for character in "mm²/s ×10⁻³ µm²/ms ° ± Δ % σ √ − ≥ · R₂".chars() {
            let (base, ..) = unscripted(character);
            for face in [&fonts.regular, &fonts.bold] {
                assert!(face.glyph_index(base).is_some(), "no glyph for {character}");
            }
        }
        assert!(fonts.regular.glyph_index('肝').is_none());
    }

    #[test]
    fn a_script_is_smaller_than_its_base_and_shifted() {
        let fonts = Fonts::new().unwrap();
        let bounds = |text| fonts.outline(text, 100.0, Weight::Regular, (0.0, 0.0)).unwrap().bounds();
        assert!(bounds("³").height() < 0.7 * bounds("3").height());
        assert!(bounds("³").bottom() < -30.0);
        assert!(bounds("₃").bottom() > 5.0);
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        let fonts = Fonts::new().unwrap();
        let cut = fonts.shortened("apparent diffusion", 100.0, 20.0, Weight::Regular);
        assert!(cut.ends_with('…') && fonts.width(&cut, 20.0, Weight::Regular) <= 100.0);
        assert_eq!(fonts.shortened("ADC", 100.0, 20.0, Weight::Regular), "ADC");
        assert_eq!(fonts.shortened("ADC", 1.0, 20.0, Weight::Regular), "");
    }

    #[test]
    fn nothing_visible_has_no_outline() {
        let fonts = Fonts::new().unwrap();
        for text in ["", "  "] {
            assert!(fonts.outline(text, 20.0, Weight::Bold, (0.0, 0.0)).is_none());
        }
        assert_eq!(fonts.width("", 20.0, Weight::Bold), 0.0);
    }
}
