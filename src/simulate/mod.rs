//! Phantoms with known truth: the demo, the tests and the benchmarks share them.
