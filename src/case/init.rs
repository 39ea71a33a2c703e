//! A case file proposed from a folder of images, as dcm2niix leaves them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::enhance::Role;
use crate::volume::beside::beside;
use crate::volume::{Sidecar, read_sidecar};
use crate::{Error, Result};

/// What a file is taken for by its name and sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Guess {
    Phase(Role),
    Dwi,
    InPhase,
    OpposedPhase,
    T2,
    T2star,
    T1,
    Labels,
    Lesions,
}

/// Words of file names (lower case, as separate words) and what they say; the first that matches counts.
const WORDS: [(&[&str], Guess); 27] = [
    (&["lesion", "lesions", "tumor", "tumour"], Guess::Lesions),
    (&["seg", "dseg", "labels", "label", "mask", "segmentation", "totalsegmentator"], Guess::Labels),
    (&["dwi", "diffusion", "ivim", "epi"], Guess::Dwi),
    (&["latearterial", "artlate", "arteriallate"], Guess::Phase(Role::Arterial)),
    (&["earlyarterial", "arterialearly"], Guess::Phase(Role::EarlyArterial)),
    (&["arterial", "art"], Guess::Phase(Role::Arterial)),
    (&["hepatobiliary", "hbp", "20min"], Guess::Phase(Role::Hepatobiliary)),
    (&["equilibrium"], Guess::Phase(Role::Equilibrium)),
    (&["transitional"], Guess::Phase(Role::Transitional)),
    (&["delayed", "late"], Guess::Phase(Role::Delayed)),
    (&["portal", "pv", "portalvenous", "venous"], Guess::Phase(Role::Portal)),
    (&["unenhanced", "pre", "native", "precontrast", "noncontrast"], Guess::Phase(Role::Unenhanced)),
    (&["inphase", "ip"], Guess::InPhase),
    (&["opposedphase", "outphase", "op", "oop", "opp"], Guess::OpposedPhase),
    (&["vfa", "flip"], Guess::T1),
    (&["t2star", "r2star", "megre"], Guess::T2star),
    (&["t2", "mese"], Guess::T2),
    (&["t1"], Guess::T1),
    (&["in"], Guess::InPhase),
    (&["opposed", "out"], Guess::OpposedPhase),
    (&["tse"], Guess::T2),
    (&["gre"], Guess::T2star),
    (&["b0"], Guess::Dwi),
    (&["trace"], Guess::Dwi),
    (&["plain"], Guess::Phase(Role::Unenhanced)),
    (&["hepatocyte"], Guess::Phase(Role::Hepatobiliary)),
    (&["organs"], Guess::Labels),
];

/// A case file for the images of a folder: what each is, is guessed from its name, from b-values beside it and from its sidecar,
/// and everything that no one can guess stands there as a comment to fill in. Nothing is taken from voxels.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Io`] for a folder that cannot be read; [`Error::Data`] for one without images.
pub fn propose(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut images: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        let name = path.to_string_lossy().to_ascii_lowercase();
        if path.is_file() && [".nii", ".nii.gz", ".hdr"].iter().any(|ending| name.ends_with(ending)) {
            images.push(path);
        }
    }
    if images.is_empty() {
        return Err(Error::data(
            folder,
            "holds no .nii, .nii.gz or .hdr file",
            "give the folder that dcm2niix wrote to",
        ));
    }
    images.sort();
    let mut found: BTreeMap<Guess, Vec<PathBuf>> = BTreeMap::new();
    let (mut unknown, mut field) = (Vec::new(), None);
    for image in images {
        let sidecar = read_sidecar(&image).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        });
        field = field.or_else(|| sidecar.as_ref().and_then(Sidecar::field_strength_t));
        match guess(&image, sidecar.as_ref()) {
            Some(guess) => found.entry(guess).or_default().push(image),
            None => unknown.push(image),
        }
    }
    Ok(written(folder, &found, &unknown, field))
}

fn guess(image: &Path, sidecar: Option<&Sidecar>) -> Option<Guess> {
    if sidecar.is_some_and(Sidecar::is_adc_map) {
        return None;
    }
    if [".bval", ".bvals"].iter().any(|ending| beside(image, ending).is_file()) {
        return Some(Guess::Dwi);
    }
    let name = image.file_name()?.to_string_lossy().to_ascii_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let joined = words.concat();
    let says = |(words_of, guess): &(&[&str], Guess)| {
        let is_there = |word: &&str| words.contains(word) || (word.len() >= 5 && joined.contains(*word));
        words_of.iter().any(is_there).then_some(*guess)
    };
    WORDS.iter().find_map(says)
}

