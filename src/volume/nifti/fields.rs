//! The fields of a NIfTI header as the file holds them, widened to one type for both versions; nothing is judged here.
//!
//! Layouts: NIfTI-1 <https://nifti.nimh.nih.gov/nifti-1/documentation/nifti1fields>, NIfTI-2
//! <https://nifti.nimh.nih.gov/nifti-2>.

use std::path::Path;

use super::sniff;
use crate::{Error, Result};

/// How far into a file the headers and the four bytes that announce extensions reach.
pub(super) const HEAD: u64 = 544;

/// The two versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    /// Size of the header in bytes.
    pub(super) fn header_size(self) -> usize {
        match self {
            Self::One => 348,
            Self::Two => 540,
        }
    }

    /// The quaternion's last component is 0 where its square is below this (three rounding steps of the stored type).
    pub(super) fn quaternion_threshold(self) -> f64 {
        match self {
            Self::One => 3.0 * f64::from(f32::EPSILON),
            Self::Two => 3.0 * f64::EPSILON,
        }
    }
}

/// The fields that say what and where the voxels are.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) version: Version,
    pub(super) big_endian: bool,
    /// Whether the voxels follow in the same file; else they are in an `.img` file.
    pub(super) single_file: bool,
    pub(super) dim: [i64; 8],
    pub(super) datatype: i16,
    pub(super) bitpix: i16,
    pub(super) pixdim: [f64; 8],
    /// In NIfTI-2 an integer: exact up to 2⁵³, which is more than any file holds.
    pub(super) vox_offset: f64,
    pub(super) scl_slope: f64,
    pub(super) scl_inter: f64,
    pub(super) xyzt_units: i32,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    /// b, c, d.
    pub(super) quatern: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) srow: [[f64; 4]; 3],
}

impl Fields {
    /// The header at the beginning of a file, recognised by its own bytes, whatever the file is called.
    ///
    /// # Errors
    /// [`Error::Data`] for anything but NIfTI-1 and NIfTI-2.
    pub(super) fn parse(path: &Path, head: &[u8]) -> Result<Self> {
        let Some(&size) = head.first_chunk::<4>() else {
            return Err(sniff::not_nifti(path, head));
        };
        let (version, big_endian) = match (i32::from_le_bytes(size), i32::from_be_bytes(size)) {
            (348, _) => (Version::One, false),
            (_, 348) => (Version::One, true),
            (540, _) => (Version::Two, false),
            (_, 540) => (Version::Two, true),
            _ => return Err(sniff::not_nifti(path, head)),
        };
        let bytes = Bytes { head, big_endian };
        match version {
            Version::One => {
                whole(path, head, version)?;
                Ok(bytes.version_1(magic_1(path, head)?))
            }
            Version::Two => {
                // This magic comes first: a NIfTI-1 file that gives the wrong size is told so.
                let single_file = magic_2(path, head)?;
                whole(path, head, version)?;
                Ok(bytes.version_2(single_file))
            }
        }
    }
}

fn whole(path: &Path, head: &[u8], version: Version) -> Result<()> {
    let size = version.header_size();
    if head.len() >= size {
        return Ok(());
    }
    Err(Error::data(
        path,
        format!("the file ends after {} of the header's {size} bytes", head.len()),
        "copy or download it again",
    ))
}

/// Whether a header of 348 bytes is that of a single file.
fn magic_1(path: &Path, head: &[u8]) -> Result<bool> {
    match &head[344..348] {
        b"n+1\0" => Ok(true),
        b"ni1\0" => Ok(false),
        [b'n', ..] => Err(bad_magic(path, &head[344..348], "n+1 or ni1")),
        _ => Err(Error::data(
            path,
            "an Analyze 7.5 header, not NIfTI (it has no magic): it does not record which side is left",
            "convert it to NIfTI with the program that wrote it, which knows the handedness",
        )),
    }
}

/// Whether a header of 540 bytes is that of a single file.
fn magic_2(path: &Path, head: &[u8]) -> Result<bool> {
    match head.get(4..12).unwrap_or_default() {
        b"n+2\0\r\n\x1a\n" => Ok(true),
        b"ni2\0\r\n\x1a\n" => Ok(false),
        [b'n', b'+' | b'i', b'2', 0, ..] => Err(Error::data(
            path,
            "the line ends in the NIfTI-2 magic were changed: the file was copied as text",
            "copy it again in binary mode",
        )),
        magic => Err(bad_magic(path, magic, "n+2 or ni2")),
    }
}

fn bad_magic(path: &Path, magic: &[u8], expected: &str) -> Error {
    Error::data(
        path,
        format!(
            "the header's size and its magic do not agree: magic \"{}\", expected {expected}",
            magic.escape_ascii()
        ),
        "the header is damaged: convert the image again",
    )
}

/// A header of at least its version's size.
struct Bytes<'a> {
    head: &'a [u8],
    big_endian: bool,
}

impl Bytes<'_> {
    /// The `N` bytes at `at` in little-endian order.
    fn le<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes: [u8; N] = std::array::from_fn(|i| self.head[at + i]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.le(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.le(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.le(at))
    }

    /// `N` 32-bit floats.
    fn f32s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| f32::from_le_bytes(self.le(at + 4 * i)).into())
    }

    /// `N` 64-bit floats.
    fn f64s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| f64::from_le_bytes(self.le(at + 8 * i)))
    }

    fn version_1(&self, single_file: bool) -> Fields {
        let [vox_offset, scl_slope, scl_inter] = self.f32s(108);
        Fields {
            version: Version::One,
            big_endian: self.big_endian,
            single_file,
            dim: std::array::from_fn(|i| self.i16(40 + 2 * i).into()),
            datatype: self.i16(70),
            bitpix: self.i16(72),
            pixdim: self.f32s(76),
            vox_offset,
            scl_slope,
            scl_inter,
            xyzt_units: self.head[123].into(),
            qform_code: self.i16(252).into(),
            sform_code: self.i16(254).into(),
            quatern: self.f32s(256),
            qoffset: self.f32s(268),
            srow: [self.f32s(280), self.f32s(296), self.f32s(312)],
        }
    }

    fn version_2(&self, single_file: bool) -> Fields {
        let [scl_slope, scl_inter] = self.f64s(176);
        Fields {
            version: Version::Two,
            big_endian: self.big_endian,
            single_file,
            dim: std::array::from_fn(|i| self.i64(16 + 8 * i)),
            datatype: self.i16(12),
            bitpix: self.i16(14),
            pixdim: self.f64s(104),
            vox_offset: self.i64(168) as f64,
            scl_slope,
            scl_inter,
            xyzt_units: self.i32(500),
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quatern: self.f64s(352),
            qoffset: self.f64s(376),
            srow: [self.f64s(400), self.f64s(432), self.f64s(464)],
        }
    }
}
