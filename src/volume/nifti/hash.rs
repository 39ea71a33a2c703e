//! The checksum of an input file, worked out beside what else is done with it, and whether the file is still what it was.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::bytes::AlignedBytes;
use crate::{Error, Result};

/// What tells whether a file is still the one that was opened.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::volume) struct FileState {
    pub(super) path: PathBuf,
    /// Size on disk in bytes.
    pub(super) len: u64,
    /// `None` where the system does not know.
    modified: Option<SystemTime>,
}

impl FileState {
    pub(in crate::volume) fn new(path: &Path, metadata: &Metadata) -> Self {
        Self { path: path.into(), len: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Makes sure that the file is still what it was.
    ///
    /// # Errors
    /// [`Error::Data`] where it is not; [`Error::Missing`] and [`Error::Io`] where that cannot be said.
    pub(in crate::volume) fn check(&self) -> Result<()> {
        let metadata = std::fs::metadata(&self.path).map_err(|e| Error::io(&self.path, e))?;
        if Self::new(&self.path, &metadata) == *self {
            return Ok(());
        }
        Err(Error::data(
            &self.path,
            "the file was changed while it was being worked on, so what was read may be neither the old nor the new one",
            "run this again when nothing writes to the file",
        ))
    }
}

/// The sha256 of one file, or of several one after another.
///
/// A thread of the program's pool works it out, so that the reader is not burdened. What is not in memory as it lies on disk,
/// that thread reads a second time (from the system's cache). Whoever asks for it waits for that thread, or does its work if it
/// has not come to it.
#[derive(Debug, Clone)]
pub(in crate::volume) struct FileHash(Arc<Hashing>);

#[derive(Debug)]
struct Hashing {
    files: Vec<FileState>,
    /// A part of the one file that is in memory already, and where it begins there.
    known: Option<(u64, Arc<AlignedBytes>)>,
    digest: OnceLock<Result<String, (PathBuf, io::ErrorKind)>>,
}

impl FileHash {
    pub(in crate::volume) fn new(files: Vec<FileState>) -> Self {
        Self::of(files, None)
    }

    /// The same of one file, whose bytes from `offset` on are `bytes`.
    pub(in crate::volume) fn with_known(file: FileState, offset: u64, bytes: Arc<AlignedBytes>) -> Self {
        Self::of(vec![file], Some((offset, bytes)))
    }

    fn of(files: Vec<FileState>, known: Option<(u64, Arc<AlignedBytes>)>) -> Self {
        Self(Arc::new(Hashing { files, known, digest: OnceLock::new() }))
    }

    /// Has a thread of the program's pool work it out, unless nobody can ask for it any more when the thread comes to it.
    pub(in crate::volume) fn begin(&self) {
        let twin = Arc::downgrade(&self.0);
        rayon::spawn(move || {
            if let Some(hashing) = twin.upgrade() {
                let _ = Self(hashing).digest();
            }
        });
    }

    /// Lower-case hex. Each time, the files must still be what they were when they were opened.
    pub(in crate::volume) fn get(&self) -> Result<&str> {
        let hex = self.digest().as_ref().map_err(|(path, kind)| Error::io(path, (*kind).into()))?;
        self.0.files.iter().try_for_each(FileState::check)?;
        Ok(hex)
    }

    fn digest(&self) -> &Result<String, (PathBuf, io::ErrorKind)> {
        let Hashing { files, known, digest, .. } = &*self.0;
        digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            for file in files {
                hash_file(&file.path, known.as_ref(), &mut hasher).map_err(|e| (file.path.clone(), e.kind()))?;
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
    let mut chunk = vec![0; 1 << 16];
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

    fn state(path: &Path) -> FileState {
        FileState::new(path, &std::fs::metadata(path).unwrap())
    }

    #[test]
    fn files_are_hashed_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "a").unwrap();
        std::fs::write(&b, "bc").unwrap();
        // FIPS 180-2, appendix B.1: the digest of "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let both = FileHash::new(vec![state(&a), state(&b)]);
        both.begin();
        assert_eq!(both.get().unwrap(), abc);
        assert_ne!(FileHash::new(vec![state(&a)]).get().unwrap(), abc);
    }

    #[test]
    fn what_is_known_of_a_file_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "header voxels and more").unwrap();
        let whole = FileHash::new(vec![state(&path)]);
        let known = |voxels: &[u8]| FileHash::with_known(state(&path), 7, Arc::new(AlignedBytes::copy_of(voxels)));
        assert_eq!(known(b"voxels").get().unwrap(), whole.get().unwrap());
        assert_ne!(known(b"others").get().unwrap(), whole.get().unwrap());
    }

    #[test]
    fn a_file_that_is_not_what_was_opened_has_no_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let hash = FileHash::new(vec![state(&path)]);
        assert!(hash.get().is_ok());
        let yesterday = SystemTime::now() - std::time::Duration::from_secs(86_400);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(yesterday).unwrap();
        assert_eq!(hash.get().unwrap_err().exit_status(), 65, "worked out before, asked for after");
        let hash = FileHash::new(vec![state(&path)]);
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(hash.get().unwrap_err().exit_status(), 65);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(hash.get().unwrap_err().exit_status(), 66);
    }
}
