//! Any bytes at all: valid volumes come back as they were made, others are refused, and nothing panics.

use std::cell::Cell;

use hepar::Error;
use hepar::volume::{Image, VoxelType, info};
use libtest_mimic::{Failed, Trial};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use sha2::{Digest, Sha256};

use crate::nifti_file::{NiftiFile, gzip, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_valid_volumes_come_back", valid),
        Trial::test("nifti_garbled_files_never_panic", garbled),
        Trial::test("nifti_comparisons_can_fail", canaries),
    ]
}

const TYPES: [(i16, VoxelType); 10] = [
    (2, VoxelType::U8),
    (256, VoxelType::I8),
    (4, VoxelType::I16),
    (512, VoxelType::U16),
    (8, VoxelType::I32),
    (768, VoxelType::U32),
    (1024, VoxelType::I64),
    (1280, VoxelType::U64),
    (16, VoxelType::F32),
    (64, VoxelType::F64),
];

/// Runs a property on the same cases every time.
pub(crate) fn holds<S: Strategy>(
    cases: u32,
    strategy: &S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> Result<(), Failed> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(strategy, property)
        .map_err(|e| e.to_string().into())
}

/// Valid files of both versions, both byte orders, every type, 1 to 7 dimensions, any voxel bytes.
pub(crate) fn files() -> impl Strategy<Value = NiftiFile> {
    let layout = (
        any::<bool>(),
        any::<bool>(),
        0..TYPES.len(),
        vec(1i64..5, 1..=7),
    );
    let scalings = prop_oneof![
        Just((1.0, 0.0)),
        Just((0.0, 0.0)),
        (-3.0f32..3.0, -100.0f32..100.0).prop_map(|(slope, inter)| (slope.into(), inter.into())),
    ];
    let placings = vec(-0.2f32..0.2, 12);
    (layout, scalings, placings, 0usize..40)
        .prop_flat_map(|((two, big_endian, kind, dims), scaling, placing, gap)| {
            let (datatype, voxel_type) = TYPES[kind];
            let mut file = NiftiFile::new(two, big_endian);
            file.dim[0] = dims.len() as i64;
            file.dim[1..=dims.len()].copy_from_slice(&dims);
            file.datatype = datatype;
            file.bitpix = 8 * voxel_type.size() as i16;
            (file.scl_slope, file.scl_inter) = scaling;
            for (i, shift) in placing.into_iter().enumerate() {
                let unit = if i % 5 == 0 { 2.0 } else { 0.0 };
                file.srow[i / 4][i % 4] = f64::from(unit + shift);
            }
            file.set_between(vec![0; 4 + gap]);
            let n_bytes = dims.iter().product::<i64>() as usize * voxel_type.size();
            (Just(file), vec(any::<u8>(), n_bytes))
        })
        .prop_map(|(mut file, voxels)| {
            file.voxels = voxels;
            file
        })
}

fn voxel_type(file: &NiftiFile) -> VoxelType {
    let known = TYPES.iter().find(|(code, _)| *code == file.datatype);
    known.expect("files are made of known types").1
}

/// The stored voxels one by one, in little-endian order.
fn little_endian_voxels(file: &NiftiFile) -> impl Iterator<Item = Vec<u8>> {
    let size = voxel_type(file).size();
    file.voxels.chunks(size).map(|voxel| {
        let mut voxel = voxel.to_vec();
        if file.big_endian {
            voxel.reverse();
        }
        voxel
    })
}

/// The real values, by this test's own arithmetic.
fn values(file: &NiftiFile) -> Vec<f64> {
    let (slope, inter) = match file.scl_slope {
        0.0 => (1.0, 0.0),
        slope => (slope, file.scl_inter),
    };
    let stored = little_endian_voxels(file).map(|bytes| {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(&bytes);
        let unsigned = u64::from_le_bytes(wide);
        let unused = 64 - 8 * bytes.len() as u32;
        let signed = ((unsigned << unused) as i64) >> unused;
        match voxel_type(file) {
            VoxelType::F32 => f32::from_bits(unsigned as u32).into(),
            VoxelType::F64 => f64::from_bits(unsigned),
            VoxelType::I8 | VoxelType::I16 | VoxelType::I32 | VoxelType::I64 => signed as f64,
            _ => unsigned as f64,
        }
    });
    // A factor of 1 and a summand of 0 change the bits of NaN and of −0: they are left out.
    let times = |value| if slope == 1.0 { value } else { value * slope };
    let plus = |value| if inter == 0.0 { value } else { value + inter };
    stored.map(times).map(plus).collect()
}

