//! Reading and writing at a place of a file, from several threads at once.

use std::fs::File;
use std::io;

use rayon::prelude::*;

/// What one thread reads at a time: large enough to keep the number of calls small, small enough to share.
const PIECE: usize = 1 << 19;

/// Fills `bytes` from `offset` on, by all threads.
pub(super) fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let read = |(i, piece): (usize, &mut [u8])| read_piece_at(file, piece, offset + (i * PIECE) as u64);
    bytes.par_chunks_mut(PIECE).enumerate().try_for_each(read)
}

#[cfg(unix)]
fn read_piece_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_piece_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => (bytes, offset) = (&mut bytes[n..], offset + n as u64),
        }
    }
    Ok(())
}

/// Writes all `bytes` at `offset`.
#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Writes all `bytes` at `offset`.
#[cfg(windows)]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => (bytes, offset) = (&bytes[n..], offset + n as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_from_where_they_are_written() {
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|i| (i % 251) as u8).collect();
        let (head, tail) = bytes.split_at(PIECE + 3);
        write_all_at(&file, tail, 7 + head.len() as u64).unwrap();
        write_all_at(&file, head, 7).unwrap();
        let mut read = vec![0; bytes.len()];
        read_exact_at(&file, &mut read, 7).unwrap();
        assert!(read == bytes);
        read_exact_at(&file, &mut read, 6).unwrap();
        assert!(read != bytes);
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        write_all_at(&file, &[1; 10], 0).unwrap();
        let error = read_exact_at(&file, &mut [0; 11], 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
