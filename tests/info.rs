//! `hepar info`: what it says, where, and with which exit status.

use std::path::{Path, PathBuf};

use assert_cmd::assert::OutputAssertExt;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::nifti_file::{NiftiFile, gzip};
use crate::support;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("info_describes_an_image", describes),
        Trial::test("info_goes_on_after_a_bad_file", goes_on),
        Trial::test("info_warns_of_doubts", warns),
        Trial::test("info_takes_the_reader_s_options", options),
    ]
}

fn save(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failed> {
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}

fn describes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut file = NiftiFile::new(false, true);
    (file.datatype, file.bitpix, file.dim) = (16, 32, [4, 2, 1, 1, 2, 1, 1, 1]);
    let values = [1.5f32, f32::NAN, -2.0, f32::INFINITY];
    file.voxels = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    (file.scl_slope, file.scl_inter) = (2.0, 1.0);
    let path = save(folder.path(), "x.nii.gz", &gzip(&file.bytes()))?;
    let output = support::hepar()
        .args(["info", "--json"])
        .arg(&path)
        .output()?;
    let text = String::from_utf8(
        output
            .clone()
            .assert()
            .success()
            .get_output()
            .stdout
            .clone(),
    )?;
    let seen: Value = serde_json::from_str(&text)?;
    let keys: Vec<_> = seen.as_object().ok_or("no object")?.keys().collect();
    let expected = [
        "file",
        "shape",
        "datatype",
        "zooms",
        "affine",
        "orientation",
        "min",
        "max",
        "mean",
        "nonfinite",
        "voxels_sha256",
    ];
    assert_eq!(text.lines().count(), 1);
    assert_eq!(keys, expected);
    assert_eq!(seen["file"], path.display().to_string());
    assert_eq!(seen["shape"], serde_json::json!([2, 1, 1, 2]));
    assert_eq!(seen["datatype"], "float32");
    assert_eq!(seen["orientation"], "LAS");
    assert_eq!(
        [&seen["min"], &seen["max"], &seen["mean"]],
        [-3.0, 4.0, 0.5]
    );
    assert_eq!(seen["nonfinite"], 2);
    // The voxel sizes of the affine, then the time step of the header.
    assert_eq!(seen["zooms"][0], (2.0f64 * 2.0 + 0.125 * 0.125).sqrt());
    assert_eq!(seen["zooms"][3], 1.5);
    let readable = support::hepar().arg("info").arg(&path).output()?;
    assert!(String::from_utf8(readable.stdout)?.contains("2 × 1 × 1 × 2"));
    Ok(())
}

fn goes_on() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let good = save(
        folder.path(),
        "good.nii",
        &NiftiFile::new(false, false).bytes(),
    )?;
    let bad = save(folder.path(), "bad.nii", b"no image")?;
    let missing = folder.path().join("missing.nii");
    for (files, status, lines) in [
        (vec![&good, &good], 0, 2),
        (vec![&missing, &good, &bad], 66, 1),
        (vec![&good, &bad, &missing, &good], 65, 2),
        (vec![&bad], 65, 0),
        (vec![&missing], 66, 0),
        (vec![&folder.path().to_path_buf()], 65, 0),
    ] {
        let output = support::hepar()
            .args(["info", "--json"])
            .args(&files)
            .output()?;
        let errors = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(status), "{files:?}: {errors}");
        assert_eq!(String::from_utf8(output.stdout)?.lines().count(), lines);
        for failed in files.iter().filter(|file| **file != &good) {
            assert!(errors.contains(&*failed.to_string_lossy()), "{errors}");
        }
    }
    Ok(())
}

fn warns() -> Result<(), Failed> {
    type Doubt = (&'static str, fn(&mut NiftiFile));
    let doubts: [Doubt; 8] = [
        ("vox_offset is 0", |f| f.vox_offset = 0.0),
        ("5 bytes after", |f| f.voxels.extend([1; 5])),
        ("neither sform nor qform", |f| {
            (f.sform_code, f.qform_code) = (0, 0)
        }),
        ("metres", |f| f.xyzt_units = 1),
        ("micrometres", |f| f.xyzt_units = 3),
        ("scl_slope 0", |f| f.scl_slope = 0.0),
        ("not positive", |f| f.pixdim[2] = 0.0),
        ("qfac", |f| (f.sform_code, f.pixdim[0]) = (0, 0.0)),
    ];
    let folder = tempfile::tempdir()?;
    let quiet = |_: &mut NiftiFile| {};
    for (word, change) in doubts
        .into_iter()
        .chain([("", quiet as fn(&mut NiftiFile))])
    {
        let mut file = NiftiFile::new(false, false);
        change(&mut file);
        let path = save(folder.path(), "x.nii", &file.bytes())?;
        let output = support::hepar().arg("info").arg(&path).output()?;
        let errors = String::from_utf8(output.stderr)?;
        assert!(output.status.success(), "{word}: {errors}");
        assert_eq!(
            errors.lines().count(),
            usize::from(!word.is_empty()),
            "{errors}"
        );
        assert!(errors.contains(word), "{word}: {errors}");
    }
    Ok(())
}

fn options() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut file = NiftiFile::new(true, false);
    file.scl_slope = f64::INFINITY;
    let path = save(folder.path(), "x.nii", &file.bytes())?;
    let status = |options: &[&str]| -> Result<Option<i32>, Failed> {
        let output = support::hepar()
            .arg("info")
            .arg(&path)
            .args(options)
            .output()?;
        Ok(output.status.code())
    };
    assert_eq!(status(&[])?, Some(65));
    assert_eq!(status(&["--ignore-scaling"])?, Some(0));
    assert_eq!(
        status(&["--ignore-scaling", "--max-volume-bytes", "239"])?,
        Some(65)
    );
    assert_eq!(
        status(&["--ignore-scaling", "--max-volume-bytes", "240"])?,
        Some(0)
    );
    Ok(())
}
