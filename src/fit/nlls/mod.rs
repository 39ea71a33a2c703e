//! Non-linear least squares: any signal model, within bounds.

pub mod block;
pub mod dictionary;
pub mod lm;
pub mod lookup;
pub mod problem;

pub use problem::{Effort, NllsOptions, Problem};
