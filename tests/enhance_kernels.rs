//! The kernels of `enhance` on every device, against f64 on the CPU, in batches of any size.

use hepar::device::{Column, Cpu, Device, Precision, Source};
use hepar::enhance::curve::{CurveKernel, CurveOptions};
use hepar::enhance::descriptor::Descriptor;
use hepar::enhance::resample::Resampling;
use hepar::enhance::timeline::{Sample, Timeline};
use hepar::volume::{Grid, Image, Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{TestDevice, on_every_device};

pub fn trials() -> Vec<Trial> {
    let mut trials = on_every_device("enhance_kernels::curves_agree_with_f64", curves_agree);
    trials.extend(on_every_device(
        "enhance_kernels::resampling_agrees_with_f64",
        resampling_agrees,
    ));
    trials.push(Trial::test(
        "enhance_kernels::the_comparison_can_fail",
        comparison_can_fail,
    ));
    trials
}

/// Largest difference of a map, relative to its largest value. Sums and differences of f32 values near 1000 are good to
/// some 1e-7; an area adds 20 of them.
const CURVE_TOLERANCE: f64 = 2e-6;

/// Largest difference after resampling, in the units of voxels between 0 and 1000: positions in f32 are good to 1e-5
/// voxels at index 100, and neighbours differ by up to 1000 along each of three axes.
const RESAMPLING_TOLERANCE: f32 = 0.03;

/// Whole numbers from 0 to 1023 without a pattern.
fn scattered(i: usize) -> i16 {
    ((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as i16 & 0x3FF
}

fn grid(shape: [usize; 3], affine: [[f64; 4]; 3]) -> Grid {
    let [x, y, z] = affine;
    Grid {
        shape,
        affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]],
    }
}

const UNIT: [[f64; 4]; 3] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
];

fn timeline() -> Timeline {
    let seconds = (1..=20).map(|i| f64::from(i) * 9.7);
    Timeline {
        n_baseline: 3,
        held_until: 0.0,
        samples: seconds
            .map(|t| Sample {
                label: String::new(),
                seconds: Some(t),
            })
            .collect(),
        n_early: 9,
    }
}

/// 23 frames as stored: int16 with a scaling, or f32 with voxels that are no numbers.
fn series(voxel_type: VoxelType) -> Image {
    let n = 37 * 29 * 3;
    let g = grid([37, 29, 3], UNIT);
    let stored: Vec<i16> = (0..23 * n).map(scattered).collect();
    if voxel_type == VoxelType::I16 {
        let mut image = Image::from_values("series", g, voxel_type, &stored);
        image.scaling = Scaling {
            slope: 0.75,
            inter: 12.0,
        };
        return image;
    }
    let real = |(i, &s): (usize, &i16)| if i % 991 == 0 { f32::NAN } else { f32::from(s) };
    let values: Vec<f32> = stored.iter().enumerate().map(real).collect();
    Image::from_values("series", g, VoxelType::F32, &values)
}

fn curves(device: &Device, image: &Image) -> Vec<Column> {
    // Thresholds that no combination of whole numbers meets exactly.
    let options = CurveOptions {
        auc_end_s: 150.3,
        late_change: 0.093_7,
        enhancement_threshold: 300.123,
    };
    let kernel = CurveKernel::new(&Descriptor::ALL, &timeline(), options);
    let rows = (0..image.n_volumes()).map(|v| image.row(v)).collect();
    let source = Source::new(rows, image.grid.n_voxels(), None);
    device.run(&kernel, &source, &()).unwrap()
}

/// What is wrong with `got`, column by column.
fn faults(got: &[Column], want: &[Column]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, pair) in got.iter().zip(want).enumerate() {
        match pair {
            (Column::U16(a), Column::U16(b)) if a == b => {}
            (Column::U16(_), _) | (_, Column::U16(_)) => faults.push(format!("column {i} differs")),
            (a, b) => {
                let (a, b) = (a.clone().into_f64(), b.clone().into_f64());
                let largest = b.iter().filter(|x| x.is_finite()).fold(0.0f64, |m, &x| m.max(x.abs()));
                let off = |(a, b): (&f64, &f64)| match (a.is_nan(), b.is_nan()) {
                    (true, true) => 0.0,
                    (false, false) => (a - b).abs() / largest,
                    _ => f64::INFINITY,
                };
                let worst = a.iter().zip(&b).map(off).fold(0.0, f64::max);
                if worst > CURVE_TOLERANCE {
                    faults.push(format!("column {i} is off by {worst:e}"));
                }
            }
        }
    }
    faults
}

