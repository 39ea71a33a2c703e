//! NIfTI files made byte by byte, right or wrong, for the tests of the reader.

use std::io::Write;

use hepar::Error;
use hepar::volume::{Image, ReadOptions, read};
use libtest_mimic::Failed;

/// Every field that a reader looks at, and what follows the header. All may be set to nonsense.
#[derive(Debug, Clone)]
pub(crate) struct NiftiFile {
    /// NIfTI-2.
    pub(crate) two: bool,
    pub(crate) big_endian: bool,
    pub(crate) sizeof_hdr: i32,
    pub(crate) magic: Vec<u8>,
    pub(crate) dim: [i64; 8],
    pub(crate) datatype: i16,
    pub(crate) bitpix: i16,
    pub(crate) pixdim: [f64; 8],
    pub(crate) vox_offset: f64,
    pub(crate) scl_slope: f64,
    pub(crate) scl_inter: f64,
    pub(crate) xyzt_units: u8,
    pub(crate) qform_code: i16,
    pub(crate) sform_code: i16,
    pub(crate) quatern: [f64; 3],
    pub(crate) qoffset: [f64; 3],
    pub(crate) srow: [[f64; 4]; 3],
    /// What lies between the header and the voxels: the extender, extensions, padding.
    pub(crate) between: Vec<u8>,
    /// In the file's byte order.
    pub(crate) voxels: Vec<u8>,
}

impl NiftiFile {
    /// A valid single file: 3 × 4 × 5 × 2 int16 on an oblique grid, scaled.
    pub(crate) fn new(two: bool, big_endian: bool) -> Self {
        let mut file = Self {
            two,
            big_endian,
            sizeof_hdr: if two { 540 } else { 348 },
            magic: Vec::new(),
            dim: [4, 3, 4, 5, 2, 1, 1, 1],
            datatype: 4,
            bitpix: 16,
            pixdim: [1.0, 2.0, 2.5, 3.0, 1.5, 1.0, 1.0, 1.0],
            vox_offset: if two { 544.0 } else { 352.0 },
            scl_slope: 0.5,
            scl_inter: -3.0,
            xyzt_units: 10,
            qform_code: 1,
            sform_code: 2,
            quatern: [0.0, 0.0, 0.0],
            qoffset: [-1.0, -2.0, -3.0],
            srow: [[-2.0, 0.25, 0.0, 30.0], [0.125, 2.5, -0.5, -40.0], [0.0, 0.5, 3.0, 12.5]],
            between: vec![0; 4],
            voxels: (0..240u32).map(|i| (i * 37 % 251) as u8).collect(),
        };
        file.set_single(true);
        file
    }

    /// The magic of a single file, or of a pair's header.
    pub(crate) fn set_single(&mut self, single: bool) {
        let magic: &[u8] = match (self.two, single) {
            (false, true) => b"n+1\0",
            (false, false) => b"ni1\0",
            (true, true) => b"n+2\0\r\n\x1a\n",
            (true, false) => b"ni2\0\r\n\x1a\n",
        };
        self.magic = magic.to_vec();
    }

    /// Puts bytes between the header and the voxels, and moves the voxels.
    pub(crate) fn set_between(&mut self, between: Vec<u8>) {
        self.vox_offset = (self.header().len() + between.len()) as f64;
        self.between = between;
    }

    /// One header extension: the size it claims, a code, and content.
    pub(crate) fn extension(&self, claimed: i32, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        self.put(&mut bytes, 0, &claimed.to_le_bytes());
        self.put(&mut bytes, 4, &6i32.to_le_bytes());
        bytes.extend(content);
        bytes
    }

    /// The header alone.
    pub(crate) fn header(&self) -> Vec<u8> {
        if self.two { self.header_2() } else { self.header_1() }
    }

