//! `hepar check` says what `hepar run` does, and what is asked for is done or named.

use std::fs;
use std::path::Path;

use hepar::enhance::Agent;
use hepar::volume::{Grid, MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use super::{Said, hepar, table, written};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("case_check_promises_what_run_does", same_findings),
        Trial::test("case_names_the_models_that_there_are", unknown_model),
        Trial::test("case_takes_masks", masks),
    ]
}

const LEVELS: [&str; 3] = ["left out (", "warning (", "fault ("];

/// What was found of the change of R1, T1 and iron, with remedies.
fn findings(said: &Said) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in said.text.lines() {
        let begins = LEVELS.iter().any(|level| line.starts_with(level));
        is_open = begins || (is_open && line.starts_with("  "));
        match found.last_mut() {
            _ if begins => found.push(line.to_owned()),
            Some(last) if is_open => *last += &format!("\n{line}"),
            _ => {}
        }
    }
    found.retain(|text| ["R1", "iron"].iter().any(|word| text.contains(word)));
    found.sort();
    found
}

/// The sections of a case file that begin with any of these.
fn sections(case: &str, kept: &[&str]) -> String {
    let sections = case.split("\n\n").filter(|text| kept.iter().any(|start| text.starts_with(start)));
    sections.map(|text| format!("{text}\n\n")).collect()
}

fn same_findings() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let path = |name: &str| folder.path().join(name);
    let whole = fs::read_to_string(path("case.toml"))?;
    let with_t1 = sections(&whole, &["schema", "[[labels", "[dynamic", "[[dynamic", "[t1]", "[t2star]"]);
    let without = sections(&whole, &["schema", "[[labels", "[dynamic", "[[dynamic"]);
    let taken = with_t1.replace("[dynamic]\n", "[dynamic]\nallow_mismatch = true\n");
    let portal = fs::read_to_string(path("portal.json"))?;
    let no_flip = |folder: &Path| -> Result<(), Failed> {
        for phase in ["unenhanced", "arterial", "portal", "delayed"] {
            let json = folder.join(format!("{phase}.json"));
            fs::write(&json, fs::read_to_string(&json)?.replace("FlipAngle", "NoFlipAngle"))?;
        }
        Ok(())
    };
    let both = |name: &str, case: &str| -> Result<[Vec<String>; 2], Failed> {
        fs::write(path("case.toml"), case)?;
        let out = path(name).display().to_string();
        let run = hepar("run", &path("case.toml"), &["-o", &out, "--pictures", "none"])?;
        Ok([findings(&hepar("check", &path("case.toml"), &[])?), findings(&run)])
    };
    let has = |found: &[String], words: &str| found.iter().any(|text| text.contains(words));

    let [check, run] = both("as_it_is", &with_t1)?;
    assert_eq!(check, run);
    assert!(has(&run, "liver_iron_wood is left out") && has(&run, "at 1.5 T only, not at 3 T"), "{run:?}");
    assert!(!has(&run, "the change of R1 is left out"), "{run:?}");
    assert!(path("as_it_is/dynamic/delta_r1_spgr_portal_unaligned.nii.gz").is_file());

    fs::write(path("portal.json"), portal.replace("\"FlipAngle\": 12.0", "\"FlipAngle\": 12.5"))?;
    let [check, run] = both("unlike", &taken)?;
    assert_eq!(check, run);
    assert!(has(&run, "the change of R1 is left out: the phases were not acquired alike"), "{run:?}");
    fs::write(path("portal.json"), &portal)?;

    no_flip(folder.path())?;
    let [check, run] = both("unknown", &with_t1)?;
    assert_eq!(check, run);
    assert!(has(&run, "the change of R1 is left out: TR or flip angle"), "{run:?}");
    // Without T1 neither says anything: what is compared comes from T1 and R2*.
    let [check, run] = both("without", &without)?;
    assert!(check.is_empty() && run.is_empty(), "{check:?} {run:?}");
    Ok(())
}

