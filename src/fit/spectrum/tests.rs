//! Spectra against what defines them: the conditions of optimality, worked out here from the decays themselves.

use super::{Regularisation, SpectrumKernel, SpectrumOptions, SpectrumOutput};
use crate::device::cpu::Cpu;
use crate::device::{Precision, Row, Source};
use crate::fit::status;
use crate::simulate::{Noise, add_noise};
use crate::volume::{Scaling, VoxelType};

const B: [f64; 18] = [
    0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0,
];
const ALL: [Regularisation; 6] = [
    Regularisation::None,
    Regularisation::Fixed(1e-5),
    Regularisation::Fixed(1e-3),
    Regularisation::Fixed(0.1),
    Regularisation::Fixed(10.0),
    Regularisation::Misfit(1.02),
];

fn with(regularisation: Regularisation) -> SpectrumOptions {
    SpectrumOptions { regularisation, ..SpectrumOptions::default() }
}

/// The outputs of `names` over `images[image][voxel]`.
fn fit<T: bytemuck::Pod>(cpu: &Cpu, options: &SpectrumOptions, images: &[Vec<T>], names: &[&str]) -> Vec<Vec<f64>> {
    let voxel_type = if size_of::<T>() == 4 { VoxelType::F32 } else { VoxelType::F64 };
    let row = |image: &'_ Vec<T>| (bytemuck::cast_slice::<T, u8>(image).to_vec(), voxel_type);
    let bytes: Vec<_> = images.iter().map(row).collect();
    let rows =
        bytes.iter().map(|(bytes, voxel_type)| Row { bytes, voxel_type: *voxel_type, scaling: Scaling::IDENTITY });
    let all = SpectrumOutput::all(options);
    let named = |name: &&str| all.iter().find(|output| output.name == **name).unwrap().clone();
    let outputs: Vec<SpectrumOutput> = names.iter().map(named).collect();
    let kernel = SpectrumKernel::new(options, &B[..images.len()], &outputs).unwrap();
    let columns = cpu.run(&kernel, &Source::new(rows.collect(), images[0].len(), None));
    columns.into_iter().map(|column| column.into_f64()).collect()
}

fn f64_cpu() -> Cpu {
    Cpu::new(2, Precision::F64).unwrap()
}

/// `[image][voxel]` of (fraction, D in mm²/s) components that differ from voxel to voxel, of signal 500 at b = 0.
fn simulated(n: usize, snr: f32, components: impl Fn(f64) -> Vec<(f64, f64)>) -> Vec<Vec<f32>> {
    let image = |(seed, &b): (u64, &f64)| {
        let signal = |v: usize| {
            let parts = components(v as f64 / n as f64);
            500.0 * parts.iter().map(|(f, d)| f * (-b * d).exp()).sum::<f64>()
        };
        let mut image: Vec<f32> = (0..n).map(|v| signal(v) as f32).collect();
        add_noise(&mut image, 500.0 / snr, Noise::Rician, seed);
        image
    };
    (0..).zip(&B).map(image).collect()
}

fn two(part: f64) -> Vec<(f64, f64)> {
    let f = 0.15 + 0.2 * part;
    vec![(1.0 - f, 0.9e-3 + 0.6e-3 * part), (f, 0.012 + 0.01 * (1.0 - part))]
}

fn three(part: f64) -> Vec<(f64, f64)> {
    let mut parts = two(part);
    parts[0].0 -= 0.15;
    parts.push((0.15, 0.25 + 0.1 * part));
    parts
}

/// How far x is from the conditions of Karush, Kuhn and Tucker, as a share of ‖a‖·‖s‖: the slope of each bin is 0, or
/// upwards where the bin is 0.
fn distance_from_optimum(options: &SpectrumOptions, s: &[f64], x: &[f64], lambda: f64) -> f64 {
    assert!(x.iter().all(|&x| x >= 0.0));
    let d = options.diffusivities();
    let decay = |b: f64, d: f64| (-b * d).exp();
    let fitted = |b: f64| d.iter().zip(x).map(|(&d, x)| x * decay(b, d)).sum::<f64>();
    let residual: Vec<f64> = B.iter().zip(s).map(|(&b, s)| s - fitted(b)).collect();
    let norm = |a: &mut dyn Iterator<Item = f64>| a.map(|a| a * a).sum::<f64>().sqrt();
    let size = norm(&mut s.iter().copied());
    let off = |(&d, &x): (&f64, &f64)| {
        let slope = B.iter().zip(&residual).map(|(&b, r)| r * decay(b, d)).sum::<f64>() - lambda * x;
        let off = if x > 0.0 { slope.abs() } else { slope.max(0.0) };
        off / (size * norm(&mut B.iter().map(|&b| decay(b, d))))
    };
    d.iter().zip(x).map(off).fold(0.0, f64::max)
}

