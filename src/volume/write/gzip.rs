//! One gzip member, compressed by all threads: RFC 1952 around blocks of raw deflate (RFC 1951).
//!
//! Each block is compressed alone and ends on a byte boundary (an empty stored block, zlib's "sync flush"), so blocks
//! can be joined; the last one ends the stream. Checksums are joined likewise.

use std::io::{self, Read, Write};

use crc32fast::Hasher;
use rayon::prelude::*;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status, Strategy, compress_bound};

/// Bytes compressed alone. Smaller blocks lose ratio, larger ones leave threads idle at the end of a small map.
const BLOCK: usize = 256 * 1024;

/// Blocks in memory at once: enough to keep many cores busy, however large the map.
const BLOCKS_IN_FLIGHT: usize = 128;

/// The lowest level with codes fitted to the data: level 1 has fixed ones, which make maps of floats larger.
const LEVEL: i32 = 2;

/// Deflate without a header of its own, with the largest window.
const RAW_WINDOW_BITS: i32 = -15;

/// Magic, deflate, no flags, no time, "fastest", unknown system: nothing of the machine or the hour.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Writes `parts`, one after another, as one gzip member.
pub(super) fn write_member(out: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let mut member = Member::begin(out)?;
    let blocks: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(BLOCK)).collect();
    blocks.chunks(BLOCKS_IN_FLIGHT).try_for_each(|wave| member.add(wave))?;
    member.end()
}

/// Writes all that `from` holds as one gzip member; a part of it is in memory at a time.
pub(super) fn write_member_from(out: &mut impl Write, from: &mut impl Read) -> io::Result<()> {
    let mut member = Member::begin(out)?;
    let mut wave = Vec::new();
    loop {
        wave.clear();
        from.by_ref().take((BLOCK * BLOCKS_IN_FLIGHT) as u64).read_to_end(&mut wave)?;
        if wave.is_empty() {
            return member.end();
        }
        member.add(&wave.chunks(BLOCK).collect::<Vec<_>>())?;
    }
}

/// A member that grows.
struct Member<'o, W> {
    out: &'o mut W,
    checksum: Hasher,
    n_bytes: usize,
}

impl<'o, W: Write> Member<'o, W> {
    fn begin(out: &'o mut W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        Ok(Self { out, checksum: Hasher::new(), n_bytes: 0 })
    }

    /// Compresses blocks side by side and writes them one after another.
    fn add(&mut self, wave: &[&[u8]]) -> io::Result<()> {
        let compressed: Vec<(Vec<u8>, Hasher)> = wave
            .par_iter()
            .map(|block| Ok((compress(block, DeflateFlush::SyncFlush)?, checksum_of(block))))
            .collect::<io::Result<_>>()?;
        for (bytes, of_block) in compressed {
            self.checksum.combine(&of_block);
            self.out.write_all(&bytes)?;
        }
        self.n_bytes += wave.iter().map(|block| block.len()).sum::<usize>();
        Ok(())
    }

    fn end(self) -> io::Result<()> {
        self.out.write_all(&compress(&[], DeflateFlush::Finish)?)?;
        self.out.write_all(&self.checksum.finalize().to_le_bytes())?;
        // The format counts modulo 2³².
        self.out.write_all(&(self.n_bytes as u32).to_le_bytes())
    }
}

fn checksum_of(block: &[u8]) -> Hasher {
    let mut checksum = Hasher::new();
    checksum.update(block);
    checksum
}

fn compress(block: &[u8], flush: DeflateFlush) -> io::Result<Vec<u8>> {
    let mut stream = Deflate::new_with_config(DeflateConfig {
        level: LEVEL,
        strategy: strategy(block),
        window_bits: RAW_WINDOW_BITS,
        ..DeflateConfig::default()
    });
    let mut out = vec![0; compress_bound(block.len())];
    loop {
        let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
        let status =
            stream.compress(&block[read..], &mut out[written..], flush).map_err(|e| io::Error::other(e.as_str()))?;
        let written = stream.total_out() as usize;
        // A flush is complete only when it leaves room in the output.
        if status == Status::StreamEnd || written < out.len() {
            out.truncate(written);
            return Ok(out);
        }
        out.resize(written + compress_bound(block.len() - read), 0);
    }
}

/// Noise has no repeats to be found: a search for them doubles the time and saves nothing. Where one voxel of eight
/// equals the one before it (air, NaN outside a mask, labels), the search pays.
fn strategy(block: &[u8]) -> Strategy {
    let words: &[[u8; 4]] = block.as_chunks().0;
    let repeats = words.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if repeats < words.len() / 8 { Strategy::HuffmanOnly } else { Strategy::Default }
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
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
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
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| member(&[&bytes]))
        };
        assert_eq!(with_threads(1), with_threads(8));
    }
}
