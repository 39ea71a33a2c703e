//! The ADC: known decays, an independent program's values on a real abdomen, and each device against the CPU.

use std::path::{Path, PathBuf};

use hepar::device::{Column, Device, Precision, Row, Source};
use hepar::enhance::Agent;
use hepar::fit::{AdcKernel, AdcOptions, AdcOutput, Method, status};
use hepar::simulate::demo::DEFAULT_SEED;
use hepar::simulate::{Noise, Spec, add_noise, liver_phantom};
use hepar::volume::{ReadOptions, Scaling, Series, SeriesOptions, VoxelType, read};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};
use crate::tolerances;

const B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];
const METHODS: [Method; 3] = [Method::Lls, Method::Wlls, Method::Iwlls];

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("adc_of_noiseless_decays", noiseless_decays);
    trials.extend(support::on_every_device("adc_of_bad_samples", bad_samples));
    trials.extend(support::on_every_device_with_data("adc_lls_as_numpy_has_it", lls_as_numpy));
    trials.extend(support::on_every_gpu("adc_iwlls_of_the_phantom_as_the_cpu_has_it", iwlls_of_phantom_as_cpu));
    trials.extend(support::on_every_gpu("adc_iwlls_of_noise_as_the_cpu_has_it", iwlls_of_noise_as_cpu));
    trials.extend(support::on_every_gpu_with_data("adc_iwlls_as_the_cpu_has_it", iwlls_as_cpu));
    trials.push(Trial::test("adc_iwlls_is_hardly_biased_by_rician_noise", rician_bias));
    trials.push(support::with_data("adc_lls_f64_as_numpy_has_it", lls_f64_as_numpy));
    trials
}

fn options(method: Method) -> AdcOptions {
    AdcOptions { method, ..AdcOptions::default() }
}

fn floats(column: &Column) -> Vec<f64> {
    column.clone().into_f64()
}

/// Fits `[n_obs][n_voxels]` f32 signals.
fn fit(device: &Device, b: &[f64], signals: &[Vec<f32>], options: AdcOptions) -> Result<Vec<Column>, Failed> {
    let row = |values| Row {
        bytes: bytemuck::cast_slice::<f32, u8>(values),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    };
    let rows = signals.iter().map(|values| row(values)).collect();
    let n_voxels = signals[0].len();
    Ok(device.run(&AdcKernel::new(options, b, &AdcOutput::ALL), &Source::new(rows, n_voxels, None), &())?)
}

fn noiseless_decays(device: &TestDevice) -> Result<(), Failed> {
    let adc: Vec<f64> = (0..=2900).map(|i| 0.1e-3 + 1e-6 * f64::from(i)).collect();
    let signals: Vec<Vec<f32>> =
        B.iter().map(|b| adc.iter().map(|adc| (731.0 * (-b * adc).exp()) as f32).collect()).collect();
    for method in METHODS {
        let columns = fit(&device.open(), &B, &signals, options(method))?;
        let worst = |stretch: f64| {
            let error = |(got, want): (&f64, &f64)| (got - want * stretch).abs() / want.max(tolerances::ADC_FLOOR);
            floats(&columns[0]).iter().zip(&adc).map(error).fold(0.0, f64::max)
        };
        let error = worst(1.0);
        if error > tolerances::ADC_NOISELESS {
            return Err(format!("{method:?}: off by {error:e}").into());
        }
        assert!(worst(1.0001) > tolerances::ADC_NOISELESS, "a truth off by 1e-4 must be noticed");
        assert!(floats(&columns[6]).iter().all(|&s| s == 0.0), "{method:?}: a remark on a perfect decay");
    }
    Ok(())
}

/// SNR 20 at b = 0, ADC 2e-3 mm²/s, b 0/50/400/800: the bias of iwlls is at most 0.5 %, that of wlls is more.
fn rician_bias() -> Result<(), Failed> {
    const N: usize = 200_000;
    let b = [0.0, 50.0, 400.0, 800.0];
    let noisy = |(seed, b): (u64, f64)| {
        let mut signal = vec![(-b * 2.0e-3).exp() as f32; N];
        add_noise(&mut signal, 1.0 / 20.0, Noise::Rician, seed);
        signal
    };
    let signals: Vec<Vec<f32>> = (7..).zip(b).map(noisy).collect();
    let device = Device::open(&hepar::device::DeviceChoice::Cpu, 2, Precision::F32)?;
    let bias = |method| -> Result<f64, Failed> {
        let adc = floats(&fit(&device, &b, &signals, options(method))?[0]);
        Ok(adc.iter().sum::<f64>() / N as f64 / 2.0e-3 - 1.0)
    };
    let (iwlls, wlls) = (bias(Method::Iwlls)?, bias(Method::Wlls)?);
    assert!(iwlls.abs() <= 0.005, "bias of iwlls {iwlls}");
    assert!(wlls < -0.005, "the known bias of wlls must be noticed: {wlls}");
    Ok(())
}

