//! Contrast phases: subtraction, enhancement maps and curves.

pub mod agent;
pub mod curve;
mod describe;
pub mod descriptor;
pub mod noise;
pub mod phase;
pub mod protocol;
pub mod resample;
pub mod timeline;

pub use agent::{Agent, Quantity};
pub use phase::{Phase, PhaseArg, Phases, Role};
