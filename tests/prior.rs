//! Fits with priors: estimates that single voxels tell little of come nearer to the truth, and what is not the tissue that
//! the prior was learnt from is told apart.

use std::path::{Path, PathBuf};

use hepar::simulate::Rng;
use hepar::volume::{Grid, MapData, ReadOptions, read, write_nifti};
use libtest_mimic::{Failed, Trial};

use crate::support::{self, TestDevice};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("prior_of_a_file_without_one_is_refused", refusals),
        Trial::test("prior_of_a_models_file_is_used", from_a_file),
    ];
    trials.extend(support::on_every_device("prior_learnt_from_a_liver", learnt));
    trials.extend(support::on_every_device("prior_under_rician_noise", magnitudes));
    trials
}

const SHAPE: [usize; 3] = [32, 32, 4];
const LIVER: u16 = 5;
const LESION: u16 = 9;
const B: &str = "0,10,20,40,80,110,140,200,400,800";
/// Name, mean and coefficient of variation of each parameter of the liver; D* as Cohen AD et al. 2015 (doi:10.1002/mrm.25440)
/// has it between studies, which voxels of one liver do not exceed.
const TRUTH: [(&str, f64, f64); 3] = [("D", 1.1e-3, 0.05), ("f", 0.22, 0.10), ("Dstar", 0.07, 0.15)];

/// A liver with a lesion of twice its D: the truth, a label map and a simulated series, in one folder.
struct Liver {
    folder: tempfile::TempDir,
    labels: Vec<u16>,
    truth: Vec<Vec<f32>>,
}

impl Liver {
    fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let mut affine = [[0.0; 4]; 4];
        [-2.0, 2.0, 5.0, 1.0].into_iter().enumerate().for_each(|(i, size)| affine[i][i] = size);
        let grid = Grid { shape: SHAPE, affine };
        let is_lesion = |v: usize| (8..16).contains(&(v % 32)) && (8..16).contains(&(v / 32 % 32));
        let labels: Vec<u16> = (0..grid.n_voxels()).map(|v| if is_lesion(v) { LESION } else { LIVER }).collect();
        write_nifti(&folder.path().join("labels.nii"), &grid, 1, MapData::U16(&labels))?;
        let rng = Rng::new(3);
        let mut truth = Vec::new();
        for (stream, (name, mean, cv)) in (0..).zip(TRUTH) {
            let lesion = if name == "D" { 2.0 } else { 1.0 };
            let value = |v: usize| {
                let [normal, _] = rng.normals(stream * 100_000 + v as u64);
                let of_label = if labels[v] == LESION { lesion } else { 1.0 };
                (mean * of_label * (1.0 + cv * normal.clamp(-3.0, 3.0))) as f32
            };
            let values: Vec<f32> = (0..grid.n_voxels()).map(value).collect();
            write_nifti(&folder.path().join(format!("{name}.nii")), &grid, 1, MapData::F32(&values))?;
            truth.push(values);
        }
        let liver = Self { folder, labels, truth };
        let mut command = support::hepar();
        command.args(["simulate", "--model", "ivim", "--bvals", B, "--snr", "20", "--seed", "4", "--quiet", "-o"]);
        command.arg(liver.file("dwi"));
        for (name, ..) in TRUTH {
            command.arg("--truth").arg(format!("{name}={}", liver.file(&format!("{name}.nii")).display()));
        }
        let output = command.output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(liver)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Exit status and what was said by a fit.
    fn fit(&self, device: &str, to: &Path, args: &str) -> Result<(i32, String), Failed> {
        let mut command = support::hepar();
        command.arg("fit").arg(self.file("dwi/series.nii.gz")).args(args.split(' ')).arg("-o").arg(to);
        let output = command.args(["--pictures", "none", "--device", device]).output()?;
        let status = output.status.code().ok_or("killed")?;
        Ok((status, String::from_utf8([output.stdout, output.stderr].concat())?))
    }

