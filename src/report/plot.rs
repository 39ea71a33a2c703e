//! Curves of signal or enhancement over time or another axis.

use super::canvas::{Anchor, Canvas, INK, Line, SOFT_INK, Style};
use super::curve::{Look, draw_band, draw_curve, draw_marker};
use super::frame::Frame;
use super::spacing::Spacing;
use super::text::{Fonts, Weight};
use crate::{RESEARCH_USE_ONLY, Result};

const SIZE: [f32; 2] = [1280.0, 760.0];
const MARGIN: f32 = 28.0;
const TITLE: Style = Style::new(28.0, Weight::Bold, INK);
const LABEL: Style = Style::new(18.0, Weight::Regular, INK);
const PHASE: Style = Style::new(16.0, Weight::Regular, SOFT_INK);
const NOTE: Style = Style::new(16.0, Weight::Regular, SOFT_INK);
/// Height of a line of phase names, and of an entry of the legend.
const PHASE_ROW: f32 = 22.0;
const LEGEND_ROW: f32 = 30.0;
const SUBTITLE_ROW: f32 = 24.0;
const KEY: f32 = 36.0;
/// Rows for the names of phases; phases that are too close for them have lines alone.
const MOST_PHASE_ROWS: usize = 8;

/// One place of a curve, values in the plot's units. A value that is not finite leaves a gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Where along the horizontal axis, such as seconds after injection.
    pub at: f64,
    /// The value there, such as a region's mean or median.
    pub value: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// How the points of a curve are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// Joined by lines, with markers where they are few.
    Joined,
    /// Joined, without markers.
    Line,
    /// Markers alone.
    Markers,
}

/// The values of one region over time, or what is fitted to them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve<'a> {
    /// What it is of, such as the region's name.
    pub name: &'a str,
    /// Its values, along the axis.
    pub points: &'a [CurvePoint],
    /// How they are shown.
    pub stroke: Stroke,
    /// Which of the plot's colours and markers; curves of one thing share them.
    pub look: usize,
}

/// When a phase was acquired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseMark<'a> {
    /// The phase's role.
    pub name: &'a str,
    /// Where along the horizontal axis.
    pub at: f64,
}

/// Several curves over one axis, each with a band.
#[derive(Debug, Clone, Copy)]
pub struct CurvePlot<'a> {
    /// What the plot shows; may be empty.
    pub title: &'a str,
    /// More of it, in small letters; may be empty.
    pub subtitle: &'a str,
    /// What is on the horizontal axis, and its unit.
    pub across: [&'a str; 2],
    /// How places along it are spread.
    pub spacing: Spacing,
    /// What is on the vertical axis, e.g. "signal" or "relative enhancement".
    pub quantity: &'a str,
    /// Its unit; may be empty.
    pub unit: &'a str,
    /// What curve and band are, e.g. "mean ± sd" or "median and quartiles".
    pub band: &'a str,
    /// The regions, in the order of the legend.
    pub curves: &'a [Curve<'a>],
    /// The phases, marked along the horizontal axis.
    pub phases: &'a [PhaseMark<'a>],
    /// Whether 0 means something, as in enhancement: it is then in view and its line drawn.
    pub zero: bool,
}

