//! Contrast phases: subtraction, enhancement maps and curves.
//!
//! [`subtract`](subtract::subtract) compares two images; an [`Exam`](exam::Exam) is a whole examination, of phases with
//! roles or of a series, which [`enhance`](run::enhance) computes and writes. Which phase may serve which quantity is
//! decided by [`Agent::admits`] alone. Maps of one voxel's phases are formulas of [`model`](crate::model); reductions
//! over a curve are the [`CurveKernel`](curve::CurveKernel).

pub mod agent;
pub mod comparison;
pub mod curve;
mod describe;
pub mod descriptor;
pub mod exam;
pub mod gather;
pub mod maps;
pub mod output;
pub mod pattern;
pub mod phase;
pub mod protocol;
pub mod resample;
pub mod run;
pub mod scaling;
pub mod series;
pub mod sigma;
pub mod subtract;
pub mod table;
pub mod timeline;
pub mod window;
pub mod writing;

pub use agent::{Agent, Quantity};
pub use phase::{Phase, PhaseArg, Phases, Role};
