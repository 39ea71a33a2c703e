//! The key to a picture's colours: a bar with marks, or the labels that occur.

use std::collections::BTreeSet;

use super::canvas::{Anchor, Canvas, INK, Line, SOFT_INK, Style};
use super::colour::{ColourKind, ColourScale};
use super::text::{Fonts, Weight};
use super::ticks::Ticks;

const BAR_WIDTH: f32 = 26.0;
/// Height of the pointed ends, which stand for what lies beyond.
const POINT: f32 = 18.0;
const TICK: f32 = 6.0;
/// From the bar to its numbers.
const GAP: f32 = 12.0;
/// Room for the unit above the bar, and for a line below it.
const HEAD: f32 = 40.0;
const ROW: f32 = 30.0;
/// From a bar's end past its point and note to what stands below.
const FOOT: f32 = 46.0;
/// A bar no longer than this is read at a glance.
const LONGEST_BAR: f32 = 560.0;

const NUMBER: Style = Style::new(18.0, Weight::Regular, INK);
const NOTE: Style = Style::new(15.0, Weight::Regular, SOFT_INK);
const UNIT: Style = Style::new(18.0, Weight::Bold, INK);

const HAIRLINE: Line = Line { width: 1.0, colour: SOFT_INK, dash: None };

const NO_VALUE: &str = "no value";

/// What a map holds beyond its colours' range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beyond {
    /// Share of the finite values below the range.
    below: f64,
    /// Share of the finite values above the range.
    above: f64,
    /// Whether there are values that are not finite.
    none: bool,
    /// The labels that occur, for a map of labels.
    labels: BTreeSet<i64>,
}

impl Beyond {
    pub(super) fn of(values: &[f32], scale: &ColourScale) -> Self {
        let (mut n, mut below, mut above) = (0usize, 0usize, 0usize);
        for &value in values {
            n += usize::from(value.is_finite());
            below += usize::from(value.is_finite() && value < scale.low);
            above += usize::from(value.is_finite() && value > scale.high);
        }
        let share = |count: usize| count as f64 / n.max(1) as f64;
        let mut labels = BTreeSet::new();
        if scale.kind == ColourKind::Categorical {
            let mut last = f32::NAN;
            for &value in values.iter().filter(|value| value.is_finite()) {
                if value != last {
                    labels.insert(value.round() as i64);
                    last = value;
                }
            }
            labels.remove(&0);
        }
        Self { below: share(below), above: share(above), none: n < values.len(), labels }
    }
}

/// The key to the right of the tiles.
pub(super) struct Bar<'a> {
    pub(super) scale: &'a ColourScale,
    pub(super) unit: &'a str,
    pub(super) beyond: &'a Beyond,
    pub(super) height: f32,
}

