//! `hepar fit --residuals`, `--sigma` and `--plot`: what a fit leaves, whatever method and device made it.

mod sigma;

use std::path::{Path, PathBuf};

use hepar::volume::{ReadOptions, read};
use libtest_mimic::{Failed, Trial};

use crate::pictures::decode;
use crate::support::{self, TestDevice};
use crate::tolerances::GOODNESS_F32;

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("goodness_is_that_of_the_written_maps", of_the_maps);
    trials.extend([
        Trial::test("goodness_of_every_method_agrees_with_its_rmse", every_method),
        Trial::test("goodness_tells_noise_from_another_curve", noise_or_curve),
        Trial::test("goodness_is_written_the_same_compressed_and_masked", compressed_and_masked),
        Trial::test("goodness_of_regions_is_that_of_their_voxels", regions),
        Trial::test("goodness_plots_are_drawn", plots),
        Trial::test("goodness_refuses_what_cannot_be_meant", refusals),
    ]);
    trials.extend(sigma::trials());
    trials
}

const B: [f64; 8] = [400.0, 0.0, 50.0, 800.0, 100.0, 200.0, 10.0, 600.0];
const SHAPE: [usize; 3] = [24, 20, 12];
const N: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];

/// A simulated series in a folder of its own.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new(simulated: &str) -> Result<Self, Failed> {
        let folder = Self(tempfile::tempdir()?);
        let [i, j, k] = SHAPE;
        let shape = format!("{i},{j},{k}");
        let b: Vec<String> = B.iter().map(f64::to_string).collect();
        let mut command = support::hepar();
        command.args(["simulate", "--bvals", &b.join(","), "--shape", &shape, "--format", "nii", "-o"]);
        command.arg(folder.path("series")).args(simulated.split(' ')).assert().success();
        Ok(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Exit status and what was said of `hepar fit` to the folder `out`.
    pub fn fit(&self, out: &str, options: &str) -> Result<(i32, String), Failed> {
        let mut command = support::hepar();
        command.current_dir(self.0.path()).args(["fit", "series/series.nii", "-o", out, "--pictures", "none"]);
        let output = command.args(options.split(' ')).output()?;
        let text = String::from_utf8([output.stdout, output.stderr].concat())?;
        Ok((output.status.code().ok_or("killed")?, text))
    }

    pub fn fitted(&self, out: &str, options: &str) -> Result<(), Failed> {
        match self.fit(out, options)? {
            (0, _) => Ok(()),
            (status, text) => Err(format!("{options}: {status}: {text}").into()),
        }
    }

    /// `[volume][voxel]`
    pub fn volumes(&self, name: &str) -> Result<Vec<Vec<f64>>, Failed> {
        volumes(&self.path(name))
    }

    pub fn map(&self, name: &str) -> Result<Vec<f64>, Failed> {
        Ok(self.volumes(name)?.remove(0))
    }
}

pub fn volumes(path: &Path) -> Result<Vec<Vec<f64>>, Failed> {
    let image = read(path, &ReadOptions::default())?;
    let volume = |volume: usize| {
        let mut values = vec![0.0; image.grid.n_voxels()];
        image.row(volume).load_f64(0, &mut values);
        values
    };
    Ok((0..image.n_volumes()).map(volume).collect())
}

/// Whether all values agree within a share of `scale`, and NaN with NaN.
fn agree(a: &[f64], b: &[f64], scale: f64) -> bool {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= GOODNESS_F32 * scale || (a.is_nan() && b.is_nan());
    a.len() == b.len() && a.iter().zip(b).all(close)
}

/// Residuals in the order of b.
fn by_b(residuals: &[Vec<f64>], voxel: usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..B.len()).collect();
    order.sort_by(|&a, &b| B[a].total_cmp(&B[b]));
    order.into_iter().map(|k| residuals[k][voxel]).collect()
}

fn lag1(residuals: &[Vec<f64>]) -> Vec<f64> {
    let of = |e: Vec<f64>| {
        let products: f64 = e.windows(2).map(|pair| pair[0] * pair[1]).sum();
        products / e.iter().map(|e| e * e).sum::<f64>()
    };
    (0..N).map(|voxel| of(by_b(residuals, voxel))).collect()
}

