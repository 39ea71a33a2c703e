//! The CPU fit against a plain re-weighting and a plain search that share nothing with it.

use super::{SegmentedKernel, SegmentedOptions, SegmentedOutput};
use crate::device::cpu::Cpu;
use crate::device::{Precision, Row, Source};
use crate::fit::status;
use crate::volume::{Scaling, VoxelType};

const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 150.0, 200.0, 400.0, 600.0, 800.0];

/// Fits `signals[voxel][obs]`: one column an output.
fn fit(
    cpu: &Cpu,
    b: &[f64],
    signals: &[Vec<f64>],
    options: SegmentedOptions,
    outputs: &[SegmentedOutput],
) -> Vec<Vec<f64>> {
    let images: Vec<Vec<f64>> = (0..b.len()).map(|obs| signals.iter().map(|s| s[obs]).collect()).collect();
    let row = |image| Row {
        bytes: bytemuck::cast_slice::<f64, u8>(image),
        voxel_type: VoxelType::F64,
        scaling: Scaling::IDENTITY,
    };
    let rows = images.iter().map(|image| row(image)).collect();
    let kernel = SegmentedKernel::new(options, b, outputs).unwrap();
    cpu.run(&kernel, &Source::new(rows, signals.len(), None)).into_iter().map(|column| column.into_f64()).collect()
}

fn f64_cpu() -> Cpu {
    Cpu::new(1, Precision::F64).unwrap()
}

/// The outputs asked for, of the signals of [`noisy`], in f64.
fn of_noisy<const N: usize>(signals: &[Vec<f64>], outputs: [SegmentedOutput; N]) -> [Vec<f64>; N] {
    fit(&f64_cpu(), &B, signals, SegmentedOptions::default(), &outputs).try_into().unwrap()
}

/// Noise that needs no generator: the fractional parts of a quadratic sequence, scaled to unit variance.
fn noise(i: usize) -> f64 {
    let x = (i as f64 * 0.618_033_988_749_894_9 + (i * i % 10_007) as f64 * 0.414_213_562_373_095_1).fract();
    (x - 0.5) * 12f64.sqrt()
}

fn model(b: f64, s0: f64, d: f64, f: f64, dstar: f64) -> f64 {
    s0 * (f * (-b * dstar).exp() + (1.0 - f) * (-b * d).exp())
}

fn noisy(n: usize, snr: f64) -> Vec<Vec<f64>> {
    let voxel = |v: usize| {
        let (d, f) = (0.5e-3 + 1.5e-3 * v as f64 / n as f64, 0.4 * (v % 101) as f64 / 101.0);
        let signal = |(k, &b): (usize, &f64)| 300.0 * (model(b, 1.0, d, f, 0.05) + noise(10 * v + k) / snr).abs();
        B.iter().enumerate().map(signal).collect()
    };
    (0..n).map(voxel).collect()
}

/// Plain re-weighting of the line at b ≥ 200 s/mm²: (slope in mm²/s, ln intercept).
fn line(signals: &[f64], rounds: usize) -> (f64, f64) {
    let high = || B.iter().zip(signals).filter(|(b, _)| **b >= 200.0);
    let (mut slope, mut intercept) = (0.0, 0.0);
    for round in 0..=rounds {
        let weight = |b: f64| if round == 0 { 1.0 } else { (2.0 * slope * b).exp() };
        let sum = |of: fn(f64, f64) -> f64| high().map(|(&b, s)| weight(b) * of(b, s.ln())).sum::<f64>();
        let (n, x, xx) = (sum(|_, _| 1.0), sum(|b, _| b), sum(|b, _| b * b));
        let (y, xy) = (sum(|_, y| y), sum(|b, y| b * y));
        slope = (n * xy - x * y) / (n * xx - x * x);
        intercept = (y - slope * x) / n;
    }
    (-slope, intercept)
}

#[test]
fn the_line_is_the_fixed_point_of_plain_reweighting() {
    use SegmentedOutput::{D, F, S0};
    let signals = noisy(1000, 30.0);
    let [s0, d, f] = of_noisy(&signals, [S0, D, F]);
    let worst = |rounds: usize| {
        let (mut of_d, mut of_f) = (0.0f64, 0.0f64);
        for (v, signals) in signals.iter().enumerate() {
            let (slope, intercept) = line(signals, rounds);
            of_d = of_d.max((d[v] - slope.clamp(0.0, 0.005)).abs());
            of_f = of_f.max((f[v] - (1.0 - intercept.exp() / signals[0]).clamp(0.0, 1.0)).abs());
        }
        (of_d, of_f)
    };
    let (of_d, of_f) = worst(2000);
    assert!(of_d < 1e-9 && of_f < 1e-6, "{of_d:e} {of_f:e}");
    assert!(worst(1).0 > 1e-6, "one re-weighting is another line");
    assert!(s0.iter().zip(&signals).all(|(s0, s)| s0 == &s[0]));
}

