//! `hepar spectrum` as a user runs it, and its spectra against those of an independent program.

use std::path::{Path, PathBuf};

use hepar::device::{Cpu, Precision, Row, Source};
use hepar::fit::spectrum::{Regularisation, SpectrumOptions};
use hepar::fit::{SpectrumKernel, SpectrumOutput};
use hepar::volume::{Grid, MapData, ReadOptions, Scaling, VoxelType, read, write_nifti};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("spectra_are_those_of_an_independent_program", reference),
        Trial::test("spectrum_writes_maps_sidecars_and_a_record", writes),
        Trial::test("spectrum_writes_a_volume_for_each_diffusivity", whole_spectrum),
        Trial::test("spectrum_tells_regions_apart", regions),
        Trial::test("spectrum_refuses", refuses),
    ];
    trials.extend(support::on_every_gpu("spectra_are_refused", refused_by_gpus));
    trials
}

/// Of each row of `data/reference/nnls/spectra.csv`: no objective is above scipy's but for rounding, and what both say of the
/// spectrum is the same.
fn reference() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/reference/nnls");
    let mut table = csv::Reader::from_path(folder.join("spectra.csv"))?;
    let b_values: Vec<f64> = table.headers()?.iter().filter_map(|name| name.strip_prefix('b')?.parse().ok()).collect();
    let (mut rows, mut highest, mut least_other, mut farthest) = (0, f64::MIN, f64::MAX, [0.0f64; 2]);
    for row in table.records() {
        let row: Vec<f64> = row?.iter().map(str::parse).collect::<Result<_, _>>()?;
        let (s, found) = row.split_at(b_values.len());
        let &[lambda, objective, squares, area, slow_area] = found else { return Err("five results a row".into()) };
        let regularisation = if lambda > 0.0 { Regularisation::Fixed(lambda) } else { Regularisation::None };
        let options = SpectrumOptions { regularisation, ..SpectrumOptions::default() };
        let x = spectrum(&options, &b_values, s)?;
        let fitted = |b: f64| options.diffusivities().iter().zip(&x).map(|(d, x)| x * (-b * d).exp()).sum::<f64>();
        let squares_of = |scale: f64| b_values.iter().zip(s).map(|(&b, s)| (scale * fitted(b) - s).powi(2)).sum::<f64>();
        let objective_of = |scale: f64| squares_of(scale) + lambda * x.iter().map(|x| (scale * x).powi(2)).sum::<f64>();
        let own_squares = squares_of(1.0);
        highest = highest.max(objective_of(1.0) - objective);
        least_other = least_other.min(objective_of(1.0001) - objective);
        // Without regularisation and noise, spectra that differ fit alike.
        if lambda > 0.0 {
            let slow = options.diffusivities().iter().zip(&x).filter(|(d, _)| **d < 5e-3).map(|(_, x)| x).sum::<f64>();
            let off = (x.iter().sum::<f64>() - area).abs().max((slow - slow_area).abs());
            farthest[0] = farthest[0].max(off);
            farthest[1] = farthest[1].max((own_squares - squares).abs());
        }
        rows += 1;
    }
    println!(
        "{rows} spectra: objective at most {highest:.1e} above; area off by {:.1e}, squares {:.1e}",
        farthest[0], farthest[1]
    );
    assert_eq!(rows, 80);
    assert!(highest < 1e-12, "{highest:e}");
    assert!(farthest.iter().all(|&off| off < 1e-6), "{farthest:?}");
    assert!(least_other > 1e-12, "a spectrum that is 0.01 % off is as good: {least_other:e}");
    Ok(())
}

fn spectrum(options: &SpectrumOptions, b_values: &[f64], samples: &[f64]) -> Result<Vec<f64>, Failed> {
    let spectrum: Vec<SpectrumOutput> =
        SpectrumOutput::all(options).into_iter().filter(|output| output.name == "spectrum").collect();
    let kernel = SpectrumKernel::new(options, b_values, &spectrum)?;
    let row =
        |sample| Row { bytes: bytemuck::bytes_of(sample), voxel_type: VoxelType::F64, scaling: Scaling::IDENTITY };
    let source = Source::new(samples.iter().map(row).collect(), 1, None);
    let columns = Cpu::new(1, Precision::F64)?.run(&kernel, &source);
    Ok(columns.into_iter().flat_map(|column| column.into_f64()).collect())
}

const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 150.0, 200.0, 400.0, 600.0, 800.0];

/// Slow fraction of the left and the right half of the image.
const FRACTION: [f64; 2] = [0.9, 0.7];

