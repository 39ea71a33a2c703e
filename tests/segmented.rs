//! The segmented IVIM fit: known decays, the values of independent programs on the community's reference signals, and every
//! device against f64.

mod edges;
pub mod reference;
mod reflective;

use std::path::PathBuf;

use hepar::device::{Column, Device, DeviceChoice, Precision, Row, Source};
use hepar::fit::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};
use crate::tolerances;
use reference::{B, Reference};
use reflective::Local;

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("segmented_of_noiseless_decays", noiseless_decays);
    trials.extend(support::on_every_device("segmented_at_its_edges", edges::edges));
    trials.extend(support::on_every_device_with_data("segmented_f32_as_f64_has_it", f32_as_f64));
    trials.push(support::with_data("segmented_f64_as_the_reference_has_it", f64_as_reference));
    trials
}

/// Re-weightings of the line after the unweighted one that the reference programs do.
const REFERENCE_REWEIGHTINGS: u32 = 50;
/// mm²/s
const DSTAR_BOUNDS: [f64; 2] = [0.005, 0.2];

/// The parameters of a voxel: diffusivities in mm²/s.
#[derive(Debug, Clone, Copy)]
struct Ivim {
    s0: f64,
    d: f64,
    f: f64,
    dstar: f64,
}

impl Ivim {
    fn signal(&self, b: f64) -> f64 {
        self.s0 * (self.f * (-b * self.dstar).exp() + (1.0 - self.f) * (-b * self.d).exp())
    }

    fn residual_sum(&self, b: &[f64], signals: &[f64]) -> f64 {
        b.iter().zip(signals).map(|(&b, s)| (s - self.signal(b)).powi(2)).sum()
    }
}

/// Columns of `SegmentedOutput::ALL`.
struct Maps(Vec<Vec<f64>>);

impl Maps {
    fn get(&self, output: SegmentedOutput) -> &[f64] {
        &self.0[SegmentedOutput::ALL.iter().position(|&o| o == output).unwrap()]
    }

    fn voxel(&self, v: usize) -> Ivim {
        use SegmentedOutput::{D, Dstar, F, S0};
        let [s0, d, f, dstar] = [S0, D, F, Dstar].map(|output| self.get(output)[v]);
        Ivim { s0, d, f, dstar }
    }
}

/// Fits `signals[voxel][obs]`, which the device gets as f64.
fn fit(device: &Device, b: &[f64], signals: &[Vec<f64>], options: SegmentedOptions) -> Result<Maps, Failed> {
    let images: Vec<Vec<f64>> = (0..b.len()).map(|obs| signals.iter().map(|s| s[obs]).collect()).collect();
    let row = |image| Row {
        bytes: bytemuck::cast_slice::<f64, u8>(image),
        voxel_type: VoxelType::F64,
        scaling: Scaling::IDENTITY,
    };
    let rows = images.iter().map(|image| row(image)).collect();
    let kernel = SegmentedKernel::new(options, b, &SegmentedOutput::ALL)?;
    let columns = device.run(&kernel, &Source::new(rows, signals.len(), None), &())?;
    Ok(Maps(columns.into_iter().map(Column::into_f64).collect()))
}

fn oracle() -> Result<Device, Failed> {
    Ok(Device::open(&DeviceChoice::Cpu, 2, Precision::F64)?)
}

