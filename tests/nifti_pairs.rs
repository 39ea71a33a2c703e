//! Pairs of header and image, and what else may be named in place of a file.

use std::path::Path;

use hepar::Error;
use hepar::volume::{ReadOptions, Scaling, read};
use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, Verdict, gzip, judge};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_pairs_are_found", pairs),
        Trial::test("nifti_limits_are_kept", limits),
    ]
}

/// What is tried, the header's name and bytes, the image's, and what is to be made of them.
type Case<'a> = (&'a str, &'a str, &'a [u8], &'a str, &'a [u8], Verdict);

fn pairs() -> Result<(), Failed> {
    let mut file = NiftiFile::new(false, true);
    // Bytes have no order.
    (file.datatype, file.bitpix, file.dim[4]) = (2, 8, 4);
    file.set_single(false);
    file.vox_offset = 0.0;
    let bare = file.header();
    let header = [&bare[..], &[0; 4]].concat();
    let extended = [&bare[..], &[1, 0, 0, 0], &file.extension(32, &[9; 24])].concat();
    let overlong = [&bare[..], &[1, 0, 0, 0], &file.extension(48, &[9; 24])].concat();
    let voxels = &file.voxels;
    let (gz_header, gz_voxels) = (gzip(&header), gzip(voxels));
    let shifted = [&[9; 16], &voxels[..]].concat();
    file.vox_offset = 16.0;
    let later = file.header();
    let cut = &voxels[1..];
    let apart = Err("not beside it");
    let cases: [Case; 12] = [
        ("pair", "x.hdr", &header, "x.img", voxels, Ok(())),
        ("bare header", "x.hdr", &bare, "x.img", voxels, Ok(())),
        (
            "gzip",
            "x.hdr.gz",
            &gz_header,
            "x.img.gz",
            &gz_voxels,
            Ok(()),
        ),
        (
            "gzip image",
            "x.hdr",
            &header,
            "x.img.gz",
            &gz_voxels,
            Ok(()),
        ),
        (
            "gzip header",
            "x.hdr.gz",
            &gz_header,
            "x.img",
            voxels,
            Ok(()),
        ),
        ("hidden", "x.hdr", &gz_header, "x.img", &gz_voxels, Ok(())),
        ("offset", "x.hdr", &later, "x.img", &shifted, Ok(())),
        ("extension", "x.hdr", &extended, "x.img", voxels, Ok(())),
        ("overlong", "x.hdr", &overlong, "x.img", voxels, Err("left")),
        (
            "image cut",
            "x.hdr",
            &header,
            "x.img",
            cut,
            Err("holds 239"),
        ),
        ("no image", "x.hdr", &header, "y.img", voxels, apart),
        ("no header", "y.hdr", &header, "x.img", voxels, apart),
    ];
    for (name, header_name, header, image_name, image, verdict) in cases {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(header_name), header)?;
        std::fs::write(folder.path().join(image_name), image)?;
        // Either file may be named.
        let named = [header_name, image_name]
            .into_iter()
            .filter(|name| name.starts_with('x'));
        for named in named {
            let seen = read(&folder.path().join(named), &ReadOptions::default());
            judge(&format!("{name}, {named} named"), &seen, verdict)?;
            if seen.is_ok_and(|image| image.bytes() != voxels) {
                return Err(format!("{name}, {named} named: other voxels").into());
            }
        }
    }
    by_magic(&header, voxels)
}

/// A header under any name is a header.
fn by_magic(header: &[u8], voxels: &[u8]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("x.nii"), header)?;
    std::fs::write(folder.path().join("x.img"), voxels)?;
    let image = read(&folder.path().join("x.nii"), &ReadOptions::default());
    judge("any name", &image, Ok(()))
}

fn limits() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut file = NiftiFile::new(false, false);
    file.scl_slope = f64::NAN;
    for (name, bytes) in [("x.nii", file.bytes()), ("x.nii.gz", gzip(&file.bytes()))] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        let at_most = |max_volume_bytes| ReadOptions {
            max_volume_bytes,
            ignore_scaling: true,
            ..ReadOptions::default()
        };
        let refused = read(&path, &at_most(239));
        judge(name, &refused, Err("--max-volume-bytes 240"))?;
        let image = read(&path, &at_most(240))?;
        if image.scaling != Scaling::IDENTITY {
            return Err(format!("{name}: {:?} despite ignore_scaling", image.scaling).into());
        }
    }
    let missing = read(Path::new("no/such.nii"), &ReadOptions::default());
    if !matches!(missing, Err(Error::Missing(_))) {
        return Err(format!("a missing file: {missing:?}").into());
    }
    let folder = read(folder.path(), &ReadOptions::default());
    judge("a folder", &folder, Err("folder"))
}
