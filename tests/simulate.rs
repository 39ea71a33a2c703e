//! `hepar simulate` makes series with known truth that are the same to the last byte, whatever the threads.

use std::path::Path;

use hepar::volume::bvalues::read_bvalues;
use hepar::volume::{Image, ReadOptions, read};
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("simulate_is_the_same_to_the_last_byte", same_bytes),
        Trial::test("simulate_writes_a_series_and_its_truth", series_and_truth),
        Trial::test("simulate_takes_truth_from_maps", truth_from_maps),
        Trial::test("simulate_refuses_what_cannot_be_meant", refusals),
    ]
}

/// Exit status and what was said.
fn run(dir: &Path, args: &str) -> Result<(i32, String), Failed> {
    let output = support::hepar().arg("simulate").args(args.split(' ')).arg("-o").arg(dir).output()?;
    let status = output.status.code().ok_or("killed")?;
    Ok((status, String::from_utf8([output.stdout, output.stderr].concat())?))
}

fn made(dir: &Path, args: &str) -> Result<(), Failed> {
    match run(dir, args)? {
        (0, _) => Ok(()),
        (_, text) => Err(text.into()),
    }
}

fn image(path: &Path) -> hepar::Result<Image> {
    read(path, &ReadOptions::default())
}

fn values(image: &Image, volume: usize) -> Vec<f32> {
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(volume).load_f32(0, &mut values);
    values
}

const IVIM: &str = "--model ivim --bvals 0,20,60,200,800 --shape 31,17,5 --snr 20 --truth f=0.25 --truth Dstar=0.06";

fn same_bytes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let bytes = |name: &str, options: &str| -> Result<Vec<u8>, Failed> {
        let dir = folder.path().join(name);
        made(&dir, &format!("{IVIM} --format nii {options}"))?;
        Ok(std::fs::read(dir.join("series.nii"))?)
    };
    let one = bytes("one", "--threads 1 --seed 7")?;
    assert_eq!(one, bytes("four", "--threads 4 --seed 7")?);
    assert_ne!(one, bytes("other", "--threads 1 --seed 8")?);
    Ok(())
}

fn series_and_truth() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    made(folder.path(), &format!("{IVIM} --noise gaussian"))?;
    let file = |name: &str| folder.path().join(name);
    let series = image(&file("series.nii.gz"))?;
    assert_eq!(series.dims, [31, 17, 5, 5]);
    assert_eq!(read_bvalues(&file("series.bval"))?, [0.0, 20.0, 60.0, 200.0, 800.0]);
    // S0 is 1000 unless told otherwise, and SNR 20 makes σ 50: the mean of n voxels lies within 4 of σ/√n.
    let n = series.grid.n_voxels() as f64;
    for (volume, b) in [0.0, 20.0, 60.0, 200.0, 800.0].into_iter().enumerate() {
        let signal = 1000.0 * (0.25 * (-b * 0.06f64).exp() + 0.75 * (-b * 1e-3f64).exp());
        let values = values(&series, volume);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values.iter().map(|&v| (f64::from(v) - signal).powi(2)).sum::<f64>() / n;
        assert!((mean - signal).abs() < 4.0 * 50.0 / n.sqrt(), "b = {b}: {mean}, not {signal}");
        assert!((mean * 1.02 - signal).abs() > 4.0 * 50.0 / n.sqrt() || b > 20.0, "the comparison cannot fail");
        assert!((variance / 2500.0 - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "b = {b}: {variance}");
    }
    for (name, value) in [("S0", 1000.0), ("D", 1e-3), ("f", 0.25), ("Dstar", 0.06), ("fDstar", 0.015)] {
        let map = image(&file("truth").join(format!("{name}.nii.gz")))?;
        assert_eq!(map.grid, series.grid);
        assert!(values(&map, 0).iter().all(|&v| (f64::from(v) - value).abs() <= 6e-8 * value), "{name}");
    }
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(file("hepar.json"))?)?;
    let options = &record["options"];
    assert_eq!(record["command"], "simulate");
    assert_eq!((&options["model"], &options["seed"], &options["noise"]), (&"ivim".into(), &1.into(), &"gaussian".into()));
    assert_eq!((&options["truth"]["f"], &options["snr"]), (&0.25.into(), &20.0.into()));
    assert!((options["sigma"].as_f64().ok_or("no sigma")? - 50.0).abs() < 1e-4);
    // What stands is not replaced unless that is asked for.
    assert_eq!(run(folder.path(), IVIM)?.0, 73);
    made(folder.path(), &format!("{IVIM} --force"))
}

fn truth_from_maps() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    made(&first, &format!("{IVIM} --format nii"))?;
    let map = first.join("truth/f.nii");
    let map = map.to_string_lossy();
    // A map of one value makes the same series as the value.
    let by_map = format!("--model ivim --bvals 0,20,60,200,800 --snr 20 --truth f={map} --truth Dstar=0.06");
    made(&second, &format!("{by_map} --format nii"))?;
    let (a, b) = (image(&first.join("series.nii"))?, image(&second.join("series.nii"))?);
    assert_eq!(a.grid, b.grid);
    assert_eq!(a.bytes(), b.bytes());
    let (status, text) = run(&folder.path().join("third"), &format!("{by_map} --shape 4,4,4"))?;
    assert_eq!(status, 2);
    assert!(text.contains("leave --shape out"), "{text}");
    // S0 of 1000 lies outside the bounds of f.
    let wrong = by_map.replace("f.nii", "S0.nii");
    let (status, text) = run(&folder.path().join("fourth"), &wrong)?;
    assert_eq!(status, 2);
    assert!(text.contains("f = 1000 1 lies outside the model's bounds, 0 to 1"), "{text}");
    // A series is no map, and a map of another grid does not go with this one.
    let series = by_map.replace("truth/f.nii", "series.nii");
    assert_eq!(run(&folder.path().join("fifth"), &series)?.0, 65);
    let other = folder.path().join("other");
    made(&other, "--model adc --bvals 0,800 --shape 31,17,4 --format nii")?;
    let other = other.join("truth/S0.nii");
    let (status, text) = run(&folder.path().join("sixth"), &format!("{by_map} --truth S0={}", other.to_string_lossy()))?;
    assert_eq!(status, 65);
    assert!(text.contains("is not on the grid of"), "{text}");
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let adc = "--model adc --bvals 0,800";
    for (args, status, said) in [
        (adc.to_owned(), 2, "give --shape"),
        (format!("{adc} --shape 4,4"), 2, "three numbers"),
        (format!("{adc} --shape 4,4,0"), 2, "three numbers"),
        (format!("{adc} --shape 4000000000,4000000000,4000000000"), 2, "make fewer"),
        (format!("{adc} --shape 2,2,2 --snr 0"), 2, "an SNR of 0"),
        (format!("{adc} --shape 2,2,2 --truth ADC=0.5"), 2, "ADC = 0.5 mm^2/s lies outside the model's bounds"),
        (format!("{adc} --shape 2,2,2 --truth D=1e-3"), 2, "no parameter `D`"),
        (format!("{adc} --truth ADC=no-such.nii"), 66, "no-such.nii"),
        ("--model no_such --bvals 0,800 --shape 2,2,2".to_owned(), 2, "no model `no_such`"),
    ] {
        let (got, text) = run(folder.path(), &args)?;
        assert_eq!(got, status, "{args}: {text}");
        assert!(text.contains(said), "{args}: {said:?} is not in:\n{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "a refusal leaves nothing behind");
    Ok(())
}