/// Means and standard deviations of every cell: D and f to rounding, D* wherever the reference's search had ended at the
/// minimum.
fn f64_as_reference(data: PathBuf) -> Result<(), Failed> {
    let reference = Reference::read(&data)?;
    let signals = reference.scaled();
    let fit = |plain_reweightings| {
        let options = SegmentedOptions { plain_reweightings, ..SegmentedOptions::default() };
        fit(&oracle()?, &B, &signals, options)
    };
    let check = |parameter: &str, values: &[f64], bar: f64| {
        let worst = reference.worst(parameter, values)?;
        if worst > bar { Err(Failed::from(format!("{parameter} is off by {worst:e}"))) } else { Ok(()) }
    };
    let maps = fit(Some(REFERENCE_REWEIGHTINGS))?;
    for (name, output) in [("D", SegmentedOutput::D), ("f", SegmentedOutput::F)] {
        check(name, maps.get(output), tolerances::SEGMENTED_REFERENCE_LINE)?;
        assert!(check(name, fit(Some(1))?.get(output), 1e-3).is_err(), "one re-weighting is another {name}");
    }
    let dstar = maps.get(SegmentedOutput::Dstar);
    let theirs: Vec<f64> = (0..signals.len()).map(|v| reference_dstar(&maps.voxel(v), &signals[v])).collect();
    check("Dstar", &theirs, tolerances::SEGMENTED_REFERENCE_DSTAR)?;
    // Their search stops short, at 1e-8 of the residual sum, at most: more is a voxel that ours is compared with by its
    // residual sum alone, which is never the larger one.
    let mut compared = theirs.clone();
    let mut stopped_short = 0;
    for (v, signals) in signals.iter().enumerate() {
        let ours = maps.voxel(v);
        let sum = ours.residual_sum(&B, signals);
        let excess = Ivim { dstar: theirs[v], ..ours }.residual_sum(&B, signals) / sum - 1.0;
        assert!(excess >= -1e-12, "voxel {v}: {ours:?} is worse than {}, by {excess:e}", theirs[v]);
        if excess > 1e-8 {
            stopped_short += 1;
        } else {
            compared[v] = dstar[v];
        }
    }
    assert!(stopped_short * 20 < signals.len(), "{stopped_short} of {} voxels are not compared", signals.len());
    check("Dstar", &compared, tolerances::SEGMENTED_REFERENCE_DSTAR)?;
    let stretched: Vec<f64> = compared.iter().map(|dstar| 1.001 * dstar).collect();
    assert!(check("Dstar", &stretched, tolerances::SEGMENTED_REFERENCE_DSTAR).is_err(), "1 in 1000 must be noticed");
    fixed_point_as_rounds(&signals, &fit(None)?, &maps, &fit(Some(REFERENCE_REWEIGHTINGS + 1))?)
}

/// Re-weighting until the line stays ends where plain re-weighting does, wherever that settles.
fn fixed_point_as_rounds(signals: &[Vec<f64>], fixed: &Maps, even: &Maps, odd: &Maps) -> Result<(), Failed> {
    let mut settled = 0;
    for v in 0..signals.len() {
        let (fixed, even, odd) = (fixed.voxel(v), even.voxel(v), odd.voxel(v));
        // D in mm²/s; where it is clipped, f still tells.
        if (even.d - odd.d).abs() < 1e-12 && (even.f - odd.f).abs() < 1e-9 {
            settled += 1;
            if (fixed.d - even.d).abs() > 1e-10 || (fixed.f - even.f).abs() > 1e-7 {
                return Err(format!("voxel {v}: {fixed:?} where plain re-weighting settles on {even:?}").into());
            }
        }
    }
    assert!(settled * 100 > signals.len() * 99, "{settled} of {} voxels settle", signals.len());
    Ok(())
}

/// Where the reference programs end that are given S0, D and f.
fn reference_dstar(held: &Ivim, signals: &[f64]) -> f64 {
    let start = (10.0 * held.d).clamp(DSTAR_BOUNDS[0], DSTAR_BOUNDS[1]);
    if held.f == 0.0 {
        return start;
    }
    let local = |dstar: f64| {
        let mut local = Local { cost: 0.0, slope: 0.0, curvature: 0.0 };
        for (&b, s) in B.iter().zip(signals) {
            let residual = Ivim { dstar, ..*held }.signal(b) - s;
            let derivative = -held.s0 * held.f * b * (-b * dstar).exp();
            local.cost += 0.5 * residual * residual;
            local.slope += residual * derivative;
            local.curvature += derivative * derivative;
        }
        local
    };
    reflective::minimum(local, start, DSTAR_BOUNDS)
}

/// How far two fits of the same signals lie apart at most.
#[derive(Debug, Default)]
struct Apart {
    /// Of the residual sum of squares, computed in f64 from the parameters, relative.
    residual_sum: f64,
    /// mm²/s
    d: f64,
    f: f64,
    /// Relative.
    dstar: f64,
    /// Voxels whose status differs.
    statuses: usize,
}