impl Bar<'_> {
    /// Width that the key needs, in pixels.
    pub(super) fn width(&self, fonts: &Fonts) -> f32 {
        let (numbers, unit): (Vec<String>, String) = match self.scale.kind {
            ColourKind::Categorical => (self.labels().map(|label| label.to_string()).collect(), self.unit.to_owned()),
            _ => (self.marks().into_iter().map(|(_, text)| text).collect(), self.ticks().unit(self.unit)),
        };
        let notes = [
            note(self.beyond.above, "above").unwrap_or_default(),
            note(self.beyond.below, "below").unwrap_or_default(),
            NO_VALUE.to_owned(),
        ];
        let widest = |texts: &[String], style: Style| {
            let width = |text: &String| fonts.width(text, style.size, style.weight);
            texts.iter().map(width).fold(0.0, f32::max)
        };
        let beside = widest(&numbers, NUMBER).max(widest(&notes, NOTE));
        (BAR_WIDTH + GAP + beside).max(widest(&[unit], UNIT))
    }

    /// Draws the key with its top left at `(x, y)`.
    pub(super) fn draw(&self, canvas: &mut Canvas, (x, y): (f32, f32)) {
        match self.scale.kind {
            ColourKind::Categorical => self.draw_labels(canvas, x, y),
            _ => self.draw_bar(canvas, x, y),
        }
    }

    fn ticks(&self) -> Ticks {
        let wanted = (self.bar_height() / 70.0).clamp(2.0, 8.0);
        Ticks::within(f64::from(self.scale.low), f64::from(self.scale.high), wanted as usize)
    }

    /// Height of the coloured part without its points.
    fn bar_height(&self) -> f32 {
        let below = if self.beyond.none { FOOT + ROW } else { FOOT };
        (self.height - HEAD - POINT - below).clamp(60.0, LONGEST_BAR)
    }

    /// Fractions of the bar that bear a number: both ends, and round numbers that leave them room.
    fn marks(&self) -> Vec<(f32, String)> {
        let ticks = self.ticks();
        let (low, high) = (f64::from(self.scale.low), f64::from(self.scale.high));
        let room = f64::from(NUMBER.size * 1.5 / self.bar_height());
        let round = ticks.values.iter().filter_map(|&value| {
            let fraction = (value - low) / (high - low);
            (room..=1.0 - room).contains(&fraction).then(|| (fraction as f32, ticks.label(value)))
        });
        std::iter::once((0.0, ticks.fine_label(low)))
            .chain(round)
            .chain(std::iter::once((1.0, ticks.fine_label(high))))
            .collect()
    }

    fn draw_bar(&self, canvas: &mut Canvas, x: f32, y: f32) {
        let unit = self.ticks().unit(self.unit);
        canvas.text_beside(&unit, x, y + UNIT.size / 2.0, Anchor::Left, UNIT);
        let (top, height) = (y + HEAD + POINT, self.bar_height().floor());
        for row in 0..height as usize {
            let fraction = 1.0 - (row as f32 + 0.5) / height;
            let colour = self.scale.at(f64::from(fraction));
            canvas.fill_rect([x, top + row as f32, BAR_WIDTH, 1.0], colour);
        }
        let bottom = top + height;
        let upper = self.draw_end(canvas, (x, top), -POINT, self.beyond.above, "above");
        let lower = self.draw_end(canvas, (x, bottom), POINT, self.beyond.below, "below");
        // Half a pixel outside, where a line of one pixel is sharp.
        let (left, right) = (x - 0.5, x + BAR_WIDTH + 0.5);
        let outline = [
            (left, top - 0.5),
            (upper.0, upper.1 - 0.5),
            (right, top - 0.5),
            (right, bottom + 0.5),
            (lower.0, lower.1 + 0.5),
            (left, bottom + 0.5),
            (left, top - 0.5),
        ];
        canvas.line(&outline, HAIRLINE);
        for (fraction, text) in self.marks() {
            let at = (top + (1.0 - fraction) * height).floor() + 0.5;
            canvas.line(&[(right, at), (right + TICK, at)], HAIRLINE);
            canvas.text_beside(&text, x + BAR_WIDTH + GAP, at, Anchor::Left, NUMBER);
        }
        if self.beyond.none {
            self.draw_no_value(canvas, x, bottom + FOOT);
        }
    }

    /// A pointed end with the share of values beyond it, a plain one where there are none. Gives the end's middle.
    fn draw_end(&self, canvas: &mut Canvas, (x, y): (f32, f32), point: f32, share: f64, side: &str) -> (f32, f32) {
        let middle = x + BAR_WIDTH / 2.0;
        let Some(text) = note(share, side) else {
            return (middle, y);
        };
        let colour = self.scale.at(if point < 0.0 { 1.0 } else { 0.0 });
        let tip = (middle, y + point);
        canvas.fill_polygon(&[(x, y), (x + BAR_WIDTH, y), tip], colour, 1.0);
        let beside = x + BAR_WIDTH + GAP;
        canvas.text_beside(&text, beside, y + 1.3 * point, Anchor::Left, NOTE);
        tip
    }

    fn draw_no_value(&self, canvas: &mut Canvas, x: f32, y: f32) {
        canvas.fill_rect([x, y, BAR_WIDTH, 18.0], self.scale.no_value());
        canvas.text_beside(NO_VALUE, x + BAR_WIDTH + GAP, y + 9.0, Anchor::Left, NOTE);
    }

    /// The labels that the height has room for.
    fn labels(&self) -> impl Iterator<Item = i64> {
        let rows = ((self.height - HEAD) / ROW) as usize;
        let others = usize::from(self.beyond.none);
        let room = if self.beyond.labels.len() + others > rows { rows.saturating_sub(others + 1).max(1) } else { rows };
        self.beyond.labels.iter().copied().take(room)
    }

    fn draw_labels(&self, canvas: &mut Canvas, x: f32, y: f32) {
        canvas.text_beside(self.unit, x, y + UNIT.size / 2.0, Anchor::Left, UNIT);
        let mut at = y + HEAD;
        let right = x + BAR_WIDTH + GAP;
        for label in self.labels() {
            let colour = self.scale.colour(label as f32);
            canvas.fill_rect([x, at, BAR_WIDTH, 18.0], colour);
            canvas.text_beside(&label.to_string(), right, at + 9.0, Anchor::Left, NUMBER);
            at += ROW;
        }
        let left_out = self.beyond.labels.len() - self.labels().count();
        if left_out > 0 {
            let text = format!("+ {left_out}");
            canvas.text_beside(&text, right, at + 9.0, Anchor::Left, NOTE);
            at += ROW;
        }
        if self.beyond.none {
            self.draw_no_value(canvas, x, at);
        }
    }
}

/// "1.9 % above"; nothing where nothing lies there.
fn note(share: f64, side: &str) -> Option<String> {
    let percent = 100.0 * share;
    match percent {
        0.0 => None,
        _ if percent < 0.1 => Some(format!("< 0.1 % {side}")),
        _ => Some(format!("{percent:.1} % {side}")),
    }
}
