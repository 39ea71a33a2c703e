//! Phantoms with known truth: the demo, the tests and the benchmarks share them.
//!
//! [`Spec`] is a phantom as data (`data/phantom/*.toml`); [`liver_phantom`] makes it: labels, noisy images as a scanner
//! stores them, and the truth of every map in closed form. [`compare`] says how far a map is from that truth. All are
//! values in memory.

mod check;
mod compare;
mod curve;
pub mod demo;
mod geometry;
mod noise;
mod normal;
mod phantom;
mod rng;
mod signal;
mod spec;
mod truth;

pub use compare::{RegionComparison, compare};
pub use noise::{Noise, add_noise, add_noise_from};
pub use phantom::{DiffusionSeries, DynamicPhase, Phantom, Region, liver_phantom};
pub use rng::Rng;
pub use spec::{Phase, Spec, Timing};
pub use truth::TruthMap;