    /// Root mean square error in the liver of each parameter, in the maps NAME + `ending`.
    fn errors(&self, maps: &Path, ending: &str) -> Result<Vec<f64>, Failed> {
        let of = |(truth, (name, ..)): (&Vec<f32>, (&str, f64, f64))| -> Result<f64, Failed> {
            let found = map(maps, &format!("{name}{ending}"))?;
            let liver = (0..truth.len()).filter(|&v| self.labels[v] == LIVER);
            let squares: Vec<f64> = liver.map(|v| f64::from(found[v] - truth[v]).powi(2)).collect();
            Ok((squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
        };
        self.truth.iter().zip(TRUTH).map(of).collect()
    }
}

fn map(folder: &Path, name: &str) -> Result<Vec<f32>, Failed> {
    let image = read(&folder.join(format!("{name}.nii.gz")), &ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    Ok(values)
}

fn learnt(device: &TestDevice) -> Result<(), Failed> {
    let liver = Liver::new()?;
    let maps = liver.file("maps");
    let labels = liver.file("labels.nii").display().to_string();
    let args = format!("--model ivim --prior empirical --prior-labels {labels}");
    let (status, text) = liver.fit(&device.0.to_string(), &maps, &args)?;
    assert_eq!(status, 0, "{text}");
    println!("{text}");
    let (plain, shrunk) = (liver.errors(&maps, "")?, liver.errors(&maps, "_shrunk")?);
    let shares: Vec<f64> = shrunk.iter().zip(&plain).map(|(shrunk, plain)| shrunk / plain).collect();
    println!("rms errors of D, f, Dstar: plain {plain:?}, shrunken {shrunk:?}, ratio {shares:.2?}");
    assert!(shares[2] <= 0.5 && shares[1] <= 0.8, "{shares:?}");

    // Where the lesion is, the prior speaks against the voxels' own samples.
    let moved = map(&maps, "prior_shift")?;
    let flagged = |label: u16| {
        let of_label: Vec<f32> = (0..moved.len()).filter(|&v| liver.labels[v] == label).map(|v| moved[v]).collect();
        of_label.iter().filter(|&&shift| shift > 3.0).count() as f64 / of_label.len() as f64
    };
    println!("moved by more than 3 standard errors: {:.3} of the lesion, {:.3} of the liver", flagged(LESION), flagged(LIVER));
    assert!(flagged(LESION) >= 0.9 && flagged(LIVER) < 0.1, "{} {}", flagged(LESION), flagged(LIVER));

    let table = std::fs::read_to_string(maps.join("ivim_prior.tsv"))?;
    let row = table.lines().find(|line| line.starts_with("9\t") && line.contains("\tD\t")).ok_or("no row of the lesion")?;
    let ratios: Vec<f64> = row.split('\t').skip(8).take(2).map(|cell| cell.parse().unwrap()).collect();
    assert!((1.9..2.1).contains(&ratios[0]) && ratios[1] < ratios[0], "contrast of D: {ratios:?}");

    // The prior learnt is the tissue's, without the noise of the estimates.
    let sidecar: serde_json::Value = serde_json::from_slice(&std::fs::read(maps.join("D_shrunk.json"))?)?;
    for (name, mean, cv) in TRUTH {
        let prior = &sidecar["priors"][name];
        let typical = prior["typical"].as_f64().ok_or("no typical value")?;
        let [low, high] = [0, 1].map(|end| prior["one_sd"][end].as_f64().unwrap());
        let spread = (high - low) / 2.0 / typical;
        println!("{name}: {typical:.3e} with a spread of {spread:.3}, in truth {mean:.3e} and {cv}");
        assert!((typical / mean - 1.0).abs() < 0.1, "{name}: {typical}");
        assert!(spread < 2.5 * cv, "{name}: the spread of the estimates is taken for the tissue's: {spread}");
    }
    Ok(())
}

/// A prior that says nothing changes nothing, and one that says much draws estimates to it.
fn from_a_file() -> Result<(), Failed> {
    let liver = Liver::new()?;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/signal/ivim.toml"))?;
    let with = |name: &str, prior: &str| -> Result<PathBuf, Failed> {
        let file = liver.file(&format!("{name}.toml"));
        let text = text.replace("[parameter.f]", &format!("[parameter.f]\nprior = {prior}"));
        std::fs::write(&file, text)?;
        let maps = liver.file(name);
        let (status, said) = liver.fit("cpu", &maps, &format!("--model-file {} --prior model", file.display()))?;
        assert_eq!(status, 0, "{said}");
        Ok(maps)
    };
    let spread = |maps: &Path| -> Result<[f64; 2], Failed> {
        let (plain, shrunk) = (map(maps, "f")?, map(maps, "f_shrunk")?);
        let sd = |values: &[f32]| {
            let n = values.len() as f64;
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
            (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt()
        };
        Ok([sd(&plain), sd(&shrunk)])
    };
    let [plain, of_wide] = spread(&with("wide", "[0.22, 0.9]")?)?;
    let [_, of_narrow] = spread(&with("narrow", "[0.22, 0.01]")?)?;
    println!("sd of f: {plain:.4} plain, {of_wide:.4} with a wide prior, {of_narrow:.4} with a narrow one");
    assert!((of_wide / plain - 1.0).abs() < 0.1, "{of_wide} {plain}");
    assert!(of_narrow < 0.3 * plain, "{of_narrow} {plain}");
    Ok(())
}

/// A prior that says nothing of one parameter leaves the fit of magnitudes as it is; one that says much draws to it.
fn magnitudes(device: &TestDevice) -> Result<(), Failed> {
    let liver = Liver::new()?;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/signal/adc.toml"))?;
    // σ is 50, 1/20 of S0: against 300, a fit of magnitudes is another one.
    let medians = |name: &str, prior: &str, noise: &str| -> Result<[f64; 2], Failed> {
        let file = liver.file(&format!("{name}.toml"));
        std::fs::write(&file, text.replace("[parameter.ADC]", &format!("[parameter.ADC]\nprior = {prior}")))?;
        let maps = liver.file(name);
        let args = format!("--model-file {} --method nlls --prior model --noise {noise}", file.display());
        let (status, said) = liver.fit(&device.0.to_string(), &maps, &args)?;
        assert_eq!(status, 0, "{said}");
        let median = |mut values: Vec<f32>| {
            values.sort_by(f32::total_cmp);
            f64::from(values[values.len() / 2])
        };
        Ok([median(map(&maps, "ADC")?), median(map(&maps, "ADC_shrunk")?)])
    };
    let rician = "rician --sigma 300";
    let [plain, of_wide] = medians("wide", "[1.5e-3, 0.02]", rician)?;
    let [_, of_narrow] = medians("narrow", "[0.6e-3, 1.0e-5]", rician)?;
    let [gaussian, of_gaussian] = medians("gaussian", "[1.5e-3, 0.02]", "gaussian")?;
    println!("ADC: {plain:.4e} plain, {of_wide:.4e} with a wide prior, {of_narrow:.4e} with a narrow one; Gaussian {gaussian:.4e}, {of_gaussian:.4e}");
    assert!((of_wide / plain - 1.0).abs() < 1e-3, "{of_wide} {plain}");
    assert!((of_wide / of_gaussian - 1.0).abs() > 0.1, "the second fit knows no noise");
    assert!((of_narrow / 0.6e-3 - 1.0).abs() < 0.02, "{of_narrow}");
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let liver = Liver::new()?;
    let labels = liver.file("labels.nii").display().to_string();
    for (args, status, said) in [
        ("--model ivim --prior model".to_owned(), 2, "has a prior in its file"),
        ("--model ivim --prior empirical".to_owned(), 2, "--prior-labels"),
        (format!("--model ivim --prior empirical --prior-labels {labels} --prior-label 77"), 2, "--prior-label"),
        (format!("--model ivim --method segmented --prior empirical --prior-labels {labels}"), 2, "--method nlls"),
        (format!("--model adc --prior empirical --prior-labels {labels}"), 2, "--method nlls"),
        (format!("--model ivim --prior-labels {labels}"), 2, "--prior"),
    ] {
        let (got, text) = liver.fit("cpu", &liver.file("refused"), &args)?;
        assert_eq!(got, status, "{args}: {text}");
        assert!(text.contains(said), "{args}: {text}");
    }
    Ok(())
}
