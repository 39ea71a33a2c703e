//! How a file says where its voxels lie, and which of its statements is taken.

use std::path::Path;

use super::fields::Fields;
use crate::remarks::Remarks;
use crate::volume::grid::determinant;
use crate::{Error, Result};

/// A homogeneous voxel-index → mm matrix, row by row.
type Affine = [[f64; 4]; 4];

/// One of the two ways in which a header places its voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Form {
    /// What the coordinates mean: 1 scanner, 2 aligned, 3 Talairach, 4 MNI 152, 5 another template; 0 or less: not given.
    pub code: i32,
    /// Voxel index → mm; `None` where not given, or not chosen and unusable.
    pub affine: Option<Affine>,
}

/// Which statement of the header the grid follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffineSource {
    /// The matrix `srow_x`, `srow_y`, `srow_z`.
    Sform,
    /// The quaternion, offsets and voxel sizes.
    Qform,
    /// Neither was given: voxel sizes only, x to the left, the origin in the middle.
    Pixdim,
}

/// Both forms of a header, and which one its image's grid follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// The general affine.
    pub sform: Form,
    /// The rigid placement.
    pub qform: Form,
    /// The one that was taken: the sform if given, else the qform if given.
    pub source: AffineSource,
}

const LAST_ROW: [f64; 4] = [0.0, 0.0, 0.0, 1.0];

/// Columns that are dependent to within the precision of 32-bit floats span no volume.
const SINGULAR: f64 = 1e-6;

/// Chooses the affine of an image of `shape`, of which the file declares `n_dims` dimensions.
///
/// # Errors
/// [`Error::Data`] if the chosen affine is not finite or is singular: there is no falling back on another.
pub(super) fn place(
    path: &Path,
    fields: &Fields,
    shape: [usize; 3],
    n_dims: usize,
    remarks: &Remarks,
) -> Result<(Affine, Placement)> {
    check_code(path, "sform_code", fields.sform_code, remarks);
    check_code(path, "qform_code", fields.qform_code, remarks);
    let sform = (fields.sform_code > 0).then(|| sform(fields));
    let qform = (fields.qform_code > 0).then(|| qform(fields, n_dims));
    let (affine, source) = match (&sform, &qform) {
        (Some(affine), _) => (Ok(*affine), AffineSource::Sform),
        (None, Some(affine)) => (affine.clone(), AffineSource::Qform),
        (None, None) => (Ok(from_pixdim(fields, shape, n_dims)), AffineSource::Pixdim),
    };
    let affine = affine.and_then(usable).map_err(|problem| refuse(path, source, &problem))?;
    warn_of_doubts(path, fields, source, n_dims, remarks);
    let placement = Placement {
        sform: Form { code: fields.sform_code, affine: sform.and_then(|affine| usable(affine).ok()) },
        qform: Form { code: fields.qform_code, affine: qform.and_then(|affine| affine.and_then(usable).ok()) },
        source,
    };
    Ok((affine, placement))
}

fn check_code(path: &Path, name: &str, code: i32, remarks: &Remarks) {
    let path = path.display();
    if code < 0 {
        remarks.say(format!("{path}: {name} is {code}; it is taken as 0, not given"));
    } else if code > 5 {
        remarks.say(format!("{path}: {name} is {code}, which the format does not define"));
    }
}

fn refuse(path: &Path, source: AffineSource, problem: &str) -> Error {
    let (name, remedy) = match source {
        AffineSource::Sform => ("sform", "correct the header, or set sform_code to 0 in a copy if its qform is right"),
        AffineSource::Qform => ("qform", "correct the quaternion, qoffset and pixdim, or give the header an sform"),
        AffineSource::Pixdim => ("affine from pixdim", "give the header an sform or a qform"),
    };
    Error::data(path, format!("the {name} {problem}"), remedy)
}

fn warn_of_doubts(path: &Path, fields: &Fields, source: AffineSource, n_dims: usize, remarks: &Remarks) {
    let path = path.display();
    let sizes = &fields.pixdim[1..=n_dims.min(3)];
    if source == AffineSource::Pixdim {
        remarks.say(format!(
            "{path}: the header gives neither sform nor qform; voxel sizes alone are used, left and right are a guess"
        ));
    }
    if sizes.iter().any(|size| !(size.is_finite() && *size > 0.0)) {
        let used = match source {
            AffineSource::Sform => "voxel sizes are taken from the sform",
            AffineSource::Qform | AffineSource::Pixdim => "signs are ignored",
        };
        remarks.say(format!("{path}: pixdim {sizes:?} is not positive; {used}"));
    }
    match fields.xyzt_units & 7 {
        0 | 2 => {}
        1 => remarks.say(format!(
            "{path}: xyzt_units says metres; the affine is taken as mm all the same, so lengths may be 1000 times too small"
        )),
        3 => remarks.say(format!(
            "{path}: xyzt_units says micrometres; the affine is taken as mm all the same, so lengths may be 1000 times too large"
        )),
        code => remarks.say(format!("{path}: xyzt_units has the undefined length unit {code}; mm are assumed")),
    }
    if source == AffineSource::Qform && fields.pixdim[0].abs() != 1.0 {
        remarks.say(format!("{path}: pixdim[0] (qfac) is {}; it is taken as 1", fields.pixdim[0]));
    }
}

