//! Arterial enhancement above liver: what the signal says, and what ΔR1 says, of nodules and metastases whose T1 is not
//! the liver's (spoiled gradient echo, TR 4 ms, 12°).

use hepar::device::{Column, Device, Row, Source};
use hepar::measure::{Difference, difference, summarise};
use hepar::model::{BoundMap, MapKernel, MapModel};
use hepar::simulate::{Noise, add_noise};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("above::signal_is_not_linear_in_r1", not_linear)];
    trials.extend(support::on_every_device("above::t1_bright_nodule_that_enhances", |device| {
        nodule(device, 2.0, [true, true])
    }));
    trials.extend(support::on_every_device("above::t1_bright_nodule_that_does_not", |device| {
        nodule(device, 0.0, [false, false])
    }));
    trials.extend(support::on_every_device("above::dark_metastasis_that_rises_as_liver_does", metastasis));
    trials
}

const TR_MS: f64 = 4.0;
const FLIP_DEG: f64 = 12.0;
const LIVER_T1_MS: f64 = 700.0;
const NODULE_T1_MS: f64 = 450.0;
const METASTASIS_T1_MS: f64 = 1300.0;
/// Of the liver, in 1/s.
const LIVER_RISE: f64 = 0.5;

/// Of the unenhanced liver.
const SNR: f64 = 100.0;
const LESION_VOXELS: usize = 300;
const LIVER_VOXELS: usize = 1000;
/// Lesions, each beside a liver of its own.
const LESIONS: usize = 200;

fn signal(t1_ms: f64, rise: f64) -> f64 {
    let (sin, cos) = FLIP_DEG.to_radians().sin_cos();
    let e1 = (-TR_MS * (1.0 / t1_ms + rise / 1000.0)).exp();
    1e4 * sin * (1.0 - e1) / (1.0 - e1 * cos)
}

/// The change of the signal and its relative enhancement.
fn enhancement(t1_ms: f64, rise: f64) -> [f64; 2] {
    let change = signal(t1_ms, rise) - signal(t1_ms, 0.0);
    [change, change / signal(t1_ms, 0.0)]
}

/// Noiselessly: the figures that the definitions of the field state.
fn not_linear() -> Result<(), Failed> {
    let [liver, liver_relative] = enhancement(LIVER_T1_MS, LIVER_RISE);
    let [nodule, nodule_relative] = enhancement(NODULE_T1_MS, 2.0 * LIVER_RISE);
    let [metastasis, metastasis_relative] = enhancement(METASTASIS_T1_MS, LIVER_RISE);
    for (found, stated) in [
        (100.0 * liver_relative, 26.0),
        (100.0 * nodule_relative, 28.0),
        (10.0 * nodule / liver, 15.0),
        (100.0 * metastasis / liver, 121.0),
        (metastasis_relative / liver_relative, 2.0),
    ] {
        if (found - stated).abs() > 0.5 {
            return Err(format!("{found}, not {stated}").into());
        }
    }
    Ok(())
}

/// Lesions of one kind against their livers: by the signal, then by ΔR1.
fn compare(device: &Device, t1_ms: f64, rise: f64) -> Result<[Vec<Difference>; 2], Failed> {
    let both = LESION_VOXELS + LIVER_VOXELS;
    let tissue = |voxel: usize| match voxel % both < LESION_VOXELS {
        true => (t1_ms, rise),
        false => (LIVER_T1_MS, LIVER_RISE),
    };
    let image = |value: &dyn Fn((f64, f64)) -> f64| -> Vec<f32> {
        (0..LESIONS * both).map(|voxel| value(tissue(voxel)) as f32).collect()
    };
    let sigma = (signal(LIVER_T1_MS, 0.0) / SNR) as f32;
    let noisy = |value: &dyn Fn((f64, f64)) -> f64, seed: u64| {
        let mut voxels = image(value);
        add_noise(&mut voxels, sigma, Noise::Rician, seed);
        voxels
    };
    let pre = noisy(&|(t1, _)| signal(t1, 0.0), 1);
    let post = noisy(&|(t1, rise)| signal(t1, rise), 2);
    let t1 = image(&|(t1, _)| t1);
    let columns = maps(device, [&post, &pre, &t1])?;
    let judge = |values: &Vec<f64>| {
        values
            .chunks_exact(both)
            .map(|voxels| {
                let (lesion, liver) = voxels.split_at(LESION_VOXELS);
                let liver = summarise(liver.iter().copied());
                difference(&summarise(lesion.iter().copied()), liver.mean, liver.sd / (liver.n as f64).sqrt())
            })
            .collect()
    };
    Ok([judge(&columns[0]), judge(&columns[1])])
}

