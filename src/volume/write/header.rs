//! NIfTI-1 and NIfTI-2 headers, built from nothing.
//!
//! Field order and codes: the official `nifti1.h` (Cox et al. 2004) and `nifti2.h` (2011), nifti.nimh.nih.gov.

use super::MapData;
use super::rotation::Rotation;
use crate::volume::Grid;

/// "Aligned to another file's coordinates": what a map on its input's grid is, whatever code the input carried.
const ALIGNED: i32 = 2;

/// Space in mm, time in s.
const UNITS: u8 = 2 | 8;

/// Largest dimension that NIfTI-1 can hold.
const NIFTI_1_MAX_DIM: usize = i16::MAX as usize;

/// Header and the empty extension flag: 352 bytes, or 544 in NIfTI-2.
pub(super) fn header(grid: &Grid, n_volumes: usize, data: MapData) -> Vec<u8> {
    let fields = Fields::new(grid, n_volumes, data);
    if fields.dim.iter().all(|&n| n as usize <= NIFTI_1_MAX_DIM) { fields.nifti_1() } else { fields.nifti_2() }
}

struct Fields {
    dim: [i64; 8],
    datatype: i16,
    bitpix: i16,
    pixdim: [f64; 8],
    qform_code: i32,
    /// Quaternion b, c, d, then the offset in mm.
    qform: [f64; 6],
    srows: [f64; 12],
}

impl Fields {
    fn new(grid: &Grid, n_volumes: usize, data: MapData) -> Self {
        let [ni, nj, nk] = grid.shape.map(|n| n as i64);
        let n_dims = if n_volumes == 1 { 3 } else { 4 };
        let (datatype, bitpix) = match data {
            MapData::U8(_) => (2, 8),
            MapData::I16(_) => (4, 16),
            MapData::F64(_) => (64, 64),
            MapData::F32(_) => (16, 32),
            MapData::U16(_) => (512, 16),
        };
        let rotation = Rotation::of(grid);
        let [zi, zj, zk] = grid.zooms();
        let a = &grid.affine;
        let [b, c, d] = rotation.as_ref().map_or([0.0; 3], |r| r.quaternion);
        Self {
            dim: [n_dims, ni, nj, nk, n_volumes as i64, 1, 1, 1],
            datatype,
            bitpix,
            pixdim: [rotation.as_ref().map_or(1.0, |r| r.handedness), zi, zj, zk, 1.0, 1.0, 1.0, 1.0],
            qform_code: if rotation.is_some() { ALIGNED } else { 0 },
            qform: [b, c, d, a[0][3], a[1][3], a[2][3]],
            srows: std::array::from_fn(|n| a[n / 4][n % 4]),
        }
    }

    fn nifti_1(&self) -> Vec<u8> {
        let mut out = Bytes::default();
        out.i32(348);
        out.zeros(36); // data_type, db_name, extents, session_error, regular, dim_info
        self.dim.iter().for_each(|&n| out.i16(n as i16));
        out.zeros(14); // intent parameters and code
        out.i16(self.datatype);
        out.i16(self.bitpix);
        out.i16(0); // slice_start
        self.pixdim.iter().for_each(|&x| out.f32(x));
        out.f32(352.0); // vox_offset
        out.f32(1.0); // scl_slope
        out.f32(0.0); // scl_inter
        out.zeros(3); // slice_end, slice_code
        out.0.push(UNITS);
        out.zeros(24); // display range, slice timing, glmax, glmin
        out.zeros(80 + 24); // descrip, aux_file
        out.i16(self.qform_code as i16);
        out.i16(ALIGNED as i16);
        self.qform.iter().for_each(|&x| out.f32(x));
        self.srows.iter().for_each(|&x| out.f32(x));
        out.zeros(16); // intent_name
        out.0.extend_from_slice(b"n+1\0");
        out.zeros(4); // no extension
        out.0
    }

    fn nifti_2(&self) -> Vec<u8> {
        let mut out = Bytes::default();
        out.i32(540);
        out.0.extend_from_slice(b"n+2\0\r\n\x1a\n");
        out.i16(self.datatype);
        out.i16(self.bitpix);
        self.dim.iter().for_each(|&n| out.i64(n));
        out.zeros(24); // intent parameters
        self.pixdim.iter().for_each(|&x| out.f64(x));
        out.i64(544); // vox_offset
        out.f64(1.0); // scl_slope
        out.f64(0.0); // scl_inter
        out.zeros(32); // display range, slice timing
        out.zeros(16); // slice_start, slice_end
        out.zeros(80 + 24); // descrip, aux_file
        out.i32(self.qform_code);
        out.i32(ALIGNED);
        self.qform.iter().for_each(|&x| out.f64(x));
        self.srows.iter().for_each(|&x| out.f64(x));
        out.i32(0); // slice_code
        out.i32(i32::from(UNITS));
        out.i32(0); // intent_code
        out.zeros(16 + 1 + 15); // intent_name, dim_info, unused
        out.zeros(4); // no extension
        out.0
    }
}

/// Fields one after another, in the byte order of the machine.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn zeros(&mut self, n: usize) {
        self.0.resize(self.0.len() + n, 0);
    }
    fn i16(&mut self, x: i16) {
        self.0.extend_from_slice(&x.to_ne_bytes());
    }
    fn i32(&mut self, x: i32) {
        self.0.extend_from_slice(&x.to_ne_bytes());
    }
    fn i64(&mut self, x: i64) {
        self.0.extend_from_slice(&x.to_ne_bytes());
    }
    fn f32(&mut self, x: f64) {
        self.0.extend_from_slice(&(x as f32).to_ne_bytes());
    }
    fn f64(&mut self, x: f64) {
        self.0.extend_from_slice(&x.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_dimensions_take_the_second_version() {
        let affine = std::array::from_fn(|r| std::array::from_fn(|c| f64::from(u8::from(r == c))));
        let header_of = |ni| {
            let shape = [ni, 4, 5];
            header(&Grid { shape, affine }, 1, MapData::U8(&[]))
        };
        assert_eq!(header_of(32_767)[..4], 348i32.to_ne_bytes());
        assert_eq!(header_of(32_767).len(), 352);
        let long = header_of(32_768);
        assert_eq!(long[..4], 540i32.to_ne_bytes());
        assert_eq!(long[24..32], 32_768i64.to_ne_bytes());
        assert_eq!(long.len(), 544);
    }
}
