//! `hepar fit` as a user runs it: its outputs, its table, its refusals.

use std::path::{Path, PathBuf};

use hepar::volume::{Grid, MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("fit_writes_maps_sidecars_and_a_record", writes),
        Trial::test("fit_tells_regions_apart", regions),
        Trial::test("fit_takes_several_3d_files", several_files),
        Trial::test("fit_leaves_what_is_outside_the_mask", outside_the_mask),
        Trial::test("fit_refuses", refuses),
        Trial::test("fit_of_a_file_that_changes_meanwhile_is_refused", changed_meanwhile),
        Trial::test("fit_says_nothing_when_quiet", quiet),
        Trial::test("fit_writes_the_same_values_uncompressed", uncompressed),
    ];
    #[cfg(unix)]
    trials.push(Trial::test("fit_ends_when_the_disk_is_full", full_disk));
    #[cfg(feature = "fault-injection")]
    trials.extend(support::on_every_gpu("fault_that_stays_leaves_nothing_half_written", persistent_fault));
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    trials
}

const B: [f64; 4] = [50.0, 200.0, 500.0, 750.0];

/// ADC in mm²/s of the left and the right half of the image.
const ADC: [f64; 2] = [1.0e-3, 2.0e-3];

fn grid() -> Grid {
    let affine = [[-2.0, 0.0, 0.0, 9.0], [0.0, 2.0, 0.0, -5.0], [0.0, 0.0, 5.0, 1.0], [0.0, 0.0, 0.0, 1.0]];
    Grid { shape: [8, 6, 3], affine }
}