fn bad_samples(device: &TestDevice) -> Result<(), Failed> {
    // By voxel: fine, zero, negative, NaN, infinite, all zero, one left, rising.
    let signals = vec![
        vec![95.0, 0.0, 95.0, 95.0, 95.0, 0.0, 9.0, 10.0],
        vec![82.0, 82.0, -3.0, 82.0, 82.0, 0.0, 0.0, 11.0],
        vec![61.0, 61.0, 61.0, f32::NAN, 61.0, 0.0, 0.0, 12.0],
        vec![47.0, 47.0, 47.0, 47.0, f32::INFINITY, 0.0, 0.0, 13.0],
    ];
    let columns = fit(&device.open(), &B, &signals, options(Method::Iwlls))?;
    let (dropped, unfit) = (status::SAMPLES_DROPPED, status::SAMPLES_DROPPED | status::BAD_INPUT);
    let expected = [0, dropped, dropped, dropped, dropped, unfit, unfit, status::NEGATIVE];
    assert_eq!(floats(&columns[6]), expected.map(f64::from));
    let adc = floats(&columns[0]);
    assert!(adc[..5].iter().all(|adc| (0.8e-3..1.2e-3).contains(adc)), "{adc:?}");
    assert!(adc[5].is_nan() && adc[6].is_nan() && adc[7] < 0.0, "{adc:?}");
    Ok(())
}

fn series(image: &Path) -> Result<Series, Failed> {
    Ok(Series::new(vec![read(image, &ReadOptions::default())?], &SeriesOptions::default())?)
}

fn fit_file(device: &Device, image: &Path, method: Method) -> Result<Vec<Column>, Failed> {
    let series = series(image)?;
    let kernel = AdcKernel::new(options(method), &series.b_values(), &AdcOutput::ALL);
    Ok(device.run(&kernel, &Source::new(series.rows(), series.grid.n_voxels(), None), &())?)
}

/// float64 ordinary least squares by numpy: `data/reference/adc_lls/make.py` made it.
fn numpy_reference() -> Vec<f64> {
    let bytes = include_bytes!("../data/reference/adc_lls/vol1_trace_bp_T70.f64");
    bytemuck::pod_collect_to_vec(bytes)
}

fn worst_against_numpy(adc: &[f64]) -> f64 {
    let reference = numpy_reference();
    assert_eq!(adc.len(), reference.len());
    let error = |(got, want): (&f64, &f64)| match (got.is_nan(), want.is_nan()) {
        (true, true) => 0.0,
        (false, false) => (got - want).abs() / want.abs().max(tolerances::ADC_LLS_FLOOR),
        _ => f64::INFINITY,
    };
    adc.iter().zip(&reference).map(error).fold(0.0, f64::max)
}

fn lls_as_numpy(device: &TestDevice, folder: PathBuf) -> Result<(), Failed> {
    let image = folder.join("dwi_liver/vol1_trace_bp_T70.nii.gz");
    let lls = worst_against_numpy(&floats(&fit_file(&device.open(), &image, Method::Lls)?[0]));
    if lls > tolerances::ADC_LLS_F32 {
        return Err(format!("off by {lls:e}").into());
    }
    let other = worst_against_numpy(&floats(&fit_file(&device.open(), &image, Method::Iwlls)?[0]));
    assert!(other > 0.01, "another method must be noticed");
    Ok(())
}

fn lls_f64_as_numpy(folder: PathBuf) -> Result<(), Failed> {
    let device = Device::open(&hepar::device::DeviceChoice::Cpu, 2, Precision::F64)?;
    let image = folder.join("dwi_liver/vol1_trace_bp_T70.nii.gz");
    let error = worst_against_numpy(&floats(&fit_file(&device, &image, Method::Lls)?[0]));
    if error > tolerances::ADC_LLS_F64 { Err(format!("off by {error:e}").into()) } else { Ok(()) }
}

/// What two devices say of one series.
struct Agreement {
    n: usize,
    /// Voxels fitted on both, without remarks but allowed ones, whose ADC differs by more than the tolerance.
    adc: usize,
    /// Voxels whose status differs.
    status: usize,
    /// Of these, those that lie on no threshold.
    unexplained: usize,
}

fn compare(cpu: &[Column], gpu: &[Column], allowed: u16) -> Agreement {
    let at = |columns: &[Column], output| floats(&columns[AdcOutput::ALL.iter().position(|&o| o == output).unwrap()]);
    let (adc, other_adc) = (at(cpu, AdcOutput::Adc), at(gpu, AdcOutput::Adc));
    let se = at(cpu, AdcOutput::AdcSe);
    let (left, right) = (at(cpu, AdcOutput::Status), at(gpu, AdcOutput::Status));
    let mut agreement = Agreement { n: adc.len(), adc: 0, status: 0, unexplained: 0 };
    for v in 0..adc.len() {
        let tolerance = tolerances::ADC_DEVICES + tolerances::ADC_DEVICES_SE * if se[v].is_nan() { 0.0 } else { se[v] };
        let judged = left[v] == right[v] && left[v] as u16 & !allowed == 0;
        let off = (adc[v] - other_adc[v]).abs();
        if judged && (off.is_nan() || off > tolerance) {
            agreement.adc += 1;
        }
        if left[v] != right[v] {
            agreement.status += 1;
            // The one threshold that rounding can cross is the sign of an ADC that is nearly 0.
            let differs = left[v] as u16 ^ right[v] as u16;
            let on_threshold =
                differs == status::NEGATIVE && adc[v].abs() <= tolerance && other_adc[v].abs() <= tolerance;
            agreement.unexplained += usize::from(!on_threshold);
        }
    }
    agreement
}

