//! A kernel that gives back what it reads, and what it must give.

use bytemuck::Pod;
use hepar::device::{Batch, Column, ColumnMut, ColumnSpec, ColumnType, Precision, Row, Shader, Source, VoxelKernel};
use hepar::volume::{Scaling, VoxelType};

/// Gives back every observation, and how many of them are finite; NaN for the first where it is negative.
pub struct Echo {
    pub n_obs: usize,
}

impl VoxelKernel for Echo {
    fn label(&self) -> String {
        "echo".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let spec = |name: String, kind| ColumnSpec { name, kind };
        let mut columns: Vec<ColumnSpec> = (0..self.n_obs).map(|i| spec(format!("obs{i}"), ColumnType::F32)).collect();
        columns.push(spec("finite".into(), ColumnType::U16));
        columns
    }

    fn run_cpu(&self, batch: &Batch, _: Precision, out: &mut [ColumnMut]) {
        let rows: Vec<Vec<f32>> = (0..self.n_obs)
            .map(|obs| {
                let mut values = vec![0.0; batch.n_voxels()];
                batch.row(obs).load_f32(0, &mut values);
                values
            })
            .collect();
        for (obs, column) in out.iter_mut().enumerate() {
            match column {
                ColumnMut::F32(to) => to.iter_mut().zip(&rows[obs]).for_each(|(to, &x)| {
                    *to = if obs == 0 && x < 0.0 { f32::NAN } else { x };
                }),
                ColumnMut::F64(_) => unreachable!("every device computes in f32 here"),
                ColumnMut::U16(to) => to.iter_mut().enumerate().for_each(|(voxel, to)| {
                    *to = rows.iter().filter(|row| row[voxel].is_finite()).count() as u16;
                }),
            }
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        Some(Shader {
            body: "
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
        var finite = 0u;
        for (var obs = 0u; obs < N_OBS; obs++) {
            let x = load(obs, voxel);
            finite += u32(is_finite(x));
            if obs == 0u && x < 0.0 { store_nan(obs, voxel); } else { store_f32(obs, voxel, x); }
        }
        store_u16(N_OBS, voxel, finite);
    }
}"
            .into(),
            params: Vec::new(),
            turns: self.n_obs + 1,
        })
    }
}

/// What [`Echo`] must give, from the typed values, by none of the code under test.
pub fn expected<T: Pod>(
    rows: &[Vec<T>],
    real: impl Fn(T) -> f32,
    scaling: Scaling,
    picked: Option<&[u32]>,
) -> Vec<Column> {
    let places: Vec<usize> = match picked {
        Some(picked) => picked.iter().map(|&v| v as usize).collect(),
        None => (0..rows[0].len()).collect(),
    };
    let value = |obs: usize, place: usize| match (real(rows[obs][place]), scaling) {
        // −0 stays −0 only without scaling.
        (x, Scaling::IDENTITY) => x,
        (x, Scaling { slope, inter }) => x * slope as f32 + inter as f32,
    };
    let masked = |obs, x: f32| if obs == 0 && x < 0.0 { f32::NAN } else { x };
    let mut columns: Vec<Column> =
        (0..rows.len()).map(|obs| Column::F32(places.iter().map(|&p| masked(obs, value(obs, p))).collect())).collect();
    let finite = |&p: &usize| (0..rows.len()).filter(|&obs| value(obs, p).is_finite()).count() as u16;
    columns.push(Column::U16(places.iter().map(finite).collect()));
    columns
}

/// The columns that differ in any bit, where all NaN are one.
pub fn differing(a: &[Column], b: &[Column]) -> Vec<usize> {
    let bits = |x: f32| {
        if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
    };
    let same = |a: &Column, b: &Column| match (a, b) {
        (Column::F32(a), Column::F32(b)) => a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| bits(a) == bits(b)),
        (a, b) => a == b,
    };
    assert_eq!(a.len(), b.len(), "as many columns");
    (0..a.len()).filter(|&i| !same(&a[i], &b[i])).collect()
}

/// Bits with no pattern, the same on every machine (Steele, Lea and Flood 2014, SplitMix64, doi:10.1145/2660193.2660195).
fn noise(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn rows_of<T>(n_obs: usize, n_voxels: usize, make: impl Fn(u64) -> T) -> Vec<Vec<T>> {
    let value = |obs: usize, voxel: usize| make(noise((obs * n_voxels + voxel + 1) as u64));
    (0..n_obs).map(|obs| (0..n_voxels).map(|voxel| value(obs, voxel)).collect()).collect()
}

pub fn source<'a, T: Pod>(
    rows: &'a [Vec<T>],
    voxel_type: VoxelType,
    scaling: Scaling,
    picked: Option<Vec<u32>>,
) -> Source<'a> {
    let row = |values: &'a Vec<T>| Row { bytes: bytemuck::cast_slice(values), voxel_type, scaling };
    Source::new(rows.iter().map(row).collect(), rows[0].len(), picked)
}

/// Two voxels of three, backwards.
pub fn some_voxels(n: usize) -> Vec<u32> {
    (0..n as u32).rev().filter(|v| v % 3 != 1).collect()
}

pub const SCALINGS: [Scaling; 2] = [Scaling::IDENTITY, Scaling { slope: 0.25, inter: -8.0 }];
