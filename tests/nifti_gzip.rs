//! Compressed NIfTI, whole and damaged: gzip is told by its bytes, verified, and never believed about its size.

use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, Verdict, gzip, judge, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_gzip_is_judged", compressed),
        Trial::test("nifti_gzip_cuts_are_refused", cuts),
    ]
}

fn compressed() -> Result<(), Failed> {
    let file = NiftiFile::new(false, false);
    let content = file.bytes();
    let good = gzip(&content);
    let members = |sizes: usize| content.chunks(sizes).flat_map(gzip).collect::<Vec<u8>>();
    let with = |at: usize, change: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= change;
        bytes
    };
    let then = |tail: &[u8]| [&good[..], tail].concat();
    let n = good.len();
    let mut promising = file.clone();
    promising.dim = [3, 1000, 1000, 100, 1, 1, 1, 1];
    let mut forged = gzip(&promising.bytes());
    let end = forged.len();
    // 1000 × 1000 × 100 int16 would need fewer bytes than deflate's limit allows; the length agrees with the header.
    forged.resize(end + 200_000, 7);
    forged.extend((352u32 + 200_000_000).to_le_bytes());
    let cases: Vec<(&str, Vec<u8>, Verdict)> = vec![
        ("one member", good.clone(), Ok(())),
        ("members that split the header", members(100), Ok(())),
        ("a member a byte", members(1), Ok(())),
        (
            "an empty member first",
            [gzip(&[]), good.clone()].concat(),
            Ok(()),
        ),
        ("wrong CRC", with(n - 6, 1), Err("damaged")),
        ("wrong length", with(n - 2, 1), Err("damaged")),
        ("damage inside", with(n / 2, 0x10), Err("")),
        ("unknown method", with(2, 1), Err("damaged")),
        ("no trailer", good[..n - 8].to_vec(), Err("early")),
        (
            "second member cut",
            members(300)[..members(300).len() - 9].to_vec(),
            Err(""),
        ),
        ("only the magic", good[..2].to_vec(), Err("early")),
        ("garbage after", then(b"garbage"), Ok(())),
        ("1 MiB of garbage after", then(&vec![5; 1 << 20]), Ok(())),
        (
            "more garbage after",
            then(&vec![5; 1 + (1 << 20)]),
            Err("follow the voxels"),
        ),
        ("an empty member after", then(&gzip(&[])), Ok(())),
        (
            "2 MiB in a member after",
            then(&gzip(&vec![0; 2 << 20])),
            Err("follow the voxels"),
        ),
        ("a damaged member after", then(&good[..n - 3]), Ok(())),
        ("compressed twice", gzip(&good), Err("twice")),
        (
            "more than deflate can hold",
            gzip(&promising.bytes()),
            Err("1032"),
        ),
        ("a promise that is not kept", forged, Err("hold")),
    ];
    for (name, bytes, verdict) in &cases {
        // The name decides nothing.
        for file_name in ["x.nii.gz", "x.nii", "x"] {
            let seen = read_bytes(file_name, bytes);
            judge(name, &seen, *verdict)?;
            if seen.is_ok_and(|image| image.bytes() != file.voxels) {
                return Err(format!("{name}: other voxels").into());
            }
        }
    }
    Ok(())
}

fn cuts() -> Result<(), Failed> {
    let good = gzip(&NiftiFile::new(true, false).bytes());
    let n = good.len();
    for cut in 0..n {
        judge(
            &format!("cut to {cut} of {n}"),
            &read_bytes("x.nii.gz", &good[..cut]),
            Err(""),
        )?;
    }
    Ok(())
}