/// Within the tolerance everywhere; statuses differ on thresholds only, and in at most 1 of 10,000 voxels.
fn check_agreement(name: &str, left: &[Column], right: &[Column], allowed: u16) -> Result<(), Failed> {
    let Agreement { n, adc, status, unexplained } = compare(left, right, allowed);
    if adc > 0 || unexplained > 0 || status * 10_000 > n {
        let counts = format!("{adc} ADC and {status} statuses differ, {unexplained} unexplained");
        return Err(format!("{name}: of {n} voxels {counts}").into());
    }
    Ok(())
}

fn iwlls_of_phantom_as_cpu(device: &TestDevice) -> Result<(), Failed> {
    let phantom = liver_phantom(&Spec::liver()?, Agent::Extracellular, DEFAULT_SEED)?;
    let image = phantom.diffusion_image();
    let on = |device: &Device| {
        let rows = (0..image.n_volumes()).map(|volume| image.row(volume)).collect();
        let kernel = AdcKernel::new(options(Method::Iwlls), &phantom.diffusion.b_s_per_mm2, &AdcOutput::ALL);
        device.run(&kernel, &Source::new(rows, image.grid.n_voxels(), None), &())
    };
    let cpu = Device::open(&hepar::device::DeviceChoice::Cpu, 2, Precision::F32)?;
    check_agreement("phantom", &on(&cpu)?, &on(&device.open())?, 0)
}

/// Protocols of repeats, of b in no order and of high b; tissue and air in turn, in whole numbers, so that samples are missing
/// here and there.
fn iwlls_of_noise_as_cpu(device: &TestDevice) -> Result<(), Failed> {
    const N: usize = 40_000;
    let cpu = Device::open(&hepar::device::DeviceChoice::Cpu, 2, Precision::F32)?;
    let gpu = device.open();
    for b in [&[0.0, 50.0, 100.0, 400.0, 400.0, 800.0][..], &[800.0, 0.0, 200.0], &[0.0, 500.0, 1000.0, 2000.0, 3000.0]]
    {
        let noisy = |(seed, &b): (u64, &f64)| {
            let tissue = |v: usize| [60.0, 20.0, 6.0, 0.0][v % 4] * (-b * 3e-3 * v as f64 / N as f64).exp();
            let mut signal: Vec<f32> = (0..N).map(|v| tissue(v) as f32).collect();
            add_noise(&mut signal, 3.0, Noise::Rician, seed);
            signal.iter().map(|s| s.round()).collect()
        };
        let signals: Vec<Vec<f32>> = (11..).zip(b).map(noisy).collect();
        let fit = |device: &Device, method| fit(device, b, &signals, options(method));
        let left = fit(&cpu, Method::Iwlls)?;
        let dropped = floats(&left[6]).iter().filter(|&&s| s as u16 & status::SAMPLES_DROPPED != 0).count();
        assert!(dropped > N / 1000, "{dropped} voxels lack a sample");
        let missing = status::SAMPLES_DROPPED;
        check_agreement(&format!("noise at {b:?}"), &left, &fit(&gpu, Method::Iwlls)?, missing)?;
        assert!(compare(&left, &fit(&gpu, Method::Wlls)?, missing).adc > N / 10, "another method must be noticed");
    }
    Ok(())
}

fn dwi_series(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut images = Vec::new();
    for entry in std::fs::read_dir(folder.join("dwi_liver"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".nii.gz") && path.with_file_name(name.replace(".nii.gz", ".bval")).exists() {
            images.push(path);
        }
    }
    images.sort();
    Ok(images)
}

fn iwlls_as_cpu(device: &TestDevice, folder: PathBuf) -> Result<(), Failed> {
    let cpu = Device::open(&hepar::device::DeviceChoice::Cpu, 2, Precision::F32)?;
    let images = dwi_series(&folder)?;
    assert!(images.len() >= 18, "{} series", images.len());
    let gpu = device.open();
    for image in &images {
        let (left, right) = (fit_file(&cpu, image, Method::Iwlls)?, fit_file(&gpu, image, Method::Iwlls)?);
        check_agreement(&image.display().to_string(), &left, &right, 0)?;
    }
    let lls = compare(&fit_file(&cpu, &images[0], Method::Iwlls)?, &fit_file(&gpu, &images[0], Method::Lls)?, 0);
    assert!(lls.adc > lls.n / 10, "another method must be noticed");
    Ok(())
}