#[test]
fn without_reweighting_the_line_is_that_of_least_squares() {
    use SegmentedOutput::{D, F};
    let signals = noisy(100, 30.0);
    let options = SegmentedOptions { plain_reweightings: Some(0), ..SegmentedOptions::default() };
    let fitted = fit(&f64_cpu(), &B, &signals, options, &[D, F]);
    let worst = |rounds: usize| {
        let error = |(v, signals): (usize, &Vec<f64>)| {
            let (slope, intercept) = line(signals, rounds);
            let of_f = fitted[1][v] - (1.0 - intercept.exp() / signals[0]).clamp(0.0, 1.0);
            (1e3 * (fitted[0][v] - slope.clamp(0.0, 0.005))).abs() + of_f.abs()
        };
        signals.iter().enumerate().map(error).fold(0.0, f64::max)
    };
    assert!(worst(0) < 1e-9, "{:e}", worst(0));
    assert!(worst(1) > 1e-4, "one re-weighting is another line");
}

#[test]
fn dstar_is_the_minimum_downhill_from_ten_times_d() {
    use SegmentedOutput::{D, Dstar, F, S0, Status};
    let signals = noisy(2000, 12.0);
    let [s0, d, f, dstar, bits] = of_noisy(&signals, [S0, D, F, Dstar, Status]);
    let mut inside = 0;
    for (v, signals) in signals.iter().enumerate() {
        let sum =
            |x: f64| -> f64 { B.iter().zip(signals).map(|(&b, s)| (s - model(b, s0[v], d[v], f[v], x)).powi(2)).sum() };
        let start = (10.0 * d[v]).clamp(0.005, 0.2);
        if f[v] == 0.0 {
            assert!((dstar[v] - start).abs() < 1e-15 && bits[v] as u16 & status::AT_BOUND != 0);
            continue;
        }
        // Nowhere on the way from the start does the sum rise.
        let way: Vec<f64> = (0..=200).map(|i| sum(start + (dstar[v] - start) * f64::from(i) / 200.0)).collect();
        assert!(way.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-12)), "voxel {v}: no way from {start} to {}", dstar[v]);
        // And just beyond it does, or there is a bound.
        let at = sum(dstar[v]);
        for step in [0.999, 1.001] {
            let x = dstar[v] * step;
            assert!(!(0.005..=0.2).contains(&x) || sum(x) > at, "voxel {v}: {x} is better than {}", dstar[v]);
        }
        inside += usize::from((0.0051..0.19).contains(&dstar[v]));
    }
    assert!(inside > 1000, "{inside} of 2000 lie inside the bounds");
}

#[test]
fn goodness_is_its_definition() {
    use SegmentedOutput::{Aicc, D, Dstar, F, FDstar, R2, Rmse, S0};
    let signals = noisy(300, 20.0);
    let [s0, d, f, dstar, product, rmse, r2, aicc] = of_noisy(&signals, [S0, D, F, Dstar, FDstar, Rmse, R2, Aicc]);
    for (v, signals) in signals.iter().enumerate() {
        let residual = |(&b, s): (&f64, &f64)| (s - model(b, s0[v], d[v], f[v], dstar[v])).powi(2);
        let sum: f64 = B.iter().zip(signals).map(residual).sum();
        let mean = signals.iter().sum::<f64>() / 10.0;
        let total: f64 = signals.iter().map(|s| (s - mean).powi(2)).sum();
        assert!((product[v] - f[v] * dstar[v]).abs() < 1e-15);
        assert!((rmse[v] / (sum / 10.0).sqrt() - 1.0).abs() < 1e-10);
        assert!((r2[v] - (1.0 - sum / total)).abs() < 1e-10);
        // 2k + 2k(k + 1)/(n − k − 1) with n = 10 and k = 5.
        assert!((aicc[v] - (10.0 * (sum / 10.0).ln() + 10.0 + 15.0)).abs() < 1e-8);
        assert!((aicc[v] - (10.0 * (sum / 10.0).ln() + 10.0)).abs() > 1.0, "without the correction it must be noticed");
    }
    // Six samples are too few for the criterion.
    let six: Vec<Vec<f64>> = signals.iter().map(|s| s[..2].iter().chain(&s[6..]).copied().collect()).collect();
    let b: Vec<f64> = B[..2].iter().chain(&B[6..]).copied().collect();
    let columns = fit(&f64_cpu(), &b, &six, SegmentedOptions::default(), &[Aicc, D]);
    assert!(columns[0].iter().all(|aicc| aicc.is_nan()) && columns[1].iter().all(|d| d.is_finite()));
}