/// Of `n_parameters` fitted ones.
fn chi2(residuals: &[Vec<f64>], sigma: f64, n_parameters: usize) -> Vec<f64> {
    let squares = |voxel: usize| residuals.iter().map(|row| (row[voxel] / sigma).powi(2)).sum::<f64>();
    (0..N).map(|voxel| squares(voxel) / (B.len() - n_parameters) as f64).collect()
}

/// Signals less the curve of the maps that were written.
fn of_the_maps(device: &TestDevice) -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=1.2e-3 --snr 20")?;
    folder.fitted("out", &format!("--residuals --sigma 40 --format nii --device {}", device.0))?;
    let (signals, found) = (folder.volumes("series/series.nii")?, folder.volumes("out/residuals.nii")?);
    let (s0, adc) = (folder.map("out/S0.nii")?, folder.map("out/ADC.nii")?);
    assert_eq!((found.len(), found[0].len()), (B.len(), N));
    for ((b, signal), found) in B.iter().zip(&signals).zip(&found) {
        let left = |stretch: f64| -> Vec<f64> {
            (0..N).map(|v| signal[v] - stretch * s0[v] * (-b * adc[v]).exp()).collect()
        };
        assert!(agree(found, &left(1.0), 1000.0), "b = {b}");
        assert!(!agree(found, &left(1.0001), 1000.0), "b = {b}");
    }
    // The maps of one number a voxel follow from the residuals.
    assert!(agree(&folder.map("out/residual_lag1.nii")?, &lag1(&found), 1.0));
    let written = folder.map("out/chi2_reduced.nii")?;
    let largest = written.iter().copied().fold(0.0, f64::max);
    assert!(agree(&written, &chi2(&found, 40.0, 2), largest) && !agree(&written, &chi2(&found, 40.1, 2), largest));
    Ok(())
}

/// All methods write the root mean square residual: that of the residual maps is the same.
fn every_method() -> Result<(), Failed> {
    let folder = Folder::new("--model ivim --truth D=1.1e-3 --truth f=0.2 --truth Dstar=0.04 --snr 40")?;
    for (n, options) in
        ["--model adc", "--method lls", "--method nlls", "--model ivim", "--model ivim --method segmented", "--model ivim --fix f=0.1 --precision f64 --device cpu"]
            .iter()
            .enumerate()
    {
        let out = format!("out{n}");
        folder.fitted(&out, &format!("{options} --residuals --write rmse --format nii"))?;
        let (residuals, rmse) = (folder.volumes(&format!("{out}/residuals.nii"))?, folder.map(&format!("{out}/rmse.nii"))?);
        let rms = |n: f64| -> Vec<f64> {
            (0..N).map(|v| (residuals.iter().map(|row| row[v] * row[v]).sum::<f64>() / n).sqrt()).collect()
        };
        assert!(agree(&rms(B.len() as f64), &rmse, 1000.0), "{options}");
        assert!(!agree(&rms(B.len() as f64 - 0.1), &rmse, 1000.0), "{options}");
        assert!(!folder.path(&format!("{out}/residual_lag1.nii")).exists(), "--write names what is written");
    }
    Ok(())
}

