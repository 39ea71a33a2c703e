//! Small examinations on disk, and the program run on them.

use std::fs;
use std::path::{Path, PathBuf};

use hepar::volume::{Grid, Image, MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::support::{TestDevice, data, hepar, on_every_device, with_data};

/// A folder with the images of one examination.
pub struct Exam {
    folder: TempDir,
}

/// What the program said, and how it ended.
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Exam {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes volumes over `grid` as NAME.nii.
    pub fn image(&self, name: &str, grid: &Grid, values: &[f32]) {
        let path = self.path(&format!("{name}.nii"));
        write_nifti(&path, grid, values.len() / grid.n_voxels(), MapData::F32(values)).unwrap();
    }

    pub fn text(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes NAME.json with a protocol in s, s and degrees.
    pub fn protocol(&self, name: &str, tr: f64, te: f64, flip: f64) {
        let text = format!(r#"{{"RepetitionTime": {tr}, "EchoTime": {te}, "FlipAngle": {flip}}}"#);
        self.text(&format!("{name}.json"), &text);
    }

    /// Runs `hepar` in the folder; arguments are split at spaces.
    pub fn run(&self, arguments: &str) -> Outcome {
        let mut command = hepar();
        command.current_dir(self.folder.path()).args(arguments.split_whitespace());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The same, which must succeed.
    pub fn done(&self, arguments: &str) -> Result<Outcome, Failed> {
        let outcome = self.run(arguments);
        match outcome.status {
            0 => Ok(outcome),
            status => Err(format!("`hepar {arguments}` ended with {status}: {}", outcome.stderr).into()),
        }
    }

    /// The same, which must end with `status` and say all of `words`.
    pub fn refused(&self, arguments: &str, status: i32, words: &[&str]) -> Result<(), Failed> {
        let outcome = self.run(arguments);
        let missing: Vec<_> = words.iter().filter(|word| !outcome.stderr.contains(**word)).collect();
        if outcome.status == status && missing.is_empty() {
            return Ok(());
        }
        let (got, said) = (outcome.status, outcome.stderr);
        Err(format!("`hepar {arguments}` ended with {got}, not {status}, or lacks {missing:?}: {said}").into())
    }

    /// A map that was written, or any other image of the folder.
    pub fn map(&self, name: &str) -> Vec<f32> {
        values(&self.path(&format!("{name}.nii.gz")))
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Names of the maps in a folder, sorted.
    pub fn maps(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = names
            .filter_map(|entry| {
                entry.unwrap().file_name().into_string().unwrap().strip_suffix(".nii.gz").map(str::to_owned)
            })
            .collect();
        names.sort();
        names
    }
}

/// All values of an image.
pub fn values(path: &Path) -> Vec<f32> {
    all(&read(path, &ReadOptions::default()).unwrap())
}

/// All values of an image, volume after volume.
pub fn all(image: &Image) -> Vec<f32> {
    let mut values = vec![0.0; image.grid.n_voxels() * image.n_volumes()];
    for (v, out) in values.chunks_mut(image.grid.n_voxels()).enumerate() {
        image.row(v).load_f32(0, out);
    }
    values
}

/// Voxels of 2 × 2 × 3 mm with the first at `origin`.
pub fn grid(shape: [usize; 3], origin: [f64; 3]) -> Grid {
    let zooms = [2.0, 2.0, 3.0];
    let mut affine = [[0.0; 4]; 4];
    for axis in 0..3 {
        affine[axis][axis] = zooms[axis];
        affine[axis][3] = origin[axis];
    }
    affine[3][3] = 1.0;
    Grid { shape, affine }
}

/// The first place where two maps differ by more than `relative`, NaN being equal to NaN alone.
pub fn first_difference(got: &[f32], want: &[f32], relative: f32) -> Option<usize> {
    if got.len() != want.len() {
        return Some(got.len().min(want.len()));
    }
    let same = |a: f32, b: f32| (a.is_nan() && b.is_nan()) || (a - b).abs() <= relative * b.abs();
    got.iter().zip(want).position(|(&a, &b)| !same(a, b))
}

/// Fails with the first difference.
pub fn expect_same(what: &str, got: &[f32], want: &[f32], relative: f32) -> Result<(), Failed> {
    match first_difference(got, want, relative) {
        None => Ok(()),
        Some(i) => Err(format!("{what}: voxel {i} is {:?}, not {:?}", got.get(i), want.get(i)).into()),
    }
}

/// The five flip angles of a real abdomen, as five images with a protocol that agrees.
pub fn real_phases(data: &Path, names: [&str; 5]) -> (Exam, Grid, Vec<Vec<f32>>) {
    let image = read(&data.join("t1_vfa_liver/vfa5.nii.gz"), &ReadOptions::default()).unwrap();
    let exam = Exam::new();
    let volumes: Vec<Vec<f32>> = all(&image).chunks(image.grid.n_voxels()).map(<[f32]>::to_vec).collect();
    for (name, volume) in names.iter().zip(&volumes) {
        exam.image(name, &image.grid, volume);
        exam.protocol(name, 0.00371, 0.0013, 12.0);
    }
    (exam, image.grid, volumes)
}

/// A voxel each: wash-out, T1-bright without enhancement, persistent, and no number in the portal phase.
pub const UNENHANCED: [f32; 4] = [100.0, 300.0, 50.0, 100.0];
pub const ARTERIAL: [f32; 4] = [180.0, 300.0, 60.0, 150.0];
pub const PORTAL: [f32; 4] = [150.0, 301.0, 80.0, f32::NAN];
pub const DELAYED: [f32; 4] = [120.0, 299.0, 100.0, 110.0];

pub fn voxels() -> Grid {
    grid([4, 1, 1], [0.0; 3])
}

pub fn examination() -> Exam {
    let exam = Exam::new();
    for (name, values) in [("u", UNENHANCED), ("a", ARTERIAL), ("p", PORTAL), ("d", DELAYED)] {
        exam.image(name, &voxels(), &values);
        exam.protocol(name, 0.004, 0.0012, 12.0);
    }
    exam
}

pub const PHASES: &str =
    "--phase unenhanced=u.nii --phase arterial=a.nii@32 --phase portal=p.nii@68 --phase delayed=d.nii@180";

pub const CURVE_MAPS: [&str; 5] = [
    "area_under_enhancement_unaligned",
    "curve_type_unaligned",
    "peak_enhancement_unaligned",
    "time_to_peak_unaligned",
    "wash_in_slope_unaligned",
];

/// Metastasis, T1-bright nodule, no signal before contrast, and no number.
pub const PRE: [f32; 4] = [100.0, 300.0, 0.0, f32::NAN];
pub const POST: [f32; 4] = [150.0, 303.0, 50.0, 10.0];

pub fn pair() -> Exam {
    let exam = Exam::new();
    for (name, values) in [("pre", PRE), ("post", POST)] {
        exam.image(name, &grid([4, 1, 1], [0.0; 3]), &values);
        exam.protocol(name, 0.004, 0.0012, 12.0);
    }
    exam
}

/// One test body with the real images on every device: ignored, with the reason in its name, where there are none.
pub fn with_data_on_every_device(
    name: &str,
    test: impl Fn(&Path, &TestDevice) -> Result<(), Failed> + Clone + Send + 'static,
) -> Vec<Trial> {
    match data() {
        Some(folder) => on_every_device(name, move |device| test(&folder, device)),
        None => vec![with_data(name, |_| Ok(()))],
    }
}
