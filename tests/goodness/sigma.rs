//! What a fit leaves, against σ from wherever it is known, and under Rician noise.

use hepar::volume::{MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{B, Folder, N, SHAPE, agree, chi2, lag1};
use crate::pictures::decode;
use crate::support::{self, TestDevice};

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("goodness_of_magnitudes_is_of_the_expected_ones", magnitudes);
    trials.extend([
        Trial::test("goodness_takes_sigma_from_wherever_it_is_known", from_anywhere),
        Trial::test("goodness_of_magnitudes_is_drawn", drawn),
        Trial::test("goodness_of_robust_magnitudes_is_of_the_expected_ones", robust),
    ]);
    trials
}

const LABEL: u16 = 4;

/// σ that rises along i from `sigma` to twice that, and 0 in the last voxel.
fn rising(sigma: f64) -> Vec<f32> {
    let at = |v: usize| sigma * (1.0 + (v % SHAPE[0]) as f64 / (SHAPE[0] - 1) as f64);
    (0..N).map(|v| if v == N - 1 { 0.0 } else { at(v) as f32 }).collect()
}

/// sigma.nii, and labels.nii with one label in every other voxel.
fn write_maps(folder: &Folder, sigma: &[f32]) -> Result<(), Failed> {
    let grid = read(&folder.path("series/series.nii"), &ReadOptions::default())?.grid;
    write_nifti(&folder.path("sigma.nii"), &grid, 1, MapData::F32(sigma))?;
    let labels: Vec<u16> = (0..N).map(|v| if v % 2 == 0 { LABEL } else { 0 }).collect();
    Ok(write_nifti(&folder.path("labels.nii"), &grid, 1, MapData::U16(&labels))?)
}

fn sidecar(folder: &Folder, name: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&std::fs::read(folder.path(name))?)?)
}

/// The mean of χ² in the table's only row.
fn of_table(folder: &Folder, out: &str) -> Result<f64, Failed> {
    let table = std::fs::read_to_string(folder.path(&format!("{out}/fit_quality.tsv")))?;
    let mut rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let (header, row) = (rows.next().ok_or("no header")?, rows.next().ok_or("no row")?);
    let at = header.iter().position(|name| *name == "chi2_reduced_mean").ok_or(format!("no χ² in {table}"))?;
    Ok(row[at].parse()?)
}

/// χ² of each voxel with a σ of its own: that of σ = 1 over σ².
fn chi2_by(residuals: &[Vec<f64>], sigma: &[f32]) -> Vec<f64> {
    let over = |(chi2, &sigma): (f64, &f32)| if sigma > 0.0 { chi2 / f64::from(sigma).powi(2) } else { f64::NAN };
    chi2(residuals, 1.0, 2).into_iter().zip(sigma).map(over).collect()
}

fn mean_of_label(values: &[f64]) -> f64 {
    values.iter().step_by(2).sum::<f64>() / values.iter().step_by(2).count() as f64
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn from_anywhere() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=1.2e-3 --snr 20 --noise gaussian")?;
    let map = rising(30.0);
    write_maps(&folder, &map)?;
    for (out, asked) in [("map", "sigma.nii"), ("value", "40"), ("estimate", "estimate")] {
        folder.fitted(out, &format!("--method nlls --residuals --labels labels.nii --sigma {asked} --format nii"))?;
        let (residuals, found) =
            (folder.volumes(&format!("{out}/residuals.nii"))?, folder.map(&format!("{out}/chi2_reduced.nii"))?);
        let number = sidecar(&folder, &format!("{out}/chi2_reduced.json"))?["sigma"]["sigma"].as_f64();
        let sigma = number.map_or(map.clone(), |sigma| vec![sigma as f32; N]);
        let want = chi2_by(&residuals, &sigma);
        assert!(agree(&found, &want, largest(&want)), "{out}");
        let other: Vec<f32> = sigma.iter().map(|sigma| 1.001 * sigma).collect();
        assert!(!agree(&found, &chi2_by(&residuals, &other), largest(&want)), "{out}: the comparison cannot fail");
        let (table, want) = (of_table(&folder, out)?, mean_of_label(&found));
        assert!((table / want - 1.0).abs() < 1e-5, "{out}: {table}, not {want}");
    }
    let [map, value, estimate] = ["map", "value", "estimate"].map(|out| of_table(&folder, out));
    let (map, value, estimate) = (map?, value?, estimate?);
    println!("mean χ² with σ from a map {map}, as a number {value}, estimated {estimate}");
    assert!((value / (50.0f64 / 40.0).powi(2) - 1.0).abs() < 0.05 && (estimate - 1.0).abs() < 0.05);
    assert!((map - value).abs() > 0.05, "the map is taken for one number");
    Ok(())
}