/// What rounding may leave: that of 200 products of a slope, and of a system whose largest eigenvalue is that of AᵀA, 970 for
/// these b-values and bins, and whose least is λ.
fn rounding(lambda: f64) -> f64 {
    f64::EPSILON * (200.0 + if lambda > 0.0 { 970.0 / lambda } else { 0.0 })
}

#[test]
fn every_voxel_is_at_its_optimum() {
    for images in [simulated(300, 25.0, two), simulated(300, 100.0, three), simulated(40, 1.0, two)] {
        for regularisation in ALL {
            let options = with(regularisation);
            let mut columns = fit(&f64_cpu(), &options, &images, &["spectrum", "regularisation", "status"]);
            let (status, lambdas) = (columns.pop().unwrap(), columns.pop().unwrap());
            // As shares of what rounding may leave.
            let (mut worst, mut canary) = (0.0f64, f64::INFINITY);
            for v in 0..images[0].len() {
                let s: Vec<f64> = images.iter().map(|image| f64::from(image[v])).collect();
                let x: Vec<f64> = columns.iter().map(|bin| bin[v]).collect();
                let rounding = rounding(lambdas[v]);
                worst = worst.max(distance_from_optimum(&options, &s, &x, lambdas[v]) / rounding);
                let off: Vec<f64> = x.iter().map(|x| x * (1.0 + 1e-6)).collect();
                canary = canary.min(distance_from_optimum(&options, &s, &off, lambdas[v]) / rounding);
                assert_eq!(status[v] as u16 & status::ITERATION_LIMIT, 0, "{regularisation}, voxel {v}");
            }
            println!("{regularisation}: {worst:.1e}, {canary:.1e} with a spectrum that is off by a millionth");
            assert!(worst < 1.0, "{regularisation}: {worst:e}");
            assert!(canary > 1.0, "{regularisation}: a spectrum that is off is not seen: {canary:e}");
        }
    }
}

#[test]
fn the_sum_of_squares_rises_as_asked_for() {
    let images = simulated(300, 40.0, three);
    let rmse = |regularisation| fit(&f64_cpu(), &with(regularisation), &images, &["rmse"]).remove(0);
    let least = rmse(Regularisation::None);
    for factor in [1.01, 1.02, 1.2] {
        for (rmse, least) in rmse(Regularisation::Misfit(factor)).iter().zip(&least) {
            let rise = (rmse / least).powi(2) - 1.0;
            assert!((rise / (factor - 1.0) - 1.0).abs() < 0.011, "{rise} for {factor}");
        }
    }
}

/// Means over voxels, and the largest distance of those from the truth.
fn recovered(images: &[Vec<f32>], options: &SpectrumOptions, names: &[&str]) -> Vec<f64> {
    let mean = |column: Vec<f64>| column.iter().sum::<f64>() / column.len() as f64;
    fit(&f64_cpu(), options, images, names).into_iter().map(mean).collect()
}

#[test]
fn components_are_recovered_without_noise() {
    let names =
        ["S0", "n_peaks", "slow_fraction", "slow_D", "intermediate_fraction", "intermediate_D", "fast_fraction"];
    // Bins are 3.5 % apart, and a component between two of them is one spike or two. Samples in f32 are off by 3e-8.
    for (components, n_peaks) in [(two as fn(f64) -> Vec<(f64, f64)>, 2.0), (three, 3.0)] {
        for at in [0.1, 0.5, 0.9] {
            let truth = components(at);
            let image = |b: &f64| vec![500.0 * truth.iter().map(|(f, d)| f * (-b * d).exp()).sum::<f64>()];
            let images: Vec<Vec<f64>> = B.iter().map(image).collect();
            let found = fit(&f64_cpu(), &with(Regularisation::None), &images, &names);
            let near = |name: &str, expected: f64, tolerance: f64| {
                let value = found[names.iter().position(|n| *n == name).unwrap()][0];
                assert!((value / expected - 1.0).abs() < tolerance, "{name} at {at}: {value}, truly {expected}");
            };
            near("S0", 500.0, 1e-3);
            near("n_peaks", n_peaks, 1e-9);
            for (part, (fraction, d)) in ["slow", "intermediate"].iter().zip(&truth) {
                near(&format!("{part}_fraction"), *fraction, 0.02);
                near(&format!("{part}_D"), *d, 0.02);
            }
        }
    }
}

