//! Pictures and plots that a person reads, and the files of a run.

mod axial;
mod bar;
mod canvas;
mod colour;
mod curve;
mod frame;
mod layout;
mod montage;
pub mod outputs;
mod plot;
mod range;
mod resample;
mod sheet;
mod spacing;
mod text;
mod ticks;
mod tile;
mod viridis;

pub use colour::{ColourKind, label_colour};
pub use montage::Montage;
pub use plot::{Curve, CurvePlot, CurvePoint, PhaseMark, Stroke};
pub use range::robust_range;
pub use sheet::{ContactSheet, Outline, Outlines, Panel};
pub use spacing::Spacing;