/// Whether an image is what its file was made to be.
fn same(image: &Image, file: &NiftiFile) -> Result<(), String> {
    let dims: Vec<i64> = image.dims.iter().map(|&size| size as i64).collect();
    if dims != file.dim[1..=file.dim[0] as usize] {
        return Err(format!("dims {dims:?}"));
    }
    if image.voxel_type != voxel_type(file) {
        return Err(format!("type {:?}", image.voxel_type));
    }
    if image.grid.affine[..3] != file.srow {
        return Err(format!("affine {:?}", image.grid.affine));
    }
    let native = little_endian_voxels(file).flat_map(|mut voxel| {
        if cfg!(target_endian = "big") {
            voxel.reverse();
        }
        voxel
    });
    if !native.eq(image.bytes().iter().copied()) {
        return Err("other voxels".into());
    }
    let mut hasher = Sha256::new();
    for value in values(file) {
        hasher.update(value.to_le_bytes());
    }
    let expected: String = hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if info(image).voxels_sha256 != expected {
        return Err("other values".into());
    }
    Ok(())
}

fn valid() -> Result<(), Failed> {
    let packings = 0usize..4;
    holds(1000, &(files(), packings), |(file, packing)| {
        let plain = file.bytes();
        let bytes = match packing {
            0 => plain,
            1 => gzip(&plain),
            2 => plain.chunks(200).flat_map(gzip).collect(),
            _ => [gzip(&plain), b"tail".to_vec()].concat(),
        };
        let image = read_bytes("x.nii", &bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
        same(&image, &file).map_err(TestCaseError::fail)
    })
}

/// One thing done to a file.
#[derive(Debug, Clone)]
enum Harm {
    /// Another byte anywhere in the first 600.
    Byte(usize, u8),
    /// Two, four or eight bytes of one value, as limits of integers and floats are written.
    Run(usize, usize, u8),
    /// Only this part of the file, in 1/1000.
    Cut(usize),
    /// This many bytes more.
    Append(usize),
    /// Compressed.
    Gzip,
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let fills = prop_oneof![Just(0u8), Just(0xff), Just(0x7f), Just(0x80), any::<u8>()];
    let harm = prop_oneof![
        4 => (0usize..600, any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        4 => (0usize..600, 1usize..4, fills).prop_map(|(at, n, byte)| Harm::Run(at, 1 << n, byte)),
        1 => (0usize..1000).prop_map(Harm::Cut),
        1 => (0usize..3000).prop_map(Harm::Append),
        1 => Just(Harm::Gzip),
    ];
    vec(harm, 1..5)
}

fn harm(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        match *harm {
            Harm::Byte(at, byte) => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = byte),
            Harm::Run(at, n, byte) => bytes.iter_mut().skip(at).take(n).for_each(|b| *b = byte),
            Harm::Cut(part) => bytes.truncate(bytes.len() * part / 1000),
            Harm::Append(n) => bytes.resize(bytes.len() + n, 0xa5),
            Harm::Gzip => bytes = gzip(&bytes),
        }
    }
    bytes
}

fn garbled() -> Result<(), Failed> {
    let (read, refused) = (Cell::new(0), Cell::new(0));
    holds(4000, &(files(), harms()), |(file, harms)| {
        match read_bytes("x.nii", &harm(file.bytes(), &harms)) {
            Ok(image) => {
                read.set(read.get() + 1);
                let n: usize = image.dims.iter().product();
                prop_assert_eq!(image.bytes().len(), n * image.voxel_type.size());
                prop_assert!(image.grid.inverse().iter().flatten().all(|v| v.is_finite()));
                prop_assert_eq!(info(&image).shape, image.dims);
            }
            Err(e @ Error::Data { .. }) => {
                refused.set(refused.get() + 1);
                prop_assert_eq!(e.exit_status(), 65);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
        Ok(())
    })?;
    // A quarter each: else the harms are too harsh or too mild to say anything.
    if read.get() < 1000 || refused.get() < 1000 {
        return Err(format!("{} read, {} refused", read.get(), refused.get()).into());
    }
    Ok(())
}

fn canaries() -> Result<(), Failed> {
    let file = NiftiFile::new(false, true);
    let image = read_bytes("x.nii", &file.bytes())?;
    same(&image, &file)?;
    let changes: [fn(&mut NiftiFile); 5] = [
        |f| f.voxels[17] ^= 1,
        |f| f.dim[2] += 1,
        |f| (f.datatype, f.bitpix) = (512, 16),
        |f| f.srow[2][3] += 1e-6,
        |f| f.scl_slope = 0.25,
    ];
    for (i, change) in changes.iter().enumerate() {
        let mut other = file.clone();
        change(&mut other);
        if same(&image, &other).is_ok() {
            return Err(format!("change {i} was not seen").into());
        }
    }
    let wrong = |i| {
        if i < 3 {
            Ok(())
        } else {
            Err(TestCaseError::fail("3"))
        }
    };
    if holds(99, &(0..5), wrong).is_ok() {
        return Err("a property that fails was not seen".into());
    }
    Ok(())
}
