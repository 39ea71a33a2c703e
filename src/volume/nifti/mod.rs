//! Reading NIfTI-1 and NIfTI-2: a gate that checks the header before anything is allocated, then the voxels as they are.
//!
//! [`read`](read::read) is the way in. A file is opened as an `input`, its header read by the layout of its version
//! (`fields`) and checked (`header`, `placement`, `extension`, `pair`); what is no NIfTI is told by `sniff`.

pub(in crate::volume) mod bytes;
mod extension;
mod fields;
mod gzip;
pub(in crate::volume) mod hash;
pub(in crate::volume) mod header;
mod input;
mod pair;
pub mod placement;
pub mod read;
mod sniff;
