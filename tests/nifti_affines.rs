//! Which affine is taken, and when it is refused: the sform over the qform over voxel sizes alone.

use hepar::Error;
use hepar::volume::AffineSource::{self, Pixdim, Qform, Sform};
use hepar::volume::{Form, Image, Placement};
use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_affine_is_chosen", affines),
        Trial::test("nifti_both_forms_are_kept", both),
        Trial::test("nifti_affine_comparison_can_fail", canary),
    ]
}

type Affine = [[f64; 4]; 4];

const SFORM: Affine = [
    [-2.0, 0.25, 0.0, 30.0],
    [0.125, 2.5, -0.5, -40.0],
    [0.0, 0.5, 3.0, 12.5],
    [0.0, 0.0, 0.0, 1.0],
];

/// The good file's quaternion turns nothing.
const QFORM: Affine = [
    [2.0, 0.0, 0.0, -1.0],
    [0.0, 2.5, 0.0, -2.0],
    [0.0, 0.0, 3.0, -3.0],
    [0.0, 0.0, 0.0, 1.0],
];

/// What a change makes of the affine: one, or an error with a word.
type Placed = Result<(AffineSource, Affine), &'static str>;

/// A quarter turn about z takes i to y and j to −x.
const TURNED: Affine = [
    [0.0, -2.5, 0.0, -1.0],
    [2.0, 0.0, 0.0, -2.0],
    [0.0, 0.0, 3.0, -3.0],
    [0.0, 0.0, 0.0, 1.0],
];

/// A half turn about x.
const HALF_TURNED: Affine = [
    [2.0, 0.0, 0.0, -1.0],
    [0.0, -2.5, 0.0, -2.0],
    [0.0, 0.0, -3.0, -3.0],
    [0.0, 0.0, 0.0, 1.0],
];

const LEFT_HANDED: Affine = [
    [2.0, 0.0, 0.0, -1.0],
    [0.0, 2.5, 0.0, -2.0],
    [0.0, 0.0, -3.0, -3.0],
    [0.0, 0.0, 0.0, 1.0],
];

/// Voxel sizes alone, for 3 × 4 × 5 voxels.
const CENTRED: Affine = [
    [-2.0, 0.0, 0.0, 2.0],
    [0.0, 2.5, 0.0, -3.75],
    [0.0, 0.0, 3.0, -6.0],
    [0.0, 0.0, 0.0, 1.0],
];

type Case = (&'static str, fn(&mut NiftiFile), Placed);

const CASES: &[Case] = &[
    ("sform over qform", |_| {}, Ok((Sform, SFORM))),
    ("undefined code", |f| f.sform_code = 9, Ok((Sform, SFORM))),
    ("negative code", |f| f.sform_code = -2, Ok((Qform, QFORM))),
    ("sform NaN", |f| f.srow[1][2] = f64::NAN, Err("finite")),
    (
        "sform offset infinite",
        |f| f.srow[0][3] = f64::INFINITY,
        Err("finite"),
    ),
    ("sform zero", |f| f.srow = [[0.0; 4]; 3], Err("singular")),
    (
        "sform flat",
        |f| f.srow[2] = [0.0, 0.0, 0.0, 5.0],
        Err("singular"),
    ),
    (
        "sform dependent",
        |f| f.srow[1] = f.srow[0],
        Err("singular"),
    ),
    (
        "sform good, qform bad",
        |f| f.quatern = [3.0; 3],
        Ok((Sform, SFORM)),
    ),
    (
        "sform good, pixdim 0",
        |f| f.pixdim[1..4].fill(0.0),
        Ok((Sform, SFORM)),
    ),
    ("qform", |f| f.sform_code = 0, Ok((Qform, QFORM))),
    (
        "quarter turn",
        |f| (f.sform_code, f.quatern) = (0, [0.0, 0.0, 0.5f64.sqrt()]),
        Ok((Qform, TURNED)),
    ),
    (
        "half turn, rounded up",
        |f| (f.sform_code, f.quatern) = (0, [1.000_000_1, 0.0, 0.0]),
        Ok((Qform, HALF_TURNED)),
    ),
    (
        "no rotation",
        |f| (f.sform_code, f.quatern) = (0, [0.9, 0.9, 0.0]),
        Err("rotation"),
    ),
    (
        "quaternion NaN",
        |f| (f.sform_code, f.quatern[1]) = (0, f64::NAN),
        Err("rotation"),
    ),
    (
        "qfac -1",
        |f| (f.sform_code, f.pixdim[0]) = (0, -1.0),
        Ok((Qform, LEFT_HANDED)),
    ),
    (
        "qfac 0",
        |f| (f.sform_code, f.pixdim[0]) = (0, 0.0),
        Ok((Qform, QFORM)),
    ),
    (
        "qfac -3",
        |f| (f.sform_code, f.pixdim[0]) = (0, -3.0),
        Err("handedness"),
    ),
    (
        "qform, pixdim 0",
        |f| (f.sform_code, f.pixdim[2]) = (0, 0.0),
        Err("singular"),
    ),
    (
        "qform, pixdim negative",
        |f| (f.sform_code, f.pixdim[2]) = (0, -2.5),
        Ok((Qform, QFORM)),
    ),
    (
        "neither",
        |f| (f.sform_code, f.qform_code) = (0, 0),
        Ok((Pixdim, CENTRED)),
    ),
];

fn affines() -> Result<(), Failed> {
    for (name, change, expected) in CASES {
        for two in [false, true] {
            let mut file = NiftiFile::new(two, false);
            change(&mut file);
            placed(name, read_bytes("x.nii", &file.bytes()), *expected)?;
        }
    }
    Ok(())
}

fn both() -> Result<(), Failed> {
    let image = read_bytes("x.nii", &NiftiFile::new(true, true).bytes())?;
    let form = |code, affine| Form {
        code,
        affine: Some(affine),
    };
    let expected = Placement {
        sform: form(2, SFORM),
        qform: form(1, QFORM),
        source: Sform,
    };
    assert_eq!(image.placement, Some(expected));
    Ok(())
}

fn canary() -> Result<(), Failed> {
    let good = || read_bytes("x.nii", &NiftiFile::new(false, false).bytes());
    let mut moved = SFORM;
    moved[1][3] += 1e-5;
    for wrong in [
        Ok((Sform, QFORM)),
        Ok((Qform, SFORM)),
        Ok((Sform, moved)),
        Err(""),
    ] {
        if placed("canary", good(), wrong).is_ok() {
            return Err(format!("{wrong:?} passed").into());
        }
    }
    Ok(())
}

fn placed(name: &str, seen: hepar::Result<Image>, expected: Placed) -> Result<(), Failed> {
    let (source, affine) = match (seen, expected) {
        (Err(Error::Data { problem, .. }), Err(word)) if problem.contains(word) => return Ok(()),
        (Ok(image), Ok(expected)) => {
            let placement = image.placement.ok_or("no placement")?;
            let differs = image
                .grid
                .affine
                .iter()
                .flatten()
                .zip(expected.1.iter().flatten());
            // Fields are 32-bit floats, and the quaternion's last component is a square root of a difference.
            let worst = differs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if placement.source == expected.0 && worst < 2e-6 {
                return Ok(());
            }
            (placement.source, image.grid.affine)
        }
        (seen, expected) => return Err(format!("{name}: {seen:?}, expected {expected:?}").into()),
    };
    Err(format!("{name}: {source:?} {affine:?}, expected {expected:?}").into())
}
