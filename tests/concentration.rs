//! ΔR1 and concentration from signals of a spoiled gradient echo: the reference of others, the sequence's own signals,
//! and what no R1 explains.

use std::path::{Path, PathBuf};

use hepar::device::{Column, Cpu, Device, Precision, Row, Source};
use hepar::model::{BoundMap, MapKernel, MapModel};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("concentration::delta_r1_returns_from_the_signals", returns);
    trials.push(support::with_data("concentration::as_osipi_has_it", osipi));
    trials.push(Trial::test("concentration::signals_that_no_r1_gives_have_no_value", no_r1));
    trials
}

fn f64_on_cpu() -> Result<Device, Failed> {
    Ok(Device::Cpu(Cpu::new(1, Precision::F64)?))
}

/// The values of a map and its status, from images (one a row, in the order of the map's first inputs) and numbers.
fn compute(
    device: &Device,
    map: &str,
    images: &[(&str, &[f32])],
    numbers: &[(&str, f64)],
) -> Result<(Vec<f64>, Vec<u16>), Failed> {
    let bound = BoundMap::new("out", MapModel::builtin(map)?);
    let bound = images.iter().enumerate().fold(bound, |map, (row, (input, _))| map.image(input, row));
    let bound = numbers.iter().fold(bound, |map, (input, value)| map.number(input, *value));
    let rows = images.iter().map(|(_, values)| Row {
        bytes: bytemuck::cast_slice(values),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    });
    let source = Source::new(rows.collect(), images[0].1.len(), None);
    match device.run(&MapKernel::new(&[bound])?, &source, &())?.as_slice() {
        [values, Column::U16(status)] => Ok((values.clone().into_f64(), status.clone())),
        other => Err(format!("{} columns of other types", other.len()).into()),
    }
}

/// A voxel of the reference.
struct Reference {
    flip_deg: f64,
    tr_ms: f64,
    t1_ms: f64,
    n_baseline: usize,
    relaxivity: f64,
    signals: Vec<f32>,
    concentrations: Vec<f64>,
}

fn read(path: &Path) -> Result<Vec<Reference>, Failed> {
    let text = std::fs::read_to_string(path)?;
    let numbers = |field: &str| field.split_whitespace().map(str::parse::<f64>).collect::<Result<Vec<f64>, _>>();
    let row = |line: &str| -> Result<Reference, Failed> {
        // label, FA (degree), TR (s), T1 before contrast (s), baseline points, r1 (1/(s mM)), signals, concentrations.
        let fields: Vec<&str> = line.split(',').collect();
        let [_, flip, tr, t1, n, r1, signals, concentrations] = fields[..] else {
            return Err(format!("{} fields", fields.len()).into());
        };
        Ok(Reference {
            flip_deg: flip.parse()?,
            tr_ms: 1000.0 * tr.parse::<f64>()?,
            t1_ms: 1000.0 * t1.parse::<f64>()?,
            n_baseline: n.parse()?,
            relaxivity: r1.parse()?,
            signals: numbers(signals)?.into_iter().map(|s| s as f32).collect(),
            concentrations: numbers(concentrations)?,
        })
    };
    text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(row).collect()
}

/// The largest difference from the reference, in units of its origin's tolerance of 1e-5 mM + 1e-5 of the value. The
/// baseline is the mean of the first points without the `left_out` first ones.
fn off(voxel: &Reference, left_out: usize, flip_deg: f64) -> Result<f64, Failed> {
    let baseline = &voxel.signals[left_out..voxel.n_baseline];
    let pre = baseline.iter().map(|&s| f64::from(s)).sum::<f64>() / baseline.len() as f64;
    let numbers = [
        ("pre", pre),
        ("t1", voxel.t1_ms),
        ("tr", voxel.tr_ms),
        ("flip_angle", flip_deg),
        ("relaxivity", voxel.relaxivity),
    ];
    let (found, _) = compute(&f64_on_cpu()?, "contrast_concentration_spgr", &[("post", &voxel.signals)], &numbers)?;
    if found.len() != voxel.concentrations.len() {
        return Err(format!("{} signals, {} concentrations", found.len(), voxel.concentrations.len()).into());
    }
    let difference = |(a, b): (&f64, &f64)| (a - b).abs() / (1e-5 + 1e-5 * b.abs());
    // A value that is missing is as far off as can be.
    let worse = |worst: f64, x: f64| if x.is_nan() { f64::INFINITY } else { worst.max(x) };
    Ok(found.iter().zip(&voxel.concentrations).map(difference).fold(0.0, worse))
}

