//! Header extensions: their sizes are checked, their contents never kept (they may name the patient).

use std::io::{self, Read};

use super::header::Header;
use super::input::Input;
use crate::{Error, Result};

/// The least that an extension takes, and what its size is a multiple of.
const UNIT: u64 = 16;

/// Walks the extensions between the header and the voxels, or to the end of a header file.
///
/// # Errors
/// [`Error::Data`] for an extension whose size is below 16, no multiple of 16, or reaches past the end.
pub(super) fn check(input: &Input, header: &Header) -> Result<()> {
    let io = |e| input.trouble(e);
    let mut file = input.reader().map_err(io)?;
    let mut position = header.version.header_size() as u64 + 4;
    let end = if header.single_file { header.vox_offset } else { u64::MAX };
    skip(&mut file, position - 4).map_err(io)?;
    let announced = fill::<4>(&mut file).map_err(io)?;
    if announced.is_none_or(|bytes| bytes[0] == 0) {
        return Ok(());
    }
    let mut found = 0;
    // What is too short for an extension is skipped; a file that ends here may still lack its voxels, and is told so.
    while end - position >= UNIT
        && let Some(start) = fill::<16>(&mut file).map_err(io)?
    {
        if found > 0 && start[..8] == [0; 8] {
            // Padding up to the voxels.
            return Ok(());
        }
        let size = size(&start, header.big_endian);
        let Some(bytes) = u64::try_from(size).ok().filter(|n| *n >= UNIT && n.is_multiple_of(UNIT)) else {
            let problem = format!("size {size}, not a multiple of 16 from 16 up");
            return Err(damaged(input, position, &problem));
        };
        let left = end - position;
        if bytes > left || skip(&mut file, bytes - UNIT).map_err(io)? < bytes - UNIT {
            let problem = format!("size {size}, more than is left before the voxels or the file's end");
            return Err(damaged(input, position, &problem));
        }
        position += bytes;
        found += 1;
    }
    Ok(())
}

/// The size that an extension gives itself: its first four bytes.
fn size(start: &[u8; 16], big_endian: bool) -> i32 {
    let [a, b, c, d, ..] = *start;
    if big_endian { i32::from_be_bytes([a, b, c, d]) } else { i32::from_le_bytes([a, b, c, d]) }
}

fn damaged(input: &Input, position: u64, problem: &str) -> Error {
    Error::data(
        input.path(),
        format!("the header extension at byte {position} has {problem}"),
        "the header is damaged: convert the image again, or remove its extensions",
    )
}

/// Passes over `n` bytes and says how many there were.
fn skip(file: &mut dyn Read, n: u64) -> io::Result<u64> {
    io::copy(&mut file.take(n), &mut io::sink())
}

/// The next `N` bytes, unless the file ends before.
fn fill<const N: usize>(file: &mut dyn Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}
