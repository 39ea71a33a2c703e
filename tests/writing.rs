//! What is written is read back by others, says nothing but what it was given, and is whole at every moment.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hepar::volume::{Grid, MapData, write_nifti};
use libtest_mimic::{Failed, Trial};
use nifti::{IntoNdArray, NiftiHeader, NiftiObject, ReaderOptions};

/// Set in a copy of this program that is to write a file, over and over, until it is killed.
const WRITE_FOREVER: &str = "HEPAR_TEST_WRITE_FOREVER";

/// Set in a copy of this program that is to write a file once.
const WRITE_ONCE: &str = "HEPAR_TEST_WRITE_ONCE";

pub fn trials() -> Vec<Trial> {
    if let Some(path) = std::env::var_os(WRITE_FOREVER) {
        write_forever(Path::new(&path));
    }
    if let Some(path) = std::env::var_os(WRITE_ONCE) {
        let status = write_old_or_new(Path::new(&path), 1.0).map_err(|e| {
            eprintln!("{e}");
            e.exit_status()
        });
        std::process::exit(status.err().unwrap_or(0).into());
    }
    let mut trials = vec![
        Trial::test("writing::nifti_crate_reads_it_back", read_back),
        Trial::test("writing::headers_hold_no_text", no_text),
        Trial::test("writing::a_kill_leaves_a_whole_file", killed),
    ];
    let gunzip = Command::new("gunzip").arg("--version").output().is_ok();
    trials.push(
        Trial::test(
            "writing::gunzip_gives_the_plain_file (needs gunzip)",
            gunzipped,
        )
        .with_ignored_flag(!gunzip),
    );
    #[cfg(unix)]
    trials.extend([
        Trial::test(
            "writing::a_full_disk_is_an_error_and_keeps_the_old_file",
            full_disk,
        ),
        Trial::test(
            "writing::a_folder_that_is_read_only_is_an_error (not for root)",
            read_only_folder,
        )
        .with_ignored_flag(writes_anywhere()),
    ]);
    trials
}

const SHAPE: [usize; 3] = [64, 48, 20];

/// Oblique, with voxels of 1.5 × 2 × 5 mm.
fn grid() -> Grid {
    let (s, c) = 0.25f64.sin_cos();
    Grid {
        shape: SHAPE,
        affine: [
            [-1.5, 0.0, 0.0, 90.0],
            [0.0, 2.0 * c, -5.0 * s, -126.0],
            [0.0, 2.0 * s, 5.0 * c, -72.5],
            [0.0, 0.0, 0.0, 1.0],
        ],
    }
}

fn floats(n_volumes: usize) -> Vec<f32> {
    let n = grid().n_voxels() * n_volumes;
    (0..n)
        .map(|v| {
            if v % 97 == 0 {
                f32::NAN
            } else {
                (v as f32).sin() * 1e-3
            }
        })
        .collect()
}

/// The header and the float64 voxels, volume after volume, as another program reads them.
fn read_by_others(path: &Path) -> Result<(NiftiHeader, Vec<f64>), Failed> {
    let object = ReaderOptions::new().read_file(path)?;
    let header = object.header().clone();
    let voxels = object.into_volume().into_ndarray::<f64>()?;
    let fortran_order = voxels.t().iter().copied().collect();
    Ok((header, fortran_order))
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits())
}

fn read_back() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for n_volumes in [1, 3] {
        let f32s = floats(n_volumes);
        let u16s: Vec<u16> = (0..f32s.len()).map(|v| (v * 31) as u16).collect();
        let u8s: Vec<u8> = u16s.iter().map(|&v| v as u8).collect();
        let i16s: Vec<i16> = u16s.iter().map(|&v| v as i16).collect();
        for (data, expected) in [
            (
                MapData::F32(&f32s),
                f32s.iter().map(|&v| v.into()).collect(),
            ),
            (
                MapData::U16(&u16s),
                u16s.iter().map(|&v| v.into()).collect(),
            ),
            (MapData::U8(&u8s), u8s.iter().map(|&v| v.into()).collect()),
            (
                MapData::I16(&i16s),
                i16s.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>(),
            ),
        ] {
            for name in ["map.v1.nii", "map.v1.nii.gz"] {
                let path = folder.path().join(name);
                write_nifti(&path, &grid(), n_volumes, data)?;
                let (header, mut voxels) = read_by_others(&path)?;
                assert!(same(&voxels, &expected), "{name}: other voxels");
                voxels[1000] += 1.0;
                assert!(!same(&voxels, &expected), "the comparison cannot fail");
                check_geometry(&header, n_volumes);
            }
        }
    }
    Ok(())
}

/// The geometry, as the other program understands it.
fn check_geometry(header: &NiftiHeader, n_volumes: usize) {
    assert_eq!(header.dim[0], if n_volumes == 1 { 3 } else { 4 });
    assert_eq!(header.dim[1..5], [64, 48, 20, n_volumes as u16]);
    assert_eq!((header.sform_code, header.qform_code), (2, 2));
    assert_eq!(header.xyzt_units, 2 | 8);
    let rows = [header.srow_x, header.srow_y, header.srow_z];
    assert_eq!(rows, [0, 1, 2].map(|r| grid().affine[r].map(|x| x as f32)));
    assert_eq!(header.pixdim[..4], [-1.0, 1.5, 2.0, 5.0]);
}

