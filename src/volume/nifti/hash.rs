//! The checksum of an input file, worked out beside the reading.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::bytes::AlignedBytes;
use crate::{Error, Result};

/// The sha256 of one file, or of several one after another.
///
/// It starts on a thread of its own, so that the reader is not burdened. What is not in memory as it lies on disk, that
/// thread reads a second time (from the system's cache). Whoever asks for it waits for that thread, or does its work if it could
/// not start.
#[derive(Debug, Clone)]
pub(in crate::volume) struct FileHash(Arc<Hashing>);

#[derive(Debug)]
struct Hashing {
    paths: Vec<PathBuf>,
    /// A part of the one file that is in memory already, and where it begins there.
    known: Option<(u64, Arc<AlignedBytes>)>,
    digest: OnceLock<Result<String, (PathBuf, io::ErrorKind)>>,
}

impl FileHash {
    pub(in crate::volume) fn start(paths: Vec<PathBuf>) -> Self {
        Self::spawn(Hashing { paths, known: None, digest: OnceLock::new() })
    }

    /// The same of one file, whose bytes from `offset` on are `bytes`.
    pub(in crate::volume) fn start_with(path: PathBuf, offset: u64, bytes: Arc<AlignedBytes>) -> Self {
        Self::spawn(Hashing { paths: vec![path], known: Some((offset, bytes)), digest: OnceLock::new() })
    }

    fn spawn(hashing: Hashing) -> Self {
        let hash = Self(Arc::new(hashing));
        let twin = hash.clone();
        // No thread to be had: then `get` does the work.
        let _ = std::thread::Builder::new().name("sha256".into()).spawn(move || twin.digest().is_ok());
        hash
    }

    /// Lower-case hex.
    pub(in crate::volume) fn get(&self) -> Result<&str> {
        match self.digest() {
            Ok(hex) => Ok(hex),
            Err((path, kind)) => Err(Error::io(path, (*kind).into())),
        }
    }

    fn digest(&self) -> &Result<String, (PathBuf, io::ErrorKind)> {
        let Hashing { paths, known, digest } = &*self.0;
        digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            for path in paths {
                hash_file(path, known.as_ref(), &mut hasher).map_err(|e| (path.clone(), e.kind()))?;
            }
            Ok(hex(&hasher.finalize()))
        })
    }
}

fn hash_file(path: &Path, known: Option<&(u64, Arc<AlignedBytes>)>, hasher: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    if let Some((offset, bytes)) = known {
        hash_rest((&mut file).take(*offset), hasher)?;
        hasher.update(bytes.as_slice());
        file.seek(SeekFrom::Start(offset + bytes.as_slice().len() as u64))?;
    }
    hash_rest(file, hasher)
}

fn hash_rest(mut file: impl Read, hasher: &mut Sha256) -> io::Result<()> {
    let mut chunk = vec![0; 1 << 18];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            n => hasher.update(&chunk[..n]),
        }
    }
}

/// Lower-case hex digits of a digest.
pub(in crate::volume) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_hashed_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "a").unwrap();
        std::fs::write(&b, "bc").unwrap();
        // FIPS 180-2, appendix B.1: the digest of "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(FileHash::start(vec![a.clone(), b]).get().unwrap(), abc);
        assert_ne!(FileHash::start(vec![a]).get().unwrap(), abc);
    }

    #[test]
    fn what_is_known_of_a_file_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "header voxels and more").unwrap();
        let whole = FileHash::start(vec![path.clone()]);
        let known = |voxels: &[u8]| FileHash::start_with(path.clone(), 7, Arc::new(AlignedBytes::copy_of(voxels)));
        assert_eq!(known(b"voxels").get().unwrap(), whole.get().unwrap());
        assert_ne!(known(b"others").get().unwrap(), whole.get().unwrap());
    }

    #[test]
    fn a_file_that_is_gone_is_missing() {
        let hash = FileHash::start(vec!["no such file".into()]);
        assert_eq!(hash.get().unwrap_err().exit_status(), 66);
    }
}
