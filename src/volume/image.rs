//! An image as its file holds it: own voxel type, own scaling, native byte order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{ArrayD, ShapeBuilder};

use super::nifti::bytes::AlignedBytes;
use super::nifti::hash::FileHash;
use super::nifti::header::Header;
use super::nifti::placement::Placement;
use super::{Grid, Scaling, VoxelType};
use crate::Result;
use crate::device::Row;
use crate::remarks::Remarks;

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
    /// What the file's header says of the placement; `None` for images made in memory.
    pub placement: Option<Placement>,
    /// The steps along all dimensions as the file holds them, one each: mm, then usually s; they may be nonsense.
    /// [`Grid::zooms`] has the voxel sizes that count. Empty for images made in memory.
    pub pixdim: Vec<f64>,
    /// Where remarks on it go.
    pub(crate) remarks: Remarks,
    hash: Option<FileHash>,
    voxels: Arc<AlignedBytes>,
}

impl Image {
    /// An image made in memory from values of one voxel type. `values` holds whole 3D volumes, i fastest.
    pub fn from_values<T: bytemuck::Pod>(name: &str, grid: Grid, voxel_type: VoxelType, values: &[T]) -> Self {
        assert_eq!(size_of::<T>(), voxel_type.size(), "the values are not of the voxel type");
        let volumes = values.len() / grid.n_voxels().max(1);
        assert_eq!(volumes * grid.n_voxels(), values.len(), "the values are not whole volumes");
        let mut dims = grid.shape.to_vec();
        if volumes != 1 {
            dims.push(volumes);
        }
        let bytes: &[u8] = bytemuck::cast_slice(values);
        Self {
            path: name.into(),
            dims,
            grid,
            voxel_type,
            scaling: Scaling::IDENTITY,
            placement: None,
            pixdim: Vec::new(),
            remarks: Remarks::default(),
            hash: None,
            voxels: Arc::new(AlignedBytes::copy_of(bytes)),
        }
    }

    /// An image as read, with `voxels` in native byte order.
    pub(super) fn from_file(
        path: &Path,
        header: Header,
        voxels: Arc<AlignedBytes>,
        hash: FileHash,
        remarks: Remarks,
    ) -> Self {
        Self {
            path: path.into(),
            dims: header.dims,
            grid: header.grid,
            voxel_type: header.voxel_type,
            scaling: header.scaling,
            placement: Some(header.placement),
            pixdim: header.pixdim,
            remarks,
            hash: Some(hash),
            voxels,
        }
    }

    /// sha256 of the file as it lies on disk, lower-case hex; `None` for images made in memory.
    ///
    /// Of a pair, it is that of the header file and the image file one after the other. This waits for the thread that
    /// works it out, or does so itself where none has begun.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing) or [`Error::Io`](crate::Error::Io) if the file could not be read
    /// a second time, [`Error::Data`](crate::Error::Data) if it was another one by then.
    pub fn sha256(&self) -> Result<Option<&str>> {
        self.hash.as_ref().map(FileHash::get).transpose()
    }

    /// Number of 3D volumes.
    pub fn n_volumes(&self) -> usize {
        self.dims.iter().skip(3).product()
    }

    /// All stored voxels, in native byte order; aligned to 8 bytes.
    pub fn bytes(&self) -> &[u8] {
        self.voxels.as_slice()
    }

    /// Real values (scaled) along all dimensions, as an array of f64 that is contiguous along the first axis.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the dimensions do not hold the voxels, which reading rules out.
    pub fn to_array(&self) -> Result<ArrayD<f64>> {
        let mut values = vec![0.0; self.dims.iter().product()];
        let n_voxels = self.grid.n_voxels();
        for (volume, values) in values.chunks_exact_mut(n_voxels).enumerate() {
            self.row(volume).load_f64(0, values);
        }
        ArrayD::from_shape_vec(self.dims.as_slice().f(), values).map_err(|e| crate::Error::Internal(e.to_string()))
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
