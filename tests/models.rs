//! `hepar models` lists, shows and checks signal models; what is wrong is named with file, line, symbol and remedy.

use std::path::Path;

use hepar::model::SignalModel;
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("models_are_listed_and_shown", listed_and_shown),
        Trial::test("models_show_their_shaders", shaders),
        Trial::test("models_of_a_file_are_shown", own_file),
        Trial::test("models_check_reports_every_bad_file", check_reports_all),
    ]
}

/// Exit status, standard output and standard error.
fn run(args: &[&str]) -> Result<(i32, String, String), Failed> {
    let output = support::hepar().args(args).output()?;
    let status = output.status.code().ok_or("killed")?;
    Ok((status, String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

fn says(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|part| !text.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(format!("{part:?} is not in:\n{text}").into()),
    }
}

fn shaders() -> Result<(), Failed> {
    for model in SignalModel::all() {
        let (status, text, _) = run(&["models", "show", &model.name, "--wgsl"])?;
        assert_eq!(status, 0);
        let last = format!("var<private> at{}: f32;", model.fitted_names().count() - 1);
        says(&text, &["fn evaluate(voxel: u32)", "@compute @workgroup_size(WORKGROUP)", &last])?;
    }
    Ok(())
}

fn listed_and_shown() -> Result<(), Failed> {
    let (status, list, _) = run(&["models", "list"])?;
    assert_eq!(status, 0);
    for model in SignalModel::all() {
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(&model.name));
        let fitted: Vec<&str> = model.fitted_names().collect();
        says(line.ok_or(format!("{} is not listed", model.name))?, &[&fitted.join(" "), &model.title])?;
        let (status, shown, _) = run(&["models", "show", &model.name])?;
        assert_eq!(status, 0);
        let (unit, slope) = (format!("[{}]", model.axes[0].unit), format!("dS/d{} = ", model.parameters[0].name));
        says(&shown, &[&model.signal.text, &model.reference, "operations a sample", &unit, &slope])?;
        for parameter in &model.parameters {
            says(&shown, &[&format!("{} [{}]: {}", parameter.name, parameter.unit, parameter.doc)])?;
        }
    }
    let (_, ivim, _) = run(&["models", "show", "ivim"])?;
    says(
        &ivim,
        &[
            "at least 2 samples with b from 10 to 150",
            "from 0.005 to 0.2, typically 0.05\n",
            "from 0 to 1, typically 0.2; the signal is linear in it",
            "from 0 to inf, scaled by each voxel's signal; the signal is linear in it",
            "fDstar [mm^2/s] = f * Dstar",
            "dS/dS0 = f * exp(-b * Dstar) + (1 - f) * exp(-b * D)",
            "dS/dDstar = -b * S0 * f * exp(-b * Dstar)",
            "doi:10.1148/radiology.168.2.3393671",
        ],
    )?;
    let (_, fixed, _) = run(&["models", "show", "ivim_fixed_dstar"])?;
    says(&fixed, &["fixed at 0.07"])?;
    assert!(!fixed.contains("dS/dDstar"));
    let (status, _, error) = run(&["models", "show", "ivmi"])?;
    assert_eq!(status, 2);
    says(&error, &["no model `ivmi`", "did you mean `ivim`?"])
}

const MINE: &str = r#"schema = 1
title = "Spin echo"
reference = "made up"
signal = "S0 * exp(-TE / T2)"

[axis.TE]
unit = "ms"
requires = ["2 >= 0"]

[parameter.S0]
unit = "signal"
bounds = [0.0, inf]
doc = "signal at TE = 0"

[parameter.T2]
unit = "ms"
bounds = [1.0, 3000.0]
scale = 50.0
start = 40.0
doc = "transverse relaxation time"
"#;

fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

fn own_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mine = write(folder.path(), "spin_echo.toml", MINE)?;
    let (status, shown, _) = run(&["models", "show", &mine])?;
    assert_eq!(status, 0);
    says(&shown, &["spin_echo: Spin echo", "TE [ms]", "dS/dT2 = TE * S0 * exp(-TE / T2) / T2^2", "starts at 40"])?;
    let (status, _, error) = run(&["models", "show", "no-such.toml"])?;
    assert_eq!(status, 66);
    says(&error, &["no-such.toml"])
}

fn check_reports_all() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let good = write(folder.path(), "good.toml", MINE)?;
    let unknown = write(folder.path(), "unknown.toml", &MINE.replace("/ T2", "/ t2"))?;
    let bounds = write(folder.path(), "bounds.toml", &MINE.replace("[1.0, 3000.0]", "[3000.0, 1.0]"))?;
    let (status, shown, error) = run(&["models", "check", &good])?;
    assert_eq!((status, error.as_str()), (0, ""));
    says(&shown, &["good: Spin echo"])?;
    let (status, shown, error) = run(&["models", "check", &unknown, &good, &bounds, "no-such.toml"])?;
    assert_eq!(status, 65);
    says(&shown, &["good: Spin echo"])?;
    says(
        &error,
        &[
            "unknown.toml: line 4, column 26: unknown name `t2`",
            "did you mean `T2`?",
            "bounds.toml: line 17, column 10: [3000, 1] are no bounds",
            "no-such.toml: no such input",
            "3 of 4 files cannot be used as models",
        ],
    )?;
    let (status, _, error) = run(&["models", "check", &bounds])?;
    assert_eq!(status, 65);
    says(&error, &["line 17", "remedy: write bounds = [lowest, highest]"])
}
