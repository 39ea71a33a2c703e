//! A whole examination: from its case file to everything that can honestly be computed from its series.
//!
//! [`Case::read`] reads the case file; [`check()`] says what can be made of it, and [`run()`] makes it. Facts that the file
//! leaves open are read from JSON sidecars. What cannot be computed is left out with the reason, and whatever depends on it.

mod chemical_shift;
mod contrast;
mod curves;
mod cut_offs;
mod estimate;
mod facts;
pub mod file;
mod findings;
mod fits;
mod init;
mod iodine;
mod iron;
mod labels;
mod lesions;
mod liver;
mod load;
mod parts;
mod run;
mod shapes;
mod sheet;

pub use facts::ClockTime;
pub use file::CaseFile;
pub use findings::{Finding, Findings, Level};
pub use init::propose;
pub use load::Case;
pub use run::{CaseOptions, CaseSummary, check, run};

/// What stands beside values that a person reads, of one image and of several.
const NOTE: &str = "research use only";
const NOTE_UNALIGNED: &str = "unaligned; research use only";

/// The name of a phase's own signal in tables.
const SIGNAL: &str = "signal";
