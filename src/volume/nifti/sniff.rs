//! What a file is that is not NIfTI, so that the message can say what to do.

use std::path::Path;

use crate::Error;

/// Where, which bytes, what it is, and the way out.
type Kind = (usize, &'static [u8], &'static str, &'static str);

const KINDS: &[Kind] = &[
    (0, b"version https://git-lfs", "a Git LFS pointer, not the image itself", "fetch the image with `git lfs pull`"),
    (0, b"\x1f\x8b", "compressed twice", "decompress it once with gunzip"),
    (128, b"DICM", "a DICOM file", "convert the series to NIfTI first, for example with dcm2niix"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it first"),
    (0, b"BZh", "compressed with bzip2", "decompress it first, or use gzip"),
    (0, b"\xfd7zXZ", "compressed with xz", "decompress it first, or use gzip"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first, or use gzip"),
    (0, b"NRRD", "an NRRD file", "save it as NIfTI, for example in 3D Slicer"),
    (0, b"ObjectType", "a MetaImage header", "save it as NIfTI, for example in 3D Slicer"),
    (0, b"\x89HDF", "an HDF5 (or MINC 2) file", "convert it to NIfTI first"),
    (0, b"<!DOCTYPE", "a web page", "download the image again"),
    (0, b"<html", "a web page", "download the image again"),
    (0, b"<?xml", "an XML file", "name the image itself"),
    (0, b"{", "a JSON file", "name the image itself, not its sidecar"),
];

/// The error for a file that is not NIfTI and begins with `head`.
pub(super) fn not_nifti(path: &Path, head: &[u8]) -> Error {
    if head.is_empty() {
        return Error::data(path, "the file is empty", "copy or download it again");
    }
    let known = KINDS.iter().find(|(at, bytes, ..)| head.get(*at..).is_some_and(|tail| tail.starts_with(bytes)));
    if let Some((_, _, what, remedy)) = known {
        return Error::data(path, format!("not NIfTI but {what}"), *remedy);
    }
    let mut size = [0; 4];
    size.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
    let problem = format!(
        "not NIfTI: the first field, sizeof_hdr, is {}, not 348 (NIfTI-1) or 540 (NIfTI-2), in either byte order",
        i32::from_le_bytes(size)
    );
    Error::data(path, problem, "check that this is the image and that it was copied in full; else convert it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_are_named() {
        let dicom = [vec![0; 128], b"DICM".to_vec()].concat();
        for (head, word) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], "git lfs pull"),
            (&dicom, "dcm2niix"),
            (b"", "empty"),
            (b"\x01", "sizeof_hdr, is 1"),
        ] {
            let message = not_nifti(Path::new("x.nii"), head).to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