fn grid() -> Grid {
    let affine = [[-2.0, 0.0, 0.0, 9.0], [0.0, 2.0, 0.0, -5.0], [0.0, 0.0, 5.0, 1.0], [0.0, 0.0, 0.0, 1.0]];
    Grid { shape: [8, 6, 2], affine }
}

fn half(voxel: usize) -> usize {
    usize::from(voxel % 8 >= 4)
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// Holds dwi.nii.gz of D 1e-3 and 20e-3 mm²/s with its b-values, and labels 1 and 2 of the two halves.
    fn new() -> Result<Self, Failed> {
        let folder = Self(tempfile::tempdir()?);
        let signal = |b: f64, slow: f64| 1000.0 * (slow * (-b * 1e-3).exp() + (1.0 - slow) * (-b * 20e-3).exp());
        let volume = |&b: &f64| (0..grid().n_voxels()).map(move |v| signal(b, FRACTION[half(v)]) as f32);
        let volumes: Vec<f32> = B.iter().flat_map(volume).collect();
        write_nifti(&folder.path("dwi.nii.gz"), &grid(), B.len(), MapData::F32(&volumes))?;
        std::fs::write(folder.path("dwi.bval"), B.map(|b| b.to_string()).join(" "))?;
        let labels: Vec<u16> = (0..grid().n_voxels()).map(|v| 1 + half(v) as u16).collect();
        write_nifti(&folder.path("labels.nii.gz"), &grid(), 1, MapData::U16(&labels))?;
        Ok(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `hepar spectrum dwi.nii.gz -o out` with further arguments.
    fn spectrum(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = support::hepar();
        command.current_dir(self.0.path()).args(["spectrum", "dwi.nii.gz", "-o", "out"]).args(arguments).assert()
    }

    /// `[volume][voxel]`
    fn map(&self, name: &str) -> Result<Vec<Vec<f32>>, Failed> {
        let image = read(&self.path("out").join(format!("{name}.nii.gz")), &ReadOptions::default())?;
        let volume = |volume| {
            let mut values = vec![0.0; image.grid.n_voxels()];
            image.row(volume).load_f32(0, &mut values);
            values
        };
        Ok((0..image.n_volumes()).map(volume).collect())
    }

    fn json(&self, name: &str) -> Result<Value, Failed> {
        Ok(serde_json::from_slice(&std::fs::read(self.path("out").join(name))?)?)
    }
}

const MAPS: [&str; 12] = [
    "S0",
    "slow_fraction",
    "slow_D",
    "intermediate_fraction",
    "intermediate_D",
    "fast_fraction",
    "fast_D",
    "n_peaks",
    "rmse",
    "regularisation",
    "iterations",
    "status",
];

fn writes() -> Result<(), Failed> {
    let folder = Folder::new()?;
    folder.spectrum(&[]).success();
    for (name, tolerance, expected) in [
        ("S0", 2.0, [1000.0; 2]),
        ("slow_fraction", 0.01, FRACTION),
        ("slow_D", 3e-5, [1e-3; 2]),
        ("intermediate_D", 1e-3, [20e-3; 2]),
        ("n_peaks", 0.1, [2.0; 2]),
    ] {
        for (v, value) in folder.map(name)?.remove(0).into_iter().enumerate() {
            let off = (f64::from(value) - expected[half(v)]).abs();
            assert!(off < tolerance, "{name} of voxel {v}: {value}");
        }
    }
    for name in MAPS {
        let sidecar = folder.json(&format!("{name}.json"))?;
        assert_eq!((&sidecar["model"], &sidecar["method"]), (&"spectrum".into(), &"nnls".into()));
        assert_eq!(sidecar["regularisation"], "misfit:1.02");
        assert_eq!(sidecar["b_values_s_per_mm2"], serde_json::json!(B));
        assert_eq!(sidecar["perfusion_sensitive"], false);
        assert!(sidecar["note"].as_str().is_some_and(|note| note.contains("Research use only")));
        assert!(folder.path("out").join(format!("{name}.png")).is_file());
    }
    assert_eq!(folder.json("slow_D.json")?["units"], "mm^2/s");
    let record = folder.json("hepar.json")?;
    assert_eq!(record["command"], "spectrum");
    assert_eq!(record["outputs"].as_array().map(Vec::len), Some(3 * MAPS.len()));
    Ok(())
}

fn whole_spectrum() -> Result<(), Failed> {
    let folder = Folder::new()?;
    let mask: Vec<u8> = (0..grid().n_voxels()).map(|v| half(v) as u8).collect();
    write_nifti(&folder.path("mask.nii.gz"), &grid(), 1, MapData::U8(&mask))?;
    let options = ["--bins", "60", "--range", "0.0007:0.3", "--peaks", "all=0.0007:0.3", "--regularisation", "0.01"];
    let remarks = |write: &str| -> Vec<String> {
        let arguments = [&options[..], &["--mask", "mask.nii.gz", "--force", "--write", write]].concat();
        let said = String::from_utf8_lossy(&folder.spectrum(&arguments).success().get_output().stdout).into_owned();
        said.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect()
    };
    let of_status = remarks("S0");
    assert_eq!(remarks("spectrum,S0,all_D"), of_status, "the spectrum's volumes hide the status");
    assert!(!of_status.is_empty(), "no spectrum has a remark: nothing was compared");
    let (spectrum, s0, mean) = (folder.map("spectrum")?, folder.map("S0")?.remove(0), folder.map("all_D")?.remove(0));
    let d: Vec<f64> = serde_json::from_value(folder.json("spectrum.json")?["diffusivities_mm2_per_s"].clone())?;
    assert_eq!((spectrum.len(), d.len(), d[0], d[59]), (60, 60, 0.0007, 0.3));
    for (v, &inside) in mask.iter().enumerate() {
        let x: Vec<f64> = spectrum.iter().map(|volume| f64::from(volume[v])).collect();
        if inside == 0 {
            assert!(x.iter().all(|x| x.is_nan()) && s0[v].is_nan(), "voxel {v} is outside the mask");
            continue;
        }
        let area: f64 = x.iter().sum();
        let ln_mean = x.iter().zip(&d).map(|(x, d)| x * d.ln()).sum::<f64>() / area;
        assert!((area / f64::from(s0[v]) - 1.0).abs() < 1e-6, "area {area}, S0 {}", s0[v]);
        assert!((ln_mean.exp() / f64::from(mean[v]) - 1.0).abs() < 1e-6, "voxel {v}: {}", mean[v]);
    }
    assert!(folder.path("out/S0.png").is_file() && !folder.path("out/spectrum.png").exists());
    Ok(())
}

fn regions() -> Result<(), Failed> {
    let folder = Folder::new()?;
    folder.spectrum(&["--labels", "labels.nii.gz", "--write", "S0", "--pictures", "none"]).success();
    let table = std::fs::read_to_string(folder.path("out/spectrum_regions.tsv"))?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|c| *c == name).ok_or(format!("no column {name}"));
    assert_eq!(rows.len(), 3);
    for (row, fraction) in rows[1..].iter().zip(FRACTION) {
        for name in ["slow_fraction_mean", "mean_decay_slow_fraction"] {
            assert!((row[column(name)?].parse::<f64>()? - fraction).abs() < 0.01, "{name}: {row:?}");
        }
        column("slow_D_mean_mm2_per_s")?;
    }
    Ok(())
}

fn refuses() -> Result<(), Failed> {
    let folder = Folder::new()?;
    for (arguments, named) in [
        (&["--bvals", "0,0,50,50,200,200,400,400,800,800"][..], "5 different b-values"),
        (&["--device", "gpu"], "--device cpu"),
        (&["--range", "0.5:0.1"], "--range 0.5:0.1"),
        (&["--bins", "3"], "--bins 3"),
        (&["--regularisation", "smooth"], "misfit"),
        (&["--regularisation", "1e-15"], "rounding"),
        (&["--peaks", "slow=2:3"], "--peaks slow"),
        (&["--peaks", "a=0.001:0.01", "--peaks", "A=0.01:0.1"], "twice"),
        (&["--write", "slow_d"], "slow_D"),
    ] {
        let output = folder.spectrum(arguments).failure();
        let message = String::from_utf8(output.get_output().stderr.clone())?;
        assert_eq!(output.get_output().status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(named), "{arguments:?}: {message}");
        assert!(!folder.path("out").exists(), "{arguments:?}");
    }
    Ok(())
}

fn refused_by_gpus(device: &support::TestDevice) -> Result<(), Failed> {
    let options = SpectrumOptions::default();
    let kernel = SpectrumKernel::new(&options, &B, &SpectrumOutput::all(&options)[..1])?;
    let row = |b: &f64| vec![1000.0 * (-b * 1e-3f32 as f64).exp() as f32];
    let images: Vec<Vec<f32>> = B.iter().map(row).collect();
    let row = |image| Row {
        bytes: bytemuck::cast_slice::<f32, u8>(image),
        voxel_type: VoxelType::F32,
        scaling: Scaling::IDENTITY,
    };
    let source = Source::new(images.iter().map(|image| row(image)).collect(), 1, None);
    let error = device.open().run(&kernel, &source, &()).err().ok_or("a GPU ran what it has no shader for")?;
    assert_eq!(error.exit_status(), 69, "{error}");
    assert!(error.to_string().contains("--device cpu"), "{error}");
    Ok(())
}
