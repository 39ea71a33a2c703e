//! Facts that are read from sidecars, what depends on them, and a case file that is proposed.

use std::fs;
use std::path::Path;

use hepar::device::DeviceChoice;
use hepar::enhance::Agent;
use hepar::volume::{Grid, MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use super::{hepar, table, written};
use crate::support;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("case_takes_times_from_clocks", clocks),
        Trial::test("case_has_iron_at_one_field_alone", iron),
        Trial::test("case_finds_iodine", iodine),
        Trial::test("case_is_proposed_for_a_folder", proposed),
    ];
    trials.extend(support::on_every_gpu("case_is_the_same_on_the_cpu", |device| same_on_every_device(&device.0)));
    trials
}

fn edit(path: &Path, from: &str, to: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    assert!(text.contains(from), "{} has no {from:?}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}

fn out(folder: &Path, name: &str) -> (std::path::PathBuf, String) {
    let out = folder.join(name);
    let text = out.display().to_string();
    (out, text)
}

fn clocks() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let case = folder.path().join("case.toml");
    edit(&case, "[dynamic]\n", "[dynamic]\ninjection_time = \"23:59:30\"\n")?;
    for (phase, seconds, clock) in [("arterial", "32.0", "00:00:02.0"), ("portal", "68.0", "00:00:38"), ("delayed", "180.0", "00:02:30")] {
        edit(&case, &format!("seconds = {seconds}\n"), "")?;
        edit(&folder.path().join(format!("{phase}.json")), "{", &format!("{{\n  \"AcquisitionTime\": \"{clock}\","))?;
    }
    let (results, dir) = out(folder.path(), "out");
    let said = hepar("run", &case, &["-o", &dir, "--pictures", "none"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    let seconds: Vec<String> = table(&results.join("phases.tsv"))?.into_iter().map(|row| row["seconds"].clone()).collect();
    assert_eq!(seconds, ["", "32", "68", "180"]);
    assert!(!fs::read_to_string(results.join("hepar.json"))?.contains("23:59"));
    // A stated time that contradicts the clocks is a fault.
    edit(&case, "role = \"portal\"\n", "role = \"portal\"\nseconds = 70\n")?;
    let said = hepar("check", &case, &[])?;
    assert!(said.status == 65 && said.text.contains("70 s after injection by the case file, but 68.0 s"), "{}", said.text);
    Ok(())
}

fn iron() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let case = folder.path().join("case.toml");
    let files = "files = [\"t2star_e1.nii.gz\", \"t2star_e2.nii.gz\", \"t2star_e3.nii.gz\", \"t2star_e4.nii.gz\"]\n";
    fs::write(&case, format!("schema = 1\n[[labels]]\nfile = \"labels.nii.gz\"\n[t2star]\n{files}"))?;
    let (results, dir) = out(folder.path(), "out");
    let said = hepar("run", &case, &["-o", &dir, "--pictures", "none"])?;
    assert!(said.status == 0 && said.text.contains("defined at 1.5 T only, not at 3 T"), "{}", said.text);
    assert!(!results.join("iron").exists());
    edit(&case, "schema = 1\n", "schema = 1\nfield_strength_t = 1.5\n")?;
    let said = hepar("check", &case, &[])?;
    assert!(said.status == 65 && said.text.contains("the field is 3 T by its sidecar, but 1.5 T by the case file"), "{}", said.text);
    for echo in 1..=4 {
        edit(&folder.path().join(format!("t2star_e{echo}.json")), "\"MagneticFieldStrength\": 3.0", "\"MagneticFieldStrength\": 1.5")?;
    }
    let (results, dir) = out(folder.path(), "at_1_5_T");
    let said = hepar("run", &case, &["-o", &dir, "--pictures", "none"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    let values = table(&results.join("values.tsv"))?;
    let mean = |map: &str| -> f64 {
        let row = values.iter().find(|row| row["map"] == map && row["region"] == "liver");
        row.map_or(f64::NAN, |row| row["mean"].parse().unwrap_or(f64::NAN))
    };
    // Both are straight lines: the mean of the map is the line at the mean.
    for (map, slope, intercept) in [("liver_iron_wood", 0.0254, 0.202), ("liver_iron_2022", 0.02603, -0.16)] {
        let expected = slope * mean("R2star") + intercept;
        assert!((mean(map) / expected - 1.0).abs() < 1e-5, "{map}: {} is not {expected}", mean(map));
    }
    Ok(())
}

fn iodine() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let affine = [[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let grid = Grid { shape: [6, 1, 1], affine };
    // Tissue of 50 HU with 0, 1, 2 and 3 mg/ml of iodine, which adds 40 and 20 HU per mg/ml.
    for (name, per_mg_ml) in [("low.nii", 40i16), ("high.nii", 20)] {
        let tissue = (0..4).map(|mg_ml| 50 + per_mg_ml * mg_ml);
        let values: Vec<i16> = tissue.chain([-100, -1000]).collect();
        write_nifti(&folder.path().join(name), &grid, 1, MapData::I16(&values))?;
    }
    write_nifti(&folder.path().join("labels.nii"), &grid, 1, MapData::U16(&[1, 1, 1, 1, 0, 0]))?;
    let case = folder.path().join("case.toml");
    fs::write(&case, "schema = 1\nlabels = [{ file = \"labels.nii\" }]\n[energies]\nfiles = [\"low.nii\", \"high.nii\"]\niodine_hu_per_mg_ml = [40, 20]\nmask = \"labels.nii\"\n")?;
    let (results, dir) = out(folder.path(), "out");
    let said = hepar("run", &case, &["-o", &dir, "--pictures", "none"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    for (map, unit, expected) in [("iodine", "mg/ml", [0.0, 1.0, 2.0, 3.0]), ("virtual_unenhanced", "HU", [50.0; 4])] {
        let sidecar = fs::read_to_string(results.join(format!("iodine/unmix_iodine/{map}.json")))?;
        assert!(sidecar.contains(&format!("\"units\": \"{unit}\"")), "{sidecar}");
        let measured: Vec<_> = table(&results.join("values.tsv"))?.into_iter().filter(|row| row["map"] == map).collect();
        assert!(!measured.is_empty() && measured.iter().all(|row| row["unit"] == unit), "{measured:?}");
        let image = read(&results.join(format!("iodine/unmix_iodine/{map}.nii.gz")), &ReadOptions::default())?;
        let mut values = [0.0f32; 6];
        image.row(0).load_f32(0, &mut values);
        assert!(values.iter().zip(expected).all(|(v, e)| (f64::from(*v) - e).abs() < 1e-3), "{map}: {values:?}");
        assert!(values[4..].iter().all(|v| v.is_nan()), "outside of the mask, {map}: {values:?}");
    }
    assert!(!results.join("iodine/unmix_iodine/c1.nii.gz").exists());
    assert!(table(&results.join("values.tsv"))?.iter().all(|row| row["map"] != "c1" && row["map"] != "c2"));
    // What cannot be HU gives none.
    let values: Vec<i16> = vec![1000, 1040, 1080, 1120, 900, 1];
    fs::remove_file(folder.path().join("high.nii"))?;
    write_nifti(&folder.path().join("high.nii"), &grid, 1, MapData::I16(&values))?;
    let wrong = out(folder.path(), "wrong").1;
    for (command, more) in [("check", vec![]), ("run", vec!["-o", &wrong, "--pictures", "none"])] {
        let said = hepar(command, &case, &more)?;
        assert!(said.status == 65 && said.text.contains("cannot be HU"), "{command}: {}", said.text);
    }
    Ok(())
}

/// What is proposed for the phantom's folder, with what only a person knows, runs.
fn proposed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    fs::remove_file(folder.path().join("case.toml"))?;
    let case = folder.path().join("proposed.toml");
    let said = hepar("init", folder.path(), &["-o", &case.display().to_string()])?;
    assert_eq!(said.status, 0, "{}", said.text);
    let said = hepar("check", &case, &[])?;
    assert!(said.status == 65 && said.text.contains("what was injected is not stated"), "{}", said.text);
    edit(&case, "# agent = \"extracellular\"", "agent = \"extracellular\"")?;
    let text = fs::read_to_string(&case)?;
    let filled = ["32", "68", "180"].iter().fold(text, |text, s| text.replacen("# seconds = 0", &format!("seconds = {s}"), 1));
    fs::write(&case, filled)?;
    let said = hepar("check", &case, &[])?;
    for part in ["dwi/adc", "t2/t2", "t2star/t2star", "t1/t1_vfa", "chemical_shift", "dynamic"] {
        assert!(said.text.contains(part), "{part} is missing:\n{}\n{}", said.text, fs::read_to_string(&case)?);
    }
    assert_eq!(hepar("init", folder.path(), &["-o", &case.display().to_string()])?.status, 73);
    Ok(())
}

/// Maps by formula and curves: within 1e-5 relative, or 1e-5 of the map's robust range.
fn same_on_every_device(device: &DeviceChoice) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Gadoxetate, folder.path())?;
    let case = folder.path().join("case.toml");
    let text = fs::read_to_string(&case)?;
    // The phases alone: fits have tests of their own.
    let end = text.find("\n[dwi]").unwrap_or(text.len());
    fs::write(&case, &text[..end])?;
    let mut results = Vec::new();
    for (name, device) in [("cpu", DeviceChoice::Cpu), ("gpu", device.clone())] {
        let (results_in, dir) = out(folder.path(), name);
        let args = ["--device", &device.to_string(), "-o", &dir, "--pictures", "none", "--format", "nii"];
        let output = support::hepar().arg("run").arg(&case).args(args).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        results.push(results_in.join("dynamic"));
    }
    let mut n = 0;
    for entry in fs::read_dir(&results[0])? {
        let name = entry?.file_name();
        let is_map = name.to_string_lossy().ends_with(".nii");
        let is_code = ["status", "curve_type", "time_to_peak"].iter().any(|start| name.to_string_lossy().starts_with(start));
        if !is_map || is_code {
            continue;
        }
        let load = |folder: &Path| -> Result<Vec<f32>, Failed> {
            let image = read(&folder.join(&name), &ReadOptions::default())?;
            let mut values = vec![0.0; image.grid.n_voxels()];
            image.row(0).load_f32(0, &mut values);
            Ok(values)
        };
        let (cpu, gpu) = (load(&results[0])?, load(&results[1])?);
        let (low, high) = hepar::report::robust_range(&cpu, hepar::report::ColourKind::Sequential);
        let apart = |(a, b): (&f32, &f32)| {
            let allowed = 1e-5 * a.abs().max(high - low);
            !((a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed)
        };
        let beyond = cpu.iter().zip(&gpu).filter(|&pair| apart(pair)).count();
        // A voxel on the threshold of noise has a value on one device alone.
        assert!(beyond <= cpu.len() / 100_000, "{}: {beyond} of {} voxels differ", name.display(), cpu.len());
        let moved: Vec<f32> = cpu.iter().map(|value| value + 3e-5 * (high - low)).collect();
        let noticed = moved.iter().zip(&gpu).filter(|&pair| apart(pair)).count();
        assert!(noticed * 2 > cpu.iter().filter(|v| v.is_finite()).count(), "{}: nothing is noticed", name.display());
        n += 1;
    }
    assert!(n > 20, "{n} maps");
    Ok(())
}