impl Apart {
    fn of(want: &Maps, got: &Maps, signals: &[Vec<f64>], stretch: f64) -> Self {
        let mut apart = Self::default();
        for (v, signals) in signals.iter().enumerate() {
            let (want_voxel, mut voxel) = (want.voxel(v), got.voxel(v));
            voxel.dstar *= stretch;
            let [want_sum, sum] = [want_voxel, voxel].map(|voxel| voxel.residual_sum(&B, signals));
            apart.residual_sum = apart.residual_sum.max((sum / want_sum - 1.0).abs());
            apart.d = apart.d.max((voxel.d - want_voxel.d).abs());
            apart.f = apart.f.max((voxel.f - want_voxel.f).abs());
            apart.dstar = apart.dstar.max((voxel.dstar / want_voxel.dstar - 1.0).abs());
            let status = |maps: &Maps| maps.get(SegmentedOutput::Status)[v];
            apart.statuses += usize::from(status(want) != status(got));
        }
        apart
    }

    fn is_small(&self, n_voxels: usize) -> bool {
        self.residual_sum <= tolerances::SEGMENTED_RESIDUAL_SUM
            && self.d <= tolerances::SEGMENTED_D
            && self.f <= tolerances::SEGMENTED_F
            && self.dstar <= tolerances::SEGMENTED_DSTAR
            && self.statuses * 1000 <= n_voxels
    }
}

fn f32_as_f64(device: &TestDevice, data: PathBuf) -> Result<(), Failed> {
    let signals = Reference::read(&data)?.scaled();
    let want = fit(&oracle()?, &B, &signals, SegmentedOptions::default())?;
    let got = fit(&device.open(), &B, &signals, SegmentedOptions::default())?;
    let apart = Apart::of(&want, &got, &signals, 1.0);
    if !apart.is_small(signals.len()) {
        return Err(format!("{apart:?}").into());
    }
    assert!(!Apart::of(&want, &got, &signals, 1.01).is_small(signals.len()), "a hundredth of D* must be noticed");
    Ok(())
}

/// Perfusion that is gone at the threshold, exp(−200·0.1) = 2e-9, leaves a line: each part is then recovered.
fn noiseless_decays(device: &TestDevice) -> Result<(), Failed> {
    let truth = |i: u32| Ivim {
        s0: 731.0,
        d: 0.5e-3 + 1e-6 * f64::from(i % 2003),
        f: 0.05 + 0.4e-3 * f64::from(i % 997),
        dstar: 0.1 + 0.09e-3 * f64::from(i % 1009),
    };
    let truths: Vec<Ivim> = (0..5000).map(truth).collect();
    let signals: Vec<Vec<f64>> = truths.iter().map(|t| B.iter().map(|&b| t.signal(b)).collect()).collect();
    let maps = fit(&device.open(), &B, &signals, SegmentedOptions::default())?;
    let worst = |parameter: fn(&Ivim) -> f64, stretch: f64| {
        let error = |(v, t): (usize, &Ivim)| (parameter(&maps.voxel(v)) / parameter(t) - stretch).abs();
        truths.iter().enumerate().map(error).fold(0.0, f64::max)
    };
    let parameters: [fn(&Ivim) -> f64; 4] = [|t| t.s0, |t| t.d, |t| t.f, |t| t.dstar];
    for (parameter, name) in parameters.into_iter().zip(["S0", "D", "f", "D*"]) {
        let error = worst(parameter, 1.0);
        if error > tolerances::SEGMENTED_NOISELESS {
            return Err(format!("{name}: off by {error:e}").into());
        }
        assert!(worst(parameter, 1.001) > tolerances::SEGMENTED_NOISELESS, "{name} off by 1e-3 must be noticed");
    }
    assert!(maps.get(SegmentedOutput::R2).iter().all(|r2| (r2 - 1.0).abs() < 1e-6));
    assert!(maps.get(SegmentedOutput::Status).iter().all(|&s| s == 0.0), "a remark on a perfect decay");
    Ok(())
}
