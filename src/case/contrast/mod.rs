//! The phases of an examination with contrast agent: loaded, held against one another, and computed.

mod load;
mod reference;
mod run;
mod settings;

pub(super) use load::plausible_hu;
pub(super) use reference::ReferenceVoxels;
pub(super) use run::{Planned, T1, T1Map, plan};