/// Signals less √(S² + σ²) of the maps that were written, with another σ in each voxel.
fn check_magnitudes(folder: &Folder, options: &str) -> Result<(), Failed> {
    let map = rising(100.0);
    write_maps(folder, &map)?;
    let options = format!("--method nlls --noise rician --sigma sigma.nii {options}");
    folder.fitted("out", &format!("{options} --residuals --labels labels.nii --format nii"))?;
    let (signals, found) = (folder.volumes("series/series.nii")?, folder.volumes("out/residuals.nii")?);
    let (s0, adc) = (folder.map("out/S0.nii")?, folder.map("out/ADC.nii")?);
    assert!(adc[N - 1].is_nan() && adc[..N - 1].iter().all(|adc| adc.is_finite()), "σ = 0 in the last voxel alone");
    for ((b, signal), found) in B.iter().zip(&signals).zip(&found) {
        let left = |stretch: f64| -> Vec<f64> {
            let magnitude = |v: usize| (s0[v] * (-b * adc[v]).exp()).hypot(stretch * f64::from(map[v]));
            (0..N).map(|v| signal[v] - magnitude(v)).collect()
        };
        assert!(agree(found, &left(1.0), 1000.0), "b = {b}");
        assert!(!agree(found, &left(1.001), 1000.0) && !agree(found, &left(0.0), 1000.0), "b = {b}");
    }
    assert!(agree(&folder.map("out/residual_lag1.nii")?, &lag1(&found), 1.0));
    let (written, want) = (folder.map("out/chi2_reduced.nii")?, chi2_by(&found, &map));
    assert!(agree(&written, &want, largest(&want)));
    let (table, want) = (of_table(folder, "out")?, mean_of_label(&written[..N - 1]));
    assert!((table / want - 1.0).abs() < 1e-4, "{table}, not {want}");
    for name in ["residuals", "residual_lag1", "chi2_reduced", "rmse"] {
        let sidecar = sidecar(folder, &format!("out/{name}.json"))?;
        assert!(sidecar["residual"].as_str().is_some_and(|said| said.contains("expected magnitude")), "{sidecar}");
    }
    Ok(())
}

fn magnitudes(device: &TestDevice) -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=2.0e-3 --snr 8")?;
    check_magnitudes(&folder, &format!("--device {}", device.0))?;
    // The root mean square residual of the fit is that of the residuals: the kernel fits what they are held against.
    let (found, rmse) = (folder.volumes("out/residuals.nii")?, folder.map("out/rmse.nii")?);
    let rms = |n: f64| -> Vec<f64> {
        (0..N).map(|v| (found.iter().map(|row| row[v] * row[v]).sum::<f64>() / n).sqrt()).collect()
    };
    assert!(agree(&rms(B.len() as f64), &rmse, 1000.0) && !agree(&rms(B.len() as f64 - 0.1), &rmse, 1000.0));
    Ok(())
}

fn robust() -> Result<(), Failed> {
    check_magnitudes(&Folder::new("--model adc --truth ADC=2.0e-3 --snr 8")?, "--robust --device cpu")
}

fn drawn() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=3.0e-3 --snr 4")?;
    write_maps(&folder, &rising(250.0))?;
    let draw = |out: &str, options: &str| -> Result<image::RgbImage, Failed> {
        folder.fitted(out, &format!("--method nlls --labels labels.nii --plot {LABEL} --write ADC {options}"))?;
        Ok(decode(&std::fs::read(folder.path(&format!("{out}/plot_label_{LABEL}.png")))?))
    };
    let (rician, gaussian) = (draw("rician", "--noise rician --sigma 250")?, draw("gaussian", "--noise gaussian")?);
    // The first colour of curves.
    let count = |shown: &image::RgbImage| shown.pixels().filter(|pixel| pixel.0 == [0, 114, 178]).count();
    assert!(count(&rician) > 800, "{}", count(&rician));
    assert!(rician != gaussian, "noise changes nothing of the picture");
    Ok(())
}
