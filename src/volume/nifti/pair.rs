//! The other file of a header and image pair.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Whether a file's name says that it holds voxels alone.
pub(super) fn is_image(path: &Path) -> bool {
    Name::of(path).extension.eq_ignore_ascii_case("img")
}

/// The header that belongs to an image file; `None` where there is none.
pub(super) fn header_of(path: &Path) -> Option<PathBuf> {
    Name::of(path).partner(path, "hdr")
}

/// The image that belongs to a header file; `None` where there is none.
pub(super) fn image_of(path: &Path) -> Option<PathBuf> {
    Name::of(path).partner(path, "img")
}

/// A file name taken apart: `stem` `.extension` `.gz`.
struct Name {
    stem: OsString,
    extension: String,
    gz: Option<OsString>,
}

impl Name {
    fn of(path: &Path) -> Self {
        let gz = path.extension().filter(|e| e.eq_ignore_ascii_case("gz"));
        let inner = match gz {
            Some(_) => path.with_extension(""),
            None => path.to_path_buf(),
        };
        Self {
            stem: inner.file_stem().unwrap_or_default().to_owned(),
            extension: inner.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default(),
            gz: gz.map(ToOwned::to_owned),
        }
    }

    /// An existing neighbour of another extension, in the same case; the same compression is preferred.
    fn partner(&self, path: &Path, extension: &str) -> Option<PathBuf> {
        let upper = !self.extension.is_empty() && self.extension == self.extension.to_uppercase();
        let (extension, gz) = match upper {
            true => (extension.to_uppercase(), "GZ"),
            false => (extension.to_owned(), "gz"),
        };
        let mut plain = self.stem.clone();
        plain.push(".");
        plain.push(extension);
        let mut compressed = plain.clone();
        compressed.push(".");
        compressed.push(self.gz.clone().unwrap_or_else(|| gz.into()));
        let candidates = match self.gz {
            Some(_) => [compressed, plain],
            None => [plain, compressed],
        };
        candidates
            .iter()
            .map(|name| path.with_file_name(name))
            .find(|candidate| candidate.is_file() && candidate != path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    #[test]
    fn partners_are_found_beside() {
        let files =
            ["a.hdr", "a.img", "b.hdr.gz", "b.img.gz", "c.hdr", "c.img.gz", "D.HDR", "D.IMG", "e.v1.hdr", "e.v1.img"];
        let folder = folder(&files);
        let at = |name: &str| folder.path().join(name);
        for (header, image) in [
            ("a.hdr", "a.img"),
            ("b.hdr.gz", "b.img.gz"),
            ("c.hdr", "c.img.gz"),
            ("D.HDR", "D.IMG"),
            ("e.v1.hdr", "e.v1.img"),
        ] {
            assert_eq!(image_of(&at(header)), Some(at(image)), "{header}");
            assert_eq!(header_of(&at(image)), Some(at(header)), "{image}");
        }
        assert_eq!(image_of(&at("a.any")), Some(at("a.img")));
    }

    #[test]
    fn the_same_compression_is_preferred() {
        let folder = folder(&["a.hdr", "a.hdr.gz", "a.img", "a.img.gz"]);
        let at = |name: &str| folder.path().join(name);
        assert_eq!(image_of(&at("a.hdr.gz")), Some(at("a.img.gz")));
        assert_eq!(image_of(&at("a.hdr")), Some(at("a.img")));
    }

    #[test]
    fn no_file_is_its_own_partner() {
        let folder = folder(&["a.img"]);
        let at = |name: &str| folder.path().join(name);
        assert_eq!(image_of(&at("a.img")), None);
        assert_eq!(header_of(&at("a.img")), None);
        assert!(is_image(&at("a.img.gz")) && !is_image(&at("a.nii.gz")));
    }
}