    /// The single file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.header(), self.between.clone(), self.voxels.clone()].concat()
    }

    fn header_1(&self) -> Vec<u8> {
        let mut h = vec![0; 348];
        let f = |value: f64| (value as f32).to_le_bytes();
        self.put(&mut h, 0, &self.sizeof_hdr.to_le_bytes());
        for (i, value) in self.dim.iter().enumerate() {
            self.put(&mut h, 40 + 2 * i, &(*value as i16).to_le_bytes());
        }
        self.put(&mut h, 70, &self.datatype.to_le_bytes());
        self.put(&mut h, 72, &self.bitpix.to_le_bytes());
        for (i, value) in self.pixdim.iter().enumerate() {
            self.put(&mut h, 76 + 4 * i, &f(*value));
        }
        self.put(&mut h, 108, &f(self.vox_offset));
        self.put(&mut h, 112, &f(self.scl_slope));
        self.put(&mut h, 116, &f(self.scl_inter));
        h[123] = self.xyzt_units;
        self.put(&mut h, 252, &self.qform_code.to_le_bytes());
        self.put(&mut h, 254, &self.sform_code.to_le_bytes());
        let placing = self.quatern.iter().chain(&self.qoffset);
        for (i, value) in placing.chain(self.srow.iter().flatten()).enumerate() {
            self.put(&mut h, 256 + 4 * i, &f(*value));
        }
        h[344..344 + self.magic.len()].copy_from_slice(&self.magic);
        h
    }

    fn header_2(&self) -> Vec<u8> {
        let mut h = vec![0; 540];
        self.put(&mut h, 0, &self.sizeof_hdr.to_le_bytes());
        h[4..4 + self.magic.len()].copy_from_slice(&self.magic);
        self.put(&mut h, 12, &self.datatype.to_le_bytes());
        self.put(&mut h, 14, &self.bitpix.to_le_bytes());
        for (i, value) in self.dim.iter().enumerate() {
            self.put(&mut h, 16 + 8 * i, &value.to_le_bytes());
        }
        for (i, value) in self.pixdim.iter().enumerate() {
            self.put(&mut h, 104 + 8 * i, &value.to_le_bytes());
        }
        self.put(&mut h, 168, &(self.vox_offset as i64).to_le_bytes());
        self.put(&mut h, 176, &self.scl_slope.to_le_bytes());
        self.put(&mut h, 184, &self.scl_inter.to_le_bytes());
        self.put(&mut h, 344, &i32::from(self.qform_code).to_le_bytes());
        self.put(&mut h, 348, &i32::from(self.sform_code).to_le_bytes());
        let placing = self.quatern.iter().chain(&self.qoffset);
        for (i, value) in placing.chain(self.srow.iter().flatten()).enumerate() {
            self.put(&mut h, 352 + 8 * i, &value.to_le_bytes());
        }
        self.put(&mut h, 500, &i32::from(self.xyzt_units).to_le_bytes());
        h
    }

    /// Writes little-endian bytes in the file's byte order.
    fn put(&self, to: &mut [u8], at: usize, little_endian: &[u8]) {
        let to = &mut to[at..at + little_endian.len()];
        to.copy_from_slice(little_endian);
        if self.big_endian {
            to.reverse();
        }
    }
}

/// Gzip at the fastest level, one member.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// What the reader makes of a file of these bytes.
pub(crate) fn read_bytes(name: &str, bytes: &[u8]) -> hepar::Result<Image> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    let image = read(&path, &ReadOptions::default());
    if let Ok(image) = &image {
        // Waits for the thread that reads the file, before the file is gone.
        image.sha256().expect("the file is still there");
    }
    image
}

/// What is to be made of a file: read, or refused as bad data with this word in the message.
pub(crate) type Verdict = Result<(), &'static str>;

/// Fails unless a file was read or refused as it should be.
pub(crate) fn judge(label: &str, seen: &hepar::Result<Image>, verdict: Verdict) -> Result<(), Failed> {
    match (seen, verdict) {
        (Ok(_), Ok(())) => Ok(()),
        (Err(e @ Error::Data { .. }), Err(word)) if e.to_string().contains(word) => Ok(()),
        (Ok(_), Err(word)) => Err(format!("{label}: read, expected an error with '{word}'").into()),
        (Err(e), _) => Err(format!("{label}: {e}, expected {verdict:?}").into()),
    }
}
