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

fn pairs() -> Result<(), Failed> {
    let mut file = NiftiFile::new(false, true);
    file.set_single(false);
    file.vox_offset = 0.0;
    let header = [file.header(), vec![0; 4]].concat();
    let mut later = file.clone();
    later.vox_offset = 16.0;
    let shifted = [vec![9; 16], file.voxels.clone()].concat();
    let extended = |claimed| {
        [
            file.header(),
            vec![1, 0, 0, 0],
            file.extension(claimed, &[9; 24]),
        ]
        .concat()
    };
    let voxels = &file.voxels;
    let cases: [(&str, &str, &[u8], &str, &[u8], Verdict); 12] = [
        ("pair", "x.hdr", &header, "x.img", voxels, Ok(())),
        (
            "bare header",
            "x.hdr",
            &file.header(),
            "x.img",
            voxels,
            Ok(()),
        ),
        (
            "compressed",
            "x.hdr.gz",
            &gzip(&header),
            "x.img.gz",
            &gzip(voxels),
            Ok(()),
        ),
        (
            "header plain",
            "x.hdr",
            &header,
            "x.img.gz",
            &gzip(voxels),
            Ok(()),
        ),
        (
            "image plain",
            "x.hdr.gz",
            &gzip(&header),
            "x.img",
            voxels,
            Ok(()),
        ),
        (
            "compressed, named plain",
            "x.hdr",
            &gzip(&header),
            "x.img",
            &gzip(voxels),
            Ok(()),
        ),
        (
            "offset",
            "x.hdr",
            &later.header(),
            "x.img",
            &shifted,
            Ok(()),
        ),
        ("extension", "x.hdr", &extended(32), "x.img", voxels, Ok(())),
        (
            "extension past the end",
            "x.hdr",
            &extended(48),
            "x.img",
            voxels,
            Err("extension"),
        ),
        (
            "image cut",
            "x.hdr",
            &header,
            "x.img",
            &voxels[1..],
            Err("holds 239"),
        ),
        (
            "no image",
            "x.hdr",
            &header,
            "y.img",
            voxels,
            Err("not beside it"),
        ),
        (
            "no header",
            "y.hdr",
            &header,
            "x.img",
            voxels,
            Err("not beside it"),
        ),
    ];
    for (name, header_name, header, image_name, image, verdict) in cases {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(header_name), header)?;
        std::fs::write(folder.path().join(image_name), image)?;
        for named in [header_name, image_name] {
            if verdict.is_err() && !named.starts_with('x') {
                continue;
            }
            let seen = read(&folder.path().join(named), &ReadOptions::default());
            judge(&format!("{name}, {named} named"), &seen, verdict)?;
        }
    }
    by_magic(&header, voxels)
}

/// A header under any name is a header.
fn by_magic(header: &[u8], voxels: &[u8]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("x.nii"), header)?;
    std::fs::write(folder.path().join("x.img"), voxels)?;
    judge(
        "any name",
        &read(&folder.path().join("x.nii"), &ReadOptions::default()),
        Ok(()),
    )
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
        };
        judge(
            name,
            &read(&path, &at_most(239)),
            Err("--max-volume-bytes 240"),
        )?;
        let image = read(&path, &at_most(240))?;
        if image.scaling != Scaling::IDENTITY {
            return Err(format!("{name}: {:?} despite ignore_scaling", image.scaling).into());
        }
    }
    let missing = read(Path::new("no/such.nii"), &ReadOptions::default());
    if !matches!(missing, Err(Error::Missing(_))) {
        return Err(format!("a missing file: {missing:?}").into());
    }
    judge(
        "a folder",
        &read(folder.path(), &ReadOptions::default()),
        Err("folder"),
    )
}
