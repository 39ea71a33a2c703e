//! NIfTI files from maps: a header built from nothing, whole files or none.

mod gzip;
mod header;
mod rotation;
mod stream;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::Grid;
use super::atomic::PendingFile;
use crate::device::Column;
use crate::{Error, Result};

pub use stream::NiftiStream;

/// How NIfTI files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Compressed: one gzip member.
    #[default]
    #[value(name = "nii.gz")]
    NiiGz,
    /// Not compressed.
    #[value(name = "nii")]
    Nii,
}

impl Format {
    /// What a file's name ends in, without the leading dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::NiiGz => "nii.gz",
            Self::Nii => "nii",
        }
    }

    /// The format that a file's name asks for.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        [Self::NiiGz, Self::Nii].into_iter().find(|format| name.ends_with(&format!(".{}", format.suffix())))
    }
}

/// The voxels of whole volumes, i fastest, volume after volume, without scaling.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum MapData<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    U16(&'a [u16]),
    U8(&'a [u8]),
    I16(&'a [i16]),
}

impl<'a> From<&'a Column> for MapData<'a> {
    fn from(column: &'a Column) -> Self {
        match column {
            Column::F32(values) => Self::F32(values),
            Column::F64(values) => Self::F64(values),
            Column::U16(values) => Self::U16(values),
        }
    }
}

impl<'a> MapData<'a> {
    /// Number of voxels of all volumes.
    pub fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I16(values) => values.len(),
        }
    }

    /// Whether there is no voxel.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values as f32: themselves where they are.
    pub fn to_f32(self) -> Cow<'a, [f32]> {
        match self {
            Self::F32(values) => values.into(),
            Self::F64(values) => values.iter().map(|&v| v as f32).collect(),
            Self::U16(values) => values.iter().map(|&v| v.into()).collect(),
            Self::U8(values) => values.iter().map(|&v| v.into()).collect(),
            Self::I16(values) => values.iter().map(|&v| v.into()).collect(),
        }
    }

    /// Bytes of one value.
    fn value_size(self) -> usize {
        match self {
            Self::F64(_) => 8,
            Self::F32(_) => 4,
            Self::U16(_) | Self::I16(_) => 2,
            Self::U8(_) => 1,
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Self::F32(values) => bytemuck::cast_slice(values),
            Self::F64(values) => bytemuck::cast_slice(values),
            Self::U16(values) => bytemuck::cast_slice(values),
            Self::U8(values) => values,
            Self::I16(values) => bytemuck::cast_slice(values),
        }
    }
}

/// Writes `n_volumes` volumes over `grid` as NIfTI-1, or NIfTI-2 where a dimension exceeds 32,767.
///
/// The name decides the format: `.nii.gz` or `.nii`. The header is built from nothing but the arguments: no text of
/// any input can reach it. Numbers are in the byte order of the machine.
///
/// # Errors
/// Those of [`super::atomic::write_atomically`], and [`Error::CannotCreate`] for a name that ends otherwise.
pub fn write_nifti(path: &Path, grid: &Grid, n_volumes: usize, data: MapData) -> Result<()> {
    pending_nifti(path, grid, n_volumes, data)?.commit()
}

/// [`write_nifti`], but for the name: the file has it when it is committed.
///
/// # Errors
/// Those of [`write_nifti`].
pub fn pending_nifti(path: &Path, grid: &Grid, n_volumes: usize, data: MapData) -> Result<PendingFile> {
    if data.is_empty() || data.len() != grid.n_voxels() * n_volumes {
        return Err(Error::Internal(format!(
            "{}: {} voxels given for {n_volumes} volumes of {:?}",
            path.display(),
            data.len(),
            grid.shape
        )));
    }
    let format = Format::of(path).ok_or_else(|| {
        Error::cannot_create(path, "the name ends neither in .nii.gz nor in .nii", "give a name that does")
    })?;
    let header = header::header(grid, n_volumes, data);
    PendingFile::filled(path, |file| write_parts(file, format, &header, data.bytes()))
}

fn write_parts(file: &mut File, format: Format, header: &[u8], voxels: &[u8]) -> io::Result<()> {
    match format {
        Format::Nii => {
            file.write_all(header)?;
            file.write_all(voxels)
        }
        Format::NiiGz => gzip::write_member(file, &[header, voxels]),
    }
}