fn written(folder: &Path, found: &BTreeMap<Guess, Vec<PathBuf>>, unknown: &[PathBuf], field: Option<f64>) -> String {
    let mut text = String::from(
        "# Proposed from file names and sidecars: check every line. `hepar check` says what is still missing.\nschema = 1\n",
    );
    let mut line = |what: String| text.extend([what.as_str(), "\n"]);
    match field {
        Some(tesla) => line(format!("field_strength_t = {tesla:?}")),
        None => line("# field_strength_t = 3.0".into()),
    }
    let quoted = |path: &PathBuf| toml::Value::String(relative(folder, path)).to_string();
    let list = |paths: &[PathBuf]| format!("[{}]", paths.iter().map(quoted).collect::<Vec<_>>().join(", "));
    for (guess, lesions) in [(Guess::Labels, false), (Guess::Lesions, true)] {
        for path in found.get(&guess).into_iter().flatten() {
            line(format!("\n[[labels]]\nfile = {}", quoted(path)));
            match lesions {
                true => line("lesions = true".into()),
                false => line("# numbering = \"totalsegmentator_v2\"   # or by the names of the table beside it\n# lesions = [1, 2]".into()),
            }
        }
    }
    let phases: Vec<(Role, &PathBuf)> = found
        .iter()
        .filter_map(|(guess, paths)| if let Guess::Phase(role) = guess { Some((*role, paths)) } else { None })
        .flat_map(|(role, paths)| paths.iter().map(move |path| (role, path)))
        .collect();
    if !phases.is_empty() {
        line("\n[dynamic]   # [ct] for CT\n# agent = \"extracellular\"   # or gadoxetate, gadobenate: what was injected\n# injection_time = \"HH:MM:SS\"   # or seconds of each phase below".into());
        for (role, path) in phases {
            line(format!("\n[[dynamic.phase]]\nrole = \"{role}\"\nfile = {}", quoted(path)));
            if role != Role::Unenhanced {
                line("# seconds = 0   # after the injection began".into());
            }
        }
    }
    if let Some(paths) = found.get(&Guess::Dwi) {
        line(format!("\n[dwi]\nfiles = {}", list(paths)));
    }
    if let (Some([ip, ..]), Some([op, ..])) =
        (found.get(&Guess::InPhase).map(Vec::as_slice), found.get(&Guess::OpposedPhase).map(Vec::as_slice))
    {
        line(format!("\n[chemical_shift]\nin_phase = {}\nopposed_phase = {}", quoted(ip), quoted(op)));
        line("# same_acquisition = true   # for two echoes of one acquisition".into());
    }
    for (guess, name) in [(Guess::T2, "t2"), (Guess::T2star, "t2star"), (Guess::T1, "t1")] {
        if let Some(paths) = found.get(&guess) {
            line(format!("\n[{name}]\nfiles = {}", list(paths)));
        }
    }
    if !unknown.is_empty() {
        line("\n# Not recognised:".into());
        unknown.iter().for_each(|path| line(format!("# {}", relative(folder, path))));
    }
    text
}

fn relative(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Case;

    #[test]
    fn names_say_what_images_are() {
        for (name, expected) in [
            ("12_t1_vibe_fs_arterial.nii.gz", Some(Guess::Phase(Role::Arterial))),
            ("late_arterial.nii", Some(Guess::Phase(Role::Arterial))),
            ("8_T1_VIBE_pre.nii.gz", Some(Guess::Phase(Role::Unenhanced))),
            ("20_HBP_20min.nii", Some(Guess::Phase(Role::Hepatobiliary))),
            ("5_DWI_b50_400_800.nii.gz", Some(Guess::Dwi)),
            ("liver_lesions.nii.gz", Some(Guess::Lesions)),
            ("organs_dseg.nii.gz", Some(Guess::Labels)),
            ("t1_in_phase.nii", Some(Guess::InPhase)),
            ("gre_opposed_phase.nii", Some(Guess::OpposedPhase)),
            ("localizer.nii.gz", None),
            ("department.nii.gz", None),
        ] {
            assert_eq!(guess(Path::new(name), None), expected, "{name}");
        }
    }

    #[test]
    fn what_is_proposed_is_a_case_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(propose(folder.path()).unwrap_err().exit_status(), 65);
        for name in [
            "pre.nii.gz",
            "arterial.nii.gz",
            "odd \"name\".nii",
            "lesions.nii.gz",
            "seg.nii.gz",
            "dwi.nii.gz",
            "t2_te40.nii",
            "t2_te120.nii",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::write(folder.path().join("dwi.bval"), "0 500").unwrap();
        std::fs::write(folder.path().join("pre.json"), r#"{"MagneticFieldStrength": 1.5}"#).unwrap();
        let text = propose(folder.path()).unwrap();
        let case = Case::parse(&folder.path().join("case.toml"), &text).unwrap();
        assert_eq!(case.file.field_strength_t.map(|tesla| tesla.get()), Some(1.5));
        assert_eq!(case.file.labels.len(), 2);
        assert_eq!(case.file.t2.unwrap().files.len(), 2);
        let roles: Vec<Role> = case.file.dynamic.unwrap().phases.iter().map(|phase| phase.role).collect();
        assert_eq!(roles, [Role::Unenhanced, Role::Arterial]);
        assert!(text.contains("# odd \"name\".nii"), "{text}");
    }
}
