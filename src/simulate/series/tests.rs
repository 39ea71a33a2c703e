//! Series of any model: the signal is the model's, the noise what was asked for, and the bytes always the same.

use super::*;

const N: usize = 20_000;

fn ivim() -> &'static SignalModel {
    SignalModel::builtin("ivim").unwrap()
}

fn values(truth: &[f64]) -> Vec<Truth> {
    truth.iter().map(|&value| Truth::Value(value)).collect()
}

fn series(truth: &[Truth], b: &[f64], n_voxels: usize, noise: Noise, seed: u64) -> Result<SimulatedSeries> {
    let axes = [b.to_vec()];
    simulate(&SeriesSpec { model: ivim(), axes: &axes, truth, n_voxels, noise, snr: 25.0, seed })
}

const B: [f64; 4] = [200.0, 0.0, 50.0, 800.0];
const TRUTH: [f64; 4] = [1000.0, 1.1e-3, 0.23, 0.07];

fn closed_form(b: f64, [s0, d, f, d_star]: [f64; 4]) -> f64 {
    s0 * ((1.0 - f) * (-b * d).exp() + f * (-b * d_star).exp())
}

#[test]
fn without_noise_it_is_the_closed_form() {
    let found = series(&values(&TRUTH), &B, 3, Noise::None, 1).unwrap();
    assert_eq!((found.voxels.len(), found.sigma), (12, 0.0));
    for (k, volume) in found.voxels.chunks(3).enumerate() {
        let want = closed_form(B[k], TRUTH);
        // Half a distance of f32, and an ulp of f64.
        let agrees = |got: f32| (f64::from(got) - want).abs() <= 6.1e-8 * want;
        assert!(volume.iter().all(|&got| agrees(got)), "{volume:?} {want}");
        assert!(!agrees(volume[0] * 1.000_000_3));
    }
}

#[test]
fn maps_give_each_voxel_its_own_signal_and_truth() {
    let d = [0.5e-3, 2e-3, f32::NAN];
    let mut truth = values(&TRUTH);
    truth[1] = Truth::Map(d.to_vec());
    let found = series(&truth, &B, 3, Noise::None, 1).unwrap();
    for (voxel, &d) in d.iter().enumerate() {
        let mut at = TRUTH;
        at[1] = f64::from(d);
        let want = if d.is_nan() { 0.0 } else { closed_form(800.0, at) };
        assert!((f64::from(found.voxels[9 + voxel]) - want).abs() <= 6.1e-8 * want, "{voxel}");
    }
    let names: Vec<&str> = found.truth.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["S0", "D", "f", "Dstar", "fDstar"]);
    assert_eq!(found.truth[1].values[..2], d[..2]);
    assert_eq!(found.truth[4].values[..2], [(0.23 * 0.07) as f32; 2]);
    assert_eq!((found.truth[4].unit.as_str(), found.truth[2].title.as_str()), ("mm^2/s", "perfusion fraction"));
    assert!(found.truth.iter().all(|map| map.values[2].is_nan()), "an empty voxel has no truth");
}

