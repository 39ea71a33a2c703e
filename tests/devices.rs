//! Every device gives the same numbers, whatever the voxel type, the scaling, the choice of voxels and the batches.

mod echo;
pub mod parts;

use bytemuck::Pod;
use hepar::device::{Column, Device, Row, Source};
use hepar::volume::VoxelType;
use libtest_mimic::{Failed, Trial};

use crate::support::{Count, TestDevice, on_every_device};
use echo::{Echo, SCALINGS, differing, expected, rows_of, some_voxels, source};

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
    trials.extend(on_every_device(
        "devices::parts_make_up_the_whole",
        parts::parts_make_up_the_whole,
    ));
    trials.extend(on_every_device("devices::converted_parts_arrive", parts::converted_parts_arrive));
    trials.extend(on_every_device(
        "devices::a_refusal_ends_the_run",
        parts::a_refusal_ends_the_run,
    ));
    trials.push(Trial::test(
        "devices::comparison_notices_one_bit",
        comparison_notices_one_bit,
    ));
    trials
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
