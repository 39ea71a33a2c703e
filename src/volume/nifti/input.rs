//! A file on disk, compressed or not, and the way to its voxels.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::bytes::AlignedBytes;
use super::fields::HEAD;
use super::gzip::{self, MAX_RATIO, Members};
use super::hash::FileState;
use crate::remarks::Remarks;
use crate::volume::positioned;
use crate::{Error, Result};

/// After the voxels, this many bytes of anything are ignored with a warning.
const MAX_TRAILING: u64 = 1 << 20;

/// An open input file.
#[derive(Debug)]
pub(super) struct Input {
    file: File,
    state: FileState,
    gzip: bool,
    remarks: Remarks,
}

impl Input {
    /// Opens a file, and recognises gzip by its bytes.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Data`] for what is no regular file, [`Error::Io`].
    pub(super) fn open(path: &Path, remarks: &Remarks) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if metadata.is_dir() {
            return Err(Error::data(
                path,
                "this is a folder, not an image",
                "name the NIfTI files in it; convert DICOM series first, for example with dcm2niix",
            ));
        }
        if !metadata.is_file() {
            return Err(Error::data(
                path,
                "this is a pipe or device, and images are read more than once",
                "save it as a file first",
            ));
        }
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let mut start = Vec::new();
        (&file).take(2).read_to_end(&mut start).map_err(|e| Error::io(path, e))?;
        let state = FileState::new(path, &metadata);
        Ok(Self { file, state, gzip: gzip::is_gzip(&start), remarks: remarks.clone() })
    }

    /// What the file was when it was opened.
    pub(super) fn state(&self) -> FileState {
        self.state.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.state.path
    }

    pub(super) fn is_gzip(&self) -> bool {
        self.gzip
    }

    /// The first bytes, as many as the largest header needs, or fewer if the file is shorter.
    pub(super) fn head(&self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader().and_then(|reader| reader.take(HEAD).read_to_end(&mut head)).map_err(|e| self.trouble(e))?;
        Ok(head)
    }

    /// The content from its beginning, decompressed.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        let file = self.rewound()?;
        if self.gzip { Ok(Box::new(Members::new(file))) } else { Ok(Box::new(file)) }
    }

    /// `len` bytes of the content from `offset` on; `in_place` where they may be those of the system's cache.
    ///
    /// # Errors
    /// [`Error::Data`] if the file holds less, or over a MiB more, or is damaged.
    pub(super) fn voxels(&self, offset: u64, len: usize, in_place: bool) -> Result<AlignedBytes> {
        let end = offset + len as u64;
        if self.gzip { self.decompressed(offset, len, end) } else { self.plain(offset, len, end, in_place) }
    }

    fn plain(&self, offset: u64, len: usize, end: u64, in_place: bool) -> Result<AlignedBytes> {
        if end > self.state.len {
            return Err(self.too_short(self.state.len, end));
        }
        self.judge_trailing(self.state.len - end)?;
        if in_place && let Some(voxels) = AlignedBytes::mapped(&self.file, offset, len) {
            return Ok(voxels);
        }
        let read = || {
            let mut voxels = AlignedBytes::zeroed(len)?;
            positioned::read_exact_at(&self.file, voxels.as_mut_slice(), offset)?;
            Ok(voxels)
        };
        read().map_err(|e| self.trouble(e))
    }

    fn decompressed(&self, offset: u64, len: usize, end: u64) -> Result<AlignedBytes> {
        if end > self.state.len.saturating_mul(MAX_RATIO) {
            return Err(Error::data(
                &self.state.path,
                format!(
                    "the header asks for {end} bytes, but {} compressed bytes hold at most {MAX_RATIO} times as many",
                    self.state.len
                ),
                "the file is cut short or its header damaged: copy it or convert it again",
            ));
        }
        let at_once = self.at_once(offset, len).map_err(|e| self.trouble(e))?;
        match at_once {
            Some(voxels) => Ok(voxels),
            None => self.streamed(offset, len, end),
        }
    }

    /// The voxels of a file that is one gzip member without anything after them, as nearly all are; else `None`.
    fn at_once(&self, offset: u64, len: usize) -> io::Result<Option<AlignedBytes>> {
        /// What lies before the voxels is kept in memory with them: not if it is large.
        const MAX_PREFIX: u64 = 1 << 20;
        if offset > MAX_PREFIX {
            return Ok(None);
        }
        let mut tail = [0; 4];
        (&self.file).seek(SeekFrom::End(-4))?;
        (&self.file).read_exact(&mut tail)?;
        let prefix = offset as usize;
        if u32::from_le_bytes(tail) != (prefix + len) as u32 {
            return Ok(None);
        }
        let mut compressed = Vec::new();
        compressed.try_reserve_exact(self.state.len as usize)?;
        (&self.file).rewind()?;
        (&self.file).take(self.state.len).read_to_end(&mut compressed)?;
        let mut voxels = AlignedBytes::zeroed_behind(prefix, len)?;
        let whole = gzip::inflate_single_member(&compressed, voxels.with_prefix(prefix));
        Ok(whole.then_some(voxels))
    }

    fn streamed(&self, offset: u64, len: usize, end: u64) -> Result<AlignedBytes> {
        let io = |e| self.trouble(e);
        let mut content = Members::new(self.rewound().map_err(io)?);
        io::copy(&mut (&mut content).take(offset), &mut io::sink()).map_err(io)?;
        let voxels = AlignedBytes::from_reader(&mut content, len).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.too_short(content.position(), end),
            _ => self.trouble(e),
        })?;
        let trailing = content.trailing_bytes(MAX_TRAILING).map_err(io)?;
        self.judge_trailing(trailing)?;
        Ok(voxels)
    }

    fn rewound(&self) -> io::Result<BufReader<&File>> {
        (&self.file).rewind()?;
        Ok(BufReader::with_capacity(1 << 16, &self.file))
    }

    fn judge_trailing(&self, bytes: u64) -> Result<()> {
        match bytes {
            0 => Ok(()),
            1..=MAX_TRAILING => {
                let path = self.state.path.display();
                self.remarks.say(format!("{path}: {bytes} bytes after the voxels are ignored"));
                Ok(())
            }
            _ => Err(Error::data(
                &self.state.path,
                format!(
                    "more than {MAX_TRAILING} bytes follow the voxels: the header declares fewer than the file holds"
                ),
                "the header is damaged, or something was appended: convert the image again",
            )),
        }
    }

    fn too_short(&self, held: u64, asked: u64) -> Error {
        Error::data(
            &self.state.path,
            format!("the file holds {held} bytes (uncompressed), but its header asks for {asked}"),
            "the file is cut short or its header damaged: copy it or convert it again",
        )
    }

    /// What an error while reading means for the user.
    pub(super) fn trouble(&self, error: io::Error) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, OutOfMemory, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => Error::data(
                &self.state.path,
                if self.gzip { "the gzip stream ends early" } else { "the file ends early" },
                "the file is cut short: copy or download it again",
            ),
            InvalidData | InvalidInput if self.gzip => Error::data(
                &self.state.path,
                format!("the gzip stream is damaged: {error}"),
                "copy or download the file again (`gzip -t FILE` tests it)",
            ),
            OutOfMemory => Error::data(
                &self.state.path,
                format!("there is not enough memory for the image: {error}"),
                "use a machine with more memory, or crop the image",
            ),
            _ => Error::io(&self.state.path, error),
        }
    }
}