fn unknown_model() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let case = folder.path().join("case.toml");
    fs::write(&case, "schema = 1\n[dwi]\nfiles = [\"dwi.nii.gz\"]\nmodels = [\"ivym\", \"adc\", \"t2\"]\n")?;
    let out = folder.path().join("out");
    let dir = out.display().to_string();
    for (command, more) in [("check", vec![]), ("run", vec!["-o", &dir, "--pictures", "none"])] {
        let said = hepar(command, &case, &more)?;
        assert_eq!(said.status, 65, "{command}: {}", said.text);
        for model in ["ivym", "t2"] {
            let words = format!("fault (dwi): there is no model `{model}` of diffusion");
            assert!(said.text.contains(&words), "{command}: {}", said.text);
        }
        let known = said.text.lines().find(|line| line.contains("the models are")).unwrap_or_default();
        assert!(known.contains(" adc, ") && known.contains(" ivim, ") && known.contains(" kurtosis, "), "{known}");
        assert!(!known.contains("t1_vfa") && !known.contains("unmix"), "{known}");
    }
    assert!(out.join("dwi/adc/ADC.nii.gz").is_file());
    assert_eq!(table(&out.join("findings.tsv"))?.len(), 2);
    Ok(())
}

fn values(path: &Path) -> Result<Vec<f32>, Failed> {
    let image = read(path, &ReadOptions::default())?;
    let mut values = vec![0.0f32; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    Ok(values)
}

fn masks() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let phantom = written(Agent::Extracellular, folder.path())?;
    let path = |name: &str| folder.path().join(name);
    let inside: Vec<u16> = phantom.labels.iter().map(|&label| u16::from(label == 11)).collect();
    let mut elsewhere: Grid = phantom.grid.clone();
    elsewhere.affine[2][3] += 7.0;
    write_nifti(&path("mask.nii.gz"), &phantom.grid, 1, MapData::U16(&inside))?;
    write_nifti(&path("elsewhere.nii.gz"), &elsewhere, 1, MapData::U16(&inside))?;
    let case = |mask: &str| {
        let echoes = |part: &str, n: usize| {
            let files: Vec<String> = (1..=n).map(|i| format!("\"{part}_e{i}.nii.gz\"")).collect();
            format!("[{part}]\nfiles = [{}]\n{mask}\n", files.join(", "))
        };
        let flips = "files = [\"t1_flip2.nii.gz\", \"t1_flip10.nii.gz\"]";
        let energies = "files = [\"t2_e1.nii.gz\", \"t2_e2.nii.gz\"]\niodine_hu_per_mg_ml = [40, 20]";
        format!(
            "schema = 1\n[dwi]\nfiles = [\"dwi.nii.gz\"]\nmodels = [\"adc\"]\n{mask}\n{}{}[t1]\n{flips}\n{mask}\n[energies]\n{energies}\n{mask}\n",
            echoes("t2", 2),
            echoes("t2star", 3)
        )
    };
    fs::write(path("case.toml"), case("mask = \"mask.nii.gz\""))?;
    let (out, wrong) = (path("out"), path("wrong"));
    let (dir, wrong_dir) = (out.display().to_string(), wrong.display().to_string());
    let said = hepar("run", &path("case.toml"), &["-o", &dir, "--pictures", "none"])?;
    let maps = ["dwi/adc/ADC", "t2/t2/T2", "t2star/t2star/R2star", "t1/t1_vfa/T1"];
    for map in maps {
        let fitted = values(&out.join(format!("{map}.nii.gz")))?;
        let outside = fitted.iter().zip(&inside).filter(|(value, inside)| **inside == 0 && !value.is_nan()).count();
        let within = fitted.iter().zip(&inside).filter(|(value, inside)| **inside == 1 && value.is_finite()).count();
        let n = inside.iter().filter(|&&inside| inside == 1).count();
        assert!(outside == 0 && within * 10 > n * 9 && n > 100, "{map}: {outside} outside, {within} of {n} inside: {}", said.text);
    }
    // One that lies elsewhere, or is not there, is a fault of each part; no path stands in the table.
    for (mask, words) in [("elsewhere.nii.gz", "this mask lies on another grid than the images"), ("none.nii.gz", "no such input")] {
        fs::write(path("case.toml"), case(&format!("mask = \"{mask}\"")))?;
        for (command, more) in [("check", vec![]), ("run", vec!["-o", &wrong_dir, "--pictures", "none", "--force"])] {
            let said = hepar(command, &path("case.toml"), &more)?;
            let text = said.text.as_str();
            assert_eq!(said.status, 65, "{command}: {text}");
            for part in ["dwi", "t2", "t2star", "t1"] {
                let fault = text.lines().any(|line| line.starts_with(&format!("fault ({part})")) && line.contains(words));
                assert!(fault, "{command} of {part}: {text}");
            }
        }
        assert!(maps.iter().all(|map| !wrong.join(format!("{map}.nii.gz")).exists()));
        let found = fs::read_to_string(wrong.join("findings.tsv"))?;
        assert!(found.contains(" mask: ") && !found.contains(mask), "{found}");
    }
    Ok(())
}
