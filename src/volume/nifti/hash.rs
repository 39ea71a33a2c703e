//! The checksum of an input file, worked out beside the reading.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The sha256 of one file, or of several one after another.
///
/// It starts on a thread of its own, which reads the files a second time (from the system's cache), so that neither
/// the reader nor its memory is burdened. Whoever asks for it waits for that thread, or does its work if it could
/// not start.
#[derive(Debug, Clone)]
pub(in crate::volume) struct FileHash(Arc<Hashing>);

#[derive(Debug)]
struct Hashing {
    paths: Vec<PathBuf>,
    digest: OnceLock<Result<String, (PathBuf, io::ErrorKind)>>,
}

impl FileHash {
    pub(in crate::volume) fn start(paths: Vec<PathBuf>) -> Self {
        let hash = Self(Arc::new(Hashing { paths, digest: OnceLock::new() }));
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
        let Hashing { paths, digest } = &*self.0;
        digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            for path in paths {
                hash_file(path, &mut hasher).map_err(|e| (path.clone(), e.kind()))?;
            }
            Ok(hex(&hasher.finalize()))
        })
    }
}

fn hash_file(path: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
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
    fn a_file_that_is_gone_is_missing() {
        let hash = FileHash::start(vec!["no such file".into()]);
        assert_eq!(hash.get().unwrap_err().exit_status(), 66);
    }
}
