//! Stand-in for the reader, with the reader's signatures: replaced as a whole when the reader lands.

use std::path::Path;

use nifti::{NiftiObject, ReaderOptions, volume::ndarray::IntoNdArray};

use super::{Grid, Image, VoxelType};
use crate::{Error, Result};

/// How a file is read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Most bytes that the voxels of one file may take.
    pub max_volume_bytes: u64,
    /// Take slope 1 and offset 0 whatever the header says.
    pub ignore_scaling: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_volume_bytes: 16 << 30,
            ignore_scaling: false,
        }
    }
}

/// Reads a NIfTI file as 32-bit floats.
pub fn read(path: &Path, _options: &ReadOptions) -> Result<Image> {
    if !path.exists() {
        return Err(Error::Missing(path.into()));
    }
    let bad = |e: nifti::NiftiError| Error::data(path, e.to_string(), "give a NIfTI file");
    let object = ReaderOptions::new().read_file(path).map_err(bad)?;
    let h = object.header().clone();
    let shape = std::array::from_fn(|i| usize::from(h.dim[i + 1]).max(1));
    let row = |r: [f32; 4]| r.map(f64::from);
    let affine = [
        row(h.srow_x),
        row(h.srow_y),
        row(h.srow_z),
        [0.0, 0.0, 0.0, 1.0],
    ];
    let array = object
        .into_volume()
        .into_ndarray::<f32>()
        .map_err(|e| Error::data(path, e.to_string(), "give a NIfTI file"))?;
    let values: Vec<f32> = array.t().iter().copied().collect();
    let name = path.display().to_string();
    Ok(Image::from_values(
        &name,
        Grid { shape, affine },
        VoxelType::F32,
        &values,
    ))
}

impl Grid {
    /// Millimetres → voxel indices.
    pub fn inverse(&self) -> [[f64; 4]; 4] {
        let a = &self.affine;
        let minor = |r: usize, c: usize| {
            let (r1, r2) = ((r + 1) % 3, (r + 2) % 3);
            let (c1, c2) = ((c + 1) % 3, (c + 2) % 3);
            a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1]
        };
        let det: f64 = (0..3).map(|c| a[0][c] * minor(0, c)).sum();
        let mut inverse = [[0.0; 4]; 4];
        for (r, row) in inverse.iter_mut().take(3).enumerate() {
            for (c, x) in row.iter_mut().take(3).enumerate() {
                *x = minor(c, r) / det;
            }
            row[3] = -(0..3).map(|c| row[c] * a[c][3]).sum::<f64>();
        }
        inverse[3][3] = 1.0;
        inverse
    }

    /// Largest displacement of a corner voxel in voxels of `self`; infinite if the shapes differ.
    pub fn max_distance_voxels(&self, other: &Grid) -> f64 {
        if self.shape != other.shape {
            return f64::INFINITY;
        }
        let inverse = self.inverse();
        (0..8)
            .map(|corner| {
                let ijk: [f64; 3] = std::array::from_fn(|d| {
                    ((corner >> d) & 1) as f64 * (self.shape[d] - 1) as f64
                });
                let p = other.position(ijk);
                (0..3)
                    .map(|r| {
                        let here: f64 =
                            (0..3).map(|c| inverse[r][c] * p[c]).sum::<f64>() + inverse[r][3];
                        (here - ijk[r]).powi(2)
                    })
                    .sum::<f64>()
                    .sqrt()
            })
            .fold(0.0, f64::max)
    }
}