/// Mean and variance of the differences from the signal, within 4 standard errors.
#[test]
fn gaussian_noise_is_that_of_the_snr_at_the_lowest_b() {
    let found = series(&values(&TRUTH), &B, N, Noise::Gaussian, 5).unwrap();
    assert!((found.sigma - 40.0).abs() < 1e-5, "S(0) = 1000 at SNR 25: {}", found.sigma);
    let n = N as f64;
    for (k, volume) in found.voxels.chunks(N).enumerate() {
        let signal = closed_form(B[k], TRUTH);
        let mean = volume.iter().map(|&s| f64::from(s) - signal).sum::<f64>() / n;
        let variance = volume.iter().map(|&s| (f64::from(s) - signal).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 4.0 * 40.0 / n.sqrt(), "volume {k}: {mean}");
        let right = |sigma: f64| (variance / sigma.powi(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt();
        assert!(right(40.0), "volume {k}: {variance}");
        assert!(!right(43.0), "the comparison cannot fail");
    }
    assert_ne!(found.voxels[..N], found.voxels[N..2 * N]);
}

/// E[S²] = A² + 2σ², var S² = 4σ²(A² + σ²), where the signal is no larger than the noise.
#[test]
fn rician_noise_has_its_second_moment() {
    let found = series(&values(&TRUTH), &[0.0, 3000.0], N, Noise::Rician, 6).unwrap();
    let (a, sigma, n) = (closed_form(3000.0, TRUTH), found.sigma, N as f64);
    assert!(a < sigma);
    let second = found.voxels[N..].iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / n;
    let standard_error = 2.0 * sigma * ((a * a + sigma * sigma) / n).sqrt();
    let z = |want: f64| (second - want) / standard_error;
    assert!(z(a * a + 2.0 * sigma * sigma).abs() < 4.0);
    assert!(z(a * a + sigma * sigma).abs() > 4.0, "the comparison cannot fail");
}

/// SNR is stated for the mean over voxels that hold something.
#[test]
fn empty_voxels_do_not_count_for_the_noise() {
    let mut truth = values(&TRUTH);
    truth[0] = Truth::Map(vec![500.0, f32::NAN, 1500.0, f32::NAN]);
    let found = series(&truth, &B, 4, Noise::Gaussian, 7).unwrap();
    assert!((found.sigma - 40.0).abs() < 1e-5, "{}", found.sigma);
    assert!(found.voxels.iter().all(|v| v.is_finite()) && found.voxels[1] != 0.0);
}

#[test]
fn the_same_request_gives_the_same_bytes_with_any_number_of_threads() {
    let mut truth = values(&TRUTH);
    truth[2] = Truth::Map((0..N).map(|i| i as f32 / N as f32).collect());
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| series(&truth, &B, N, Noise::Rician, seed)).unwrap()
    };
    let once = run(1, 9);
    assert_eq!(once, run(3, 9));
    assert_ne!(once.voxels, run(1, 10).voxels);
}

/// A sum of all bits (FNV-1a over words), as x86-64 made it: another library's exp, or another order, would change it.
#[test]
fn the_bytes_are_those_of_every_machine() {
    let mut truth = values(&TRUTH);
    truth[1] = Truth::Map((0..N).map(|i| 0.005 * i as f32 / N as f32).collect());
    let found = series(&truth, &B, N, Noise::Rician, 2024).unwrap();
    let fold = |sum: u64, value: &f32| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(value.to_bits());
    assert_eq!(found.voxels.iter().fold(0xcbf2_9ce4_8422_2325, fold), 31_143_912_569_021_315);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut outside = values(&TRUTH);
    outside[2] = Truth::Value(1.2);
    let mut map_outside = values(&TRUTH);
    map_outside[1] = Truth::Map(vec![1e-3, 0.006]);
    let nothing = values(&[0.0, 1e-3, 0.2, 0.05]);
    for (truth, said) in [
        (outside, "f = 1.2 1 lies outside the model's bounds, 0 to 1"),
        (map_outside, "D = 0.006"),
        (nothing, "a mean signal of 0 at an SNR of 25 is no noise level"),
    ] {
        let error = series(&truth, &B, 2, Noise::Gaussian, 1).unwrap_err();
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains(said), "{error}");
    }
    let text = "schema = 1\ntitle = ''\nreference = ''\nsignal = 'S0 * log(b - c)'\n[axis.b]\nunit = '1'\n\
        [parameter.S0]\nunit = 'signal'\nbounds = [0, 1e30]\ndoc = ''\n\
        [parameter.c]\nunit = '1'\nbounds = [-9, 9]\nscale = 1\ndoc = ''\n";
    let model = SignalModel::parse("edge", text, std::path::Path::new("edge.toml")).unwrap();
    let truth = values(&[1.0, 2.0]);
    let axes = [vec![3.0, 1.0]];
    let spec =
        SeriesSpec { model: &model, axes: &axes, truth: &truth, n_voxels: 1, noise: Noise::None, snr: 1.0, seed: 1 };
    let error = simulate(&spec).unwrap_err().to_string();
    assert!(error.contains("has no signal in sample 2 for S0 = 1, c = 2"), "{error}");
}