#[test]
fn options_are_heeded() {
    use SegmentedOutput::{D, Dstar, F, Iterations, Status};
    let signals = noisy(400, 15.0);
    let with = |options| fit(&f64_cpu(), &B, &signals, options, &[D, F, Dstar, Iterations, Status]);
    let usual = with(SegmentedOptions::default());
    let higher = with(SegmentedOptions { threshold_s_per_mm2: 400.0, ..SegmentedOptions::default() });
    assert!(usual[0].iter().zip(&higher[0]).all(|(a, b)| a != b), "another threshold is another line");
    let bounded = SegmentedOptions {
        d_bounds: [0.8e-3, 1.2e-3],
        f_bounds: [0.1, 0.3],
        dstar_bounds: [0.02, 0.06],
        ..SegmentedOptions::default()
    };
    let bounded = with(bounded);
    for (column, [low, high]) in bounded.iter().zip([[0.8e-3, 1.2e-3], [0.1, 0.3], [0.02, 0.06]]) {
        assert!(column.iter().all(|x| (low * (1.0 - 1e-12)..=high * (1.0 + 1e-12)).contains(x)));
        assert!(column.iter().any(|x| (x / low - 1.0).abs() < 1e-12));
        assert!(column.iter().any(|x| (x / high - 1.0).abs() < 1e-12));
    }
    let hurried = with(SegmentedOptions { max_iterations: 1, ..SegmentedOptions::default() });
    assert!(hurried[4].iter().any(|&s| s as u16 & status::ITERATION_LIMIT != 0));
    assert!(usual[4].iter().all(|&s| s as u16 & status::ITERATION_LIMIT == 0));
    let plain = with(SegmentedOptions { plain_reweightings: Some(300), ..SegmentedOptions::default() });
    assert!(plain[3].iter().all(|&n| n >= 300.0) && usual[3].iter().all(|n| (1.0..60.0).contains(n)));
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(plain[0].iter().zip(&usual[0]).filter(|pair| near(*pair)).count() > 390);
}

#[test]
fn b_values_that_do_not_carry_the_fit_are_refused() {
    let new = |b: &[f64]| SegmentedKernel::new(SegmentedOptions::default(), b, &SegmentedOutput::ALL);
    assert!(new(&B).is_ok() && new(&[10.0, 50.0, 200.0, 800.0]).is_ok());
    let cases: [(&[f64], &str); 6] = [
        (&[50.0, 200.0, 500.0, 750.0], "the lowest is 50 s/mm²"),
        (&[0.0, 50.0, 100.0, 800.0], "1 at or above 200 s/mm²"),
        (&[0.0, 50.0, 800.0, 800.0], "1 at or above 200 s/mm²"),
        (&[0.0, 20.0, 50.0], "0 at or above 200 s/mm²"),
        (&[0.0, f64::NAN, 400.0, 800.0], "NaN s/mm² is none"),
        (&[], "there are none"),
    ];
    for (b, problem) in cases {
        let message = new(b).unwrap_err().to_string();
        assert!(message.contains(problem) && message.contains("remedy"), "{b:?}: {message}");
    }
    let usual = SegmentedOptions::default;
    for options in [
        SegmentedOptions { threshold_s_per_mm2: 0.0, ..usual() },
        SegmentedOptions { threshold_s_per_mm2: f64::NAN, ..usual() },
        SegmentedOptions { d_bounds: [0.005, 0.0], ..usual() },
        SegmentedOptions { f_bounds: [0.0, 1.5], ..usual() },
        SegmentedOptions { dstar_bounds: [0.0, 0.2], ..usual() },
        SegmentedOptions { dstar_bounds: [0.01, f64::INFINITY], ..usual() },
    ] {
        assert!(SegmentedKernel::new(options.clone(), &B, &SegmentedOutput::ALL).is_err(), "{options:?}");
    }
}

#[test]
fn neither_threads_nor_batches_nor_other_outputs_change_a_bit() {
    let signals = noisy(3001, 6.0);
    let columns = |threads: usize, batch: usize, outputs: &[SegmentedOutput]| {
        let cpu = Cpu::new(threads, Precision::F32).unwrap().with_batch_voxels(batch);
        let columns = fit(&cpu, &B, &signals, SegmentedOptions::default(), outputs);
        columns.iter().map(|column| column.iter().map(|v| v.to_bits()).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let reference = columns(1, usize::MAX / 2, &SegmentedOutput::ALL);
    for (threads, batch) in [(2, 1000), (8, 77), (1, 1), (2, 513)] {
        assert!(columns(threads, batch, &SegmentedOutput::ALL) == reference, "{threads} threads, batches of {batch}");
    }
    for (output, reference) in SegmentedOutput::ALL.into_iter().zip(&reference) {
        assert!(&columns(1, 5000, &[output])[0] == reference, "{output:?} alone");
    }
}
