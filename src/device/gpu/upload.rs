//! The form in which voxels travel to a GPU.

use std::ops::Range;

use crate::device::{Source, shader};
use crate::volume::{Scaling, VoxelType};

/// A source and the form in which its rows go up: as stored where all rows are of one type that WGSL can unpack, else
/// as the real f32 values that the CPU backend would load.
#[derive(Debug)]
pub(super) struct Upload<'a> {
    source: &'a Source<'a>,
    voxel_type: VoxelType,
    as_stored: bool,
}

impl<'a> Upload<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        let first = source.rows().first().map_or(VoxelType::F32, |row| row.voxel_type);
        let as_stored = shader::on_device(first) == first && source.rows().iter().all(|row| row.voxel_type == first);
        Self { source, voxel_type: if as_stored { first } else { VoxelType::F32 }, as_stored }
    }

    pub(super) fn voxel_type(&self) -> VoxelType {
        self.voxel_type
    }

    pub(super) fn n_obs(&self) -> usize {
        self.source.rows().len()
    }

    pub(super) fn n_voxels(&self) -> usize {
        self.source.n_voxels()
    }

    /// Slope and inter of each row as uploaded. Adding −0 keeps every value, −0 included; adding +0 would not.
    pub(super) fn scaling(&self) -> Vec<[f32; 2]> {
        let of_row = |scaling: Scaling| {
            if !self.as_stored || scaling == Scaling::IDENTITY {
                [1.0, -0.0]
            } else {
                [scaling.slope as f32, scaling.inter as f32]
            }
        };
        self.source.rows().iter().map(|row| of_row(row.scaling)).collect()
    }

    /// Hands the bytes of each row of a chunk to `write`, with the row's number.
    pub(super) fn rows(&self, voxels: Range<usize>, mut write: impl FnMut(usize, &[u8])) {
        let batch = self.source.batch(voxels);
        let mut real = vec![0.0f32; if self.as_stored { 0 } else { batch.n_voxels() }];
        for obs in 0..batch.n_obs() {
            let row = batch.row(obs);
            if self.as_stored {
                write(obs, row.bytes);
            } else {
                row.load_f32(0, &mut real);
                write(obs, bytemuck::cast_slice(&real));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Row;

    fn row<T: bytemuck::Pod>(values: &[T], voxel_type: VoxelType, slope: f64) -> Row<'_> {
        Row { bytes: bytemuck::cast_slice(values), voxel_type, scaling: Scaling { slope, inter: 0.0 } }
    }

    fn uploaded(source: &Source) -> (VoxelType, Vec<[f32; 2]>, Vec<u8>) {
        let upload = Upload::new(source);
        let mut bytes = Vec::new();
        upload.rows(1..3, |_, row| bytes.extend_from_slice(row));
        (upload.voxel_type(), upload.scaling(), bytes)
    }

    #[test]
    fn rows_of_one_type_go_as_they_are() {
        let (a, b) = ([1i16, -2, 3], [4i16, 5, 6]);
        let rows = vec![row(&a, VoxelType::I16, 1.0), row(&b, VoxelType::I16, 2.0)];
        let (voxel_type, scaling, bytes) = uploaded(&Source::new(rows, 3, None));
        assert_eq!(voxel_type, VoxelType::I16);
        assert_eq!(scaling, [[1.0, -0.0], [2.0, 0.0]]);
        assert_eq!(bytes, bytemuck::cast_slice::<i16, u8>(&[-2, 3, 5, 6]));
    }

    #[test]
    fn mixed_and_64_bit_rows_go_as_real_values() {
        let (a, b) = ([1i16, -2, 3], [4.5f64, 5.5, 6.5]);
        let real = |values: &[f32]| bytemuck::cast_slice::<f32, u8>(values).to_vec();
        let mixed = vec![row(&a, VoxelType::I16, 2.0), row(&b, VoxelType::F64, 1.0)];
        let wide = vec![row(&b, VoxelType::F64, 2.0)];
        for (rows, want) in [(mixed, real(&[-4.0, 6.0, 5.5, 6.5])), (wide, real(&[11.0, 13.0]))] {
            let (voxel_type, scaling, bytes) = uploaded(&Source::new(rows, 3, None));
            assert_eq!(voxel_type, VoxelType::F32);
            assert!(scaling.iter().all(|s| *s == [1.0, 0.0]));
            assert_eq!(bytes, want);
        }
    }
}
