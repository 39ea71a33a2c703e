//! The axes of a plot.

use super::canvas::{Anchor, Canvas, FAINT, INK, Line, SOFT_INK, Style};
use super::spacing::Spacing;
use super::text::Weight;
use super::ticks::Ticks;

const NUMBER: Style = Style::new(17.0, Weight::Regular, INK);
const NAME: Style = Style::new(18.0, Weight::Bold, INK);
/// From an upright axis to its numbers.
const NUMBER_GAP: f32 = 12.0;
const HAIRLINE: Line = Line { width: 1.0, colour: FAINT, dash: None };
const AXIS: Line = Line { width: 1.5, colour: SOFT_INK, dash: None };

/// A rectangle of the picture with a value scale on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Left, top, right and bottom in pixels.
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
    /// Values at left and right.
    pub(super) across: (f64, f64),
    /// Values at bottom and top.
    pub(super) up: (f64, f64),
    /// How places between left and right are spread.
    pub(super) spacing: Spacing,
}

impl Frame {
    /// The pixel of a point.
    pub(super) fn at(&self, x: f64, y: f64) -> (f32, f32) {
        let along = |value: f64, (first, last): (f64, f64)| ((value - first) / (last - first)) as f32;
        let place = |value: f64| self.spacing.place(value);
        let across = (place(self.across.0), place(self.across.1));
        (
            self.left + along(place(x), across) * (self.right - self.left),
            self.bottom - along(y, self.up) * (self.bottom - self.top),
        )
    }

    pub(super) fn ticks_across(&self) -> Ticks {
        self.spacing.ticks(self.across.0, self.across.1)
    }

    pub(super) fn ticks_up(&self) -> Ticks {
        Ticks::within(self.up.0, self.up.1, 7)
    }

    /// Draws grid, axes, numbers and names; `zero` emphasises the line of 0.
    pub(super) fn draw(&self, canvas: &mut Canvas, x_name: &str, y_name: &str, zero: bool) {
        let (across, up) = (self.ticks_across(), self.ticks_up());
        for &value in &up.values {
            let (_, y) = self.at(self.across.0, value);
            let y = crisp(y);
            canvas.line(&[(self.left, y), (self.right, y)], HAIRLINE);
            canvas.text_beside(&up.label(value), self.left - NUMBER_GAP, y, Anchor::Right, NUMBER);
        }
        for &value in &across.values {
            let (x, _) = self.at(value, self.up.0);
            let x = crisp(x);
            canvas.line(&[(x, self.bottom), (x, self.bottom + 6.0)], AXIS);
            let below = (x, self.bottom + 26.0);
            canvas.text(&across.label(value), below, Anchor::Middle, NUMBER);
        }
        if zero {
            let (_, y) = self.at(self.across.0, 0.0);
            canvas.line(&[(self.left, crisp(y)), (self.right, crisp(y))], AXIS);
        }
        let corner = (crisp(self.left), crisp(self.bottom));
        canvas.line(&[(corner.0, self.top), corner, (self.right, corner.1)], AXIS);
        let middle = (self.left + self.right) / 2.0;
        canvas.text(x_name, (middle, self.bottom + 58.0), Anchor::Middle, NAME);
        let beside = self.left - self.number_room(canvas) - 14.0;
        canvas.text_upwards(y_name, (beside, (self.top + self.bottom) / 2.0), NAME);
    }

    /// Width of the upright axis' numbers, with their distance from it.
    pub(super) fn number_room(&self, canvas: &Canvas) -> f32 {
        let ticks = self.ticks_up();
        let width = |value: &f64| canvas.width(&ticks.label(*value), NUMBER);
        ticks.values.iter().map(width).fold(0.0, f32::max) + NUMBER_GAP
    }
}

/// The middle of a pixel, where a thin line is sharp.
fn crisp(pixel: f32) -> f32 {
    pixel.floor() + 0.5
}
