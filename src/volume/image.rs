//! An image as its file holds it: own voxel type, own scaling, native byte order.

use std::path::PathBuf;

use super::{Grid, Scaling, VoxelType};
use crate::device::Row;

/// A volume or a series of volumes on one grid.
#[derive(Debug, Clone)]
pub struct Image {
    /// The file it came from, or a name for messages.
    pub path: PathBuf,
    /// All dimensions, 1 to 7 of them, fastest first.
    pub dims: Vec<usize>,
    /// The lattice of one 3D volume.
    pub grid: Grid,
    /// Type of the stored voxels.
    pub voxel_type: VoxelType,
    /// Stored → real.
    pub scaling: Scaling,
    /// sha256 of the file as it lay on disk, lower-case hex; empty for images made in memory.
    pub sha256: String,
    words: Vec<u64>,
    n_bytes: usize,
}

impl Image {
    /// An image made in memory from values of one voxel type. `values` holds whole 3D volumes, i fastest.
    pub fn from_values<T: bytemuck::Pod>(
        name: &str,
        grid: Grid,
        voxel_type: VoxelType,
        values: &[T],
    ) -> Self {
        assert_eq!(
            size_of::<T>(),
            voxel_type.size(),
            "the values are not of the voxel type"
        );
        let volumes = values.len() / grid.n_voxels().max(1);
        assert_eq!(
            volumes * grid.n_voxels(),
            values.len(),
            "the values are not whole volumes"
        );
        let mut dims = grid.shape.to_vec();
        if volumes != 1 {
            dims.push(volumes);
        }
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self {
            path: name.into(),
            dims,
            grid,
            voxel_type,
            scaling: Scaling::IDENTITY,
            sha256: String::new(),
            words,
            n_bytes: bytes.len(),
        }
    }

    /// Number of 3D volumes.
    pub fn n_volumes(&self) -> usize {
        self.dims.iter().skip(3).product()
    }

    /// All stored voxels, in native byte order; aligned to 8 bytes.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.n_bytes]
    }

    /// The stored voxels of one 3D volume, ready for a kernel.
    pub fn row(&self, volume: usize) -> Row<'_> {
        let size = self.grid.n_voxels() * self.voxel_type.size();
        Row {
            bytes: &self.bytes()[volume * size..(volume + 1) * size],
            voxel_type: self.voxel_type,
            scaling: self.scaling,
        }
    }
}
