//! The noise that fits estimate, against that of simulated series; and what `hepar fit` says and refuses.

use std::path::{Path, PathBuf};

use hepar::simulate::{Noise, add_noise};
use hepar::volume::{Grid, MapData, write_nifti};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support;

const SHAPE: [usize; 3] = [128, 128, 16];
const B: [f64; 7] = [0.0, 0.0, 200.0, 400.0, 600.0, 800.0, 1000.0];
const SIGMA: f64 = 12.0;
/// In units of σ, at b = 0.
const SNR: f64 = 40.0;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sigma_of_repeats", || estimated("repeats", Noise::Rician)),
        Trial::test("sigma_of_repeats_of_real_parts", || estimated("repeats", Noise::Gaussian)),
        Trial::test("sigma_of_residuals", || estimated("residuals", Noise::Rician)),
        Trial::test("sigma_of_the_background", || estimated("background", Noise::Rician)),
        Trial::test("sigma_is_estimated_from_what_there_is", chosen),
        Trial::test("sigma_from_a_map", from_map),
        Trial::test("noise_options_are_refused_where_they_mean_nothing", refused),
    ]
}

struct Folder(tempfile::TempDir);

fn grid() -> Grid {
    let affine = [[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    Grid { shape: SHAPE, affine }
}

/// Whether a voxel lies in the body: an ellipse, with air around it.
fn is_body(v: usize) -> bool {
    let at = |i: usize, n: usize| 2.0 * (i as f64 + 0.5) / n as f64 - 1.0;
    let (x, y) = (at(v % SHAPE[0], SHAPE[0]), at(v / SHAPE[0] % SHAPE[1], SHAPE[1]));
    x * x + y * y < 0.8
}

impl Folder {
    /// dwi.nii of int16, like scanners' images, with these b-values.
    fn new(b_values: &[f64], noise: Noise) -> Result<Self, Failed> {
        let folder = Self(tempfile::tempdir()?);
        let mut all: Vec<i16> = Vec::new();
        for (seed, &b) in (70..).zip(b_values) {
            let signal = |v: usize| if is_body(v) { (SNR * SIGMA * (-b * 1e-3).exp()) as f32 } else { 0.0 };
            let mut volume: Vec<f32> = (0..grid().n_voxels()).map(signal).collect();
            add_noise(&mut volume, SIGMA as f32, noise, seed);
            all.extend(volume.iter().map(|x| x.round() as i16));
        }
        write_nifti(&folder.path("dwi.nii"), &grid(), b_values.len(), MapData::I16(&all))?;
        let words: Vec<String> = b_values.iter().map(f64::to_string).collect();
        std::fs::write(folder.path("dwi.bval"), words.join(" "))?;
        Ok(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn fit(&self, arguments: &str) -> assert_cmd::assert::Assert {
        let mut command = support::hepar();
        command.current_dir(self.0.path()).args(["fit", "dwi.nii", "-o", "out", "--device", "cpu"]);
        command.args(["--pictures", "none", "--write", "ADC", "--force"]).args(arguments.split_whitespace()).assert()
    }

    fn sidecar(&self) -> Result<Value, Failed> {
        Ok(serde_json::from_slice(&std::fs::read(self.path("out/ADC.json"))?)?)
    }
}

fn number(value: &Value) -> Result<f64, Failed> {
    value.as_f64().ok_or_else(|| format!("{value} is no number").into())
}

/// Each estimate lies within four of its standard errors of the truth.
fn estimated(way: &str, noise: Noise) -> Result<(), Failed> {
    let folder = Folder::new(&B, noise)?;
    let name = if noise == Noise::Rician { "rician" } else { "gaussian" };
    folder.fit(&format!("--method nlls --noise {name} --sigma {way}")).success();
    let sidecar = folder.sidecar()?;
    let (found, n) = (number(&sidecar["sigma"]["sigma"])?, number(&sidecar["sigma"]["n_voxels"])?);
    // Relative standard errors times √n: of the sd of n Gaussian differences; of the root of the median of χ² of 5 degrees
    // of freedom, 1/(4·m·f(m)) with its density f at m; of the median of a Rayleigh distribution, to which the choice of the
    // darkest of four corners adds as much again.
    let error = match way {
        "repeats" => std::f64::consts::FRAC_1_SQRT_2,
        "residuals" => 0.419,
        _ => 2.0 * 0.72,
    } / n.sqrt();
    println!("{way}: sigma {found:.4} of {SIGMA} from {n} voxels, standard error {:.2} %", 100.0 * error);
    let agrees = |sigma: f64| (sigma / SIGMA - 1.0).abs() < 4.0 * error;
    assert!(agrees(found), "{way}: {found}");
    assert!(!agrees(found * (1.0 + 9.0 * error)), "the comparison cannot fail");
    assert_eq!(sidecar["noise"], name);
    assert!(sidecar["sigma"]["method"].as_str().is_some_and(|method| method.starts_with(way)), "{sidecar}");
    Ok(())
}

fn chosen() -> Result<(), Failed> {
    let used = |b_values: &[f64], arguments: &str| -> Result<String, Failed> {
        let folder = Folder::new(b_values, Noise::Rician)?;
        let said = folder.fit(&format!("--method nlls --noise rician {arguments}")).success();
        let method = folder.sidecar()?["sigma"]["method"].as_str().unwrap_or_default().to_owned();
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(stderr.contains(&method), "{method} is not said: {stderr}");
        Ok(method.split(':').next().unwrap_or_default().to_owned())
    };
    assert_eq!(used(&B, "")?, "repeats");
    assert_eq!(used(&B, "--average arithmetic --sigma estimate")?, "repeats");
    assert_eq!(used(&B[1..], "--sigma estimate")?, "residuals");
    assert_eq!(used(&B[1..3], "")?, "background");
    Ok(())
}

fn from_map() -> Result<(), Failed> {
    let folder = Folder::new(&B, Noise::Rician)?;
    let adc = |folder: &Folder| -> Result<Vec<f64>, Failed> { values(&folder.path("out/ADC.nii.gz")) };
    folder.fit(&format!("--method nlls --noise rician --sigma {SIGMA}")).success();
    let by_value = adc(&folder)?;
    write_nifti(&folder.path("sigma.nii"), &grid(), 1, MapData::F32(&vec![SIGMA as f32; grid().n_voxels()]))?;
    folder.fit("--method nlls --noise rician --sigma sigma.nii").success();
    let by_map = adc(&folder)?;
    assert!(by_value.iter().zip(&by_map).all(|(a, b)| a.to_bits() == b.to_bits()), "a value and a map of it differ");
    assert_eq!(folder.sidecar()?["sigma"]["map"], true, "no path, which may name a person");
    assert_eq!(folder.sidecar()?["inputs_sha256"].as_array().map(Vec::len), Some(2));
    folder.fit("--method nlls --noise gaussian").success();
    assert!(adc(&folder)? != by_map, "the noise model changes nothing");
    assert!(folder.sidecar()?["sigma"].is_null());
    // What Gaussian fits are told of the noise is noted, and changes nothing.
    for method in ["nlls", "iwlls", "iwlls --robust"] {
        folder.fit(&format!("--method {method}")).success();
        let without = adc(&folder)?;
        folder.fit(&format!("--method {method} --sigma sigma.nii")).success();
        let with = adc(&folder)?;
        assert!(with.iter().zip(&without).all(|(a, b)| a.to_bits() == b.to_bits()), "{method}: sigma was fitted");
        assert_eq!(folder.sidecar()?["sigma"]["map"], true);
    }
    Ok(())
}

fn values(path: &Path) -> Result<Vec<f64>, Failed> {
    let image = hepar::volume::read(path, &hepar::volume::ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f64(0, &mut values);
    Ok(values)
}

fn refused() -> Result<(), Failed> {
    let folder = Folder::new(&B[1..4], Noise::Rician)?;
    for (arguments, status, said) in [
        ("--noise rician --sigma 12", 2, "--method nlls"),
        ("--method lls --robust", 2, "--method nlls"),
        ("--model ivim --method segmented --noise rician", 2, "--method nlls"),
        ("--model ivim --method segmented --robust", 2, "--method nlls"),
        ("--robust", 2, "3 samples do not tell outliers from 2 parameters"),
        ("--robust --average arithmetic", 2, "leave one of them out"),
        ("--method nlls --noise rician --sigma 0", 2, "above 0"),
        ("--method nlls --noise rician --sigma no-such.nii", 66, "no-such.nii"),
        ("--method nlls --noise rician --sigma dwi.nii", 65, "one volume"),
        ("--method nlls --noise rician --sigma repeats", 65, "no two volumes agree"),
        ("--method nlls --noise rician --sigma residuals --average arithmetic", 65, "of averaged"),
    ] {
        let outcome = folder.fit(arguments);
        let output = outcome.get_output();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments}: {stderr}");
        assert!(
            stderr.contains(said) && (status == 66 || stderr.contains("remedy") || status == 2),
            "{arguments}: {stderr}"
        );
    }
    Ok(())
}
