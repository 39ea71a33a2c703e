//! NIfTI-1 and NIfTI-2 headers, built from nothing.
//!
//! Field order and codes: the official `nifti1.h` (Cox et al. 2004) and `nifti2.h` (2011), nifti.nimh.nih.gov.

use super::MapData;
use crate::volume::Grid;

/// "Aligned to another file's coordinates": what a map on its input's grid is, whatever code the input carried.
const ALIGNED: i32 = 2;

/// Space in mm, time in s.
const UNITS: u8 = 2 | 8;

/// Largest dimension that NIfTI-1 can hold.
const NIFTI_1_MAX_DIM: usize = i16::MAX as usize;

/// How far an affine's axes may be from right angles (cosine) and still be a rotation: above the rounding of float32.
const RIGHT_ANGLE_TOLERANCE: f64 = 1e-5;

/// Header and the empty extension flag: 352 bytes, or 544 in NIfTI-2.
pub(super) fn header(grid: &Grid, n_volumes: usize, data: MapData) -> Vec<u8> {
    let fields = Fields::new(grid, n_volumes, data);
    if fields.dim.iter().all(|&n| n as usize <= NIFTI_1_MAX_DIM) {
        fields.nifti_1()
    } else {
        fields.nifti_2()
    }
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
            pixdim: [
                rotation.as_ref().map_or(1.0, |r| r.handedness),
                zi,
                zj,
                zk,
                1.0,
                1.0,
                1.0,
                1.0,
            ],
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

/// The rotation of an affine that is a rotation times zooms, perhaps with the k axis mirrored.
struct Rotation {
    /// b, c, d of the unit quaternion whose a is not negative.
    quaternion: [f64; 3],
    /// `qfac`: −1 where k is mirrored, else 1.
    handedness: f64,
}

impl Rotation {
    fn of(grid: &Grid) -> Option<Self> {
        let zooms = grid.zooms();
        let mut r: [[f64; 3]; 3] =
            std::array::from_fn(|i| std::array::from_fn(|j| grid.affine[i][j] / zooms[j]));
        let cosine = |j: usize, k: usize| (0..3).map(|i| r[i][j] * r[i][k]).sum::<f64>();
        let right_angles = [(0, 1), (0, 2), (1, 2)]
            .iter()
            .all(|&(j, k)| cosine(j, k).abs() <= RIGHT_ANGLE_TOLERANCE);
        if !right_angles {
            return None;
        }
        let handedness = determinant(&r).signum();
        r.iter_mut().for_each(|row| row[2] *= handedness);
        Some(Self {
            quaternion: quaternion(&r),
            handedness,
        })
    }
}

fn determinant(r: &[[f64; 3]; 3]) -> f64 {
    (0..3)
        .map(|j| {
            let (k, l) = ((j + 1) % 3, (j + 2) % 3);
            r[0][j] * (r[1][k] * r[2][l] - r[1][l] * r[2][k])
        })
        .sum()
}

/// b, c, d of a rotation matrix, by its largest component, which is never near 0 (Shepperd 1978, doi:10.2514/3.55767b).
fn quaternion(r: &[[f64; 3]; 3]) -> [f64; 3] {
    // Four times the products of a, b, c, d with one another, row by row.
    let products = [
        [
            1.0 + r[0][0] + r[1][1] + r[2][2],
            r[2][1] - r[1][2],
            r[0][2] - r[2][0],
            r[1][0] - r[0][1],
        ],
        [
            r[2][1] - r[1][2],
            1.0 + r[0][0] - r[1][1] - r[2][2],
            r[0][1] + r[1][0],
            r[0][2] + r[2][0],
        ],
        [
            r[0][2] - r[2][0],
            r[0][1] + r[1][0],
            1.0 - r[0][0] + r[1][1] - r[2][2],
            r[1][2] + r[2][1],
        ],
        [
            r[1][0] - r[0][1],
            r[0][2] + r[2][0],
            r[1][2] + r[2][1],
            1.0 - r[0][0] - r[1][1] + r[2][2],
        ],
    ];
    let largest = (0..4)
        .max_by(|&m, &n| products[m][m].total_cmp(&products[n][n]))
        .unwrap_or(0);
    let norm = 2.0 * products[largest][largest].sqrt();
    let [a, b, c, d] = products[largest].map(|p| p / norm);
    // q and −q are the same rotation; files hold the one with a ≥ 0.
    [b, c, d].map(|x| if a < 0.0 { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(affine: [[f64; 4]; 3]) -> Grid {
        let [x, y, z] = affine;
        Grid {
            shape: [3, 4, 5],
            affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]],
        }
    }

    /// The rotation matrix of a quaternion, as `nifti1.h` defines it.
    fn matrix([b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        [
            [
                a * a + b * b - c * c - d * d,
                2.0 * (b * c - a * d),
                2.0 * (b * d + a * c),
            ],
            [
                2.0 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                2.0 * (c * d - a * b),
            ],
            [
                2.0 * (b * d - a * c),
                2.0 * (c * d + a * b),
                a * a + d * d - b * b - c * c,
            ],
        ]
    }

    /// Largest difference between a grid's directions and those that its quaternion gives back.
    fn quaternion_error(grid: &Grid) -> f64 {
        let rotation = Rotation::of(grid).unwrap();
        let (r, zooms) = (matrix(rotation.quaternion), grid.zooms());
        let mut worst = 0.0f64;
        for i in 0..3 {
            for j in 0..3 {
                let sign = if j == 2 { rotation.handedness } else { 1.0 };
                worst = worst.max((sign * r[i][j] - grid.affine[i][j] / zooms[j]).abs());
            }
        }
        worst
    }

    #[test]
    fn rotations_survive_as_quaternions() {
        let (s, c) = 0.3f64.sin_cos();
        for affine in [
            [
                [1.5, 0.0, 0.0, -90.0],
                [0.0, 1.5, 0.0, -126.0],
                [0.0, 0.0, 5.0, -72.0],
            ],
            [
                [-1.5, 0.0, 0.0, 90.0],
                [0.0, 1.5, 0.0, 0.0],
                [0.0, 0.0, 5.0, 0.0],
            ],
            [
                [-1.5, 0.0, 0.0, 90.0],
                [0.0, -1.5, 0.0, 0.0],
                [0.0, 0.0, 5.0, 0.0],
            ],
            [
                [0.0, 0.0, 2.0, 0.0],
                [-1.0, 0.0, 0.0, 0.0],
                [0.0, 3.0, 0.0, 0.0],
            ],
            [
                [c, -2.0 * s, 0.0, 1.0],
                [s, 2.0 * c, 0.0, 2.0],
                [0.0, 0.0, -3.0, 3.0],
            ],
            [
                [1.0, 0.0, 0.0, 0.0],
                [0.0, -2.0 * c, 3.0 * s, 0.0],
                [0.0, -2.0 * s, -3.0 * c, 0.0],
            ],
        ] {
            assert!(quaternion_error(&grid(affine)) < 1e-12, "{affine:?}");
        }
    }

    #[test]
    fn the_comparison_sees_another_rotation() {
        let g = grid([
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]);
        let turned = Rotation::of(&g).unwrap();
        let r = matrix(turned.quaternion.map(|x| x + 0.01));
        assert!((r[0][1] - g.affine[0][1]).abs() > 1e-3);
    }

    #[test]
    fn a_sheared_grid_has_no_quaternion() {
        let sheared = grid([
            [1.0, 0.1, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]);
        assert!(Rotation::of(&sheared).is_none());
    }

    #[test]
    fn long_dimensions_take_the_second_version() {
        let mut g = grid([
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]);
        assert_eq!(header(&g, 1, MapData::U8(&[])).len(), 352);
        g.shape[0] = 32_768;
        assert_eq!(header(&g, 1, MapData::U8(&[])).len(), 544);
    }
}
