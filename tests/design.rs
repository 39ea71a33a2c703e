//! `hepar design` prints the Cramér–Rao bounds of a protocol, by name, with what the protocol lacks.

use hepar::fit::design::bounds;
use hepar::model::SignalModel;
use hepar::model::signal::program::Choice;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("design_bounds_are_the_closed_form", closed_form),
        Trial::test("design_says_what_a_protocol_cannot_tell", cannot_tell),
        Trial::test("design_takes_truth_and_fixed_values", truth_and_fixed),
        Trial::test("design_refuses_what_cannot_be_meant", refusals),
    ]
}

fn run(args: &str) -> Result<(i32, String), Failed> {
    let output = support::hepar().arg("design").args(args.split(' ')).output()?;
    let status = output.status.code().ok_or("killed")?;
    Ok((status, String::from_utf8([output.stdout, output.stderr].concat())?))
}

fn json(args: &str) -> Result<Value, Failed> {
    let (status, text) = run(&format!("{args} --json"))?;
    assert_eq!(status, 0, "{text}");
    Ok(serde_json::from_str(&text)?)
}

fn bound<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["bounds"].as_array().expect("bounds").iter().find(|bound| bound["name"] == name).expect("this bound")
}

/// S0·e^(−b·ADC) at b = 0 and 800: with two samples the variance of the ADC is that of ln(S₁/S₂)/800.
fn closed_form() -> Result<(), Failed> {
    let report = json("--model adc --bvals 0,800 --snr 30 --truth ADC=1.1e-3 --truth S0=500")?;
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!(number(&report["sigma"]), 500.0 / 30.0);
    let adc = bound(&report, "ADC");
    let want = ((1.0 / 30f64).powi(2) * (1.0 + (2.0 * 800.0 * 1.1e-3f64).exp())).sqrt() / 800.0;
    let agrees = |got: f64| (got - want).abs() < 1e-12 * want;
    assert!(agrees(number(&adc["sd"])), "{adc}: {want}");
    assert!(!agrees(number(&adc["sd"]) * 1.000_001));
    assert!((number(&adc["percent"]) - 100.0 * want / 1.1e-3).abs() < 1e-9);
    assert_eq!((&adc["unit"], &adc["remark"]), (&"mm^2/s".into(), &Value::Null));
    assert_eq!(report["unmet_requirements"], Value::Array(Vec::new()));
    Ok(())
}

fn cannot_tell() -> Result<(), Failed> {
    let ivim = "--model ivim --snr 30 --truth D=1.1e-3 --truth f=0.23 --truth Dstar=0.07";
    let (status, text) = run(&format!("{ivim} --bvals 50,200,500,750"))?;
    assert_eq!(status, 0, "{text}");
    for part in [
        "SNR 30 at b = 50",
        "Dstar cannot be told from 0",
        "The model needs at least 1 sample with b <= 10 (there is none).",
        "The model needs at least 2 samples with b from 10 to 150 (there is 1).",
        "fDstar",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let (_, text) = run(&format!("{ivim} --bvals 0,10,20,40,80,150,400,800"))?;
    assert!(!text.contains("needs") && !text.contains("D cannot"), "{text}");

    let (status, text) = run(&format!("{ivim} --bvals 0,200,800"))?;
    assert_eq!(status, 0);
    assert!(text.contains("Dstar cannot be known at all"), "{text}");
    let report = json(&format!("{ivim} --bvals 0,200,800"))?;
    assert_eq!(bound(&report, "Dstar")["sd"], Value::Null);
    Ok(())
}

/// What the program prints is what the library says.
fn truth_and_fixed() -> Result<(), Failed> {
    let report = json("--model ivim --axis b=0,20,60,200,800 --snr 40 --truth f=0.3 --fix Dstar=0.06")?;
    let model = SignalModel::builtin("ivim")?;
    let mut choice = Choice::of(model);
    choice.fixed[3] = Some(0.06);
    let axes = [vec![0.0, 20.0, 60.0, 200.0, 800.0]];
    let want = bounds(model, &choice, &axes, &[1.0, 1e-3, 0.3, 0.06], 1.0 / 40.0)?;
    assert_eq!(want.len(), report["bounds"].as_array().expect("bounds").len());
    for want in want {
        let got = bound(&report, &want.name)["sd"].as_f64().expect("a number");
        assert!((got - want.sd).abs() <= 1e-12 * want.sd, "{want:?}: {got}");
    }
    assert_eq!(report["truth"]["f"], 0.3);
    assert_eq!(report["truth"]["D"], 1e-3, "where nothing is given, the scale");
    assert_eq!(report["fixed"][0], "Dstar");
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    for (args, said) in [
        ("--model adc --bvals 0,800 --snr 0", "above 0"),
        ("--model adc --bvals 0,800 --snr 30 --truth ADC=0.1", "ADC = 0.1 mm^2/s lies outside the model's bounds"),
        ("--model adc --bvals 0,800 --snr 30 --truth D=1e-3", "no parameter `D`"),
        ("--model adc --bvals 0,800 --snr 30 --truth ADC", "NAME=VALUE"),
        ("--model adc --bvals 0,800 --snr 30 --fix ADC=1e-3 --fix S0=1", "no parameter is left"),
        ("--model adc --bvals 0,800 --snr 30 --fix ADC=1e-3 --truth ADC=1e-3", "both --truth and --fix"),
        ("--model adc --axis TE=1,2 --snr 30", "no axis `TE`"),
        ("--model adc --snr 30", "no values are given for the axis `b`"),
        ("--bvals 0,800 --snr 30", "--model"),
    ] {
        let (status, text) = run(args)?;
        assert_eq!(status, 2, "{args}: {text}");
        assert!(text.contains(said), "{args}: {said:?} is not in:\n{text}");
    }
    Ok(())
}
