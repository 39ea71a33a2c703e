//! Which affine is taken, and when it is refused: the sform over the qform over voxel sizes alone.

use hepar::Error;
use hepar::volume::{AffineSource, Image};
use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("nifti_affine_is_chosen", affines)]
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

fn affines() -> Result<(), Failed> {
    use AffineSource::{Pixdim, Qform, Sform};
    let with = |change: fn(&mut Affine)| {
        let mut affine = QFORM;
        change(&mut affine);
        affine
    };
    let left_handed = with(|a| a[2][2] = -3.0);
    // A quarter turn about z takes i to y and j to −x.
    let turned = with(|a| (a[0], a[1]) = ([0.0, -2.5, 0.0, -1.0], [2.0, 0.0, 0.0, -2.0]));
    let half_turned = with(|a| (a[1][1], a[2][2]) = (-2.5, -3.0));
    let centred = [
        [-2.0, 0.0, 0.0, 2.0],
        [0.0, 2.5, 0.0, -3.75],
        [0.0, 0.0, 3.0, -6.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    let q = |f: &mut NiftiFile| f.sform_code = 0;
    let cases: [(&str, &dyn Fn(&mut NiftiFile), Placed); 21] = [
        ("sform over qform", &|_| {}, Ok((Sform, SFORM))),
        ("undefined code", &|f| f.sform_code = 9, Ok((Sform, SFORM))),
        ("negative code", &|f| f.sform_code = -2, Ok((Qform, QFORM))),
        ("sform NaN", &|f| f.srow[1][2] = f64::NAN, Err("finite")),
        (
            "sform offset infinite",
            &|f| f.srow[0][3] = f64::INFINITY,
            Err("finite"),
        ),
        ("sform zero", &|f| f.srow = [[0.0; 4]; 3], Err("singular")),
        (
            "sform flat",
            &|f| f.srow[2] = [0.0, 0.0, 0.0, 5.0],
            Err("singular"),
        ),
        (
            "sform dependent",
            &|f| f.srow[1] = f.srow[0],
            Err("singular"),
        ),
        (
            "sform good, qform bad",
            &|f| f.quatern = [3.0; 3],
            Ok((Sform, SFORM)),
        ),
        (
            "sform good, pixdim 0",
            &|f| f.pixdim[1..4].fill(0.0),
            Ok((Sform, SFORM)),
        ),
        ("qform", &q, Ok((Qform, QFORM))),
        (
            "quarter turn",
            &|f| (f.sform_code, f.quatern) = (0, [0.0, 0.0, 0.5f64.sqrt()]),
            Ok((Qform, turned)),
        ),
        (
            "half turn, rounded up",
            &|f| (f.sform_code, f.quatern) = (0, [1.000_000_1, 0.0, 0.0]),
            Ok((Qform, half_turned)),
        ),
        (
            "no rotation",
            &|f| (f.sform_code, f.quatern) = (0, [0.9, 0.9, 0.0]),
            Err("rotation"),
        ),
        (
            "quaternion NaN",
            &|f| (f.sform_code, f.quatern[1]) = (0, f64::NAN),
            Err("rotation"),
        ),
        (
            "qfac -1",
            &|f| (f.sform_code, f.pixdim[0]) = (0, -1.0),
            Ok((Qform, left_handed)),
        ),
        (
            "qfac 0",
            &|f| (f.sform_code, f.pixdim[0]) = (0, 0.0),
            Ok((Qform, QFORM)),
        ),
        (
            "qfac -3",
            &|f| (f.sform_code, f.pixdim[0]) = (0, -3.0),
            Err("handedness"),
        ),
        (
            "qform, pixdim 0",
            &|f| (f.sform_code, f.pixdim[2]) = (0, 0.0),
            Err("singular"),
        ),
        (
            "qform, pixdim negative",
            &|f| (f.sform_code, f.pixdim[2]) = (0, -2.5),
            Ok((Qform, QFORM)),
        ),
        (
            "neither",
            &|f| (f.sform_code, f.qform_code) = (0, 0),
            Ok((Pixdim, centred)),
        ),
    ];
    for (name, change, expected) in cases {
        for two in [false, true] {
            let mut file = NiftiFile::new(two, false);
            change(&mut file);
            placed(name, read_bytes("x.nii", &file.bytes()), expected)?;
        }
    }
    match placed(
        "canary",
        read_bytes("x.nii", &NiftiFile::new(false, false).bytes()),
        Ok((Sform, QFORM)),
    ) {
        Ok(()) => Err("the comparison of affines cannot fail".into()),
        Err(_) => Ok(()),
    }
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
