//! Every device gives the same numbers, whatever the voxel type, the scaling, the choice of voxels and the batches.

use bytemuck::Pod;
use hepar::device::{
    Batch, Column, ColumnMut, ColumnSpec, ColumnType, Device, Precision, Row, Shader, Source,
    VoxelKernel,
};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{Count, TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(on_every_device(
        "devices::voxels_arrive_whole",
        voxels_arrive_whole,
    ));
    trials.extend(on_every_device(
        "devices::batches_do_not_matter",
        batches_do_not_matter,
    ));
    trials.extend(on_every_device(
        "devices::nothing_to_do_is_done",
        nothing_to_do_is_done,
    ));
    trials.push(Trial::test(
        "devices::comparison_notices_one_bit",
        comparison_notices_one_bit,
    ));
    trials
}

/// Gives back every observation, and how many of them are finite; NaN for the first where it is negative.
struct Echo {
    n_obs: usize,
}

impl VoxelKernel for Echo {
    fn label(&self) -> String {
        "echo".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let spec = |name: String, kind| ColumnSpec { name, kind };
        let mut columns: Vec<ColumnSpec> = (0..self.n_obs)
            .map(|i| spec(format!("obs{i}"), ColumnType::F32))
            .collect();
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
        })
    }
}

/// What [`Echo`] must give, from the typed values, by none of the code under test.
fn expected<T: Pod>(
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
    let mut columns: Vec<Column> = (0..rows.len())
        .map(|obs| Column::F32(places.iter().map(|&p| masked(obs, value(obs, p))).collect()))
        .collect();
    let finite = |&p: &usize| {
        (0..rows.len())
            .filter(|&obs| value(obs, p).is_finite())
            .count() as u16
    };
    columns.push(Column::U16(places.iter().map(finite).collect()));
    columns
}

/// The columns that differ in any bit, where all NaN are one.
fn differing(a: &[Column], b: &[Column]) -> Vec<usize> {
    let bits = |x: f32| {
        if x.is_nan() {
            f32::NAN.to_bits()
        } else {
            x.to_bits()
        }
    };
    let same = |a: &Column, b: &Column| match (a, b) {
        (Column::F32(a), Column::F32(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| bits(a) == bits(b))
        }
        (a, b) => a == b,
    };
    assert_eq!(a.len(), b.len(), "as many columns");
    (0..a.len()).filter(|&i| !same(&a[i], &b[i])).collect()
}

fn comparison_notices_one_bit() -> Result<(), Failed> {
    let columns = |x: f32, n: u16| [Column::F32(vec![1.0, f32::NAN, x]), Column::U16(vec![3, n])];
    assert!(differing(&columns(2.0, 4), &columns(2.0, 4)).is_empty());
    let next = f32::from_bits(2.0f32.to_bits() + 1);
    assert_eq!(differing(&columns(2.0, 4), &columns(next, 4)), [0]);
    assert_eq!(differing(&columns(-0.0, 4), &columns(0.0, 4)), [0]);
    assert_eq!(differing(&columns(2.0, 4), &columns(2.0, 5)), [1]);
    Ok(())
}

/// Bits with no pattern, the same on every machine (Steele, Lea and Flood 2014, SplitMix64, doi:10.1145/2660193.2660195).
fn noise(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn rows_of<T>(n_obs: usize, n_voxels: usize, make: impl Fn(u64) -> T) -> Vec<Vec<T>> {
    let value = |obs: usize, voxel: usize| make(noise((obs * n_voxels + voxel + 1) as u64));
    (0..n_obs)
        .map(|obs| (0..n_voxels).map(|voxel| value(obs, voxel)).collect())
        .collect()
}

fn source<'a, T: Pod>(
    rows: &'a [Vec<T>],
    voxel_type: VoxelType,
    scaling: Scaling,
    picked: Option<Vec<u32>>,
) -> Source<'a> {
    let row = |values: &'a Vec<T>| Row {
        bytes: bytemuck::cast_slice(values),
        voxel_type,
        scaling,
    };
    Source::new(rows.iter().map(row).collect(), rows[0].len(), picked)
}

/// Two voxels of three, backwards.
fn some_voxels(n: usize) -> Vec<u32> {
    (0..n as u32).rev().filter(|v| v % 3 != 1).collect()
}

const SCALINGS: [Scaling; 2] = [
    Scaling::IDENTITY,
    Scaling {
        slope: 0.25,
        inter: -8.0,
    },
];

fn check_type<T: Pod>(
    device: &Device,
    voxel_type: VoxelType,
    make: impl Fn(u64) -> T,
    real: impl Fn(T) -> f32 + Copy,
) {
    for n_voxels in [1, 3, 65, 1003] {
        let rows = rows_of(3, n_voxels, &make);
        for scaling in SCALINGS {
            for picked in [None, Some(some_voxels(n_voxels))] {
                let want = expected(&rows, real, scaling, picked.as_deref());
                let source = source(&rows, voxel_type, scaling, picked);
                let got = device
                    .run(&Echo { n_obs: 3 }, &source, &())
                    .expect("the kernel runs");
                let wrong = differing(&got, &want);
                assert!(
                    wrong.is_empty(),
                    "{voxel_type:?} × {n_voxels}, {scaling:?}: columns {wrong:?}"
                );
            }
        }
    }
}

