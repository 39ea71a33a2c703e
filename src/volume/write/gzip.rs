//! One gzip member, compressed by all threads: RFC 1952 around blocks of raw deflate (RFC 1951).
//!
//! Each block is compressed alone and ends on a byte boundary (an empty stored block, zlib's "sync flush"), so blocks
//! can be joined; the last one ends the stream. Checksums are joined likewise.

use std::io::{self, Write};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;

/// Bytes compressed alone. Smaller blocks lose ratio, larger ones leave threads idle at the end of a small map.
const BLOCK: usize = 256 * 1024;

/// Blocks in memory at once: enough to keep many cores busy, however large the map.
const BLOCKS_IN_FLIGHT: usize = 128;

/// Level 1: on maps of floats the higher ones cost time and save nothing to speak of.
const LEVEL: Compression = Compression::fast();

/// Magic, deflate, no flags, no time, "fastest", unknown system: nothing of the machine or the hour.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Writes `parts`, one after another, as one gzip member.
pub(super) fn write_member(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    out.write_all(&HEADER)?;
    let blocks: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(BLOCK)).collect();
    let mut checksum = Hasher::new();
    for wave in blocks.chunks(BLOCKS_IN_FLIGHT) {
        let compressed: Vec<(Vec<u8>, Hasher)> = wave
            .par_iter()
            .map(|block| compress(block, FlushCompress::Sync))
            .collect::<io::Result<_>>()?;
        for (bytes, of_block) in compressed {
            checksum.combine(&of_block);
            out.write_all(&bytes)?;
        }
    }
    out.write_all(&compress(&[], FlushCompress::Finish)?.0)?;
    let n_bytes: usize = parts.iter().map(|part| part.len()).sum();
    out.write_all(&checksum.finalize().to_le_bytes())?;
    // The format counts modulo 2³².
    out.write_all(&(n_bytes as u32).to_le_bytes())
}

fn compress(block: &[u8], flush: FlushCompress) -> io::Result<(Vec<u8>, Hasher)> {
    let mut checksum = Hasher::new();
    checksum.update(block);
    let mut stream = Compress::new(LEVEL, false);
    let mut out = Vec::with_capacity(block.len() + block.len() / 64 + 64);
    loop {
        let done = stream.total_in() as usize;
        let status = stream
            .compress_vec(&block[done..], &mut out, flush)
            .map_err(io::Error::other)?;
        // A flush is complete only when it leaves room in the output.
        if status == Status::StreamEnd || out.len() < out.capacity() {
            return Ok((out, checksum));
        }
        out.reserve(block.len() / 8 + 64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decoded(member: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // The decoder of one member, so that a second one would show as a rest.
        let mut decoder = flate2::bufread::GzDecoder::new(member);
        decoder.read_to_end(&mut bytes)?;
        assert!(decoder.into_inner().is_empty(), "more than one member");
        Ok(bytes)
    }

    fn member(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        write_member(&mut out, parts).unwrap();
        out
    }

    /// Bytes that hardly compress.
    fn noise(n: usize) -> Vec<u8> {
        let mut state = 1u64;
        std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .take(n)
        .collect()
    }

    #[test]
    fn one_member_gives_back_every_byte() {
        for n in [0, 1, 352, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            for bytes in [vec![7; n], noise(n)] {
                let (head, tail) = bytes.split_at(n / 3);
                assert_eq!(decoded(&member(&[head, tail])).unwrap(), bytes, "{n} bytes");
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = member(&[&noise(BLOCK + 5)]);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(decoded(&bytes).is_err());
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let bytes = noise(5 * BLOCK);
        let with_threads = |n| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(n)
                .build()
                .unwrap();
            pool.install(|| member(&[&bytes]))
        };
        assert_eq!(with_threads(1), with_threads(8));
    }
}
