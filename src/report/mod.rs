//! Pictures and plots that a person reads, and the files of a run.

pub mod outputs;
