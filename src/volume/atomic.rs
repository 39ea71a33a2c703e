//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::{Error, Result};

/// Replaces `path` by `bytes`: a kill at any moment leaves the old file, the new one, or none.
///
/// The bytes go to a temporary file in the same folder, which is synced, renamed and its folder synced.
///
/// # Errors
/// [`Error::CannotCreate`] when the folder takes no new file, [`Error::Io`] when writing fails (a full disk); the
/// temporary file is removed and an old file stays as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// [`write_atomically`] with the bytes coming from `fill`.
pub fn write_atomically_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    PendingFile::filled(path, fill)?.commit()
}

/// A file that has its name only when it is whole. Until then it lies hidden in the same folder; dropped, it is gone.
#[derive(Debug)]
pub struct PendingFile {
    path: PathBuf,
    folder: PathBuf,
    beside: NamedTempFile,
}

impl PendingFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// [`Error::CannotCreate`] when the folder takes no new file.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = folder_of(path);
        let beside = temporary_beside(path, &folder).map_err(|e| cannot_create(path, &folder, e.kind()))?;
        Ok(Self { path: path.into(), folder, beside })
    }

    /// Begins the file that will be at `path`, with the bytes that come from `fill`.
    ///
    /// # Errors
    /// Those of [`PendingFile::create`], and [`Error::Io`] when writing fails (a full disk).
    pub fn filled(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<Self> {
        let mut pending = Self::create(path)?;
        fill(pending.beside.as_file_mut()).map_err(|e| pending.trouble(e))?;
        Ok(pending)
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        self.beside.as_file()
    }

    /// What an error while writing means for the user.
    pub fn trouble(&self, error: io::Error) -> Error {
        cannot_write(&self.path, error)
    }

    /// Syncs the file, gives it its name, in the place of an old one, and syncs its folder.
    ///
    /// # Errors
    /// [`Error::Io`] when syncing fails, [`Error::CannotCreate`] when the name cannot be given.
    pub fn commit(self) -> Result<()> {
        let (path, folder) = (self.path.clone(), self.folder.clone());
        self.sync()?;
        let folder = Folder::open(&folder).map_err(|e| cannot_write(&path, e))?;
        let old = self.rename()?;
        folder.sync().map_err(|e| cannot_write(&path, e))?;
        let_go(old);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.file().sync_all().map_err(|e| self.trouble(e))
    }

    fn rename(self) -> Result<Option<File>> {
        self.close().rename()
    }

    /// Closes it until [`commit_all`]: a run may have more files than a process may hold open.
    pub fn close(self) -> ClosedFile {
        let Self { path, folder, beside } = self;
        ClosedFile { path, folder, beside: beside.into_temp_path() }
    }
}

/// A [`PendingFile`] that is filled and closed.
#[derive(Debug)]
pub struct ClosedFile {
    path: PathBuf,
    folder: PathBuf,
    beside: TempPath,
}

impl ClosedFile {
    fn sync(&self) -> Result<()> {
        // Some systems sync only what is open for writing.
        let synced = File::options().write(true).open(&self.beside).and_then(|file| file.sync_all());
        synced.map_err(|e| cannot_write(&self.path, e))
    }

    /// Gives it its name, and what had it before, if that was large.
    fn rename(self) -> Result<Option<File>> {
        let Self { path, folder, beside } = self;
        let old = large_file_at(&path);
        beside.persist(&path).map_err(|e| cannot_create(&path, &folder, e.error.kind()))?;
        Ok(old)
    }
}

/// [`PendingFile::commit`] for all files of one folder, of which `last` has its name only when the others have theirs. File
/// systems with a journal keep the order of renames, so that one sync of the folder does for all of them.
///
/// # Errors
/// Those of [`PendingFile::commit`]; before the first of them is renamed, all are synced.
pub fn commit_all(mut files: Vec<ClosedFile>, last: PendingFile) -> Result<()> {
    let (path, folder) = (last.path.clone(), last.folder.clone());
    files.push(last.close());
    sync_all(&files)?;
    let folder = Folder::open(&folder).map_err(|e| cannot_write(&path, e))?;
    let old: Vec<Option<File>> = files.into_iter().map(ClosedFile::rename).collect::<Result<_>>()?;
    folder.sync().map_err(|e| cannot_write(&path, e))?;
    let_go(old.into_iter().flatten());
    Ok(())
}

/// Syncs files several at a time, however many cores there are: they wait for a disk, and share what it writes of its journal.
fn sync_all(files: &[ClosedFile]) -> Result<()> {
    const AT_ONCE: usize = 8;
    files.chunks(AT_ONCE).try_for_each(|files| {
        std::thread::scope(|scope| {
            let begun: Vec<_> = (files.iter().skip(1))
                .map(|file| (file, std::thread::Builder::new().spawn_scoped(scope, move || file.sync())))
                .collect();
            let first = files.first().map_or(Ok(()), ClosedFile::sync);
            begun.into_iter().fold(first, |so_far, (file, thread)| {
                let synced = match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|_| Err(Error::Internal("syncing has failed".into()))),
                    // No thread is to be had.
                    Err(_) => file.sync(),
                };
                so_far.and(synced)
            })
        })
    })
}

/// Closes files that have been replaced. The last handle of a file frees what it holds, which takes longer than a rename: it
/// comes last, and nobody waits for it.
fn let_go(files: impl IntoIterator<Item = File>) {
    let files: Vec<File> = files.into_iter().collect();
    if !files.is_empty() {
        let _ = std::thread::Builder::new().spawn(move || drop(files));
    }
}

/// A handle of the file that is about to be replaced.
fn large_file_at(path: &Path) -> Option<File> {
    const LARGE: u64 = 1 << 20;
    let is_large = path.symlink_metadata().is_ok_and(|old| cfg!(unix) && old.is_file() && old.len() > LARGE);
    is_large.then(|| File::open(path).ok()).flatten()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => PathBuf::from("."),
    }
}

/// Hidden, in the same folder so that a rename suffices, and with the rights of a file that the user makes.
fn temporary_beside(path: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it has no file name"))?;
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// A folder in which files get their names, opened before they do: afterwards nothing is to fail for want of a handle.
struct Folder {
    #[cfg(unix)]
    handle: File,
}

impl Folder {
    #[cfg_attr(not(unix), expect(unused_variables, reason = "folders cannot be synced there"))]
    fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            handle: File::open(folder)?,
        })
    }

    /// Makes renames survive a power cut, where folders can be synced.
    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.handle.sync_all()?;
        Ok(())
    }
}

/// Says the kind of the failure: the whole of it would name the temporary file.
fn cannot_create(path: &Path, folder: &Path, why: ErrorKind) -> Error {
    Error::cannot_create(
        path,
        format!("cannot be created in {}: {why}", folder.display()),
        "write to a folder that exists and that you may write to",
    )
}

fn cannot_write(path: &Path, source: io::Error) -> Error {
    let source = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            io::Error::new(source.kind(), format!("{source}\n  remedy: free some space, or write to another folder"))
        }
        _ => source,
    };
    Error::Io { path: path.into(), source }
}

#[cfg(test)]
mod tests;
