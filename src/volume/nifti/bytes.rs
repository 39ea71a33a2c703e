//! A buffer of bytes that any voxel type can be viewed in.

use std::fs::File;
use std::io::{self, Read};

use bytemuck::{cast_slice, cast_slice_mut};
use memmap2::MmapMut;

/// From here on memory is taken from the system itself, in pages as large as it has: small ones cost more time than
/// what is read into them.
const LARGE: usize = 4 << 20;

/// Bytes that start on an 8-byte boundary, with room for a prefix that is kept but not shown.
///
/// The prefix lets a decoder put a whole file where it belongs in one go: the voxels behind the header are then
/// aligned without being moved.
#[derive(Debug)]
pub(in crate::volume) struct AlignedBytes {
    memory: Memory,
    start: usize,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Words(Vec<u64>),
    Pages(MmapMut),
}

impl Memory {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Words(words) => cast_slice(words),
            Self::Pages(pages) => pages,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Words(words) => cast_slice_mut(words),
            Self::Pages(pages) => pages,
        }
    }

    fn large(len: usize) -> io::Result<Self> {
        // The system has large pages for whole ones only.
        let pages = MmapMut::map_anon(len.next_multiple_of(2 << 20))?;
        // They are a favour that it may refuse.
        #[cfg(target_os = "linux")]
        let _ = pages.advise(memmap2::Advice::HugePage);
        Ok(Self::Pages(pages))
    }
}

impl AlignedBytes {
    /// `len` zeros. Pages that are never written cost no memory where the system hands out zeroed pages lazily.
    pub(in crate::volume) fn zeroed(len: usize) -> io::Result<Self> {
        let memory = if len < LARGE { Memory::Words(vec![0; len.div_ceil(8)]) } else { Memory::large(len)? };
        Ok(Self { memory, start: 0, len })
    }

    /// A copy of `bytes`.
    pub(in crate::volume) fn copy_of(bytes: &[u8]) -> Self {
        let mut words = vec![0; bytes.len().div_ceil(8)];
        cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self { memory: Memory::Words(words), start: 0, len: bytes.len() }
    }

    /// The next `len` bytes of `reader`. Memory grows as they arrive: a promise of much costs nothing.
    pub(in crate::volume) fn from_reader(reader: &mut impl Read, len: usize) -> io::Result<Self> {
        const STEP: usize = 1 << 20;
        let mut words: Vec<u64> = Vec::new();
        let mut filled = 0;
        while filled < len {
            let next = len.min(filled + STEP);
            let n_words = next.div_ceil(8);
            if n_words > words.capacity() {
                let doubled = (2 * n_words).min(len.div_ceil(8));
                words.try_reserve_exact(doubled - words.len())?;
            }
            words.resize(n_words, 0);
            reader.read_exact(&mut cast_slice_mut(&mut words)[filled..next])?;
            filled = next;
        }
        Ok(Self { memory: Memory::Words(words), start: 0, len })
    }

    /// `len` bytes of `file` from `offset` on, as the system's cache holds them: nothing is copied, and no memory taken.
    /// `None` where that cannot be had: then they are to be read.
    ///
    /// All of it is brought into the cache first, so that a disk that fails does so now; if the cache has to let go of it before
    /// it is used, a failure ends this process, and so does whoever shortens the file. Whoever writes to it writes to these
    /// bytes: that [`FileHash`](super::hash::FileHash) looks for.
    #[cfg(target_os = "linux")]
    pub(in crate::volume) fn mapped(file: &File, offset: u64, len: usize) -> Option<Self> {
        use rayon::prelude::*;
        /// What one thread brings in at a time.
        const PIECE: usize = 2 << 20;

        if len < LARGE || !offset.is_multiple_of(8) {
            return None;
        }
        // Copied on write: these bytes may be changed, and the file stays as it is.
        #[expect(unsafe_code, reason = "of voxels any bits are valid, and no other length or place is read from them")]
        let pages = unsafe { memmap2::MmapOptions::new().offset(offset).len(len).map_copy(file) }.ok()?;
        let populated = (0..len.div_ceil(PIECE)).into_par_iter().all(|i| {
            let first = i * PIECE;
            pages.advise_range(memmap2::Advice::PopulateRead, first, PIECE.min(len - first)).is_ok()
        });
        populated.then_some(Self { memory: Memory::Pages(pages), start: 0, len })
    }