fn no_text() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("Doe_Jane.nii");
    write_nifti(&path, &grid(), 1, MapData::F32(&floats(1)))?;
    let header = &fs::read(&path)?[..352];
    // Offsets of data_type and db_name, descrip and aux_file, intent_name: nifti1.h.
    for text in [4..32, 148..252, 328..344] {
        assert!(header[text.clone()].iter().all(|&b| b == 0), "{text:?}");
    }
    assert_eq!(&header[344..348], b"n+1\0");
    Ok(())
}

fn gunzipped() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (plain, packed) = (
        folder.path().join("map.nii"),
        folder.path().join("map.nii.gz"),
    );
    // More than two blocks of the compressor, and no whole number of them.
    let values = floats(4);
    write_nifti(&plain, &grid(), 4, MapData::F32(&values))?;
    write_nifti(&packed, &grid(), 4, MapData::F32(&values))?;
    let decoded = Command::new("gunzip").arg("-c").arg(&packed).output()?;
    assert!(
        decoded.status.success() && decoded.stderr.is_empty(),
        "gunzip complains"
    );
    assert!(decoded.stdout == fs::read(&plain)?, "other bytes");
    let mut broken = fs::read(&packed)?;
    let middle = broken.len() / 2;
    broken[middle] ^= 0x10;
    let mut gunzip = Command::new("gunzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // It may stop reading before the end.
    let _ = gunzip.stdin.take().ok_or("no pipe")?.write_all(&broken);
    assert!(!gunzip.wait()?.success(), "the comparison cannot fail");
    Ok(())
}

/// A file of one value in every voxel, so that a mixture shows.
fn write_old_or_new(path: &Path, value: f32) -> hepar::Result<()> {
    let grid = grid();
    write_nifti(path, &grid, 1, MapData::F32(&vec![value; grid.n_voxels()]))
}

fn write_forever(path: &Path) -> ! {
    loop {
        for value in [1.0, 2.0] {
            if let Err(error) = write_old_or_new(path, value) {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
    }
}

/// This program again, to write `path` as `mode` says.
fn copy_of_this_program(mode: &str, path: &Path) -> Result<Command, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(mode, path);
    Ok(command)
}

fn killed() -> Result<(), Failed> {
    for name in ["map.nii", "map.nii.gz"] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        write_old_or_new(&path, 1.0)?;
        for round in 0..12 {
            let before = fs::metadata(&path)?.modified()?;
            let mut child = copy_of_this_program(WRITE_FOREVER, &path)?.spawn()?;
            while fs::metadata(&path)?.modified()? == before {
                assert!(child.try_wait()?.is_none(), "the writer gave up");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(700 * round));
            child.kill()?;
            child.wait()?;
            let (_, voxels) = read_by_others(&path)?;
            assert_eq!(voxels.len(), grid().n_voxels());
            let mixed = voxels.iter().any(|&v| v != voxels[0]);
            assert!(!mixed, "a mixture of two files");
        }
        let whole = fs::read(&path)?;
        fs::write(&path, &whole[..whole.len() - 100])?;
        assert!(read_by_others(&path).is_err(), "a part reads like a whole");
    }
    Ok(())
}

/// A limit on the size of files stands in for a full disk: the write fails in the middle either way.
#[cfg(unix)]
fn full_disk() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("map.nii");
    write_old_or_new(&path, 7.0)?;
    let mut limited = Command::new("sh");
    // The signal that would kill the writer is ignored, so that it sees the error.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\""]);
    let output = limited
        .arg(std::env::current_exe()?)
        .env(WRITE_ONCE, &path)
        .output()?;
    assert_eq!(output.status.code(), Some(74), "exit status");
    let message = String::from_utf8(output.stderr)?;
    assert!(
        message.contains("map.nii") && message.contains("remedy"),
        "{message}"
    );
    assert!(
        read_by_others(&path)?.1.iter().all(|&v| v == 7.0),
        "the old file is gone"
    );
    assert_eq!(folder.path().read_dir()?.count(), 1, "a part is left");
    let unlimited = copy_of_this_program(WRITE_ONCE, &path)?.status()?;
    assert!(
        unlimited.success() && read_by_others(&path)?.1[0] == 1.0,
        "cannot succeed either"
    );
    Ok(())
}

#[cfg(unix)]
fn with_read_only_folder<T>(test: impl FnOnce(&Path) -> T) -> Result<T, Failed> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555))?;
    let result = test(folder.path());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(result)
}

/// Whether rights do not bind this user, as for root.
#[cfg(unix)]
fn writes_anywhere() -> bool {
    with_read_only_folder(|folder| fs::write(folder.join("x"), "x").is_ok()).unwrap_or(true)
}

#[cfg(unix)]
fn read_only_folder() -> Result<(), Failed> {
    with_read_only_folder(|folder| {
        let error = write_old_or_new(&folder.join("map.nii"), 1.0).unwrap_err();
        assert_eq!(error.exit_status(), 73);
        assert!(error.to_string().contains("map.nii"), "{error}");
    })
}