/// Where the model holds, χ² of n − p samples is 1 on average, with the spread that it has; where it does not, it is more, and
/// residuals have runs.
fn noise_or_curve() -> Result<(), Failed> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let fits = |model: &str, options: &str| -> Result<(f64, f64), Failed> {
        let folder = Folder::new(&format!("--model {model} --snr 50 --noise gaussian"))?;
        folder.fitted("out", &format!("{options} --sigma 20 --write chi2_reduced,residual_lag1 --format nii"))?;
        Ok((mean(&folder.map("out/chi2_reduced.nii")?), mean(&folder.map("out/residual_lag1.nii")?)))
    };
    let ivim = "ivim --truth D=1.0e-3 --truth f=0.25 --truth Dstar=0.05";
    let (chi2, lag1) = fits("adc --truth ADC=1.2e-3", "--method nlls")?;
    // Five standard errors of the mean of N values of χ² with six degrees of freedom.
    let expected = |chi2: f64| (chi2 - 1.0).abs() < 5.0 * (2.0 / (6.0 * N as f64)).sqrt();
    assert!(expected(chi2), "{chi2}");
    let (chi2_of_curve, lag1_of_curve) = fits(ivim, "--method nlls")?;
    assert!(!expected(chi2_of_curve) && chi2_of_curve > 2.0, "{chi2_of_curve}");
    assert!(lag1 < 0.0 && lag1_of_curve > lag1 + 0.2, "{lag1} and {lag1_of_curve}");
    Ok(())
}

fn compressed_and_masked() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=1.2e-3 --snr 20")?;
    // A ball, so that the voxels of the mask come in many runs.
    let inside = |v: usize| {
        let at = [v % SHAPE[0], v / SHAPE[0] % SHAPE[1], v / SHAPE[0] / SHAPE[1]];
        at.iter().zip(SHAPE).map(|(&x, n)| (2.0 * x as f64 / n as f64 - 1.0).powi(2)).sum::<f64>() < 0.8
    };
    let mask: Vec<u8> = (0..N).map(|v| u8::from(inside(v))).collect();
    let grid = read(&folder.path("series/series.nii"), &ReadOptions::default())?.grid;
    hepar::volume::write_nifti(&folder.path("mask.nii"), &grid, 1, hepar::volume::MapData::U8(&mask))?;
    folder.fitted("all", "--residuals --format nii")?;
    folder.fitted("masked", "--residuals --format nii --mask mask.nii")?;
    folder.fitted("compressed", "--residuals --mask mask.nii")?;
    let [all, masked] = ["all", "masked"].map(|out| folder.volumes(&format!("{out}/residuals.nii")));
    let (all, masked, compressed) = (all?, masked?, folder.volumes("compressed/residuals.nii.gz")?);
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    for (volume, values) in masked.iter().enumerate() {
        for (v, &value) in values.iter().enumerate() {
            assert!(same(value, if inside(v) { all[volume][v] } else { f64::NAN }), "volume {volume}, voxel {v}");
            assert!(same(value, compressed[volume][v]), "volume {volume}, voxel {v}");
        }
    }
    assert!(all[0].iter().all(|value| value.is_finite()) && !same(all[0][0], all[1][0]));
    let left: Vec<_> = std::fs::read_dir(folder.path("compressed"))?.map(|e| e.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{left:?}");
    Ok(())
}

fn regions() -> Result<(), Failed> {
    let folder = Folder::new("--model ivim --truth D=1.1e-3 --truth f=0.2 --truth Dstar=0.04 --snr 10")?;
    let labels: Vec<u16> = (0..N).map(|v| [0, 3, 7][v % 3]).collect();
    let grid = read(&folder.path("series/series.nii"), &ReadOptions::default())?.grid;
    hepar::volume::write_nifti(&folder.path("labels.nii"), &grid, 1, hepar::volume::MapData::U16(&labels))?;
    std::fs::write(folder.path("labels.tsv"), "index\tname\n3\tliver\n")?;
    folder.fitted("out", "--model ivim --labels labels.nii --residuals --sigma 100 --format nii --device cpu")?;
    let table = std::fs::read_to_string(folder.path("out/fit_quality.tsv"))?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let cell = |row: usize, name: &str| -> Result<f64, Failed> {
        let at = rows[0].iter().position(|column| *column == name).ok_or(format!("no {name} in {table}"))?;
        Ok(rows[row][at].parse()?)
    };
    assert_eq!((rows.len(), rows[1][1], rows[1][2], rows[1][3]), (3, "liver", "ivim", "nlls"));
    let map = |name: &str| folder.map(&format!("out/{name}.nii"));
    let (rmse, r2, status, lag1, chi2) = (map("rmse")?, map("R2")?, map("status")?, map("residual_lag1")?, map("chi2_reduced")?);
    for (row, label) in [(1, 3), (2, 7)] {
        let of = |values: &[f64]| -> Vec<f64> { (0..N).filter(|&v| labels[v] == label).map(|v| values[v]).collect() };
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let n = values.len();
            f64::midpoint(values[(n - 1) / 2], values[n / 2])
        };
        let at_bound = of(&status).iter().filter(|&&status| status as u16 & hepar::fit::status::AT_BOUND != 0).count();
        assert_eq!(cell(row, "label")?, f64::from(label));
        assert_eq!(cell(row, "n")?, of(&rmse).len() as f64);
        for (name, want) in [
            ("rmse", mean(of(&rmse).iter().map(|x| x * x).collect()).sqrt()),
            ("R2_median", median(of(&r2))),
            ("share_at_bound", at_bound as f64 / of(&rmse).len() as f64),
            ("share_not_converged", 0.0),
            ("residual_lag1_median", median(of(&lag1))),
            ("chi2_reduced_mean", mean(of(&chi2))),
        ] {
            let found = cell(row, name)?;
            assert!((found - want).abs() <= GOODNESS_F32 * want.abs().max(1.0), "{name}: {found}, not {want}");
        }
        assert!(at_bound > 0, "some fits of so much noise end at a bound");
    }
    Ok(())
}

