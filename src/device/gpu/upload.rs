//! The form in which voxels travel to a GPU.

use std::ops::Range;

use rayon::prelude::*;
use wgpu::WriteOnly;

use crate::device::{Source, shader};
use crate::volume::{Scaling, VoxelType};

/// What a thread of the host copies at once.
const PIECE_BYTES: usize = 32 * 1024;

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

    /// Writes the rows of a chunk, each `stride` bytes after the last, on all threads of the pool that this runs on.
    pub(super) fn write(&self, voxels: &Range<usize>, stride: usize, mut to: WriteOnly<[u8]>) {
        let size = self.voxel_type.size();
        let (mut pieces, mut rests) = (Vec::new(), Vec::new());
        for obs in 0..self.n_obs() {
            let (row, others) = to.split_at(stride);
            to = others;
            // Arrays, since wgpu lets no slice go to another thread.
            let (whole, rest) = row.into_slice(..voxels.len() * size).into_chunks::<PIECE_BYTES>();
            let firsts = voxels.clone().step_by(PIECE_BYTES / size);
            if !rest.is_empty() {
                rests.push((obs, voxels.end - rest.len() / size, rest));
            }
            pieces.extend(firsts.zip(whole).map(|(first, piece)| (obs, first, piece)));
        }
        pieces.into_par_iter().for_each(|(obs, first, piece)| self.write_part(obs, first, piece.into()));
        rests.into_iter().for_each(|(obs, first, rest)| self.write_part(obs, first, rest));
    }

    /// Writes as many voxels of an observation as there is place for.
    fn write_part(&self, obs: usize, first: usize, mut place: WriteOnly<[u8]>) {
        let n_voxels = place.len() / self.voxel_type.size();
        self.source.read_part(obs, first..first + n_voxels, |row| {
            if self.as_stored {
                place.copy_from_slice(row.bytes);
            } else {
                let mut real = vec![0.0f32; n_voxels];
                row.load_f32(0, &mut real);
                place.copy_from_slice(bytemuck::cast_slice(&real));
            }
        });
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
        let row_bytes = 2 * upload.voxel_type().size();
        let mut bytes = vec![0; row_bytes * upload.n_obs()];
        upload.write(&(1..3), row_bytes, WriteOnly::from_mut(&mut bytes[..]));
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
    fn rows_of_many_pieces_are_whole() {
        let n = 3 * PIECE_BYTES;
        let values: [Vec<i16>; 2] = [0, 1].map(|obs| (0..n).map(|v| (7 * v + obs) as i16).collect());
        let picked: Vec<u32> = (0..n as u32).rev().collect();
        for (picked, voxels, stride) in [(None, 5..n - 2, 2 * n), (Some(picked), 1..n, 2 * n + 4), (None, 3..3, 4)] {
            let want = |obs: usize, at: usize| values[obs][picked.as_ref().map_or(at, |picked| picked[at] as usize)];
            let rows = values.each_ref().map(|row_values| row(row_values, VoxelType::I16, 1.0));
            let source = Source::new(rows.to_vec(), n, picked.clone());
            let mut bytes = vec![0; 2 * stride];
            Upload::new(&source).write(&voxels, stride, WriteOnly::from_mut(&mut bytes[..]));
            for (obs, written) in bytes.chunks(stride).enumerate() {
                let written: &[i16] = bytemuck::cast_slice(&written[..2 * voxels.len()]);
                assert!(written.iter().zip(voxels.clone()).all(|(&value, at)| value == want(obs, at)), "{voxels:?}");
            }
        }
    }

    #[test]
    fn whole_pieces_of_picked_voxels_are_converted() {
        let n = 2 * PIECE_BYTES / 4;
        let values: Vec<f64> = (0..n).map(|v| v as f64).collect();
        let source = Source::new(vec![row(&values, VoxelType::F64, 2.0)], n, Some((0..n as u32).rev().collect()));
        let mut bytes = vec![0; 4 * n];
        Upload::new(&source).write(&(0..n), 4 * n, WriteOnly::from_mut(&mut bytes[..]));
        let written: &[f32] = bytemuck::cast_slice(&bytes);
        assert!(written.iter().rev().enumerate().all(|(v, &value)| value == 2.0 * v as f32));
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