fn osipi(data: PathBuf) -> Result<(), Failed> {
    let voxels = read(&data.join("../reference/osipi_dce/SI2Conc_data.csv"))?;
    if voxels.is_empty() {
        return Err("the reference is empty".into());
    }
    let mut baseline_noticed = false;
    for (i, voxel) in voxels.iter().enumerate() {
        let worst = off(voxel, 1, voxel.flip_deg)?;
        println!("voxel {}: at most {worst:.1e} of the origin's tolerance", i + 1);
        if worst > 1.0 {
            return Err(format!("voxel {}: off by {worst} tolerances", i + 1).into());
        }
        // A flip angle that is off by a thousandth must be noticed.
        if off(voxel, 1, 1.001 * voxel.flip_deg)? <= 1.0 {
            return Err(format!("voxel {}: a wrong flip angle would not be noticed", i + 1).into());
        }
        baseline_noticed |= off(voxel, 0, voxel.flip_deg)? > 1.0;
    }
    // Frame 0 equals the mean of the others in some of the voxels, not in all.
    match baseline_noticed {
        true => Ok(()),
        false => Err("another baseline would not be noticed".into()),
    }
}

const TR_MS: f64 = 4.0;
const FLIP_DEG: f64 = 12.0;

/// The spoiled gradient echo at an R1 in 1/s.
fn signal(r1: f64) -> f64 {
    let (sin, cos) = FLIP_DEG.to_radians().sin_cos();
    let e1 = (-TR_MS / 1000.0 * r1).exp();
    1000.0 * sin * (1.0 - e1) / (1.0 - e1 * cos)
}

/// In f32, 1 + x is good to 6e-8, which over a TR of 4 ms is 1.5e-5 /s; the signals' own rounding, 6e-8 each, grows with
/// R1 by less than a factor of 30 here.
const ROUNDING: (f64, f64) = (3e-5, 4e-6);

fn returns(device: &TestDevice) -> Result<(), Failed> {
    let (mut post, mut pre, mut t1, mut rises) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for t1_ms in [300.0, 700.0, 1300.0, 3800.0] {
        for rise in [-0.1, 0.0, 0.05, 0.3, 1.2, 5.0, 16.0, 60.0] {
            post.push(signal(1000.0 / t1_ms + rise) as f32);
            pre.push(signal(1000.0 / t1_ms) as f32);
            t1.push(t1_ms as f32);
            rises.push(rise);
        }
    }
    let images = [("post", &post[..]), ("pre", &pre), ("t1", &t1)];
    let numbers = |flip| [("tr", TR_MS), ("flip_angle", flip)];
    let worst = |flip: f64| -> Result<f64, Failed> {
        let (found, status) = compute(&device.open(), "delta_r1_spgr", &images, &numbers(flip))?;
        if status.iter().any(|&bits| bits != 0) {
            return Err(format!("status {status:?}").into());
        }
        let off = |(found, rise): (&f64, &f64)| (found - rise).abs() / (ROUNDING.0 + ROUNDING.1 * rise.abs());
        Ok(found.iter().zip(&rises).map(off).fold(0.0, f64::max))
    };
    match (worst(FLIP_DEG)?, worst(1.001 * FLIP_DEG)?) {
        (right, wrong) if right <= 1.0 && wrong > 1.0 => Ok(()),
        (right, wrong) => Err(format!("off by {right}; with a wrong flip angle by {wrong}").into()),
    }
}

/// At T1 = 809 ms, TR 4 ms and 12° full relaxation gives (1 − E1 cos α)/(1 − E1) = 5.4087 times the signal, by hand.
fn no_r1() -> Result<(), Failed> {
    let post = [100.0f32, 540.0, 541.5, 2000.0, 0.0, -5.0, 100.0, 100.0];
    let pre = [100.0f32, 100.0, 100.0, 100.0, 100.0, 100.0, 0.0, 100.0];
    let t1 = [809.0f32, 809.0, 809.0, 809.0, 809.0, 809.0, 809.0, -1.0];
    let images = [("post", &post[..]), ("pre", &pre), ("t1", &t1)];
    let (found, status) =
        compute(&f64_on_cpu()?, "delta_r1_spgr", &images, &[("tr", TR_MS), ("flip_angle", FLIP_DEG)])?;
    // Bit 2: a guard failed; bit 4: not plausible.
    let expected = [0, 4, 2, 2, 2, 2, 2, 2];
    let missing: Vec<bool> = found.iter().map(|v| v.is_nan()).collect();
    if status != expected || missing != expected.map(|bits| bits == 2) || found[0] != 0.0 {
        return Err(format!("{found:?} with status {status:?}").into());
    }
    Ok(())
}
