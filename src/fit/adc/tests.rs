//! The CPU fit against closed forms, and against a plain re-weighting that shares nothing with it.

use super::{AdcKernel, AdcOptions, AdcOutput, Method};
use crate::device::cpu::Cpu;
use crate::device::{Column, Precision, Row, Source};
use crate::fit::{BadSamples, status};
use crate::volume::{Scaling, VoxelType};

const B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];
const METHODS: [Method; 3] = [Method::Lls, Method::Wlls, Method::Iwlls];

/// Fits `signals[voxel][obs]`; the columns are those of `AdcOutput::ALL`.
fn fit(b: &[f64], signals: &[Vec<f64>], options: AdcOptions, precision: Precision) -> Vec<Column> {
    fit_with(&Cpu::new(1, precision).unwrap(), b, signals, options)
}

fn fit_with(cpu: &Cpu, b: &[f64], signals: &[Vec<f64>], options: AdcOptions) -> Vec<Column> {
    let rows: Vec<Vec<f64>> = (0..b.len()).map(|obs| signals.iter().map(|s| s[obs]).collect()).collect();
    let row = |values: &'_ Vec<f64>| -> Vec<u8> { bytemuck::cast_slice(values).to_vec() };
    let bytes: Vec<Vec<u8>> = rows.iter().map(row).collect();
    let aligned: Vec<Vec<f64>> = bytes.iter().map(|b| bytemuck::pod_collect_to_vec(b)).collect();
    let rows = aligned
        .iter()
        .map(|values| Row {
            bytes: bytemuck::cast_slice(values),
            voxel_type: VoxelType::F64,
            scaling: Scaling::IDENTITY,
        })
        .collect();
    let kernel = AdcKernel::new(options, b, &AdcOutput::ALL);
    cpu.run(&kernel, &Source::new(rows, signals.len(), None))
}

fn floats(columns: &[Column], output: AdcOutput) -> Vec<f64> {
    let at = AdcOutput::ALL.iter().position(|&o| o == output).unwrap();
    columns[at].clone().into_f64()
}

fn statuses(columns: &[Column]) -> Vec<u16> {
    floats(columns, AdcOutput::Status).iter().map(|&s| s as u16).collect()
}

fn options(method: Method) -> AdcOptions {
    AdcOptions { method, ..AdcOptions::default() }
}

fn decay(s0: f64, adc: f64, b: &[f64]) -> Vec<f64> {
    b.iter().map(|b| s0 * (-b * adc).exp()).collect()
}

/// Noise that needs no generator: the fractional parts of a quadratic sequence, scaled to unit variance.
fn noise(i: usize) -> f64 {
    let x = (i as f64 * 0.618_033_988_749_894_9 + (i * i % 10_007) as f64 * 0.414_213_562_373_095_1).fract();
    (x - 0.5) * 12f64.sqrt()
}

fn noisy(n: usize, snr: f64) -> Vec<Vec<f64>> {
    (0..n)
        .map(|v| {
            let adc = 0.2e-3 + 2.8e-3 * v as f64 / n as f64;
            decay(1.0, adc, &B).iter().enumerate().map(|(k, s)| (s + noise(4 * v + k) / snr).abs()).collect()
        })
        .collect()
}