#[test]
fn components_are_recovered_from_noise() {
    for (components, fast) in [(two as fn(f64) -> Vec<(f64, f64)>, 0.0), (three, 0.15)] {
        let images = simulated(1000, 100.0, components);
        let names = ["slow_fraction", "intermediate_fraction", "fast_fraction", "slow_D"];
        let found = recovered(&images, &SpectrumOptions::default(), &names);
        let middle = components(0.4995);
        // scipy's spectra with a similar λ are off by 0.015 at most on average, and scatter by 0.03. A component nearer to
        // a cut leaks across it: with D from 0.015 to 0.045, 0.025 of the fraction.
        for (found, truth) in found.iter().zip([middle[0].0, middle[1].0, fast]) {
            assert!((found - truth).abs() < 0.02, "fraction {found}, truly {truth}");
        }
        assert!((found[3] / middle[0].1 - 1.0).abs() < 0.03, "D {}, truly {}", found[3], middle[0].1);
    }
}

#[test]
fn samples_without_a_spectrum_are_left() {
    let good: Vec<f64> = B.iter().map(|b| 100.0 * (-b * 1e-3).exp()).collect();
    let mut voxels = vec![good.clone(); 7];
    voxels[1][4] = f64::NAN;
    voxels[2][0] = f64::INFINITY;
    voxels[3].fill(0.0);
    voxels[4].iter_mut().for_each(|s| *s = -*s);
    voxels[5][17] = -1.0;
    let images: Vec<Vec<f64>> = (0..B.len()).map(|i| voxels.iter().map(|voxel| voxel[i]).collect()).collect();
    for regularisation in ALL {
        let names = ["S0", "slow_D", "iterations", "spectrum", "status"];
        let columns = fit(&f64_cpu(), &with(regularisation), &images, &names);
        let (status, values) = columns.split_last().unwrap();
        let reasons = [0, status::BAD_INPUT, status::BAD_INPUT, status::SINGULAR, status::SINGULAR, 0, 0];
        for (voxel, reason) in reasons.into_iter().enumerate() {
            let not_fitted = status[voxel] as u16 & (status::BAD_INPUT | status::SINGULAR);
            assert_eq!(not_fitted, reason, "{regularisation}, voxel {voxel}");
            assert_eq!(values[0][voxel].is_nan(), reason != 0, "{regularisation}, voxel {voxel}");
            assert_eq!(values[3][voxel].is_nan(), reason != 0, "{regularisation}, voxel {voxel}");
        }
        // Neighbours of bad voxels are as they are alone.
        assert!(values.iter().all(|column| column[0].to_bits() == column[6].to_bits()), "{regularisation}");
    }
}

#[test]
fn bits_do_not_depend_on_threads_batches_or_neighbours() {
    let images = simulated(700, 30.0, three);
    let names = ["S0", "slow_fraction", "fast_D", "rmse", "regularisation", "iterations", "spectrum"];
    for regularisation in ALL {
        let options = with(regularisation);
        let bits = |cpu: &Cpu, images: &[Vec<f32>]| -> Vec<Vec<u64>> {
            let columns = fit(cpu, &options, images, &names);
            columns.into_iter().map(|column| column.into_iter().map(f64::to_bits).collect()).collect()
        };
        let one = bits(&Cpu::new(1, Precision::F64).unwrap(), &images);
        let many = bits(&Cpu::new(3, Precision::F64).unwrap().with_batch_voxels(37), &images);
        assert!(one == many, "{regularisation}: batches or threads");
        let turned: Vec<Vec<f32>> = images.iter().map(|image| image.iter().rev().copied().collect()).collect();
        let mut backwards = bits(&f64_cpu(), &turned);
        assert!(one != backwards, "{regularisation}: all voxels are the same");
        backwards.iter_mut().for_each(|column| column.reverse());
        assert!(one == backwards, "{regularisation}: neighbours");
    }
}

#[test]
fn what_the_samples_cannot_tell_is_refused() {
    let kernel = |options: &SpectrumOptions, b: &[f64]| {
        SpectrumKernel::new(options, b, &[]).map(drop).map_err(|error| error.to_string())
    };
    let options = SpectrumOptions::default();
    assert_eq!(kernel(&options, &B[..6]), Ok(()));
    let repeated = [0.0, 0.0, 50.0, 100.0, 200.0, 400.0];
    assert!(
        kernel(&options, &repeated)
            .is_err_and(|message| message.contains("5 different") && message.contains("--peaks"))
    );
    let least = with(Regularisation::Fixed(1e-12));
    assert!(
        kernel(&least, &B).is_err_and(|message| message.contains("--regularisation") && message.contains("remedy"))
    );
}
