//! `hepar synthesize` computes images from fitted maps.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::goodness::volumes;
use crate::support::{self, TestDevice};
use crate::tolerances::SYNTHESIS_ROUND_TRIP;

pub fn trials() -> Vec<Trial> {
    let mut trials = support::on_every_device("synthesize_gives_a_noiseless_series_back", round_trip);
    trials.extend([
        Trial::test("synthesize_takes_several_axes", two_axes),
        Trial::test("synthesize_takes_held_parameters_from_the_record", held),
        Trial::test("synthesize_says_what_lies_beyond_the_measured", beyond),
        Trial::test("synthesize_refuses_what_cannot_be_meant", refusals),
    ]);
    trials
}

/// Exit status and what was said of `hepar` in a folder.
fn run(folder: &Path, args: &str) -> Result<(i32, String), Failed> {
    let output = support::hepar().current_dir(folder).args(args.split(' ')).output()?;
    let text = String::from_utf8([output.stdout, output.stderr].concat())?;
    Ok((output.status.code().ok_or("killed")?, text))
}

fn done(folder: &Path, args: &str) -> Result<(), Failed> {
    match run(folder, args)? {
        (0, _) => Ok(()),
        (status, text) => Err(format!("{args}: {status}: {text}").into()),
    }
}

fn json(path: &Path) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// Whether two images agree within a share of the largest signal.
fn agree(a: &[f64], b: &[f64]) -> bool {
    let largest = b.iter().copied().fold(0.0, f64::max);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SYNTHESIS_ROUND_TRIP * largest)
}

fn round_trip(device: &TestDevice) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    // S0 varies: it is a noisy signal.
    done(dir, "simulate --model adc --bvals 0 --shape 20,18,7 --snr 5 --format nii -o s0")?;
    for (name, model, b) in [
        ("adc", "--model adc --truth ADC=1.3e-3 --truth S0=s0/series.nii", "50,200,500,750"),
        ("ivim", "--model ivim --truth D=1e-3 --truth f=0.3 --truth Dstar=0.04 --truth S0=s0/series.nii", "0,10,30,60,120,250,500,800"),
    ] {
        done(dir, &format!("simulate {model} --bvals {b} --noise none --format nii -o {name}"))?;
        done(dir, &format!("fit {name}/series.nii --model {name} --format nii -o {name}_maps --device {}", device.0))?;
        done(dir, &format!("synthesize {name}_maps --model {name} --at b={b} --format nii -o {name}_back --device {}", device.0))?;
        let measured = volumes(&dir.join(name).join("series.nii"))?;
        for (b, measured) in b.split(',').zip(&measured) {
            let back = volumes(&dir.join(format!("{name}_back/computed_b{b}.nii")))?.remove(0);
            assert!(agree(&back, measured), "{name}, b = {b}");
            assert!(!agree(&back.iter().map(|v| v * 1.0001).collect::<Vec<_>>(), measured), "{name}, b = {b}");
        }
        let sidecar = json(&dir.join(format!("{name}_back/computed_b{}.json", b.rsplit(',').next().unwrap_or(b))))?;
        assert_eq!((&sidecar["units"], &sidecar["model"], &sidecar["beyond_measured"]), (&"a.u.".into(), &name.into(), &false.into()));
        assert!(dir.join(format!("{name}_back/hepar.json")).is_file());
    }
    Ok(())
}

fn two_axes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    let axes = "--axis b=0,20,60,120,250,500,800,0,60,250,800 --axis te=60,60,60,60,60,60,60,90,90,90,90";
    let truth = "--truth D=1e-3 --truth f_te=0.3 --truth Dstar=0.04 --truth T2=50 --truth T2_blood=150";
    done(dir, &format!("simulate --model t2_ivim {axes} {truth} --noise none --shape 6,5,4 --format nii -o series"))?;
    done(dir, &format!("fit series/series.nii --model t2_ivim {axes} --precision f64 --device cpu --format nii -o maps"))?;
    done(dir, "synthesize maps --at b=0,60,800 --at te=90 --format nii -o back --device cpu")?;
    let measured = volumes(&dir.join("series/series.nii"))?;
    for (b, volume) in [(0, 7), (60, 8), (800, 10)] {
        let back = volumes(&dir.join(format!("back/computed_b{b}_te90.nii")))?.remove(0);
        assert!(agree(&back, &measured[volume]), "b = {b}");
        assert!(!agree(&back, &measured[volume - 7]), "b = {b} at another echo time");
    }
    Ok(())
}