fn sform(fields: &Fields) -> Affine {
    let [x, y, z] = fields.srow;
    [x, y, z, LAST_ROW]
}

/// The qform: a rotation from the unit quaternion (a, b, c, d) with a ≥ 0, times the voxel sizes, the third with the
/// sign of qfac.
fn qform(fields: &Fields, n_dims: usize) -> Result<Affine, String> {
    /// Rounding by the file's writer; more means that the three numbers are no part of a unit quaternion.
    const EXCESS: f64 = 1e-5;
    let [b, c, d] = fields.quatern;
    let norm = b * b + c * c + d * d;
    if !norm.is_finite() || norm > 1.0 + EXCESS {
        return Err(format!("is no rotation: quatern_b² + quatern_c² + quatern_d² is {norm}, more than 1"));
    }
    let a2 = 1.0 - norm;
    let a = if a2 > fields.version.quaternion_threshold() { a2.sqrt() } else { 0.0 };
    let s = 2.0 / (a * a + norm);
    let rotation = [
        [1.0 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
        [s * (b * c + a * d), 1.0 - s * (b * b + d * d), s * (c * d - a * b)],
        [s * (b * d - a * c), s * (c * d + a * b), 1.0 - s * (b * b + c * c)],
    ];
    let mut sizes: [f64; 3] = std::array::from_fn(|axis| size_along(fields, axis, n_dims));
    sizes[2] *= qfac(fields.pixdim[0])?;
    let mut affine = [LAST_ROW; 4];
    for (r, row) in rotation.iter().enumerate() {
        for c in 0..3 {
            affine[r][c] = row[c] * sizes[c];
        }
        affine[r][3] = fields.qoffset[r];
    }
    Ok(affine)
}

/// The sign of the third axis. The format says 1 or −1, and to take 0 as 1.
fn qfac(stored: f64) -> Result<f64, String> {
    if stored == -1.0 {
        Ok(-1.0)
    } else if stored < 0.0 {
        // Readers disagree on this: niftilib takes the sign, nibabel takes 1.
        Err(format!("has no handedness: pixdim[0] (qfac) is {stored}, not 1 or -1"))
    } else {
        Ok(1.0)
    }
}

/// The voxel size along an axis, mm; 1 for an axis that the image does not have and whose size is no size.
fn size_along(fields: &Fields, axis: usize, n_dims: usize) -> f64 {
    let size = fields.pixdim[axis + 1].abs();
    if axis < n_dims || (size.is_finite() && size > 0.0) { size } else { 1.0 }
}

/// The affine that nibabel assumes where a header gives none: the middle of the volume at 0, x to the left.
fn from_pixdim(fields: &Fields, shape: [usize; 3], n_dims: usize) -> Affine {
    let mut affine = [LAST_ROW; 4];
    for axis in 0..3 {
        let size = if axis < n_dims { size_along(fields, axis, n_dims) } else { 1.0 };
        let step = if axis == 0 { -size } else { size };
        affine[axis] = [0.0; 4];
        affine[axis][axis] = step;
        affine[axis][3] = -step * (shape[axis] as f64 - 1.0) / 2.0;
    }
    affine
}

/// The affine itself if it is finite and spans a volume, else why not.
fn usable(affine: Affine) -> Result<Affine, String> {
    if let Some(value) = affine.iter().flatten().find(|value| !value.is_finite()) {
        return Err(format!("is not finite: it contains {value}"));
    }
    let lengths: [f64; 3] = std::array::from_fn(|c| affine.iter().map(|row| row[c].powi(2)).sum::<f64>().sqrt());
    let volume = determinant(&affine).abs() / lengths.iter().product::<f64>();
    // An overflow or underflow makes it NaN, which is no volume either.
    if volume.is_nan() || volume <= SINGULAR {
        return Err(format!(
            "is singular: its columns, of lengths {} {} {} mm, span no volume",
            lengths[0], lengths[1], lengths[2]
        ));
    }
    Ok(affine)
}
