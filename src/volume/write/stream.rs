//! Maps that are written while they are computed.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{Format, MapData, gzip, header};
use crate::Result;
use crate::volume::atomic::PendingFile;
use crate::volume::{Grid, positioned};

/// Bytes after which the system is asked to write out what it has.
const WRITEBACK: usize = 1 << 20;

/// A NIfTI file whose parts come in any order, from any thread. None of it stays in memory: where it is to be compressed,
/// its voxels wait in a hidden file beside it.
#[derive(Debug)]
pub struct NiftiStream {
    path: PathBuf,
    file: PendingFile,
    header_len: u64,
    /// Bytes since the last call for writeback.
    fresh: AtomicUsize,
    writeback: Option<Writeback>,
}

impl NiftiStream {
    /// Begins a file of `n_volumes` at `path`, which appears when it is whole: see [`PendingFile`]. The values have the type
    /// of `like`, which may be empty. A name that ends in `.nii.gz` asks for compression.
    ///
    /// # Errors
    /// Those of [`PendingFile::create`]; [`Io`](crate::Error::Io) when writing fails.
    pub fn create(path: &Path, grid: &Grid, n_volumes: usize, like: MapData) -> Result<Self> {
        let file = PendingFile::create(path)?;
        let header = header::header(grid, n_volumes, like);
        let n_bytes = grid.n_voxels() * n_volumes * like.value_size();
        positioned::write_all_at(file.file(), &header, 0).map_err(|e| file.trouble(e))?;
        // A small file is synced at its end alone, and so is any where no thread is to be had.
        let writeback = if n_bytes > 2 * WRITEBACK { Writeback::start(file.file()).ok() } else { None };
        let (path, header_len) = (path.to_owned(), header.len() as u64);
        Ok(Self { path, file, header_len, fresh: AtomicUsize::new(0), writeback })
    }

    /// Writes the values of the voxels from `first` on, counted over all volumes.
    ///
    /// # Errors
    /// [`Io`](crate::Error::Io) when writing fails.
    pub fn put(&self, first: usize, part: MapData) -> Result<()> {
        let bytes = part.bytes();
        let at = self.header_len + (first * part.value_size()) as u64;
        positioned::write_all_at(self.file.file(), bytes, at).map_err(|e| self.file.trouble(e))?;
        let fresh = self.fresh.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if let Some(writeback) = &self.writeback
            && fresh >= WRITEBACK
        {
            self.fresh.store(0, Ordering::Relaxed);
            writeback.wake();
        }
        Ok(())
    }

    /// The file, which is now whole; all voxels must have been put.
    ///
    /// # Errors
    /// Those of [`PendingFile::filled`] where it is compressed; [`Io`](crate::Error::Io) when writing fails.
    pub fn finish(self) -> Result<PendingFile> {
        let Self { path, file, writeback, .. } = self;
        if let Some(writeback) = writeback {
            writeback.end().map_err(|e| file.trouble(e))?;
        }
        match Format::of(&path) {
            Some(Format::NiiGz) => PendingFile::filled(&path, |out| {
                let mut plain = file.file();
                plain.seek(SeekFrom::Start(0))?;
                gzip::write_member_from(out, &mut plain)
            }),
            _ => Ok(file),
        }
    }
}

/// A thread that syncs a file while it is being filled, so that little is left for the sync at its end.
#[derive(Debug)]
struct Writeback {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Writeback {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (wake, calls) = sync_channel(1);
        // An error is told by one sync only, so it must not be lost here.
        let sync = move || calls.iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("writeback".into()).spawn(sync)?;
        Ok(Self { wake, thread })
    }

    /// Asks for one more sync, unless one is due anyway.
    fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Waits for the syncs that are due.
    fn end(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs panicked")))
    }
}
