//! Files that other projects keep for testing their readers, and mutations of one: `hepar info` finds what was recorded
//! of each with nibabel, or refuses it, in time and within the memory that the file itself justifies.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::peak::{self, Run};
use crate::support;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        support::with_data("corpus_is_read_as_recorded", |data| corpus(&data)),
        support::with_data("corpus_comparison_can_fail", |data| canary(&data)),
    ]
}

/// Where the rules of this reader and nibabel 5 part.
const DISAGREEMENTS: &[(&str, Expected, &str)] = &[
    (
        "found/oro.nifti_pairs/avg152T1.img.gz",
        Expected::Refused,
        "Analyze 7.5 does not record handedness; nibabel takes SPM's convention",
    ),
    (
        "found/oro.nifti_pairs/test-anlz-image-uint8.img.gz",
        Expected::Refused,
        "Analyze 7.5, as above",
    ),
    (
        "generated/08_magic_ni1_in_single.nii",
        Expected::Refused,
        "by its magic the header of a pair, and no image is beside it; nibabel goes by the name",
    ),
    (
        "generated/10_sizeof_hdr_540_but_n1.nii",
        Expected::Refused,
        "the size says NIfTI-2, the magic NIfTI-1; nibabel believes the magic and mends the size",
    ),
    (
        "generated/14_dim1_zero.nii",
        Expected::Refused,
        "a dimension of 0; nibabel returns an empty image",
    ),
    (
        "generated/24_bitpix_mismatch.nii",
        Expected::Refused,
        "datatype and bitpix contradict each other; nibabel believes the datatype",
    ),
    (
        "generated/36_voxoffset_352_5.nii",
        Expected::Refused,
        "voxels cannot begin within a byte; nibabel rounds down",
    ),
    (
        "generated/44_sform_nan.nii",
        Expected::Refused,
        "the chosen affine is not finite; nibabel returns NaN",
    ),
    (
        "generated/67_gz_trailing_garbage.nii.gz",
        Expected::Like("generated/00_base_int16.nii"),
        "seven bytes after a whole, verified stream harm nothing; nibabel refuses",
    ),
    (
        "generated/69_gz_named_nii.nii",
        Expected::Like("generated/00_base_int16.nii"),
        "gzip is recognised by its bytes; nibabel goes by the name",
    ),
];

/// What is to be made of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// What nibabel recorded of it.
    Recorded,
    /// What nibabel recorded of another file.
    Like(&'static str),
    /// Exit status 65.
    Refused,
}

/// What nibabel recorded, by file.
fn index(corpus: &Path) -> Result<BTreeMap<String, Value>, Failed> {
    // Python wrote it, which has a NaN of its own.
    let text = std::fs::read_to_string(corpus.join("index.json"))?.replace("NaN", "null");
    let index: Value = serde_json::from_str(&text)?;
    let entries = ["found", "generated"]
        .into_iter()
        .flat_map(|part| index[part].as_array());
    let by_file = entries.flatten().filter_map(|entry| {
        let file = entry["file"].as_str()?;
        Some((file.to_owned(), entry["nibabel"].clone()))
    });
    Ok(by_file.collect())
}

fn expected(file: &str, recorded: &Value) -> Expected {
    match DISAGREEMENTS.iter().find(|(name, ..)| *name == file) {
        Some((_, expected, _)) => *expected,
        // Of colours and complex numbers no real values were recorded.
        None if recorded["sha256_f64_Forder_LE"].is_null() => Expected::Refused,
        None => Expected::Recorded,
    }
}

fn corpus(data: &Path) -> Result<(), Failed> {
    let corpus = data.join("nifti_corpus");
    let index = index(&corpus)?;
    let mut failures = Vec::new();
    let mut n_read = 0;
    for (file, recorded) in &index {
        let expected = expected(file, recorded);
        let wanted = match expected {
            Expected::Recorded => Some(recorded),
            Expected::Like(other) => index.get(other),
            Expected::Refused => None,
        };
        n_read += usize::from(wanted.is_some());
        if let Err(failure) = judge(&corpus.join(file), wanted) {
            failures.push(format!("{file}: {failure}"));
        }
    }
    for (file, ..) in DISAGREEMENTS {
        if !index.contains_key(*file) {
            failures.push(format!("{file}: in the table, not in the corpus"));
        }
    }
    println!("{} files, {n_read} of them readable", index.len());
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n").into())
    }
}

