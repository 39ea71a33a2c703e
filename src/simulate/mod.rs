//! Phantoms with known truth: the demo, the tests and the benchmarks share them.
//!
//! [`Spec`] is a phantom as data (`data/phantom/*.toml`); [`liver_phantom`] makes it: labels, noisy images as a scanner
//! stores them, and the truth of every map in closed form. [`compare`] says how far a map is from that truth.
//! [`series::simulate`] makes a series of any signal model from maps of its parameters. All are values in memory.

mod check;
mod compare;
mod curve;
pub mod demo;
mod further;
mod geometry;
mod grid;
mod noise;
mod normal;
mod phantom;
mod rng;
pub mod run;
pub mod series;
mod signal;
mod spec;
mod truth;

pub use compare::{RegionComparison, compare};
pub use further::{FurtherSeries, FurtherVolume, Purpose};
pub use grid::centred_grid;
pub use noise::{Noise, add_noise, add_noise_from};
pub use phantom::{DiffusionSeries, DynamicPhase, Phantom, Region, liver_phantom};
pub use rng::Rng;
pub use spec::{Phase, Spec, Timing};
pub use truth::TruthMap;
