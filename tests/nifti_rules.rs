//! Each rule of reading NIfTI, one hostile or odd header at a time, in both versions and byte orders.

use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, Verdict, gzip, judge, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_fields_are_judged", fields),
        Trial::test("nifti_2_fields_are_judged", fields_of_version_2),
        Trial::test("nifti_judge_can_fail", canary),
    ]
}

type Case = (&'static str, fn(&mut NiftiFile), Verdict);

const FIELDS: &[Case] = &[
    ("good", |_| {}, Ok(())),
    ("sizeof_hdr 0", |f| f.sizeof_hdr = 0, Err("sizeof_hdr")),
    (
        "sizeof_hdr of the other",
        |f| f.sizeof_hdr = 888 - f.sizeof_hdr,
        Err("magic"),
    ),
    ("no magic", |f| f.magic.fill(0), Err("")),
    ("unknown magic", |f| f.magic[2] = b'3', Err("magic")),
    ("unfinished magic", |f| f.magic[3] = b'x', Err("magic")),
    ("dim[0] 0", |f| f.dim[0] = 0, Err("dim[0]")),
    ("dim[0] 8", |f| f.dim[0] = 8, Err("dim[0]")),
    ("dim[0] negative", |f| f.dim[0] = -3, Err("dim[0]")),
    ("dim[1] 0", |f| f.dim[1] = 0, Err("dim[1]")),
    ("dim[2] negative", |f| f.dim[2] = -4, Err("dim[2]")),
    ("dim[4] 0", |f| f.dim[4] = 0, Err("dim[4]")),
    ("unused dims 0", |f| f.dim[5..].fill(0), Ok(())),
    ("unused dims negative", |f| f.dim[5..].fill(-1), Ok(())),
    ("seven dims", |f| f.dim[0] = 7, Ok(())),
    ("one dim", |f| f.dim = [1, 120, 0, 0, 0, 0, 0, 0], Ok(())),
    ("two dims", |f| f.dim = [2, 12, 10, 0, 0, 0, 0, 0], Ok(())),
    ("dims beyond the file", |f| f.dim[4] = 3, Err("hold")),
    (
        "huge dims",
        |f| f.dim = [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767],
        Err("memory"),
    ),
    (
        "dims beyond the limit",
        |f| f.dim = [3, 32767, 32767, 32767, 1, 1, 1, 1],
        Err("--max-volume-bytes"),
    ),
    ("datatype 0", |f| f.datatype = 0, Err("datatype")),
    ("datatype 1", |f| f.datatype = 1, Err("bits")),
    ("datatype unknown", |f| f.datatype = 5, Err("datatype")),
    ("datatype negative", |f| f.datatype = -4, Err("datatype")),
    (
        "complex64",
        |f| (f.datatype, f.bitpix) = (32, 64),
        Err("complex"),
    ),
    (
        "complex128",
        |f| (f.datatype, f.bitpix) = (1792, 128),
        Err("complex"),
    ),
    (
        "RGB",
        |f| (f.datatype, f.bitpix) = (128, 24),
        Err("colours"),
    ),
    (
        "RGBA",
        |f| (f.datatype, f.bitpix) = (2304, 32),
        Err("colours"),
    ),
    (
        "float128",
        |f| (f.datatype, f.bitpix) = (1536, 128),
        Err("128"),
    ),
    ("bitpix 8", |f| f.bitpix = 8, Err("bitpix")),
    ("bitpix 0", |f| f.bitpix = 0, Err("bitpix")),
    ("bitpix -16", |f| f.bitpix = -16, Err("bitpix")),
    (
        "slope 0",
        |f| (f.scl_slope, f.scl_inter) = (0.0, 5.0),
        Ok(()),
    ),
    (
        "slope 0, inter NaN",
        |f| (f.scl_slope, f.scl_inter) = (0.0, f64::NAN),
        Ok(()),
    ),
    (
        "slope NaN",
        |f| f.scl_slope = f64::NAN,
        Err("--ignore-scaling"),
    ),
    (
        "slope infinite",
        |f| f.scl_slope = f64::INFINITY,
        Err("--ignore-scaling"),
    ),
    (
        "inter NaN",
        |f| f.scl_inter = f64::NAN,
        Err("--ignore-scaling"),
    ),
    (
        "inter infinite",
        |f| f.scl_inter = f64::NEG_INFINITY,
        Err("--ignore-scaling"),
    ),
    ("offset 0", |f| f.vox_offset = 0.0, Ok(())),
    (
        "offset in the header",
        |f| f.vox_offset -= 4.0,
        Err("vox_offset"),
    ),
    ("offset 1", |f| f.vox_offset = 1.0, Err("vox_offset")),
    (
        "offset negative",
        |f| f.vox_offset = -352.0,
        Err("vox_offset"),
    ),
    ("offset past the end", |f| f.vox_offset = 1e6, Err("hold")),
    (
        "offset leaves too little",
        |f| f.vox_offset += 1.0,
        Err("hold"),
    ),
    ("offset far out", |f| f.vox_offset = 1e18, Err("")),
    ("unaligned offset", |f| f.set_between(vec![0; 7]), Ok(())),
    (
        "bytes between, no extension",
        |f| f.set_between([vec![0; 4], vec![255; 99]].concat()),
        Ok(()),
    ),
    ("extension", |f| extend(f, 32, 24, &[]), Ok(())),
    (
        "extension and padding",
        |f| extend(f, 16, 8, &[0; 64]),
        Ok(()),
    ),
    (
        "extension and scraps",
        |f| extend(f, 16, 8, &[7; 15]),
        Ok(()),
    ),
    ("announced, none there", |f| f.between[0] = 1, Ok(())),
    ("extension size 0", |f| extend(f, 0, 8, &[]), Err("size 0")),
    ("extension size 8", |f| extend(f, 8, 8, &[]), Err("size 8")),
    (
        "extension size 24",
        |f| extend(f, 24, 24, &[]),
        Err("size 24"),
    ),
    (
        "extension size -16",
        |f| extend(f, -16, 8, &[]),
        Err("size -16"),
    ),
    (
        "extension into the voxels",
        |f| extend(f, 32, 8, &[]),
        Err("left"),
    ),
    (
        "extension of 2 GiB",
        |f| extend(f, 0x7fff_fff0, 8, &[]),
        Err("left"),
    ),
    (
        "second extension bad",
        |f| extend(f, 16, 8, &[5; 16]),
        Err("byte"),
    ),
    ("voxels cut", |f| f.voxels.truncate(239), Err("hold")),
    ("no voxels", |f| f.voxels.clear(), Err("hold")),
    (
        "1 MiB more",
        |f| f.voxels.resize(240 + (1 << 20), 1),
        Ok(()),
    ),
    (
        "over 1 MiB more",
        |f| f.voxels.resize(241 + (1 << 20), 1),
        Err("follow the voxels"),
    ),
];

/// Puts an extension between header and voxels that claims one size and holds 8 + `content` bytes, `then` more.
fn extend(file: &mut NiftiFile, claimed: i32, content: usize, then: &[u8]) {
    let extension = file.extension(claimed, &vec![9; content]);
    file.set_between([&[1, 0, 0, 0][..], &extension, then].concat());
}

const FIELDS_2: &[Case] = &[
    (
        "copied as text",
        |f| f.magic = b"n+2\0\n\x1a\n".to_vec(),
        Err("text"),
    ),
    (
        "overflowing dims",
        |f| f.dim = [3, 1 << 62, 4, 4, 1, 1, 1, 1],
        Err("memory"),
    ),
    ("dims at the sign", |f| f.dim[1] = i64::MAX, Err("memory")),
    ("dim negative", |f| f.dim[1] = i64::MIN, Err("dim[1]")),
    (
        "offset at the limit",
        |f| f.vox_offset = 9.2e18,
        Err("vox_offset"),
    ),
];

const FIELDS_1: &[Case] = &[
    ("Analyze 7.5", |f| f.magic.fill(0), Err("Analyze")),
    ("offset NaN", |f| f.vox_offset = f64::NAN, Err("vox_offset")),
    (
        "offset infinite",
        |f| f.vox_offset = f64::INFINITY,
        Err("vox_offset"),
    ),
    (
        "offset fractional",
        |f| f.vox_offset += 0.5,
        Err("vox_offset"),
    ),
];

fn fields() -> Result<(), Failed> {
    for (two, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        let special = if two { &[][..] } else { FIELDS_1 };
        for case in FIELDS.iter().chain(special) {
            check(case, NiftiFile::new(two, big_endian))?;
        }
    }
    Ok(())
}

fn fields_of_version_2() -> Result<(), Failed> {
    for big_endian in [false, true] {
        for case in FIELDS_2 {
            check(case, NiftiFile::new(true, big_endian))?;
        }
    }
    Ok(())
}

fn check((name, change, verdict): &Case, mut file: NiftiFile) -> Result<(), Failed> {
    change(&mut file);
    let label = format!("{name} (two {}, big-endian {})", file.two, file.big_endian);
    let plain = read_bytes("x.nii", &file.bytes());
    judge(&label, &plain, *verdict)?;
    let squeezed = read_bytes("x.nii.gz", &gzip(&file.bytes()));
    judge(&format!("{label}, gzip"), &squeezed, *verdict)
}

fn canary() -> Result<(), Failed> {
    let good = NiftiFile::new(false, false);
    let cut = &good.bytes()[..400];
    for (bytes, wrong) in [
        (&good.bytes()[..], Err("")),
        (cut, Ok(())),
        (cut, Err("another word")),
    ] {
        if judge("canary", &read_bytes("x.nii", bytes), wrong).is_ok() {
            return Err(format!("{wrong:?} passed").into());
        }
    }
    Ok(())
}
