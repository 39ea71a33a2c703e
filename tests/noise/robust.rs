//! Fits that destroyed repeats do not lead astray, on every device.

use hepar::device::{Column, Source};
use hepar::fit::nlls::NllsOptions;
use hepar::fit::robust::N_DISCOUNTED;
use hepar::fit::{AdcOptions, FitMethod, FitOutput, Fitting};
use hepar::model::SignalModel;
use hepar::model::signal::NoiseModel;
use hepar::simulate::{Noise, Rng, add_noise};
use hepar::volume::Protocol;
use libtest_mimic::{Failed, Trial};

use super::{bias_percent, row};
use crate::support::{self, TestDevice};

const ADC: f64 = 1.1e-3;
const SNR: f32 = 20.0;
const REPEATS: usize = 10;
const N_VOXELS: usize = 4000;
/// % of the ADC.
const MOST_BIAS: f64 = 2.0;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, method) in
        [("adc_by_iwlls", iwlls()), ("adc_by_nlls", nlls("adc")), ("adc_by_rician_nlls", magnitudes())]
    {
        let destroyed = move |device: &TestDevice| destroyed_repeats(device, &method.clone()?);
        trials.extend(support::on_every_device(&format!("robust_{name}_of_destroyed_repeats"), destroyed));
    }
    trials.extend(support::on_every_device("robust_ivim_of_destroyed_repeats", ivim));
    trials.extend(support::on_every_device("robust_fits_of_whole_repeats", whole_repeats));
    trials.extend(support::on_every_device("robust_fits_do_not_depend_on_batches", batches));
    trials
}

fn iwlls() -> Result<FitMethod, String> {
    Ok(FitMethod::Adc(AdcOptions::default()))
}

fn nlls(model: &str) -> Result<FitMethod, String> {
    let model = Box::new(SignalModel::builtin(model).map_err(|e| e.to_string())?.clone());
    Ok(FitMethod::Nlls { model, options: NllsOptions::default(), force: false })
}

fn magnitudes() -> Result<FitMethod, String> {
    nlls("adc")?.with_noise(NoiseModel::Rician).map_err(|e| e.to_string())
}

/// Repeats of each b-value, `[sample][voxel]`. In the gradients of b = 200 s/mm² and more motion destroys signals: of a
/// `share` of these repeats, drawn in each voxel, between nothing and a half is left.
struct Repeats {
    b: Vec<f64>,
    rows: Vec<Vec<f32>>,
    destroyed: Vec<Vec<bool>>,
}

fn repeats(b_values: &[f64], noise: Noise, share: f64, signal: impl Fn(f64) -> f64) -> Repeats {
    let b: Vec<f64> = b_values.iter().flat_map(|&b| vec![b; REPEATS]).collect();
    let (mut rows, mut destroyed) = (Vec::new(), Vec::new());
    for (k, &b) in (0u32..).zip(&b) {
        let random = |v: u64| Rng::new(21).stream(k).uniforms(v);
        let is_destroyed: Vec<bool> = (0..N_VOXELS as u64).map(|v| b >= 200.0 && random(v)[0] < share).collect();
        let left = |v: usize| if is_destroyed[v] { 0.5 * random(v as u64)[1] } else { 1.0 };
        let mut row: Vec<f32> = (0..N_VOXELS).map(|v| (left(v) * 1000.0 * signal(b)) as f32).collect();
        add_noise(&mut row, 1000.0 / SNR, noise, 300 + u64::from(k));
        rows.push(row);
        destroyed.push(is_destroyed);
    }
    Repeats { b, rows, destroyed }
}

/// Named columns of a fit.
fn run(
    device: &hepar::device::Device,
    method: &FitMethod,
    repeats: &Repeats,
    names: &[&str],
) -> Result<Vec<Vec<f64>>, Failed> {
    let has_sigma = method.noise().needs_sigma();
    let protocol = Protocol { values: vec![repeats.b.clone()], scaled: Vec::new(), has_sigma };
    let all = method.outputs()?;
    let named = |name: &&str| all.iter().find(|o| o.name == **name).cloned();
    let outputs: Vec<FitOutput> = names.iter().filter_map(named).collect();
    let sigma = vec![1000.0 / SNR; N_VOXELS];
    let rows = repeats.rows.iter().map(|values| row(values)).chain(has_sigma.then(|| row(&sigma))).collect();
    let columns = Fitting::new(method, &protocol, &outputs)?.run(device, &Source::new(rows, N_VOXELS, None))?;
    Ok(columns.into_iter().map(Column::into_f64).collect())
}

