//! Reading NIfTI-1 and NIfTI-2: single files and pairs, plain and compressed, both byte orders, every real type.

use std::path::{Path, PathBuf};

use super::fields::Fields;
use super::header::Header;
use super::input::Input;
use super::{Image, extension, pair};
use crate::{Error, Result};

/// What a reader may do.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The most that the voxels of one image may take in memory, bytes.
    pub max_volume_bytes: u64,
    /// Take stored values as they are, whatever `scl_slope` and `scl_inter` say.
    pub ignore_scaling: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_volume_bytes: 16 << 30,
            ignore_scaling: false,
        }
    }
}

/// Reads an image. Of a pair, either file may be named.
///
/// The format is told by the file's bytes, not by its name. Voxels keep their type and get native byte order. Doubts
/// that do not hinder reading are logged as warnings.
///
/// # Errors
/// [`Error::Missing`] if there is no such file, [`Error::Data`] if it is no NIfTI image or breaks one of the format's
/// rules, [`Error::Io`] if the system fails.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Image> {
    let named = Input::open(path)?;
    let (input, fields) = header_of(named)?;
    let header = Header::check(input.path(), &fields, options)?;
    extension::check(&input, &header)?;
    let mut files: Vec<PathBuf> = vec![input.path().into()];
    let voxels = if header.single_file {
        input.voxels(header.vox_offset, header.n_bytes)?
    } else {
        let image = Input::open(&image_of(input.path())?)?;
        files.push(image.path().into());
        image.voxels(header.vox_offset, header.n_bytes)?
    };
    Ok(Image::from_file(path, files, header, voxels))
}

/// The header that a named file begins with, or the one beside it if the name says that the file holds voxels alone.
fn header_of(named: Input) -> Result<(Input, Fields)> {
    let head = named.head();
    let own = head.and_then(|head| Fields::parse(named.path(), &head));
    match own {
        Ok(fields) => Ok((named, fields)),
        Err(not_nifti) => match pair::header_of(named.path()) {
            None => Err(not_nifti),
            Some(path) => {
                let input = Input::open(&path)?;
                let fields = Fields::parse(&path, &input.head()?)?;
                Ok((input, fields))
            }
        },
    }
}

fn image_of(header: &Path) -> Result<PathBuf> {
    pair::image_of(header).ok_or_else(|| {
        Error::data(
            header,
            "this is the header of a pair, but the image file (.img or .img.gz) is not beside it",
            "put both files into one folder under the same name, or convert the pair to one .nii file",
        )
    })
}