/// Subtraction and ΔR1 of `[post, pre, t1]`, T1 known.
fn maps(device: &Device, images: [&Vec<f32>; 3]) -> Result<[Vec<f64>; 2], Failed> {
    let subtraction = BoundMap::new("subtraction", MapModel::builtin("subtraction")?).image("post", 0).image("pre", 1);
    let delta_r1 = BoundMap::new("delta_r1", MapModel::builtin("delta_r1_spgr")?)
        .image("post", 0)
        .image("pre", 1)
        .image("t1", 2)
        .number("tr", TR_MS)
        .number("flip_angle", FLIP_DEG);
    let rows = images.map(|values| Row {
        bytes: bytemuck::cast_slice(values),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    });
    let source = Source::new(rows.into(), images[0].len(), None);
    match device.run(&MapKernel::new(&[subtraction, delta_r1])?, &source, &())?.as_slice() {
        [subtraction, delta_r1, Column::U16(status)] if status.iter().all(|&bits| bits == 0) => {
            Ok([subtraction.clone().into_f64(), delta_r1.clone().into_f64()])
        }
        other => Err(format!("{} columns, or voxels with a remark", other.len()).into()),
    }
}

fn called_above(lesions: &[Difference]) -> usize {
    lesions.iter().filter(|lesion| lesion.beyond_two_se).count()
}

/// Every nodule is called, or none, by the signal and by ΔR1.
fn nodule(device: &TestDevice, times_liver: f64, expected: [bool; 2]) -> Result<(), Failed> {
    let found = compare(&device.open(), NODULE_T1_MS, times_liver * LIVER_RISE)?;
    for (what, lesions, expected) in [("signal", &found[0], expected[0]), ("ΔR1", &found[1], expected[1])] {
        let called = called_above(lesions);
        if called != if expected { LESIONS } else { 0 } {
            return Err(format!("by {what} {called} of {LESIONS} nodules are above liver").into());
        }
    }
    Ok(())
}

/// By the signal every metastasis is above liver, by some 21 % of the liver's rise. By ΔR1 they are called as often as
/// chance does: beyond 2 standard errors in 2.3 %, and in 4 % with the bias of a ratio of noisy signals, which at this
/// SNR is a quarter of a standard error. More than 16 of 200 would then happen once in 1,000 times.
fn metastasis(device: &TestDevice) -> Result<(), Failed> {
    let device = device.open();
    let [by_signal, by_delta_r1] = compare(&device, METASTASIS_T1_MS, LIVER_RISE)?;
    let mean = by_signal.iter().map(|lesion| lesion.value).sum::<f64>() / LESIONS as f64;
    let excess = 100.0 * mean / enhancement(LIVER_T1_MS, LIVER_RISE)[0];
    let [signal, delta_r1] = [&by_signal, &by_delta_r1].map(|lesions| called_above(lesions));
    println!("above liver by signal {signal}, by ΔR1 {delta_r1} of {LESIONS}; the signal exceeds by {excess:.2} %");
    if signal != LESIONS || (excess - 21.0).abs() > 0.5 {
        return Err(format!("by signal {signal} of {LESIONS}, which exceed liver by {excess} %").into());
    }
    if delta_r1 > 16 || by_delta_r1[0].beyond_two_se {
        return Err(format!("by ΔR1 {delta_r1} of {LESIONS}").into());
    }
    // A fortieth more of R1 must be noticed in most.
    let [_, more] = compare(&device, METASTASIS_T1_MS, 1.025 * LIVER_RISE)?;
    match called_above(&more) > LESIONS / 2 {
        true => Ok(()),
        false => Err(format!("{} of {LESIONS} that rise more are called", called_above(&more)).into()),
    }
}