fn destroyed_repeats(device: &TestDevice, method: &FitMethod) -> Result<(), Failed> {
    let device = &device.open();
    let noise = if method.noise() == NoiseModel::Rician { Noise::Rician } else { Noise::Gaussian };
    let repeats = repeats(&[50.0, 200.0, 500.0, 750.0], noise, 0.1, |b| (-b * ADC).exp());
    let plain = bias_percent(&run(device, method, &repeats, &["ADC"])?[0], ADC);
    let found = run(device, &method.clone().robust()?, &repeats, &["ADC", N_DISCOUNTED])?;
    let robust = bias_percent(&found[0], ADC);
    let n_destroyed = |v: usize| repeats.destroyed.iter().filter(|of| of[v]).count() as f64;
    let total: f64 = (0..N_VOXELS).map(n_destroyed).sum();
    let discounted: f64 = found[1].iter().sum();
    println!(
        "bias of the ADC by {} with a tenth of the repeats from b = 200 on destroyed: plain {plain:+.2} %, robust {robust:+.2} %; \
         {:.2} samples a voxel destroyed, {:.2} discounted",
        method.name(),
        total / N_VOXELS as f64,
        discounted / N_VOXELS as f64
    );
    assert!(robust.abs() <= MOST_BIAS, "the robust fit is off by {robust:.2} %");
    assert!(plain.abs() > MOST_BIAS, "the plain fit is off by {plain:.2} % alone: the test proves nothing");
    // Gaussian noise alone makes 1.1 % of the samples look so, and the scale of each voxel is uncertain.
    let (least, most) = (0.8 * total, total + 0.06 * (repeats.b.len() * N_VOXELS) as f64);
    assert!((least..most).contains(&discounted), "{discounted} of {total}");
    Ok(())
}

fn ivim(device: &TestDevice) -> Result<(), Failed> {
    let device = &device.open();
    let signal = |b: f64| 0.8 * (-b * ADC).exp() + 0.2 * (-b * 0.05).exp();
    let b = [0.0, 10.0, 20.0, 40.0, 80.0, 150.0, 200.0, 400.0, 800.0];
    let repeats = repeats(&b, Noise::Gaussian, 0.1, signal);
    let method = nlls("ivim")?;
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        100.0 * (values[values.len() / 2] / ADC - 1.0)
    };
    let plain = median(run(device, &method, &repeats, &["D"])?.remove(0));
    let robust = median(run(device, &method.robust()?, &repeats, &["D"])?.remove(0));
    println!("median bias of D of IVIM: plain {plain:+.2} %, robust {robust:+.2} %");
    assert!(robust.abs() <= MOST_BIAS && plain.abs() > MOST_BIAS, "plain {plain:.2} %, robust {robust:.2} %");
    Ok(())
}

/// Where nothing is destroyed, the robust fit spreads by 1/√0.95 of the plain one, its standard errors are the spread, and
/// few samples are discounted.
fn whole_repeats(device: &TestDevice) -> Result<(), Failed> {
    let device = &device.open();
    let repeats = repeats(&[50.0, 200.0, 500.0, 750.0], Noise::Gaussian, 0.0, |b| (-b * ADC).exp());
    let method = nlls("adc")?;
    let spread = |found: &[f64]| {
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        (found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / found.len() as f64).sqrt()
    };
    let plain = spread(&run(device, &method, &repeats, &["ADC"])?[0]);
    let found = run(device, &method.robust()?, &repeats, &["ADC", "ADC_se", N_DISCOUNTED])?;
    let robust = spread(&found[0]);
    let error = (found[1].iter().map(|se| se * se).sum::<f64>() / N_VOXELS as f64).sqrt();
    let discounted = found[2].iter().sum::<f64>() / (N_VOXELS * repeats.b.len()) as f64;
    println!(
        "spread {:.3} of the plain fit's, standard error {:.3} of the spread, {:.1} % discounted",
        robust / plain,
        error / robust,
        100.0 * discounted
    );
    // The ratio of two spreads of the same 4,000 voxels is known to better than 1 %; 1/√0.95 is 1.026.
    assert!((1.0..1.08).contains(&(robust / plain)), "{}", robust / plain);
    assert!((error / robust - 1.0).abs() < 0.1, "{}", error / robust);
    assert!(bias_percent(&found[0], ADC).abs() < 0.5, "{}", bias_percent(&found[0], ADC));
    assert!((0.005..0.05).contains(&discounted), "{discounted}");
    Ok(())
}

fn batches(device: &TestDevice) -> Result<(), Failed> {
    let repeats = repeats(&[50.0, 200.0, 500.0, 750.0], Noise::Gaussian, 0.1, |b| (-b * ADC).exp());
    let method = nlls("adc")?.robust()?;
    let names = ["ADC", "S0", "rmse", N_DISCOUNTED, "status"];
    let [whole, parts] = [device.open(), device.open_with_batches_of(777)].map(|d| run(&d, &method, &repeats, &names));
    let (whole, parts) = (whole?, parts?);
    assert!(whole == parts && whole.len() == names.len(), "batches change results");
    assert!(whole[0].iter().all(|adc| adc.is_finite()));
    Ok(())
}