/// Runs the program on a file and compares with what was recorded; without a record it must be refused.
fn judge(path: &Path, recorded: Option<&Value>) -> Result<(), String> {
    let run = peak::hepar(&["info".as_ref(), "--json".as_ref(), path.as_os_str()])?;
    let allowed = peak::ALLOWANCE + honest_size(path)?;
    if run.peak.is_some_and(|peak| peak > allowed) {
        return Err(format!(
            "{:?} bytes of memory, {allowed} are justified",
            run.peak
        ));
    }
    if run.stderr.contains("panicked") {
        return Err(run.stderr);
    }
    match recorded {
        Some(recorded) => described(&run, recorded),
        None if run.status == Some(65) && run.stdout.is_empty() => Ok(()),
        None => Err(format!(
            "not refused: status {:?}, {}",
            run.status, run.stdout
        )),
    }
}

/// What the file, or the pair that it belongs to, takes uncompressed, bytes.
fn honest_size(path: &Path) -> Result<u64, String> {
    let header = path.to_string_lossy().replace(".img", ".hdr");
    let image = header.replace(".hdr", ".img");
    let mut files = vec![header, image];
    files.dedup();
    let present = files.iter().map(Path::new).filter(|file| file.exists());
    present.map(content_size).sum()
}

/// The length of a file, or of what can be decompressed of it.
fn content_size(path: &Path) -> Result<u64, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let on_disk = file.metadata().map_err(|e| e.to_string())?.len();
    let mut decoder = flate2::read::MultiGzDecoder::new(file);
    let mut content = 0;
    let mut chunk = vec![0; 1 << 16];
    while let Ok(n @ 1..) = decoder.read(&mut chunk) {
        content += n as u64;
    }
    Ok(on_disk.max(content))
}

fn described(run: &Run, recorded: &Value) -> Result<(), String> {
    if run.status != Some(0) {
        return Err(format!("status {:?}: {}", run.status, run.stderr));
    }
    let seen: Value = serde_json::from_str(&run.stdout).map_err(|e| e.to_string())?;
    for (ours, theirs) in [
        ("shape", "shape"),
        ("voxels_sha256", "sha256_f64_Forder_LE"),
        ("nonfinite", "n_nonfinite"),
        ("min", "min"),
        ("max", "max"),
    ] {
        if seen[ours] != recorded[theirs] {
            return Err(format!(
                "{ours}: {}, recorded {}",
                seen[ours], recorded[theirs]
            ));
        }
    }
    // Means are summed in another order; affines were recorded to six decimals.
    near(
        "mean",
        &seen["mean"],
        &recorded["mean"],
        1e-12 * magnitude(&recorded["max"]),
    )?;
    near("affine", &seen["affine"], &recorded["affine"], 1e-6)
}

fn magnitude(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0).abs().max(1.0)
}

/// Whether two JSON values have the same shape and numbers within a tolerance.
fn near(name: &str, seen: &Value, recorded: &Value, tolerance: f64) -> Result<(), String> {
    match (seen, recorded) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .try_for_each(|(a, b)| near(name, a, b, tolerance)),
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) if (a - b).abs() <= tolerance => Ok(()),
            _ => Err(format!("{name}: {a}, recorded {b}")),
        },
        _ => Err(format!("{name}: {seen}, recorded {recorded}")),
    }
}

fn canary(data: &Path) -> Result<(), Failed> {
    let corpus = data.join("nifti_corpus");
    let name = "found/niivue__FA.nii.gz";
    let path: PathBuf = corpus.join(name);
    let good = index(&corpus)?.remove(name).ok_or("not in the index")?;
    judge(&path, Some(&good))?;
    let wrong: [(&str, Value); 5] = [
        ("sha256_f64_Forder_LE", "0".repeat(64).into()),
        ("shape", vec![84, 92, 55].into()),
        ("n_nonfinite", 1.into()),
        ("max", 0.5.into()),
        ("mean", 0.5.into()),
    ];
    for (key, value) in wrong {
        let mut record = good.clone();
        record[key] = value;
        if judge(&path, Some(&record)).is_ok() {
            return Err(format!("another {key} was not seen").into());
        }
    }
    let mut record = good.clone();
    record["affine"][1][3] = (good["affine"][1][3].as_f64().unwrap_or(0.0) + 2e-6).into();
    if judge(&path, Some(&record)).is_ok() || judge(&path, None).is_ok() {
        return Err("another affine, or a refusal, was not seen".into());
    }
    Ok(())
}