/// Weighted regression of log-signals in f64, by the normal equations: (ADC in mm²/s, ln S0).
fn regress(b: &[f64], s: &[f64], w: &[f64]) -> (f64, f64) {
    let (mut sw, mut sx, mut sxx, mut sy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for ((&b, &s), &w) in b.iter().zip(s).zip(w) {
        let (x, y) = (b / 1000.0, s.ln());
        sw += w;
        sx += w * x;
        sxx += w * x * x;
        sy += w * y;
        sxy += w * x * y;
    }
    let slope = (sw * sxy - sx * sy) / (sw * sxx - sx * sx);
    (-slope / 1000.0, (sy - slope * sx) / sw)
}

/// Plain re-weighting, as it is published: weights are the squared signal of the last estimate.
fn reweighted(b: &[f64], s: &[f64], rounds: usize) -> (f64, f64) {
    let mut estimate = regress(b, s, &vec![1.0; b.len()]);
    for _ in 0..rounds {
        let w: Vec<f64> = b.iter().map(|b| (2.0 * (estimate.1 - b * estimate.0)).exp()).collect();
        estimate = regress(b, s, &w);
    }
    estimate
}

fn worst(got: &[f64], want: impl Fn(usize) -> f64, floor: f64) -> f64 {
    let error = |(i, &g): (usize, &f64)| (g - want(i)).abs() / want(i).abs().max(floor);
    got.iter().enumerate().map(error).fold(0.0, f64::max)
}

#[test]
fn noiseless_decays_are_recovered() {
    let adc: Vec<f64> = (0..=290).map(|i| 0.1e-3 + 0.01e-3 * f64::from(i)).collect();
    let signals: Vec<Vec<f64>> = adc.iter().map(|&adc| decay(731.0, adc, &B)).collect();
    for method in METHODS {
        for (precision, bar) in [(Precision::F64, 1e-9), (Precision::F32, 1e-5)] {
            let columns = fit(&B, &signals, options(method), precision);
            let error = worst(&floats(&columns, AdcOutput::Adc), |i| adc[i], 0.5e-3);
            assert!(error <= bar, "{method:?} {precision:?}: {error:e}");
            let shifted = worst(&floats(&columns, AdcOutput::Adc), |i| adc[i] * 1.0001, 0.5e-3);
            assert!(shifted > bar, "a shifted truth must be noticed");
            assert!(worst(&floats(&columns, AdcOutput::S0), |_| 731.0, 1.0) < 1e-5);
            assert!(floats(&columns, AdcOutput::R2).iter().all(|r2| (r2 - 1.0).abs() < 1e-5));
            assert!(statuses(&columns).iter().all(|&s| s == 0));
        }
    }
}

#[test]
fn iwlls_is_the_fixed_point_of_plain_reweighting() {
    let cases = [(30.0, Precision::F64, 1e-7), (8.0, Precision::F64, 1e-7), (30.0, Precision::F32, 1e-5)];
    for (snr, precision, bar) in cases {
        let signals = noisy(2000, snr);
        let columns = fit(&B, &signals, options(Method::Iwlls), precision);
        let got = floats(&columns, AdcOutput::Adc);
        // Plain re-weighting may circle for ever: where it does it is no reference.
        let plain: Vec<f64> = signals.iter().map(|s| reweighted(&B, s, 3000).0).collect();
        let settles = |i: &usize| (reweighted(&B, &signals[*i], 3001).0 - plain[*i]).abs() < 1e-12;
        let settled: Vec<usize> = (0..signals.len()).filter(settles).collect();
        assert!(settled.len() >= 1900, "SNR {snr}: {} of 2000 settle", settled.len());
        let kept: Vec<f64> = settled.iter().map(|&i| got[i]).collect();
        let error = worst(&kept, |k| plain[settled[k]], 1e-3);
        assert!(error <= bar, "SNR {snr} {precision:?}: {error:e}");
        let once = worst(&got, |i| reweighted(&B, &signals[i], 1).0, 1e-3);
        assert!(once > 1e-3, "one re-weighting is another estimate: {once:e}");
        let iterations = floats(&columns, AdcOutput::Iterations);
        assert!(iterations.iter().all(|&n| (1.0..50.0).contains(&n)));
    }
}

/// Whole numbers as a scanner gives them: tissue at SNR 20 to 2, and air.
fn counts(n: usize, b: &[f64]) -> Vec<Vec<f64>> {
    let voxel = |v: usize| {
        let (s0, adc) = ([100.0, 30.0, 10.0, 0.0][v % 4], 3e-3 * (v as f64 / n as f64));
        let magnitude = |(k, s): (usize, f64)| {
            let at = 2 * (b.len() * v + k);
            (s + 5.0 * noise(at)).hypot(5.0 * noise(at + 1)).round()
        };
        decay(s0, adc, b).into_iter().enumerate().map(magnitude).collect()
    };
    (0..n).map(voxel).collect()
}

#[test]
fn f32_ends_as_near_to_f64_as_standard_errors_ask_for() {
    for b in [B.as_slice(), &[0.0, 50.0, 100.0, 400.0, 400.0, 800.0], &[0.0, 500.0, 1000.0, 2000.0, 3000.0]] {
        let signals = counts(20_000, b);
        let [single, double] = [Precision::F32, Precision::F64].map(|p| fit(b, &signals, options(Method::Iwlls), p));
        let [status, adc, se] = [AdcOutput::Status, AdcOutput::Adc, AdcOutput::AdcSe].map(|o| floats(&double, o));
        let beyond = |columns: &[Column]| {
            let off = floats(columns, AdcOutput::Adc).into_iter().zip(&adc).map(|(got, adc)| (got - adc).abs());
            let judged = off.zip(&se).zip(&status).filter(|((_, se), status)| **status == 0.0 && se.is_finite());
            judged.filter(|((off, se), _)| off.is_nan() || *off > 1e-8 + 1e-4 * **se).count()
        };
        assert_eq!(beyond(&single), 0, "{b:?}");
        let once = fit(b, &signals, options(Method::Wlls), Precision::F32);
        assert!(beyond(&once) > 1000, "{b:?}: one re-weighting is not enough");
    }
}

/// Where the re-weighting hardly moves, 1 − g′ ≤ 0.003: a fit in f32 ends as near as its own standard error asks for.
#[test]
fn near_double_roots_f32_ends_where_plain_reweighting_does() {
    let signals = [[27, 10, 7, 20], [47, 12, 26, 13], [44, 13, 16, 22]].map(|s| s.map(f64::from).to_vec());
    let columns = fit(&B, &signals, options(Method::Iwlls), Precision::F32);
    let (adc, se) = (floats(&columns, AdcOutput::Adc), floats(&columns, AdcOutput::AdcSe));
    for (voxel, signal) in signals.iter().enumerate() {
        let bar = 1e-8 + 1e-4 * se[voxel];
        let off = |rounds: usize| (adc[voxel] - reweighted(&B, signal, rounds).0).abs();
        assert!(off(20_000) <= bar, "{signal:?}: {:e}, and {bar:e} is wanted", off(20_000));
        assert!(off(200) > bar, "{signal:?}: plain re-weighting has not yet settled after 200 rounds");
    }
}

#[test]
fn lls_and_wlls_are_their_closed_forms() {
    let signals = noisy(1000, 20.0);
    for (method, rounds) in [(Method::Lls, 0), (Method::Wlls, 1)] {
        let columns = fit(&B, &signals, options(method), Precision::F64);
        let error = worst(&floats(&columns, AdcOutput::Adc), |i| reweighted(&B, &signals[i], rounds).0, 1e-3);
        assert!(error < 1e-7, "{method:?}: {error:e}");
        let s0 = worst(&floats(&columns, AdcOutput::S0), |i| reweighted(&B, &signals[i], rounds).1.exp(), 1.0);
        assert!(s0 < 1e-6, "{method:?}: {s0:e}");
    }
}

#[test]
fn errors_and_goodness_are_their_definitions() {
    let signals = noisy(500, 15.0);
    let columns = fit(&B, &signals, options(Method::Iwlls), Precision::F64);
    let oracle = |i: usize| {
        let s = &signals[i];
        let (adc, ln_s0) = reweighted(&B, s, 2000);
        let fitted: Vec<f64> = B.iter().map(|b| (ln_s0 - b * adc).exp()).collect();
        // (XᵀWX)⁻¹ σ², with σ² = Σ w r² / (n − 2).
        let w: Vec<f64> = fitted.iter().map(|f| f * f).collect();
        let sum: f64 = w.iter().sum();
        let mean: f64 = w.iter().zip(B).map(|(w, b)| w * b).sum::<f64>() / sum;
        let spread: f64 = w.iter().zip(B).map(|(w, b)| w * (b - mean).powi(2)).sum();
        let chi2: f64 = w.iter().zip(s).zip(&fitted).map(|((w, s), f)| w * (s / f).ln().powi(2)).sum();
        let residual: f64 = s.iter().zip(&fitted).map(|(s, f)| (s - f).powi(2)).sum();
        let s_mean = s.iter().sum::<f64>() / 4.0;
        let total: f64 = s.iter().map(|s| (s - s_mean).powi(2)).sum();
        ((chi2 / 2.0 / spread).sqrt(), (residual / 4.0).sqrt(), 1.0 - residual / total)
    };
    assert!(worst(&floats(&columns, AdcOutput::AdcSe), |i| oracle(i).0, 1e-5) < 1e-4);
    assert!(worst(&floats(&columns, AdcOutput::Rmse), |i| oracle(i).1, 1e-3) < 1e-4);
    assert!(worst(&floats(&columns, AdcOutput::R2), |i| oracle(i).2, 1.0) < 1e-5);
    assert!(worst(&floats(&columns, AdcOutput::AdcSe), |i| 1.01 * oracle(i).0, 1e-5) > 1e-3);
}

#[test]
fn bad_samples_are_dropped_or_end_the_voxel() {
    let good = decay(100.0, 1e-3, &B);
    let with = |k: usize, value: f64| {
        let mut s = good.clone();
        s[k] = value;
        s
    };
    let signals = vec![
        good.clone(),
        with(0, 0.0),
        with(1, -5.0),
        with(2, f64::NAN),
        with(3, f64::INFINITY),
        vec![0.0; 4],
        vec![10.0, 0.0, 0.0, 0.0],
    ];
    for precision in [Precision::F32, Precision::F64] {
        let columns = fit(&B, &signals, options(Method::Iwlls), precision);
        let adc = floats(&columns, AdcOutput::Adc);
        assert!(adc[..5].iter().all(|adc| (adc - 1e-3).abs() < 1e-8), "{adc:?}");
        assert!(adc[5..].iter().all(|adc| adc.is_nan()));
        let dropped = status::SAMPLES_DROPPED;
        let unfit = status::BAD_INPUT | dropped;
        assert_eq!(statuses(&columns), [0, dropped, dropped, dropped, dropped, unfit, unfit]);

        let strict = AdcOptions { bad_samples: BadSamples::Voxel, ..AdcOptions::default() };
        let columns = fit(&B, &signals, strict, precision);
        assert_eq!(statuses(&columns), [0, unfit, unfit, unfit, unfit, unfit, unfit]);
        assert!(floats(&columns, AdcOutput::Adc)[1..].iter().all(|adc| adc.is_nan()));
    }
}

#[test]
fn what_cannot_be_fitted_says_why() {
    // Two b-values alone determine the line but not its error; one b-value, however often, determines nothing.
    let columns = fit(&[0.0, 800.0], &[vec![2.0, 1.0]], options(Method::Iwlls), Precision::F64);
    assert!((floats(&columns, AdcOutput::Adc)[0] - 2f64.ln() / 800.0).abs() < 1e-9);
    assert!(floats(&columns, AdcOutput::AdcSe)[0].is_nan());
    assert_eq!(statuses(&columns), [0]);
    let columns = fit(&[400.0; 3], &[vec![2.0, 1.0, 3.0]], options(Method::Lls), Precision::F32);
    assert!(floats(&columns, AdcOutput::Adc)[0].is_nan());
    assert_eq!(statuses(&columns), [status::SINGULAR]);
    // A rising signal has a negative ADC, which is kept.
    let columns = fit(&B, &[decay(1.0, -0.4e-3, &B)], options(Method::Iwlls), Precision::F32);
    assert!((floats(&columns, AdcOutput::Adc)[0] + 0.4e-3).abs() < 1e-8);
    assert_eq!(statuses(&columns), [status::NEGATIVE]);
    // A limit that is too low is said to be reached.
    let low = AdcOptions { max_iterations: 1, ..AdcOptions::default() };
    let columns = fit(&B, &noisy(50, 5.0), low, Precision::F32);
    assert!(statuses(&columns).iter().any(|s| s & status::ITERATION_LIMIT != 0));
}

#[test]
fn threads_and_batches_change_no_bit() {
    let mut signals = noisy(3001, 6.0);
    // What a vector does where a lane lacks a sample is nothing to its other lanes.
    signals[..1500].iter_mut().step_by(7).for_each(|signals| signals[2] = 0.0);
    let bits = |method, threads: usize, batch: usize| {
        let cpu = Cpu::new(threads, Precision::F32).unwrap().with_batch_voxels(batch);
        let columns = fit_with(&cpu, &B, &signals, options(method));
        AdcOutput::ALL.map(|o| floats(&columns, o).iter().map(|v| v.to_bits()).collect::<Vec<_>>())
    };
    let references = METHODS.map(|method| bits(method, 1, usize::MAX / 2));
    // More voxels than a block are set aside, so that their places are tried, too.
    let iterations = &references[2][AdcOutput::ALL.iter().position(|&o| o == AdcOutput::Iterations).unwrap()];
    let late = iterations.iter().filter(|&&n| f64::from_bits(n) > f64::from(super::cpu::FEW)).count();
    assert!(late > 512 && late < 1500, "{late} voxels take long");
    for (threads, batch) in [(2, 1000), (8, 77), (1, 1), (2, 513)] {
        for (method, reference) in METHODS.into_iter().zip(&references) {
            assert!(bits(method, threads, batch) == *reference, "{method:?}, {threads} threads, batches of {batch}");
        }
    }
}
