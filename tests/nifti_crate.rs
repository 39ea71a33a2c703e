//! The `nifti` crate as a partner: on what it reads right, both readers find the same values.

use hepar::volume::Image;
use libtest_mimic::{Failed, Trial};
use nifti::{IntoNdArray, NiftiObject, ReaderOptions};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::nifti_file::{NiftiFile, read_bytes};
use crate::nifti_gate::{files, holds};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_agrees_with_the_nifti_crate", differential),
        Trial::test("nifti_disagreement_is_seen", canary),
    ]
}

/// The values that the `nifti` crate finds in a file, first dimension fastest.
fn by_nifti_crate(file: &NiftiFile) -> Result<Vec<f64>, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.nii");
    std::fs::write(&path, file.bytes())?;
    let volume = ReaderOptions::new().read_file(&path)?.into_volume();
    let array = volume.into_ndarray::<f64>()?;
    Ok(array.t().iter().copied().collect())
}

#[expect(clippy::unnecessary_cast, reason = "one text for all voxel types")]
fn agree(image: &Image, other: &[f64]) -> Result<(), String> {
    let mut ours = Vec::new();
    hepar::with_voxel_type!(image.voxel_type, T => {
        ours.extend(bytemuck::cast_slice::<u8, T>(image.bytes()).iter().map(|&v| image.scaling.apply(v as f64)));
    });
    let equal = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    if ours.len() == other.len() && ours.iter().zip(other).all(equal) {
        Ok(())
    } else {
        Err(format!("{ours:?} against {other:?}"))
    }
}

fn differential() -> Result<(), Failed> {
    let trusted = files().prop_map(|mut file| {
        // What the crate reads right: NIfTI-1, voxels right behind the header.
        let two = std::mem::take(&mut file.two);
        if two {
            file.sizeof_hdr = 348;
            file.set_single(true);
        }
        file.set_between(vec![0; 4]);
        file
    });
    holds(500, &trusted, |file| {
        let image =
            read_bytes("x.nii", &file.bytes()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let other = by_nifti_crate(&file).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        agree(&image, &other).map_err(TestCaseError::fail)
    })
}

fn canary() -> Result<(), Failed> {
    let file = NiftiFile::new(false, true);
    let image = read_bytes("x.nii", &file.bytes())?;
    let mut values = by_nifti_crate(&file)?;
    agree(&image, &values)?;
    values[5] += 1e-9;
    match agree(&image, &values) {
        Ok(()) => Err("a changed value was not seen".into()),
        Err(_) => Ok(()),
    }
}