fn adc_of(voxel: usize) -> f64 {
    ADC[usize::from(voxel % 8 >= 4)]
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// Holds dwi.nii.gz with its b-values, and labels 1 and 2 of the two halves.
    fn new() -> Result<Self, Failed> {
        let folder = Self(tempfile::tempdir()?);
        let volumes: Vec<f32> = B.iter().flat_map(|&b| volume(b)).collect();
        write_nifti(&folder.path("dwi.nii.gz"), &grid(), B.len(), MapData::F32(&volumes))?;
        std::fs::write(folder.path("dwi.bval"), "50 200 500 750\n")?;
        let labels: Vec<u16> = (0..grid().n_voxels()).map(|v| 1 + u16::from(v % 8 >= 4)).collect();
        write_nifti(&folder.path("labels.nii.gz"), &grid(), 1, MapData::U16(&labels))?;
        std::fs::write(folder.path("labels.tsv"), "index\tname\n1\tliver\n2\tlesion\n")?;
        Ok(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `hepar fit dwi.nii.gz -o out` with further arguments, on the CPU.
    fn fit(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = support::hepar();
        command.current_dir(self.0.path()).args(["fit", "dwi.nii.gz", "-o", "out", "--device", "cpu"]);
        command.args(arguments).assert()
    }

    fn map(&self, name: &str) -> Result<Vec<f32>, Failed> {
        values(&self.path("out").join(format!("{name}.nii.gz")))
    }
}

fn volume(b: f64) -> Vec<f32> {
    (0..grid().n_voxels()).map(|v| (1000.0 * (-b * adc_of(v)).exp()) as f32).collect()
}

fn values(path: &Path) -> Result<Vec<f32>, Failed> {
    let image = read(path, &ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    Ok(values)
}

fn is_true_adc(adc: &[f32]) -> bool {
    adc.iter().enumerate().all(|(v, &adc)| (f64::from(adc) - adc_of(v)).abs() < 1e-8)
}

fn json(path: &Path) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn writes() -> Result<(), Failed> {
    let folder = Folder::new()?;
    folder.fit(&[]).success();
    let adc = folder.map("ADC")?;
    assert!(is_true_adc(&adc) && !is_true_adc(&adc.iter().map(|v| v * 1.01).collect::<Vec<_>>()));
    assert!(folder.map("S0")?.iter().all(|s0| (s0 - 1000.0).abs() < 0.01));
    for name in ["ADC", "S0", "ADC_se", "rmse", "R2", "iterations", "status"] {
        let sidecar = json(&folder.path("out").join(format!("{name}.json")))?;
        assert_eq!(sidecar["model"], "adc");
        assert_eq!(sidecar["method"], "iwlls");
        assert_eq!(sidecar["b_values_s_per_mm2"], serde_json::json!(B));
        assert_eq!(sidecar["inputs_sha256"][0].as_str().map(str::len), Some(64));
        assert_eq!(sidecar["perfusion_sensitive"], false);
        assert!(sidecar["note"].as_str().is_some_and(|note| note.contains("Research use only")));
        assert!(folder.path("out").join(format!("{name}.png")).is_file());
    }
    assert_eq!(json(&folder.path("out/ADC.json"))?["units"], "mm^2/s");
    assert!(json(&folder.path("out/status.json"))?["status_bits"]["8"].is_string());
    let record = json(&folder.path("out/hepar.json"))?;
    assert_eq!(record["command"], "fit");
    assert_eq!(record["outputs"].as_array().map(Vec::len), Some(21));
    Ok(())
}

fn regions() -> Result<(), Failed> {
    let folder = Folder::new()?;
    folder.fit(&["--labels", "labels.nii.gz", "--write", "S0", "--pictures", "none"]).success();
    let table = std::fs::read_to_string(folder.path("out/ADC_regions.tsv"))?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|c| *c == name).expect("the column is there");
    assert_eq!(rows.len(), 3);
    for (row, (name, adc)) in rows[1..].iter().zip([("liver", ADC[0]), ("lesion", ADC[1])]) {
        assert_eq!(row[column("name")], name);
        assert_eq!(row[column("n")], "72");
        for value in ["ADC_mean_mm2_per_s", "ADC_median_mm2_per_s", "mean_decay_ADC_mm2_per_s"] {
            assert!((row[column(value)].parse::<f64>()? - adc).abs() < 1e-8, "{name} {value}");
        }
    }
    // A b-value below 50 holds perfusion: the log-linear value stands beside the other.
    folder.fit(&["--labels", "labels.nii.gz", "--bvals", "0,200,500,750", "--force"]).success();
    let table = std::fs::read_to_string(folder.path("out/ADC_regions.tsv"))?;
    assert_eq!(table.lines().filter(|line| line.contains("\tlls\t")).count(), 2);
    assert_eq!(json(&folder.path("out/ADC.json"))?["perfusion_sensitive"], true);
    Ok(())
}

fn several_files() -> Result<(), Failed> {
    let folder = Folder::new()?;
    let names: Vec<String> = B.iter().map(|b| format!("b{b}.nii")).collect();
    for (name, &b) in names.iter().zip(&B) {
        write_nifti(&folder.path(name), &grid(), 1, MapData::F32(&volume(b)))?;
    }
    let mut command = support::hepar();
    command.current_dir(folder.0.path()).arg("fit").args(&names).args(["--bvals", "50,200,500,750", "-o", "out"]);
    command.assert().success();
    assert!(is_true_adc(&folder.map("ADC")?));
    Ok(())
}

/// Uncompressed maps are written while they are computed, others after it.
fn uncompressed() -> Result<(), Failed> {
    let folder = Folder::new()?;
    folder.fit(&["--pictures", "none"]).success();
    folder.fit(&["--pictures", "none", "--format", "nii", "--force"]).success();
    for name in ["ADC", "S0", "ADC_se", "rmse", "R2", "iterations", "status"] {
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let compressed = bits(folder.map(name)?);
        assert!(compressed == bits(values(&folder.path("out").join(format!("{name}.nii")))?), "{name}");
    }
    assert_ne!(folder.map("ADC")?, folder.map("S0")?);
    Ok(())
}

/// A map of 5 MB on a disk that takes 2: neither the map nor a part of it is left.
#[cfg(unix)]
fn full_disk() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let grid = Grid { shape: [128, 128, 80], ..grid() };
    let voxels: Vec<i16> = (0..grid.n_voxels() * B.len()).map(|v| 100 + (v % 997) as i16).collect();
    write_nifti(&folder.path().join("dwi.nii"), &grid, B.len(), MapData::I16(&voxels))?;
    let fit = |limit: &str| {
        // The signal that would kill the writer is ignored, so that it sees the error.
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.current_dir(folder.path()).args(["-c", &script, env!("CARGO_BIN_EXE_hepar"), "fit", "dwi.nii"]);
        command.args(["--bvals", "50,200,500,750", "--write", "ADC", "--pictures", "none", "--format", "nii"]);
        command.args(["--device", "cpu", "-o", "out"]).output()
    };
    let output = fit("4096")?;
    let message = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(74), "{message}");
    assert!(message.contains("ADC.nii") && message.contains("remedy"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path().join("out"))?.count(), 0, "a part is left");
    assert!(fit("unlimited")?.status.success());
    Ok(())
}