fn plots() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=1.2e-3 --snr 20")?;
    let labels: Vec<u16> = (0..N).map(|v| u16::from(v % 2 == 0) * 4).collect();
    let grid = read(&folder.path("series/series.nii"), &ReadOptions::default())?.grid;
    hepar::volume::write_nifti(&folder.path("labels.nii"), &grid, 1, hepar::volume::MapData::U16(&labels))?;
    std::fs::write(folder.path("labels.tsv"), "index\tname\n4\tliver\n")?;
    folder.fitted("out", "--labels labels.nii --plot liver --plot 3,4,5 --write ADC")?;
    folder.fitted("two", "--labels labels.nii --plot 4 --b-use 0,800 --write ADC")?;
    let picture = |name: &str| -> Result<image::RgbImage, Failed> { Ok(decode(&std::fs::read(folder.path(name))?)) };
    let (of_label, of_voxel) = (picture("out/plot_label_4.png")?, picture("out/plot_voxel_3_4_5.png")?);
    // Curves are blue (the first of their colours) and the band is a tint of it on white: 15 % of the way from 255.
    let count = |shown: &image::RgbImage, colour: [u8; 3]| {
        let near = |pixel: &&image::Rgb<u8>| pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 2);
        shown.pixels().filter(near).count()
    };
    let (blue, tint) = ([0, 114, 178], [217, 234, 243]);
    for shown in [&of_label, &of_voxel] {
        assert_eq!(shown.dimensions(), (1280, 760));
        assert!(count(shown, blue) > 800, "{}", count(shown, blue));
    }
    // The mean of thousands of voxels is known better than one voxel, and two samples leave nothing for a band.
    assert!(count(&of_voxel, tint) > 2 * count(&of_label, tint).max(1000));
    // Edges of lines have some such pixels.
    assert!(count(&picture("two/plot_label_4.png")?, tint) < 50);
    assert_eq!(folder.fit("out", "--labels labels.nii --plot liver --plot 3,4,5 --write ADC")?.0, 73, "no plot is replaced");
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let folder = Folder::new("--model adc --truth ADC=1.2e-3 --snr 20")?;
    for (options, words) in [
        ("--write chi2_reduced", "--sigma"),
        ("--sigma 0", "above 0"),
        ("--sigma nan", "above 0"),
        ("--write residual_lag", "did you mean `residual_lag1`?"),
        ("--plot 24,0,0", "24 x 20 x 12"),
        ("--plot liver", "--labels"),
    ] {
        let (status, text) = folder.fit("out", options)?;
        assert!(status == 2 && text.contains(words), "{options}: {status}: {text}");
        assert!(!folder.path("out/hepar.json").exists(), "{options} looks done");
    }
    Ok(())
}
