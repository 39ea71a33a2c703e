//! Gzip (RFC 1952): any number of members, each one's checksum and length verified.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Deflate cannot shrink data by more than this factor (RFC 1951: 258 bytes for 2 bits).
pub(super) const MAX_RATIO: u64 = 1032;

/// Whether a file that begins like this is compressed.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// The concatenated content of all members. Ends where the next byte cannot begin a member.
pub(super) struct Members<R> {
    member: Option<GzDecoder<R>>,
    /// What follows the last member, once that has ended.
    rest: Option<R>,
    position: u64,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(compressed: R) -> Self {
        Self { member: Some(GzDecoder::new(compressed)), rest: None, position: 0 }
    }

    /// How many bytes were handed out so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Steps into the next member, if there is one.
    fn next_member(&mut self) -> io::Result<bool> {
        let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else {
            return Ok(false);
        };
        // One byte is all that a buffered reader promises; a member that then proves to be none is an error.
        let more = rest.fill_buf()?.first() == Some(&0x1f);
        if more {
            self.member = Some(GzDecoder::new(rest));
        } else {
            self.rest = Some(rest);
        }
        Ok(more)
    }

    /// Verifies the member that was read last and says how much follows, in it and after it; counts to `limit` + 1.
    ///
    /// What follows that member may be anything: it holds nothing that was wanted.
    pub(super) fn trailing_bytes(mut self, limit: u64) -> io::Result<u64> {
        let mut extra = self.drain(limit + 1)?;
        while extra <= limit && self.next_member()? {
            match self.drain(limit + 1 - extra) {
                Ok(n) => extra += n,
                Err(_) => break,
            }
        }
        let rest = self.rest.or(self.member.map(GzDecoder::into_inner));
        match rest {
            Some(rest) => Ok(extra + io::copy(&mut rest.take(limit + 1 - extra), &mut io::sink())?),
            None => Ok(extra),
        }
    }

    /// Reads the rest of the present member, but no more than `limit` bytes.
    fn drain(&mut self, limit: u64) -> io::Result<u64> {
        match &mut self.member {
            Some(member) => io::copy(&mut member.take(limit), &mut io::sink()),
            None => Ok(0),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(buffer)? {
                0 if self.next_member()? => {}
                n => {
                    self.position += n as u64;
                    return Ok(n);
                }
            }
        }
        Ok(0)
    }
}

/// Decodes a file that is one member holding exactly `content.len()` bytes, several times faster than [`Members`].
///
/// `false` where it is not, or is damaged: `content` is then undefined, and `Members` can tell what is the matter.
pub(super) fn inflate_single_member(file: &[u8], content: &mut [u8]) -> bool {
    let Some((_, [c0, c1, c2, c3, l0, l1, l2, l3])) = file.split_last_chunk::<8>() else {
        return false;
    };
    // The length is stored modulo 2³². Asking before decoding keeps other files from being decoded twice.
    u32::from_le_bytes([*l0, *l1, *l2, *l3]) == content.len() as u32
        && libdeflater::Decompressor::new().gzip_decompress(file, content) == Ok(content.len())
        // The decoder verified the first member's checksum; only if that is the file's last is nothing left over.
        && u32::from_le_bytes([*c0, *c1, *c2, *c3]) == libdeflater::crc32(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn content() -> Vec<u8> {
        (0..100_000u32).map(|i| (i * i / 7) as u8).collect()
    }

    fn all(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Members::new(file).read_to_end(&mut content)?;
        Ok(content)
    }

    fn trailing(file: &[u8], wanted: usize, limit: u64) -> io::Result<u64> {
        let mut members = Members::new(file);
        members.read_exact(&mut vec![0; wanted])?;
        assert_eq!(members.position(), wanted as u64);
        members.trailing_bytes(limit)
    }

    #[test]
    fn members_are_joined() {
        let content = content();
        let mut file = gzip(&content[..300]);
        file.extend(gzip(&[]));
        file.extend(gzip(&content[300..]));
        assert_eq!(all(&file).unwrap(), content);
        assert_eq!(trailing(&file, content.len(), 10).unwrap(), 0);
        assert!(!inflate_single_member(&file, &mut vec![0; content.len()]));
    }

    #[test]
    fn every_cut_and_every_changed_trailer_byte_is_an_error() {
        let file = gzip(&content());
        for len in (0..file.len()).rev().step_by(997).chain(file.len() - 9..file.len()) {
            assert!(all(&file[..len]).is_err(), "cut to {len} of {}", file.len());
        }
        for at in file.len() - 8..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert!(all(&bad).is_err(), "byte {at} of {}", file.len());
            assert!(trailing(&bad, content().len(), 10).is_err());
            assert!(!inflate_single_member(&bad, &mut vec![0; content().len()]));
        }
        assert_eq!(all(&file).unwrap(), content());
    }

    #[test]
    fn what_follows_is_counted_up_to_the_limit() {
        let content = content();
        let file = gzip(&content);
        assert_eq!(trailing(&file, content.len() - 7, 10).unwrap(), 7);
        assert_eq!(trailing(&file, content.len() - 70, 10).unwrap(), 11);
        for (tail, expected) in [
            (b"garbage".to_vec(), 7),
            (vec![0; 5000], 101),
            (gzip(&[0; 50]), 50),
            (gzip(&[0; 5000]), 101),
            ([gzip(&[1; 20]), b"rest".to_vec()].concat(), 24),
        ] {
            let file = [file.clone(), tail.clone()].concat();
            assert_eq!(trailing(&file, content.len(), 100).unwrap(), expected);
            assert!(!inflate_single_member(&file, &mut vec![0; content.len()]));
        }
        // Looks like a member and is none.
        let file = [file, vec![0x1f, 0x8b, 8, 0xff, 1, 2, 3]].concat();
        assert!(trailing(&file, content.len(), 100).is_ok());
    }

    #[test]
    fn one_member_is_decoded_at_once() {
        let content = content();
        let mut seen = vec![0; content.len()];
        assert!(inflate_single_member(&gzip(&content), &mut seen));
        assert_eq!(seen, content);
        assert!(!inflate_single_member(&gzip(&content), &mut seen[1..]));
        assert!(!inflate_single_member(&gzip(&content)[..7], &mut seen));
    }
}