/// A series large enough to be used in place, and a fit that is long enough to be disturbed.
fn changed_meanwhile() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let grid = Grid { shape: [64, 64, 32], ..grid() };
    let (n, b) = (grid.n_voxels(), [0, 10, 20, 40, 80, 120, 200, 400, 600, 800]);
    let signal = |i: usize| (1000.0 * (-1.2e-3 * f64::from(b[i / n])).exp() + (i * i % 97) as f64) as f32;
    let volumes: Vec<f32> = (0..n * b.len()).map(signal).collect();
    write_nifti(&path("dwi.nii"), &grid, b.len(), MapData::F32(&volumes))?;
    std::fs::write(path("dwi.bval"), b.map(|b| b.to_string()).join(" "))?;
    let mask: Vec<u8> = (0..n).map(|v| u8::from(v < 16_384)).collect();
    write_nifti(&path("mask.nii.gz"), &grid, 1, MapData::U8(&mask))?;
    let fit = |out: &str, meanwhile: &dyn Fn()| -> Result<std::process::Output, Failed> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hepar"));
        command.current_dir(folder.path()).args(["fit", "dwi.nii", "--model", "ivim", "--precision", "f64"]);
        command.args(["--mask", "mask.nii.gz", "--write", "D", "--pictures", "none", "--threads", "1", "-o", out]);
        let child = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn()?;
        while !path(out).exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        // The fit begins now; its input has been hashed long before it ends.
        std::thread::sleep(std::time::Duration::from_millis(150));
        meanwhile();
        Ok(child.wait_with_output()?)
    };
    assert!(fit("undisturbed", &|| ())?.status.success());
    let last = 352 + 4 * (n * b.len()) as u64 - 4;
    let change = || {
        let mut file = std::fs::File::options().write(true).open(path("dwi.nii")).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(last)).unwrap();
        std::io::Write::write_all(&mut file, &[0; 4]).unwrap();
    };
    let output = fit("disturbed", &change)?;
    let message = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(65), "{message}");
    assert!(message.contains("dwi.nii") && message.contains("changed") && message.contains("remedy"), "{message}");
    assert_eq!(std::fs::read_dir(path("disturbed"))?.count(), 0, "something is left");
    Ok(())
}

fn outside_the_mask() -> Result<(), Failed> {
    let folder = Folder::new()?;
    let mask: Vec<u8> = (0..grid().n_voxels()).map(|v| u8::from(v % 8 >= 4)).collect();
    write_nifti(&folder.path("mask.nii.gz"), &grid(), 1, MapData::U8(&mask))?;
    folder.fit(&["--mask", "mask.nii.gz"]).success();
    let (adc, status) = (folder.map("ADC")?, folder.map("status")?);
    for (v, &inside) in mask.iter().enumerate() {
        assert_eq!(adc[v].is_nan(), inside == 0);
        assert_eq!(status[v], if inside == 0 { f32::from(hepar::fit::status::NOT_ASKED_FOR) } else { 0.0 });
    }
    Ok(())
}

fn refuses() -> Result<(), Failed> {
    let folder = Folder::new()?;
    let says = |arguments: &[&str], code: i32, words: &[&str]| {
        let assert = folder.fit(arguments).code(code);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(words.iter().all(|word| text.contains(word)), "{arguments:?} says {text:?}");
        assert!(!folder.path("out/hepar.json").exists(), "{arguments:?} looks done");
    };
    says(&["--bvals", "50,200"], 65, &["2", "4"]);
    says(&["--bval", "none.bval"], 66, &["none.bval", "remedy"]);
    says(&["--labels", "none.nii.gz"], 66, &["none.nii.gz"]);
    says(&["--method", "best"], 2, &["iwlls"]);
    says(&["--b-min", "5000"], 65, &["50, 200, 500, 750", "--b-min"]);
    let mut missing = support::hepar();
    missing.args(["fit", "none.nii.gz", "-o"]).arg(folder.path("out")).assert().code(66);
    let mut device = support::hepar();
    device.current_dir(folder.0.path()).args(["fit", "dwi.nii.gz", "-o", "out", "--device", "no-such-device"]);
    device.assert().code(69);
    folder.fit(&[]).success();
    let before = std::fs::read(folder.path("out/ADC.nii.gz"))?;
    folder.fit(&["--method", "lls"]).code(73);
    assert_eq!(std::fs::read(folder.path("out/ADC.nii.gz"))?, before);
    folder.fit(&["--method", "lls", "--force"]).success();
    Ok(())
}

fn quiet() -> Result<(), Failed> {
    let assert = Folder::new()?.fit(&["--quiet", "--bvals", "0,200,500,750"]).success();
    assert!(assert.get_output().stdout.is_empty() && assert.get_output().stderr.is_empty());
    Ok(())
}

#[cfg(feature = "fault-injection")]
fn persistent_fault(device: &support::TestDevice) -> Result<(), Failed> {
    for fault in ["oom:1+", "lost:1+"] {
        let folder = Folder::new()?;
        let mut command = support::hepar();
        command.current_dir(folder.0.path()).env("HEPAR_FAULT", fault);
        command.args(["fit", "dwi.nii.gz", "-o", "out", "--device", &device.0.to_string()]).assert().code(75);
        let left = std::fs::read_dir(folder.path("out")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{fault} leaves {left} files");
    }
    Ok(())
}