/// Powers of two as scaling and values of few bits: exact in any order of operations, fused or not. 32-bit integers
/// take their 24 upper bits and 64-bit values 20 for that. f32 has its own special values, without subnormals, which a
/// GPU may flush.
fn voxels_arrive_whole(device: &TestDevice) -> Result<(), Failed> {
    let device = &device.open();
    check_type(device, VoxelType::U8, |z| z as u8, f32::from);
    check_type(device, VoxelType::I8, |z| z as i8, f32::from);
    check_type(device, VoxelType::U16, |z| z as u16, f32::from);
    check_type(device, VoxelType::I16, |z| z as i16, f32::from);
    check_type(
        device,
        VoxelType::U32,
        |z| (z as u32) & !0xfff,
        |x| x as f32,
    );
    check_type(
        device,
        VoxelType::I32,
        |z| (z as i32) & !0xfff,
        |x| x as f32,
    );
    check_type(
        device,
        VoxelType::U64,
        |z| z & (0xfffff << 20),
        |x| x as f32,
    );
    check_type(device, VoxelType::I64, |z| (z as i64) >> 44, |x| x as f32);
    check_type(
        device,
        VoxelType::F64,
        |z| (z >> 44) as f64 / 64.0 - 7.0,
        |x| x as f32,
    );
    let special = |z: u64| match z % 7 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => -0.0,
        _ => (z >> 44) as f32 / 64.0 - 7.0,
    };
    check_type(device, VoxelType::F32, special, |x| x);
    mixed_types_arrive_too(device);
    Ok(())
}

fn mixed_types_arrive_too(device: &Device) {
    let bytes = rows_of(1, 65, |z| z as u8).remove(0);
    let doubles = rows_of(1, 65, |z| (z >> 44) as f64).remove(0);
    let row = |bytes, voxel_type, scaling| Row {
        bytes,
        voxel_type,
        scaling,
    };
    let rows = vec![
        row(&bytes[..], VoxelType::U8, SCALINGS[1]),
        row(bytemuck::cast_slice(&doubles), VoxelType::F64, SCALINGS[0]),
    ];
    let got = device
        .run(&Echo { n_obs: 2 }, &Source::new(rows, 65, None), &())
        .expect("it runs");
    let first: Vec<Vec<u8>> = vec![bytes];
    let want_first = expected(&first, f32::from, SCALINGS[1], None);
    let want_second = Column::F32(doubles.iter().map(|&x| x as f32).collect());
    let want = [want_first[0].clone(), want_second, Column::U16(vec![2; 65])];
    assert_eq!(differing(&got, &want), [0usize; 0]);
}

fn batches_do_not_matter(device: &TestDevice) -> Result<(), Failed> {
    const N: usize = 1_000_003;
    let rows = rows_of(2, N, |z| z as i16);
    for picked in [None, Some(some_voxels(N))] {
        let want = expected(&rows, f32::from, SCALINGS[1], picked.as_deref());
        let source = source(&rows, VoxelType::I16, SCALINGS[1], picked);
        for batch in [N + 1, 400_000, 65_537, 9_999] {
            let (device, count) = (device.open_with_batches_of(batch), Count::default());
            let got = device.run(&Echo { n_obs: 2 }, &source, &count)?;
            assert_eq!(differing(&got, &want), [0usize; 0], "batches of {batch}");
            assert_eq!(
                count.voxels(),
                source.n_voxels(),
                "each voxel is counted once"
            );
        }
    }
    let small = rows_of(2, 65, |z| z as i16);
    let want = expected(&small, f32::from, SCALINGS[0], None);
    for batch in [1, 2, 63, 64, 65] {
        let device = device.open_with_batches_of(batch);
        let source = source(&small, VoxelType::I16, SCALINGS[0], None);
        let got = device.run(&Echo { n_obs: 2 }, &source, &())?;
        assert_eq!(differing(&got, &want), [0usize; 0], "batches of {batch}");
    }
    Ok(())
}

fn nothing_to_do_is_done(device: &TestDevice) -> Result<(), Failed> {
    let device = device.open();
    let rows = rows_of(1, 65, |z| z as u8);
    let none = source(&rows, VoxelType::U8, SCALINGS[0], Some(Vec::new()));
    let got = device.run(&Echo { n_obs: 1 }, &none, &())?;
    assert_eq!(got, [Column::F32(Vec::new()), Column::U16(Vec::new())]);
    let no_rows = Source::new(Vec::new(), 65, None);
    let got = device.run(&Echo { n_obs: 0 }, &no_rows, &())?;
    assert_eq!(got, [Column::U16(vec![0; 65])]);
    Ok(())
}
