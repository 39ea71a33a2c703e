//! Running the program under a watch: how it ended, what it said, and how much memory it took at most.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::nifti_file::{NiftiFile, gzip};

pub(crate) fn trials() -> Vec<Trial> {
    // Without /proc there is no watch to try.
    let unwatched = !cfg!(target_os = "linux");
    vec![
        Trial::test("peak_memory_is_seen", canary).with_ignored_flag(unwatched),
        Trial::test("peak_memory_ignores_promises", promises).with_ignored_flag(unwatched),
    ]
}

/// What a reader may take beyond a file's honest size, bytes.
pub(crate) const ALLOWANCE: u64 = 64 << 20;

/// Longer than this on one file is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// How one run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Most memory in use at once, bytes; `None` where the system does not tell, or the end came before the first look.
    pub(crate) peak: Option<u64>,
}

/// Runs `hepar`, which must say less than a pipe holds.
///
/// The peak is polled: the last fraction of a millisecond before the end is not seen, but filling an allowance of
/// 64 MiB takes tens of milliseconds, and the system keeps the maximum from then on.
pub(crate) fn hepar(args: &[&OsStr]) -> Result<Run, String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hepar"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let start = Instant::now();
    let mut peak = None;
    let status = loop {
        peak = peak.max(peak_of(&child));
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().map_err(|e| e.to_string())?;
            return Err(format!("still running after {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    Ok(Run {
        status: status.code(),
        stdout: said(child.stdout.take()),
        stderr: said(child.stderr.take()),
        peak,
    })
}

/// The most memory that a process has had so far.
fn peak_of(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

fn said(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    // What is not text shows as a lack of it.
    let _ = pipe.map(|mut pipe| pipe.read_to_string(&mut text));
    text
}

/// The watch sees an image of 100 MiB.
fn canary() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.nii");
    let mut file = NiftiFile::new(false, false);
    (file.dim, file.datatype, file.bitpix) = ([3, 256, 512, 100, 1, 1, 1, 1], 64, 64);
    file.voxels.clear();
    std::fs::write(&path, file.bytes())?;
    let n_bytes = 100 << 20;
    std::fs::File::options()
        .write(true)
        .open(&path)?
        .set_len(352 + n_bytes)?;
    let run = hepar(&["info".as_ref(), path.as_os_str()])?;
    match run.peak {
        Some(peak) if peak > n_bytes && peak < n_bytes + ALLOWANCE => Ok(()),
        peak => Err(format!("{peak:?} bytes seen of {n_bytes}: {}", run.stderr).into()),
    }
}

/// Headers, and gzip trailers, that promise gigabytes take no more than what is there.
fn promises() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut file = NiftiFile::new(false, false);
    // 4.2 GB of int16, some 500 times what follows: deflate could do that.
    file.dim = [4, 1024, 1024, 1000, 2, 1, 1, 1];
    let mut state = 1u32;
    file.voxels = std::iter::repeat_with(|| xorshift(&mut state))
        .take(8 << 20)
        .collect();
    let promised = 352u64 + 4 * 1024 * 1024 * 1000;
    let mut short = gzip(&file.bytes());
    let mut forged = short.clone();
    forged.truncate(short.len() - 4);
    forged.extend((promised as u32).to_le_bytes());
    short.truncate(short.len() / 2);
    for (name, bytes) in [
        ("short.nii.gz", short),
        ("forged.nii.gz", forged),
        ("plain.nii", file.bytes()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        let run = hepar(&["info".as_ref(), path.as_os_str()])?;
        let honest = file.bytes().len() as u64;
        if run.status != Some(65) || run.peak.is_some_and(|peak| peak > honest + ALLOWANCE) {
            return Err(format!("{name}: {run:?}, honest size {honest}").into());
        }
    }
    Ok(())
}

/// A byte that does not compress (Marsaglia 2003, doi:10.18637/jss.v008.i14).
fn xorshift(state: &mut u32) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    (*state >> 24) as u8
}
