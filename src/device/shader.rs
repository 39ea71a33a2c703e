//! The WGSL that a kernel's text is put after: how it reads voxels and writes results on any GPU.

use crate::volume::VoxelType;

/// Bindings, loads and stores.
const BATCH: &str = include_str!("../../shaders/common/batch.wgsl");
/// Functions that drivers do not compute well enough.
const MATH: &str = include_str!("../../shaders/common/math.wgsl");

/// Invocations in a workgroup: a multiple of every GPU's subgroup (4 to 64).
pub const WORKGROUP: usize = 64;

/// The complete WGSL of a kernel for `n_obs` observations that are stored as `voxel_type`.
///
/// 64-bit voxels have no WGSL type: the device is given them as [`VoxelType::F32`].
pub fn compose(body: &str, voxel_type: VoxelType, n_obs: usize) -> String {
    let voxel_type = match on_device(voxel_type) {
        VoxelType::U8 => "U8",
        VoxelType::I8 => "I8",
        VoxelType::U16 => "U16",
        VoxelType::I16 => "I16",
        VoxelType::U32 => "U32",
        VoxelType::I32 => "I32",
        _ => "F32",
    };
    format!(
        "const N_OBS: u32 = {n_obs}u;\nconst VOXEL_TYPE: u32 = {voxel_type};\n\
         const WORKGROUP: u32 = {WORKGROUP}u;\n\n{BATCH}\n{MATH}\n{body}"
    )
}

/// The type that voxels are uploaded in.
pub(super) fn on_device(voxel_type: VoxelType) -> VoxelType {
    match voxel_type {
        VoxelType::U64 | VoxelType::I64 | VoxelType::F64 => VoxelType::F32,
        own => own,
    }
}
