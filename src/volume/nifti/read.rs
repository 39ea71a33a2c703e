//! Reading NIfTI-1 and NIfTI-2: single files and pairs, plain and compressed, both byte orders, every real type.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fields::Fields;
use super::hash::FileHash;
use super::header::Header;
use super::input::Input;
use super::{extension, pair};
use crate::remarks::Remarks;
use crate::volume::Image;
use crate::{Error, Result};

/// What a reader may do.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The most that the voxels of one image may take in memory, bytes.
    pub max_volume_bytes: u64,
    /// Take stored values as they are, whatever `scl_slope` and `scl_inter` say.
    pub ignore_scaling: bool,
    /// Where doubts about images go, and what is remarked on in what is computed from them.
    pub remarks: Remarks,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_volume_bytes: 16 << 30, ignore_scaling: false, remarks: Remarks::default() }
    }
}

/// Reads an image. Of a pair, either file may be named.
///
/// The format is told by the file's bytes, not by its name. Voxels keep their type and get native byte order. Doubts
/// that do not hinder reading go to [`ReadOptions::remarks`].
///
/// # Errors
/// [`Error::Missing`] if there is no such file, [`Error::Data`] if it is no NIfTI image or breaks one of the format's
/// rules, [`Error::Io`] if the system fails.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Image> {
    open(path, options, false)
}

/// [`read`] without a copy, where the system can show a large file as it lies in its cache. What is computed from such an
/// image stands only if [`Image::sha256`], asked for afterwards, gives no error: until then whoever writes to the file
/// writes to the image.
///
/// # Errors
/// Those of [`read`].
pub fn read_in_place(path: &Path, options: &ReadOptions) -> Result<Image> {
    open(path, options, true)
}

fn open(path: &Path, options: &ReadOptions, in_place: bool) -> Result<Image> {
    let named = Input::open(path, &options.remarks)?;
    let (input, fields) = header_of(named, options)?;
    let header = Header::check(input.path(), &fields, options)?;
    extension::check(&input, &header)?;
    let image =
        if header.single_file { None } else { Some(Input::open(&image_beside(input.path())?, &options.remarks)?) };
    let swap = header.big_endian != cfg!(target_endian = "big");
    // Where the voxels will not be in memory as they are on disk, the files are read twice, by two threads at once.
    let files = [Some(&input), image.as_ref()].into_iter().flatten();
    let again = image.is_some() || input.is_gzip() || swap;
    let hash = again.then(|| FileHash::new(files.map(Input::state).collect()));
    hash.iter().for_each(FileHash::begin);
    let holder = image.as_ref().unwrap_or(&input);
    let mut voxels = holder.voxels(header.vox_offset, header.n_bytes, in_place && !swap)?;
    holder.state().check()?;
    if swap {
        voxels.swap_bytes(header.voxel_type.size());
    }
    let voxels = Arc::new(voxels);
    let of_voxels = || {
        let hash = FileHash::with_known(input.state(), header.vox_offset, Arc::clone(&voxels));
        hash.begin();
        hash
    };
    let hash = hash.unwrap_or_else(of_voxels);
    Ok(Image::from_file(path, header, voxels, hash, options.remarks.clone()))
}

/// The header that a named file begins with, or the one beside it if the name says that the file holds voxels alone.
fn header_of(named: Input, options: &ReadOptions) -> Result<(Input, Fields)> {
    let head = named.head();
    let own = head.and_then(|head| Fields::parse(named.path(), &head));
    match own {
        Ok(fields) => Ok((named, fields)),
        Err(_) if pair::is_image(named.path()) => {
            let input = Input::open(&header_beside(named.path())?, &options.remarks)?;
            let fields = Fields::parse(input.path(), &input.head()?)?;
            Ok((input, fields))
        }
        Err(not_nifti) => Err(not_nifti),
    }
}

fn header_beside(image: &Path) -> Result<PathBuf> {
    pair::header_of(image).ok_or_else(|| {
        Error::data(
            image,
            "this is the image of a pair, but its header file (.hdr or .hdr.gz) is not beside it",
            "put both files into one folder under the same name",
        )
    })
}

fn image_beside(header: &Path) -> Result<PathBuf> {
    pair::image_of(header).ok_or_else(|| {
        Error::data(
            header,
            "this is the header of a pair, but the image file (.img or .img.gz) is not beside it",
            "put both files into one folder under the same name",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Grid, MapData, write_nifti};

    /// Large enough to be mapped where the system maps files.
    fn large_file(folder: &Path) -> (PathBuf, Vec<u8>) {
        let path = folder.join("x.nii");
        let values: Vec<f32> = (0..1_500_000).map(|i| i as f32).collect();
        let affine = std::array::from_fn(|row| std::array::from_fn(|column| f64::from(row == column)));
        write_nifti(&path, &Grid { shape: [150, 100, 100], affine }, 1, MapData::F32(&values)).unwrap();
        (path, bytemuck::cast_slice(&values).to_vec())
    }

    #[test]
    fn a_file_that_changes_after_it_was_read_has_no_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let (path, voxels) = large_file(folder.path());
        let options = ReadOptions::default();
        assert!(read(&path, &options).unwrap().bytes() == voxels);
        let image = read_in_place(&path, &options).unwrap();
        assert!(image.bytes() == voxels);
        assert!(image.sha256().is_ok());
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, &[1]).unwrap();
        assert_eq!(image.sha256().unwrap_err().exit_status(), 65, "what was known of it does not count");
        assert!(read_in_place(&path, &options).unwrap().sha256().is_ok(), "as it is now, it is another file");
    }

    #[test]
    fn images_in_place_are_those_that_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, voxels) = large_file(folder.path());
        let file = std::fs::read(&path).unwrap();
        let (mut header, rest) = (file[..348].to_vec(), &file[352..]);
        header[344..348].copy_from_slice(b"ni1\0");
        header[108..112].copy_from_slice(&0f32.to_ne_bytes());
        let pair = folder.path().join("pair.hdr");
        std::fs::write(&pair, &header).unwrap();
        std::fs::write(pair.with_extension("img"), rest).unwrap();
        let options = ReadOptions::default();
        for path in [&path, &pair] {
            let [copy, in_place] = [read, read_in_place].map(|read| read(path, &options).unwrap());
            assert!(in_place.bytes() == voxels && copy.bytes() == voxels);
            assert_eq!(in_place.sha256().unwrap(), copy.sha256().unwrap());
        }
    }
}