    /// Where the system cannot say beforehand that all of a file is there, it is read.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::volume) fn mapped(_: &File, _: u64, _: usize) -> Option<Self> {
        None
    }

    /// `len` zeros behind room for `prefix` bytes: see [`Self::with_prefix`].
    pub(in crate::volume) fn zeroed_behind(prefix: usize, len: usize) -> io::Result<Self> {
        let start = prefix.next_multiple_of(8);
        let all = Self::zeroed(start + len)?;
        Ok(Self { start, len, ..all })
    }

    /// The bytes together with the `prefix` before them.
    pub(in crate::volume) fn with_prefix(&mut self, prefix: usize) -> &mut [u8] {
        &mut self.memory.bytes_mut()[self.start - prefix..self.start + self.len]
    }

    pub(in crate::volume) fn as_slice(&self) -> &[u8] {
        &self.memory.bytes()[self.start..self.start + self.len]
    }

    pub(in crate::volume) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory.bytes_mut()[self.start..self.start + self.len]
    }

    /// Reverses the bytes of every value of `size` bytes.
    pub(in crate::volume) fn swap_bytes(&mut self, size: usize) {
        let bytes = self.as_mut_slice();
        match size {
            2 => cast_slice_mut::<u8, u16>(bytes).iter_mut().for_each(|v| *v = v.swap_bytes()),
            4 => cast_slice_mut::<u8, u32>(bytes).iter_mut().for_each(|v| *v = v.swap_bytes()),
            8 => cast_slice_mut::<u8, u64>(bytes).iter_mut().for_each(|v| *v = v.swap_bytes()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_any_prefix_is_aligned() {
        let file: Vec<u8> = (0..=255).collect();
        for prefix in 0..20 {
            let mut bytes = AlignedBytes::zeroed_behind(prefix, 16).unwrap();
            bytes.with_prefix(prefix).copy_from_slice(&file[..prefix + 16]);
            assert_eq!(bytes.as_slice(), &file[prefix..prefix + 16]);
            assert_eq!(bytes.as_slice().as_ptr() as usize % 8, 0);
        }
    }

    #[test]
    fn reading_takes_as_many_bytes_as_asked_and_no_more() {
        let file: Vec<u8> = (0..3_000_001).map(|i| (i % 251) as u8).collect();
        let mut reader = file.as_slice();
        let bytes = AlignedBytes::from_reader(&mut reader, 2_999_999).unwrap();
        assert_eq!(bytes.as_slice(), &file[..2_999_999]);
        assert_eq!(reader.len(), 2);
    }

    #[test]
    fn a_reader_that_ends_early_is_an_error_before_memory_is_taken() {
        let mut reader = [0u8; 100].as_slice();
        let error = AlignedBytes::from_reader(&mut reader, 1 << 45).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_mapped_file_is_what_would_be_read_and_stays_as_it_is() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..2 * LARGE + 1003).map(|i| (i % 251) as u8).collect();
        io::Write::write_all(&mut file, &content).unwrap();
        for (offset, len) in [(352, 2 * LARGE), (0, LARGE), (544, LARGE + 459)] {
            let Some(mut bytes) = AlignedBytes::mapped(&file, offset, len) else {
                println!("skipped: this system does not map files");
                return;
            };
            let from = offset as usize;
            assert!(bytes.as_slice() == &content[from..from + len]);
            assert_eq!(bytes.as_slice().as_ptr() as usize % 8, 0);
            bytes.as_mut_slice()[0] ^= 0xff;
            assert!(bytes.as_slice() != &content[from..from + len]);
        }
        assert!(AlignedBytes::mapped(&file, 4, LARGE).is_none(), "not aligned");
        assert!(AlignedBytes::mapped(&file, 1 << 20, 2 * LARGE).is_none(), "past the end");
        let mut again = Vec::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut again).unwrap();
        assert!(again == content);
    }

    #[test]
    fn swapping_reverses_each_value() {
        let bytes: Vec<u8> = (0..16).collect();
        for (size, first) in [(1, vec![0, 1]), (2, vec![1, 0]), (4, vec![3, 2]), (8, vec![7, 6])] {
            let mut swapped = AlignedBytes::copy_of(&bytes);
            swapped.swap_bytes(size);
            assert_eq!(swapped.as_slice()[..2], first, "values of {size} bytes");
        }
    }
}
