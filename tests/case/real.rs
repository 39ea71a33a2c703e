//! Real images as examinations.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use super::{hepar, table};
use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        support::with_data("case_of_an_unenhanced_ct", unenhanced_ct),
        support::with_data("case_of_an_mr_of_one_phase", one_mr_phase),
        support::with_data("case_of_flip_angles_as_phases", flip_angles),
    ]
}

/// Writes a case file in a folder of its own and runs it.
fn run(text: &str) -> Result<(tempfile::TempDir, super::Said), Failed> {
    let folder = tempfile::tempdir()?;
    let case = folder.path().join("case.toml");
    std::fs::write(&case, text)?;
    let out = out(folder.path());
    let said = hepar("run", &case, &["-o", &out.display().to_string(), "--pictures", "none"])?;
    Ok((folder, said))
}

fn out(folder: &Path) -> PathBuf {
    folder.join("out")
}

/// The liver is 45.3 HU on average and 46 in the median, by the reference of the data.
fn unenhanced_ct(data: PathBuf) -> Result<(), Failed> {
    let ct = data.join("ct_abdomen");
    let text = format!(
        "schema = 1\n[[labels]]\nfile = {:?}\nnumbering = \"totalsegmentator_v2\"\n[ct]\nphase = [{{ role = \"unenhanced\", file = {:?} }}]\n",
        ct.join("example_seg.nii.gz"),
        ct.join("example_ct_sm.nii.gz"),
    );
    let (folder, said) = run(&text)?;
    assert_eq!(said.status, 0, "{}", said.text);
    let phases = table(&out(folder.path()).join("phases.tsv"))?;
    assert!(phases.len() == 1 && phases[0]["looks_like"] == "unenhanced" && phases[0]["agrees"] == "yes", "{phases:?}");
    let values = table(&out(folder.path()).join("values.tsv"))?;
    let liver = values.iter().find(|row| row["region"] == "liver" && row["map"] == "signal").expect("the liver is there");
    let number = |column: &str| liver[column].parse::<f64>().unwrap_or(f64::NAN);
    assert_eq!(liver["unit"], "HU");
    assert!((number("mean") - 45.3).abs() <= 0.2 && number("median") == 46.0, "{liver:?}");
    // Given as another phase, the same image is named and left out.
    let (folder, said) = run(&text.replace("\"unenhanced\"", "\"portal\""))?;
    assert_eq!(said.status, 65, "{}", said.text);
    assert!(said.text.contains("given as portal"), "{}", said.text);
    assert!(!out(folder.path()).join("values.tsv").is_file());
    Ok(())
}

fn one_mr_phase(data: PathBuf) -> Result<(), Failed> {
    let mr = data.join("mr_abdomen");
    let text = format!(
        "schema = 1\n[[labels]]\nfile = {:?}\nnumbering = \"totalsegmentator_v2_mr\"\n[dynamic]\nagent = \"extracellular\"\n\
         phase = [{{ role = \"portal\", file = {:?}, seconds = 68 }}]\n",
        mr.join("example_seg_mr.nii.gz"),
        mr.join("example_mr_sm.nii.gz"),
    );
    let (folder, said) = run(&text)?;
    assert_eq!(said.status, 0, "{}", said.text);
    assert!(said.text.contains("no unenhanced phase"), "{}", said.text);
    let out = out(folder.path());
    assert!(out.join("contact_sheet.png").is_file());
    assert!(table(&out.join("values.tsv"))?.iter().any(|row| row["region"] == "liver" && row["map"] == "signal"));
    Ok(())
}

/// Flip angles are no phases: they run from end to end where that is allowed; what sidecars say, or their scale, refuses them.
fn flip_angles(data: PathBuf) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let image = hepar::volume::read(&data.join("t1_vfa_liver/vfa5.nii.gz"), &hepar::volume::ReadOptions::default())?;
    let n = image.grid.n_voxels();
    for volume in 0..3 {
        let mut values = vec![0.0f32; n];
        image.row(volume).load_f32(0, &mut values);
        let path = folder.path().join(format!("v{volume}.nii.gz"));
        hepar::volume::write_nifti(&path, &image.grid, 1, hepar::volume::MapData::F32(&values))?;
    }
    let case = folder.path().join("case.toml");
    let phases = "[dynamic]\nagent = \"extracellular\"\nallow_mismatch = true\ntrust_scale = true\nphase = [{ role = \"unenhanced\", file = \"v0.nii.gz\" }, \
                  { role = \"arterial\", file = \"v1.nii.gz\", seconds = 32 }, { role = \"portal\", file = \"v2.nii.gz\", seconds = 68 }]\n";
    let vfa = format!(
        "[t1]\nfiles = [{:?}]\nflip_angles_deg = [{}]\nrepetition_time_ms = 3.71\n",
        data.join("t1_vfa_liver/vfa5.nii.gz"),
        std::fs::read_to_string(data.join("t1_vfa_liver/vfa5_flip_deg.txt"))?.split_whitespace().collect::<Vec<_>>().join(", "),
    );
    std::fs::write(&case, format!("schema = 1\n{phases}{vfa}"))?;
    let out = out(folder.path());
    let said = hepar("run", &case, &["-o", &out.display().to_string(), "--pictures", "none"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    for file in ["dynamic/subtraction_arterial_unaligned.nii.gz", "t1/t1_vfa/T1.nii.gz", "contact_sheet.png"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    for (volume, angle) in [5.0, 10.0, 15.0].iter().enumerate() {
        std::fs::write(folder.path().join(format!("v{volume}.json")), format!("{{\"FlipAngle\": {angle}}}"))?;
    }
    let text = std::fs::read_to_string(&case)?;
    std::fs::write(&case, text.replace("allow_mismatch = true\ntrust_scale = true\n", ""))?;
    let said = hepar("check", &case, &[])?;
    assert!(said.status == 65 && said.text.contains("flip angle is 10"), "{}", said.text);
    Ok(())
}