/// What a fit held at a value has no map: the record knows it, and `--fix` overrules it.
fn held() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    let kurtosis = "--model kurtosis --truth D=1.2e-3 --truth K=0.8 --noise none --shape 6,5,4 --format nii";
    done(dir, &format!("simulate {kurtosis} --bvals 0,200,500,1000,1500 -o series"))?;
    done(dir, "fit series/series.nii --model kurtosis --fix K=0.8 --format nii -o maps --device cpu")?;
    done(dir, "synthesize maps --at b=1500 --format nii -o back --device cpu")?;
    done(dir, "synthesize maps --at b=1500 --fix K=0.7 --format nii -o other --device cpu")?;
    let measured = volumes(&dir.join("series/series.nii"))?.remove(4);
    assert!(agree(&volumes(&dir.join("back/computed_b1500.nii"))?.remove(0), &measured));
    assert!(!agree(&volumes(&dir.join("other/computed_b1500.nii"))?.remove(0), &measured));
    // Maps of an earlier run that the last has not replaced are not those of the record.
    std::fs::copy(dir.join("other/computed_b1500.nii"), dir.join("maps/K.nii"))?;
    done(dir, "synthesize maps --at b=1500 --format nii -o again --device cpu")?;
    assert!(agree(&volumes(&dir.join("again/computed_b1500.nii"))?.remove(0), &measured));
    Ok(())
}

fn beyond() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    done(dir, "simulate --model adc --bvals 50,400,800 --shape 6,5,4 -o series")?;
    done(dir, "fit series/series.nii.gz -o maps --device cpu")?;
    let (status, text) = run(dir, "synthesize maps --at b=400,1500 -o back --device cpu")?;
    assert!(status == 0 && text.contains("b = 1500 s/mm² lies beyond the measured 50 to 800") && !text.contains("b = 400"), "{text}");
    for (b, beyond) in [(400, false), (1500, true)] {
        let sidecar = json(&dir.join(format!("back/computed_b{b}.json")))?;
        assert_eq!(sidecar["beyond_measured"], beyond, "b = {b}");
        assert_eq!(sidecar["title"].as_str().is_some_and(|title| title.contains("extrapolated")), beyond);
        assert!(dir.join(format!("back/computed_b{b}.png")).is_file());
    }
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    done(dir, "simulate --model adc --bvals 50,400,800 --shape 6,5,4 -o series")?;
    done(dir, "fit series/series.nii.gz -o maps --device cpu --write ADC,S0")?;
    done(dir, "fit series/series.nii.gz -o partial --device cpu --write ADC")?;
    done(dir, "subtract series/truth/S0.nii.gz series/truth/S0.nii.gz --sigma 1 -o subtraction --device cpu")?;
    let t2_ivim = concat!(env!("CARGO_MANIFEST_DIR"), "/models/signal/t2_ivim.toml");
    std::fs::copy(t2_ivim, dir.join("two.toml"))?;
    std::fs::create_dir(dir.join("bare"))?;
    let says = |args: &str, code: i32, words: &str| -> Result<(), Failed> {
        let (status, text) = run(dir, &format!("synthesize {args} -o out --device cpu"))?;
        assert!(status == code && text.contains(words), "{args}: {status}: {text}");
        assert!(!dir.join("out/hepar.json").exists(), "{args} looks done");
        Ok(())
    };
    says("maps --model ivim --at b=0", 2, "the maps are of the model `adc`")?;
    says("maps --at b=0 --at te=60", 2, "has no axis `te`")?;
    says("maps --model-file two.toml --at b=0 --at te=60", 2, "the maps are of the model `adc`")?;
    says("bare --model-file two.toml --at b=0", 2, "add --at te=VALUE, in ms")?;
    says("maps --at b=0,100,0", 2, "computed_b0 is asked for twice")?;
    says("partial --at b=0", 2, "has no map of S0")?;
    says("none --at b=0", 66, "none")?;
    says("subtraction --at b=0", 65, "the record of `subtract`")?;
    let sidecar = dir.join("maps/ADC.json");
    let text = std::fs::read_to_string(&sidecar)?;
    std::fs::write(&sidecar, text.replace("mm^2/s", "um^2/ms"))?;
    says("maps --at b=0", 65, "um^2/ms")?;
    std::fs::write(&sidecar, text)?;
    done(dir, "synthesize maps --at b=0 -o out --device cpu")
}