impl CurvePlot<'_> {
    /// The plot as a PNG file. The same values give the same bytes.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut canvas = Canvas::new(SIZE[0] as u32, SIZE[1] as u32, Fonts::new()?)?;
        let legend = self.legend_width(&canvas);
        let rows = self.phase_rows(&canvas, &self.frame(&canvas, legend, 0));
        let n_rows = rows.iter().max().map_or(0, |row| row + 1).min(MOST_PHASE_ROWS);
        let frame = self.frame(&canvas, legend, n_rows);

        let room = SIZE[0] - 2.0 * MARGIN;
        let title = canvas.shortened(self.title, room, TITLE);
        canvas.text(&title, (MARGIN, 48.0), Anchor::Left, TITLE);
        let subtitle = canvas.shortened(self.subtitle, room, LABEL);
        canvas.text(&subtitle, (MARGIN, 76.0), Anchor::Left, LABEL);
        canvas.text(RESEARCH_USE_ONLY, (MARGIN, SIZE[1] - 24.0), Anchor::Left, NOTE);
        let [across, unit] = self.across;
        let across = named(across, self.spacing.unit(frame.ticks_across().unit(unit)));
        frame.draw(&mut canvas, &across, &self.y_name(&frame), self.zero);
        self.draw_phases(&mut canvas, &frame, &rows);
        for curve in self.curves {
            draw_band(&mut canvas, &frame, curve);
        }
        for curve in self.curves {
            draw_curve(&mut canvas, &frame, curve);
        }
        self.draw_legend(&mut canvas, &frame, legend);
        canvas.to_png()
    }

    /// Where the axes lie with so many rows of phase names above them.
    fn frame(&self, canvas: &Canvas, legend: f32, phase_rows: usize) -> Frame {
        let mut frame = Frame {
            left: 0.0,
            top: 78.0 + phase_rows as f32 * PHASE_ROW + if self.subtitle.is_empty() { 0.0 } else { SUBTITLE_ROW },
            right: SIZE[0] - MARGIN - legend - 24.0,
            bottom: SIZE[1] - 124.0,
            across: self.axis_range(),
            up: self.value_range(),
            spacing: self.spacing,
        };
        frame.left = MARGIN + 28.0 + frame.number_room(canvas);
        frame
    }

    fn axis_range(&self) -> (f64, f64) {
        let points = self.curves.iter().flat_map(|curve| curve.points);
        let places = points.map(|point| point.at).chain(self.phases.iter().map(|phase| phase.at));
        let (first, last) = padded(places.map(|at| self.spacing.place(at)), 0.02);
        (self.spacing.value(first), self.spacing.value(last))
    }

    fn value_range(&self) -> (f64, f64) {
        let points = self.curves.iter().flat_map(|curve| curve.points);
        let values = points.flat_map(|point| [point.value, point.low, point.high]);
        padded(values.chain(self.zero.then_some(0.0)), 0.04)
    }

    fn y_name(&self, frame: &Frame) -> String {
        named(self.quantity, frame.ticks_up().unit(self.unit))
    }

    /// The row of each phase's name above the frame, 0 the lowest. A name stands to the right of its phase's line and one
    /// row above the names that begin below it, so that no line runs through a name.
    fn phase_rows(&self, canvas: &Canvas, frame: &Frame) -> Vec<usize> {
        let left = |n: usize| frame.at(self.phases[n].at, frame.up.0).0;
        let mut late_first: Vec<usize> = (0..self.phases.len()).collect();
        late_first.sort_by(|&a, &b| left(b).total_cmp(&left(a)).then(b.cmp(&a)));
        let mut rows = vec![0; self.phases.len()];
        for (place, &n) in late_first.iter().enumerate() {
            let end = left(n) + canvas.width(self.phases[n].name, PHASE) + 16.0;
            let below = late_first[..place].iter().filter(|&&later| left(later) < end);
            rows[n] = below.map(|&later| rows[later] + 1).max().unwrap_or(0);
        }
        rows
    }

    fn draw_phases(&self, canvas: &mut Canvas, frame: &Frame, rows: &[usize]) {
        let line = Line { width: 1.0, colour: SOFT_INK, dash: Some([2.0, 4.0]) };
        for (phase, &row) in self.phases.iter().zip(rows) {
            let x = frame.at(phase.at, frame.up.0).0.floor() + 0.5;
            if row >= MOST_PHASE_ROWS {
                canvas.line(&[(x, frame.top), (x, frame.bottom)], line);
                continue;
            }
            let baseline = frame.top - 8.0 - row as f32 * PHASE_ROW;
            canvas.line(&[(x, baseline - 12.0), (x, frame.bottom)], line);
            canvas.text(phase.name, (x + 5.0, baseline), Anchor::Left, PHASE);
        }
    }

    /// Width of the legend; its names are cut short beyond a quarter of the picture.
    fn legend_width(&self, canvas: &Canvas) -> f32 {
        let names = self.curves.iter().map(|curve| KEY + 10.0 + canvas.width(curve.name, LABEL));
        let widest = names.fold(canvas.width(self.band, NOTE), f32::max);
        widest.min(SIZE[0] / 4.0)
    }

    fn draw_legend(&self, canvas: &mut Canvas, frame: &Frame, width: f32) {
        let left = frame.right + 24.0;
        let rows = ((frame.bottom - frame.top) / LEGEND_ROW) as usize - 1;
        let mut y = frame.top + LEGEND_ROW / 2.0;
        for curve in self.curves.iter().take(rows) {
            let look = Look::of(curve.look);
            if curve.stroke != Stroke::Markers {
                canvas.line(&[(left, y), (left + KEY, y)], look.line());
            }
            if curve.stroke != Stroke::Line {
                draw_marker(canvas, (left + KEY / 2.0, y), look);
            }
            let room = width - KEY - 10.0;
            let name = canvas.shortened(curve.name, room, LABEL);
            canvas.text_beside(&name, left + KEY + 10.0, y, Anchor::Left, LABEL);
            y += LEGEND_ROW;
        }
        let left_out = self.curves.len().saturating_sub(rows);
        let note = match left_out {
            0 => self.band.to_owned(),
            n => format!("{}; {n} more not named", self.band),
        };
        let note = canvas.shortened(&note, width, NOTE);
        canvas.text_beside(&note, left, y, Anchor::Left, NOTE);
    }
}

/// What is on an axis, with its unit if it has one.
fn named(quantity: &str, unit: String) -> String {
    if unit.is_empty() { quantity.to_owned() } else { format!("{quantity} ({unit})") }
}

/// The range of the finite values, widened on both sides by a share of it; 0 to 1 where there are none.
fn padded(values: impl Iterator<Item = f64>, share: f64) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    let padding = match high - low {
        0.0 => 0.5 * high.abs().max(1.0),
        range => share * range,
    };
    (low - padding, high + padding)
}
