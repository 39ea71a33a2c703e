//! What the steps of a run remark on stands in its findings, without paths.

use std::fs;
use std::path::Path;

use hepar::enhance::Agent;
use hepar::volume::{MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use super::{hepar, table, written};
use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("case_remarks_become_findings", remarks),
        Trial::test("case_masks_to_organs_are_no_fault", masked),
    ]
}

fn edit(path: &Path, from: &str, to: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    assert!(text.contains(from), "{} has no {from:?}: {text}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}

/// Replaces an image by what `change` makes of its values, `mm` further along k.
fn change(path: &Path, mm: f64, change: impl Fn(usize, f32) -> f32) -> Result<(), Failed> {
    let image = read(path, &ReadOptions::default())?;
    let mut values = vec![0.0f32; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    let values: Vec<f32> = values.into_iter().enumerate().map(|(voxel, value)| change(voxel, value)).collect();
    let mut grid = image.grid.clone();
    grid.affine[2][3] += mm;
    fs::remove_file(path)?;
    Ok(write_nifti(path, &grid, 1, MapData::F32(&values))?)
}

/// What is remarked on, and of which part.
const REMARKS: [(&str, &str); 8] = [
    ("dynamic", "signal loss is computed wherever"),
    ("dynamic", "the noise is unknown"),
    ("dynamic", "resampled onto the grid of dynamic unenhanced"),
    ("dwi", "K cannot be told from 0"),
    ("dwi", "a b-value below 50 s/mm² is used"),
    ("dwi", "`hepar fit --b-min 50` leaves such volumes out"),
    ("case", "MagneticFieldStrength is not a number"),
    ("dwi", "of label 1 is not used: write it as #rrggbb"),
];

fn remarks() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let at = |name: &str| folder.path().join(name);
    let case = at("case.toml");
    let run = |name: &str| -> Result<_, Failed> {
        let out = at(name);
        let said = hepar("run", &case, &["-o", &out.display().to_string(), "--pictures", "none"])?;
        assert_eq!(said.status, 0, "{}", said.text);
        Ok((table(&out.join("findings.tsv"))?, fs::read_to_string(out.join("hepar.json"))?, said.text))
    };
    let is_said = |findings: &[std::collections::BTreeMap<String, String>], (part, words): (&str, &str)| {
        let is = |row: &&std::collections::BTreeMap<String, String>| row["part"] == part && row["text"].contains(words);
        findings.iter().any(|row| is(&row) && row["level"] == "warning")
    };
    let (findings, ..) = run("sound")?;
    for remark in REMARKS {
        assert!(!is_said(&findings, remark), "said of what is sound: {remark:?}");
    }

    edit(&case, "[dynamic]\n", "[dynamic]\nresample = true\n")?;
    edit(&case, "sigma = 10.0\n", "")?;
    edit(&case, "[dwi]\n", "[dwi]\nmodels = [\"adc\", \"kurtosis\"]\n")?;
    fs::write(at("dwi.bval"), "30 300 750 1125\n")?;
    edit(&at("t2_e1.json"), "\"MagneticFieldStrength\": 3.0", "\"MagneticFieldStrength\": \"3\"")?;
    fs::write(at("labels_dseg.tsv"), "index\tname\tcolor\n1\tliver\treddish\n6\tspleen\tn/a\n")?;
    // Without air there is no noise to be seen.
    change(&at("unenhanced.nii.gz"), 0.0, |_, value| if value > 100.0 { value } else { 0.0 })?;
    change(&at("portal.nii.gz"), 1.0, |_, value| value)?;
    let (findings, record, text) = run("out")?;
    for remark in REMARKS {
        assert!(is_said(&findings, remark), "{remark:?} is not in {findings:?}");
        assert!(record.contains(&remark.1.replace('"', "\\\"")), "{remark:?} is not in the record");
        assert!(text.contains(remark.1.trim_end_matches(" of dynamic unenhanced")), "{remark:?} is not said");
    }
    let texts: String = findings.iter().map(|row| row["text"].as_str()).collect();
    assert!(!texts.contains(&folder.path().display().to_string()) && !texts.contains(".nii"), "a path in {texts}");
    // Single steps say them as they go along.
    let out = at("fit").display().to_string();
    let said = support::hepar().arg("fit").arg(at("dwi.nii.gz")).args(["--device", "cpu", "-o", &out]).output()?;
    assert!(String::from_utf8_lossy(&said.stderr).contains("--b-min 50 leaves"), "{said:?}");
    Ok(())
}

/// Phases that are masked to organs, all of which enhance, are used; the same factor on whole sections is a fault.
fn masked() -> Result<(), Failed> {
    let phases = ["unenhanced", "arterial", "portal", "transitional", "hepatobiliary"];
    for (organs, has_labels) in [(&[1u16][..], false), (&[1, 5, 6], false), (&[1], true), (&[1, 5, 6], true)] {
        let folder = tempfile::tempdir()?;
        let labels = written(Agent::Gadoxetate, folder.path())?.labels;
        let case = folder.path().join("case.toml");
        let text = fs::read_to_string(&case)?;
        let dynamic = text.find("[dynamic]").ok_or("no [dynamic]")?;
        let without_labels = format!("schema = 1\n{}", &text[dynamic..]);
        fs::write(&case, if has_labels { &text } else { &without_labels })?;
        for phase in phases {
            let keep = |voxel: usize, value| if organs.contains(&labels[voxel]) { value } else { 0.0 };
            change(&folder.path().join(format!("{phase}.nii.gz")), 0.0, keep)?;
        }
        let said = hepar("check", &case, &[])?;
        assert_eq!(said.status, 0, "{organs:?}: {}", said.text);
        assert_eq!(said.text.contains("the images are masked"), !has_labels, "{organs:?}: {}", said.text);
        for factor in [2.5, 1.0] {
            // The canary: of whole sections a factor is a fault, with labels and without.
            let folder = tempfile::tempdir()?;
            written(Agent::Gadoxetate, folder.path())?;
            let case = folder.path().join("case.toml");
            fs::write(&case, if has_labels { &text } else { &without_labels })?;
            change(&folder.path().join("portal.nii.gz"), 0.0, |_, value| factor * value)?;
            let said = hepar("check", &case, &[])?;
            let is_fault = said.status == 65 && said.text.contains("different scales");
            assert_eq!(is_fault, factor > 1.0, "{}", said.text);
        }
    }
    Ok(())
}