fn f64_on_cpu() -> Device {
    Device::Cpu(Cpu::new(2, Precision::F64).unwrap())
}

fn curves_agree(device: &TestDevice) -> Result<(), Failed> {
    for voxel_type in [VoxelType::I16, VoxelType::F32] {
        let image = series(voxel_type);
        let want = curves(&f64_on_cpu(), &image);
        let got = curves(&device.open(), &image);
        let faults = faults(&got, &want);
        if !faults.is_empty() {
            return Err(format!("{voxel_type:?}: {faults:?}").into());
        }
        assert_eq!(
            bits(&curves(&device.open_with_batches_of(129), &image)),
            bits(&got)
        );
    }
    Ok(())
}

fn bits(columns: &[Column]) -> Vec<Vec<u32>> {
    let bits = |x: f64| if x.is_nan() { 0x7fc0_0000 } else { (x as f32).to_bits() };
    let bits = |column: &Column| column.clone().into_f64().into_iter().map(bits).collect();
    columns.iter().map(bits).collect()
}

/// Every kind of curve occurs in the data, and an error in any column is a fault.
fn comparison_can_fail() -> Result<(), Failed> {
    let want = curves(&f64_on_cpu(), &series(VoxelType::F32));
    let Column::U16(types) = &want[4] else {
        return Err("no curve type".into());
    };
    for curve_type in 0..4 {
        assert!(
            types.contains(&curve_type),
            "no voxel has curve type {curve_type}"
        );
    }
    for i in 0..want.len() {
        let mut off = want.clone();
        match &mut off[i] {
            Column::F32(_) => unreachable!("the CPU computes in f64 here"),
            Column::F64(values) => {
                let largest = values.iter().filter(|x| x.is_finite()).fold(0.0f64, |m, &x| m.max(x.abs()));
                let voxel = values.iter().position(|x| x.is_finite()).unwrap();
                values[voxel] += 3e-6 * largest;
            }
            Column::U16(values) => values[1] ^= 1,
        }
        assert_eq!(faults(&off, &want).len(), 1);
    }
    Ok(())
}

fn resampling_agrees(device: &TestDevice) -> Result<(), Failed> {
    let source = grid(
        [61, 47, 23],
        [
            [1.9, 0.2, -0.4, -50.0],
            [-0.1, 2.1, 0.9, -40.0],
            [0.3, -0.5, 3.8, -30.0],
        ],
    );
    let values: Vec<i16> = (0..source.n_voxels()).map(scattered).collect();
    let mut image = Image::from_values("x", source, VoxelType::I16, &values);
    image.scaling = Scaling {
        slope: 0.5,
        inter: -3.0,
    };
    // Well inside the source.
    let target = grid(
        [33, 29, 13],
        [
            [1.1, 0.3, 0.0, -13.0],
            [-0.2, 1.3, 0.1, -9.0],
            [0.1, 0.0, 2.7, -9.0],
        ],
    );
    let run = |device: &Device, slab_voxels: usize| {
        let resampling = Resampling::new(&image.grid, &target).with_slab_voxels(slab_voxels);
        resampling.run(device, image.row(0), &()).unwrap()
    };
    let want = run(&f64_on_cpu(), usize::MAX);
    assert!(want.iter().all(|x| x.is_finite()));
    let got = run(&device.open(), usize::MAX);
    let worst = |got: &[f32]| {
        got.iter()
            .zip(&want)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    };
    assert!(worst(&got) < RESAMPLING_TOLERANCE, "{}", worst(&got));
    let mut off = got.clone();
    off[100] += 0.1;
    assert!(
        worst(&off) > RESAMPLING_TOLERANCE,
        "an error must be noticed"
    );
    for slab_voxels in [1, 61 * 47 * 5] {
        assert_eq!(
            run(&device.open(), slab_voxels),
            got,
            "slabs must not matter"
        );
    }
    assert_eq!(
        run(&device.open_with_batches_of(1000), usize::MAX),
        got,
        "batches must not matter"
    );
    Ok(())
}
