//! Where a case's results go: refused before anything is computed, and without what an earlier run left.

use std::fs;
use std::path::{Path, PathBuf};

use hepar::enhance::Agent;
use libtest_mimic::{Failed, Trial};

use super::{Said, hepar, table, written};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("case_folder_that_is_occupied_is_refused_first", occupied),
        Trial::test("case_forced_anew_leaves_nothing_of_the_earlier_run", forced),
    ]
}

const T2: &str = "[t2]\nfiles = [\"t2_e1.nii.gz\", \"t2_e2.nii.gz\"]\n";

/// A case of diffusion and what follows.
fn case(folder: &Path, name: &str, dwi: &str, more: &str) -> Result<PathBuf, Failed> {
    let path = folder.join(name);
    fs::write(&path, format!("schema = 1\n[dwi]\nfiles = [\"dwi.nii.gz\"]\n{dwi}\n{more}"))?;
    Ok(path)
}

fn run(case: &Path, out: &Path, more: &[&str]) -> Result<Said, Failed> {
    let out = out.display().to_string();
    hepar("run", case, &[&["-o", &out, "--pictures", "none"], more].concat())
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn occupied() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let case = case(folder.path(), "small.toml", "models = [\"adc\"]", T2)?;
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("t2/t2"))?;
    let mine = out.join("t2/t2/mine.txt");
    fs::write(&mine, "mine")?;
    let said = run(&case, &out, &[])?;
    assert!(said.status == 73 && said.text.contains("already holds mine.txt"), "{}: {}", said.status, said.text);
    assert_eq!(files(&out)?, ["t2"], "nothing of the part before it, and no table");
    // A file where a folder belongs.
    fs::remove_dir_all(out.join("t2"))?;
    fs::write(out.join("t2"), "mine")?;
    for more in [&[][..], &["--force"]] {
        let said = run(&case, &out, more)?;
        assert!(said.status == 73 && said.text.contains("t2"), "{}: {}", said.status, said.text);
        assert_eq!(files(&out)?, ["t2"]);
    }
    // With its place free it runs.
    fs::remove_file(out.join("t2"))?;
    let said = run(&case, &out, &[])?;
    assert!(said.status == 0 && out.join("dwi/adc/ADC.nii.gz").is_file(), "{}", said.text);
    Ok(())
}

fn forced() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    written(Agent::Extracellular, folder.path())?;
    let labels = "[[labels]]\nfile = \"labels.nii.gz\"\n";
    let both = "models = [\"adc\", \"stretched_exponential\"]";
    let before = case(folder.path(), "before.toml", both, &format!("{T2}{labels}"))?;
    let after = case(folder.path(), "after.toml", "models = [\"adc\"]", labels)?;
    let out = folder.path().join("out");
    let said = run(&before, &out, &["--format", "nii"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    let gone = ["t2/t2/T2.nii", "dwi/stretched_exponential/hepar.json", "dwi/adc/ADC.nii"];
    gone.iter().for_each(|file| assert!(out.join(file).is_file(), "{file}"));
    // What the program did not write, under names that it could have given, and work of its own that is no part of the run.
    let mine = ["dwi/stretched_exponential/mine.txt", "dwi/adc/mine.nii.gz", "mine.tsv"];
    for file in mine {
        fs::write(out.join(file), "mine")?;
    }
    fs::create_dir(out.join("dwi/kurtosis"))?;
    fs::copy(out.join("dwi/adc/hepar.json"), out.join("dwi/kurtosis/hepar.json"))?;
    assert_eq!(run(&after, &out, &[])?.status, 73);
    gone.iter().for_each(|file| assert!(out.join(file).is_file(), "{file} went although nothing was forced"));
    // Nor does it remove what it reads.
    let reads = case(folder.path(), "reads.toml", "models = [\"adc\"]\nmask = \"out/t2/t2/T2.nii\"", "")?;
    let said = run(&reads, &out, &["--force"])?;
    assert!(said.status == 73 && said.text.contains("reads it"), "{}: {}", said.status, said.text);
    gone.iter().for_each(|file| assert!(out.join(file).is_file(), "{file}")); 

    // Results for all parts have names, too: the table beside the labels has one of them.
    let said = run(&after, folder.path(), &["--force"])?;
    assert!(said.status == 73 && said.text.contains("labels_dseg.tsv"), "{}: {}", said.status, said.text);
    assert!(folder.path().join("labels_dseg.tsv").is_file());

    let said = run(&after, &out, &["--force"])?;
    assert_eq!(said.status, 0, "{}", said.text);
    gone.iter().for_each(|file| assert!(!out.join(file).exists(), "{file} is left")); 
    assert_eq!(files(&out.join("dwi"))?, ["adc", "kurtosis", "stretched_exponential"]);
    assert_eq!(files(&out.join("dwi/stretched_exponential"))?, ["mine.txt"]);
    assert!(!out.join("t2").exists());
    for file in mine {
        assert_eq!(fs::read_to_string(out.join(file))?, "mine", "{file}");
    }
    assert!(out.join("dwi/kurtosis/hepar.json").is_file() && out.join("dwi/adc/ADC.nii.gz").is_file());
    let values = table(&out.join("values.tsv"))?;
    assert!(!values.is_empty() && values.iter().all(|row| row["part"] == "dwi/adc"));
    Ok(())
}
