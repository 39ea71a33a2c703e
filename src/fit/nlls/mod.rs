//! Non-linear least squares: any signal model, within bounds.
//!
//! A voxel is divided by its largest signal, a [`dictionary`] says where its fits start, and bounded Levenberg–Marquardt
//! ([`lm`]) takes them to their minima, the best of which is kept; where it is one only because a parameter is [`idle`] there, the fit
//! goes on from another value of it. On the CPU each lane is a fit of its own ([`block`]).

pub mod block;
mod covariance;
pub mod dictionary;
mod finish;
mod found;
pub mod idle;
pub mod kernel;
pub mod lm;
pub mod lookup;
pub mod output;
mod probe;
pub mod problem;
mod rows;
mod samples;
mod starts;
mod state;
mod sums;
pub mod wgsl;

pub use kernel::NllsKernel;
pub use output::{NllsOutput, Quantity};
pub use problem::{Effort, NllsOptions, Problem};
