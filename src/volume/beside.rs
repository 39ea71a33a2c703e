//! The small text files that lie beside an image: where they are, and their text.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Most bytes of a text file: 300 volumes need a few kB.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// What the names of images end in, longest first.
const IMAGE_SUFFIXES: [&str; 6] = [".nii.gz", ".hdr.gz", ".img.gz", ".nii", ".hdr", ".img"];

/// The path beside `image` whose name is the image's without its suffix, then `ending`: `x.nii.gz` → `x.bval`.
pub fn beside(image: &Path, ending: &str) -> PathBuf {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let stem = IMAGE_SUFFIXES
        .iter()
        .find(|suffix| lower.ends_with(*suffix))
        .map_or(&name[..], |suffix| &name[..name.len() - suffix.len()]);
    image.with_file_name(format!("{stem}{ending}"))
}

/// The text of a small UTF-8 file, without a byte-order mark.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Err(Error::data(
            path,
            format!("is longer than {MAX_TEXT_BYTES} bytes, the limit for a text file"),
            "check that this is the file you meant",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        Error::data(
            path,
            format!("byte {} is not UTF-8 text", e.utf8_error().valid_up_to()),
            "save the file as UTF-8 text",
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// A table of tab-separated text with a header line.
#[derive(Debug)]
pub(super) struct TextTable {
    path: PathBuf,
    header: Vec<String>,
    /// The rows, each as long as the header.
    pub(super) rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Reads a table; rows of another length than the header are errors.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let bad = |e: csv::Error| {
            Error::data(
                path,
                format!("is not a tab-separated table: {e}"),
                "give each row as many cells as the header line, divided by tabs",
            )
        };
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').trim(csv::Trim::All).from_reader(text.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = owned(reader.headers().map_err(bad)?);
        let rows = reader.records().map(|record| Ok(owned(&record.map_err(bad)?))).collect::<Result<_>>()?;
        Ok(Self { path: path.into(), header, rows })
    }

    /// Where a column is, if it is there.
    pub(super) fn find(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name == column)
    }

    /// Where a column is.
    pub(super) fn column(&self, column: &str) -> Result<usize> {
        self.find(column).ok_or_else(|| {
            Error::data(
                &self.path,
                format!("has no column named {column}"),
                format!("choose one of: {}", self.header.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_an_image_share_its_name() {
        for (image, expected) in [
            ("a/x.nii.gz", "a/x.bval"),
            ("x.nii", "x.bval"),
            ("x.NII.GZ", "x.bval"),
            ("x.img", "x.bval"),
            ("sub.v1.nii", "sub.v1.bval"),
            ("plain", "plain.bval"),
        ] {
            assert_eq!(beside(Path::new(image), ".bval"), Path::new(expected));
        }
    }

    #[test]
    fn a_table_names_its_columns_when_one_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tsv");
        std::fs::write(&path, "\u{feff}b\tT_ms\r\n0\t100\r\n10\t40\r\n").unwrap();
        let table = TextTable::read(&path).unwrap();
        assert_eq!(table.find("b"), Some(0));
        assert_eq!(table.rows[1], ["10", "40"]);
        let error = table.column("TE").unwrap_err().to_string();
        assert!(error.contains("TE") && error.contains("b, T_ms"), "{error}");
        std::fs::write(&path, "b\tT_ms\n0\n").unwrap();
        assert_eq!(TextTable::read(&path).unwrap_err().exit_status(), 65);
    }
}
