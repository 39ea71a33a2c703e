//! Pictures and plots that a person reads.
