//! Compressed NIfTI, whole and damaged: gzip is told by its bytes, verified, and never believed about its size.

use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, Verdict, gzip, judge, read_bytes};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nifti_gzip_is_judged", compressed),
        Trial::test("nifti_gzip_cuts_are_refused", cuts),
    ]
}

/// A file whose bytes have no order.
fn bytes_file() -> NiftiFile {
    let mut file = NiftiFile::new(false, false);
    (file.datatype, file.bitpix, file.dim[4]) = (2, 8, 4);
    file
}

/// What is tried, the file, and what is to be made of it.
type Case = (&'static str, Vec<u8>, Verdict);

fn compressed() -> Result<(), Failed> {
    let file = bytes_file();
    for (name, bytes, verdict) in members().into_iter().chain(tails()).chain(promises()) {
        // The name decides nothing.
        for file_name in ["x.nii.gz", "x.nii", "x"] {
            let seen = read_bytes(file_name, &bytes);
            judge(name, &seen, verdict)?;
            if seen.is_ok_and(|image| image.bytes() != file.voxels) {
                return Err(format!("{name}: other voxels").into());
            }
        }
    }
    Ok(())
}

/// Whole and damaged streams.
fn members() -> Vec<Case> {
    let content = bytes_file().bytes();
    let good = gzip(&content);
    let n = good.len();
    let split = |size: usize| content.chunks(size).flat_map(gzip).collect::<Vec<u8>>();
    let cut = |bytes: &[u8], n_less: usize| bytes[..bytes.len() - n_less].to_vec();
    let flipped = |at: usize, bits: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= bits;
        bytes
    };
    let empty_first = [gzip(&[]), good.clone()].concat();
    vec![
        ("one member", good.clone(), Ok(())),
        ("members that split the header", split(100), Ok(())),
        ("a member a byte", split(1), Ok(())),
        ("an empty member first", empty_first, Ok(())),
        ("wrong CRC", flipped(n - 6, 1), Err("damaged")),
        ("wrong length", flipped(n - 2, 1), Err("damaged")),
        ("unknown method", flipped(2, 1), Err("damaged")),
        ("damage inside", flipped(n / 2, 0x10), Err("")),
        ("no trailer", cut(&good, 8), Err("early")),
        ("second member cut", cut(&split(300), 9), Err("")),
        ("only the magic", good[..2].to_vec(), Err("early")),
        ("compressed twice", gzip(&good), Err("twice")),
    ]
}

/// What may follow the voxels.
fn tails() -> Vec<Case> {
    let good = gzip(&bytes_file().bytes());
    let then = |tail: &[u8]| [&good[..], tail].concat();
    let too_much = Err("follow the voxels");
    vec![
        ("garbage", then(b"garbage"), Ok(())),
        ("1 MiB of garbage", then(&vec![5; 1 << 20]), Ok(())),
        ("more garbage", then(&vec![5; 1 + (1 << 20)]), too_much),
        ("an empty member", then(&gzip(&[])), Ok(())),
        (
            "2 MiB in a member",
            then(&gzip(&vec![0; 2 << 20])),
            too_much,
        ),
        ("a damaged member", then(&good[..good.len() - 3]), Ok(())),
    ]
}

/// Headers that declare 200 MB where there are 240 bytes.
fn promises() -> Vec<Case> {
    let mut file = bytes_file();
    file.dim = [3, 1000, 1000, 200, 1, 1, 1, 1];
    let impossible = gzip(&file.bytes());
    // With this much behind it deflate could hold them, and the last four bytes agree with the header.
    let size = (352u32 + 200_000_000).to_le_bytes();
    let forged = [&impossible[..], &[7; 200_000], &size].concat();
    vec![
        ("more than deflate can hold", impossible, Err("1032")),
        ("a length that agrees", forged, Err("hold")),
    ]
}

fn cuts() -> Result<(), Failed> {
    let good = gzip(&NiftiFile::new(true, false).bytes());
    let n = good.len();
    for cut in 0..n {
        let seen = read_bytes("x.nii.gz", &good[..cut]);
        judge(&format!("cut to {cut} of {n}"), &seen, Err(""))?;
    }
    Ok(())
}
