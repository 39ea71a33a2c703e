//! How one curve among several is drawn.

use super::canvas::{Canvas, Colour, Line, WHITE};
use super::colour::okabe_ito;
use super::frame::Frame;
use super::plot::{Curve, CurvePoint, Stroke};

const MARKER: f32 = 6.0;
/// Curves with more points than this show no markers.
const MOST_MARKERS: usize = 40;
const BAND_OPACITY: f32 = 0.15;

/// Colours of curves, without the yellow, which is too light for a line on white.
const COLOURS: [Colour; 7] = [
    okabe_ito::BLUE,
    okabe_ito::VERMILION,
    okabe_ito::GREEN,
    okabe_ito::PURPLE,
    okabe_ito::ORANGE,
    okabe_ito::SKY_BLUE,
    okabe_ito::BLACK,
];

/// How one of many curves differs from the others: by colour, marker and stroke.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    colour: Colour,
    /// Corners of the marker; 0 for a circle.
    corners: usize,
    dash: Option<[f32; 2]>,
}

impl Look {
    pub(super) fn of(n: usize) -> Self {
        let round = n / COLOURS.len();
        Self {
            colour: COLOURS[n % COLOURS.len()],
            corners: [0, 4, 3, 5][(n + round) % 4],
            dash: [None, Some([9.0, 4.0]), Some([3.0, 3.0])][round % 3],
        }
    }

    pub(super) fn line(&self) -> Line {
        Line { width: 2.5, colour: self.colour, dash: self.dash }
    }
}

/// Fills between the low and high of a curve; a point between two gaps gets an upright line.
pub(super) fn draw_band(canvas: &mut Canvas, frame: &Frame, curve: &Curve) {
    let look = Look::of(curve.look);
    for run in runs(curve.points, |p| p.low.is_finite() && p.high.is_finite()) {
        let upper = run.iter().map(|p| frame.at(p.at, p.high));
        let lower = run.iter().rev().map(|p| frame.at(p.at, p.low));
        let edge: Vec<(f32, f32)> = upper.chain(lower).collect();
        match run.len() {
            1 => canvas.line(&edge, look.line()),
            _ => canvas.fill_polygon(&edge, look.colour, BAND_OPACITY),
        }
    }
}

/// Draws the values of a curve as its stroke says.
pub(super) fn draw_curve(canvas: &mut Canvas, frame: &Frame, curve: &Curve) {
    let look = Look::of(curve.look);
    for run in runs(curve.points, |p| p.value.is_finite()) {
        let points: Vec<(f32, f32)> = run.iter().map(|p| frame.at(p.at, p.value)).collect();
        if curve.stroke != Stroke::Markers {
            canvas.line(&points, look.line());
        }
        // A point between two gaps has no line that shows it.
        let marked = match curve.stroke {
            Stroke::Joined => curve.points.len() <= MOST_MARKERS || points.len() == 1,
            Stroke::Line => false,
            Stroke::Markers => true,
        };
        if marked {
            for &point in &points {
                draw_marker(canvas, point, look);
            }
        }
    }
}

/// The stretches of points that have what is to be drawn.
fn runs(points: &[CurvePoint], has: impl Fn(&CurvePoint) -> bool) -> impl Iterator<Item = &[CurvePoint]> {
    points.split(move |point| !(has(point) && point.at.is_finite())).filter(|run| !run.is_empty())
}

/// A marker with a white rim, so that it stands out from lines that cross it.
pub(super) fn draw_marker(canvas: &mut Canvas, (x, y): (f32, f32), look: Look) {
    for (radius, colour) in [(MARKER + 1.5, WHITE), (MARKER, look.colour)] {
        if look.corners == 0 {
            canvas.fill_circle((x, y), radius, colour);
            continue;
        }
        let corner = |n: usize| {
            let turn = std::f32::consts::TAU * n as f32 / look.corners as f32;
            (x + 1.15 * radius * turn.sin(), y - 1.15 * radius * turn.cos())
        };
        let corners: Vec<(f32, f32)> = (0..look.corners).map(corner).collect();
        canvas.fill_polygon(&corners, colour, 1.0);
    }
}
