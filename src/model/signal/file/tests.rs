//! Mistakes in a model file are placed, named and answered with a remedy.

use std::path::Path;

use super::*;

const GOOD: &str = r#"schema = 1
title = "t"
reference = "r"
signal = "S0 * exp(-b * D) * share"

[axis.b]
unit = "s/mm^2"
requires = ["2 >= 0"]

[parameter.S0]
unit = "signal"
bounds = [0, inf]
doc = "signal at b = 0"

[parameter.D]
unit = "mm^2/s"
bounds = [-0.005, 0.02]
scale = 1e-3
start = 2e-3
doc = "diffusion coefficient"

[parameter.share]
unit = "1"
fixed = 0.5
doc = "what is left"

[derived.tau]
unit = "s/mm^2"
formula = "1 / D"
doc = "its inverse"
"#;

fn parse(text: &str) -> crate::Result<SignalModel> {
    SignalModel::parse("model", text, Path::new("models/model.toml"))
}

fn message(text: &str) -> String {
    let error = parse(text).unwrap_err();
    assert_eq!(error.exit_status(), 65);
    error.to_string()
}

#[test]
fn all_keys_are_read() {
    let model = parse(GOOD).unwrap();
    assert_eq!((model.name.as_str(), model.title.as_str(), model.reference.as_str()), ("model", "t", "r"));
    assert_eq!(model.signal.text, "S0 * exp(-b * D) * share");
    let b = &model.axes[0];
    assert_eq!((b.name.as_str(), b.unit.as_str(), b.requires[0].to_string().as_str()), ("b", "s/mm^2", "2 >= 0"));
    let kinds: Vec<_> = model.parameters.iter().map(|p| (p.name.as_str(), p.kind)).collect();
    let fitted = |bounds, scale, start| ParameterKind::Fitted { bounds, scale, start, places: None };
    assert_eq!(
        kinds,
        [
            ("S0", fitted([0.0, f64::INFINITY], 1.0, None)),
            ("D", fitted([-0.005, 0.02], 1e-3, Some(2e-3))),
            ("share", ParameterKind::Fixed(0.5))
        ]
    );
    assert!(model.parameters[0].is_signal() && !model.parameters[1].is_signal());
    assert_eq!(
        (model.parameters[1].unit.as_str(), model.parameters[1].doc.as_str()),
        ("mm^2/s", "diffusion coefficient")
    );
    let tau = &model.derived[0];
    assert_eq!((tau.name.as_str(), tau.unit.as_str(), tau.doc.as_str()), ("tau", "s/mm^2", "its inverse"));
    assert_eq!(tau.formula.text, "1 / D");
}

#[test]
fn the_order_of_the_file_is_kept() {
    // Names whose order by letters, by hash and by file differ.
    let order = ["S0", "q", "a", "Z", "m"];
    let declared: String =
        order[1..].iter().map(|n| format!("[parameter.{n}]\nunit = '1'\nfixed = 1\ndoc = ''\n")).collect();
    let signal = format!("signal = \"S0 * b * {}\"", order[1..].join(" * "));
    let text = format!(
        "schema = 1\ntitle = ''\nreference = ''\n{signal}\n[parameter.S0]\nunit = 'signal'\nbounds = [0, 1]\n\
         doc = ''\n{declared}[axis.b]\nunit = ''\n"
    );
    let model = parse(&text).unwrap();
    let names: Vec<_> = model.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, order);
}

/// What is right, what is written instead, and what the message says of it.
type Mistake<'a> = (&'a str, &'a str, [&'a str; 3]);

fn check(mistakes: &[Mistake]) {
    parse(GOOD).unwrap();
    for (right, wrong, expected) in mistakes {
        assert!(GOOD.contains(right), "{right}");
        let message = message(&GOOD.replacen(right, wrong, 1));
        assert!(message.starts_with("models/model.toml: line "), "{message}");
        assert!(message.contains("\n  remedy: "), "{message}");
        for part in expected {
            assert!(message.contains(part), "{right} -> {wrong}: {part:?} is not in\n{message}");
        }
    }
}

#[test]
fn mistakes_of_form() {
    check(&[
        ("schema = 1", "schema = 2", ["line 1, column 10", "schema 2 is not known", "version of hepar"]),
        ("schema = 1\n", "", ["line 1", "missing field `schema`", "models/signal/ivim.toml"]),
        ("schema = 1", "schema = ", ["line 1", "models/model.toml", "schema, title"]),
        ("title = \"t\"\n", "", ["line 1", "missing field `title`", "[axis.NAME]"]),
        ("title = \"t\"", "name = \"t\"", ["line 2, column 1", "unknown field `name`", "title"]),
        ("reference = \"r\"\n", "", ["line 1", "missing field `reference`", "reference"]),
        ("signal = \"S0 * exp(-b * D) * share\"", "", ["line 1", "missing field `signal`", "signal"]),
        ("unit = \"s/mm^2\"\nreq", "req", ["line 6, column", "missing field `unit`", "[axis.NAME] with unit"]),
        ("unit = \"mm^2/s\"\n", "", ["line 15, column", "missing field `unit`", "[parameter.NAME] with unit"]),
        ("doc = \"diffusion coefficient\"", "", ["line 15, column", "missing field `doc`", "doc"]),
        ("unit = \"s/mm^2\"\nformula", "formula", ["line 27, column", "missing field `unit`", "[derived.NAME]"]),
        ("formula = \"1 / D\"\n", "", ["line 27, column", "missing field `formula`", "formula"]),
        ("start = 2e-3", "begin = 2e-3", ["line 19, column 1", "unknown field `begin`", "start"]),
        ("[-0.005, 0.02]", "[0.02]", ["line 17", "invalid length", "bounds"]),
        ("scale = 1e-3", "scale = \"1e-3\"", ["line 18, column 9", "invalid type", "scale"]),
        ("[parameter.share]", "[parameter.D]", ["line 22", "duplicate key", "parameter"]),
    ]);
}

#[test]
fn mistakes_in_formulas() {
    check(&[
        ("-b * D)", "-b * d)", ["line 4, column 25", "unknown name `d`", "did you mean `D`? names: b, S0, D, share"]),
        ("-b * D)", "-bb * D)", ["line 4, column 21", "unknown name `bb`", "did you mean `b`?"]),
        ("exp(-b", "ln(-b", ["line 4, column 16", "unknown function `ln`", "write log"]),
        ("S0 * exp", "S0 exp", ["line 4, column 14", "found the name `exp`", "write * between factors"]),
        ("S0 * exp(-b * D)", "S0 * exp(-b * D", ["line 4, column 19", "never closed", "add a `)`"]),
        ("* share", "* (1 / 0) * share", ["line 4, column 30", "no value in 32-bit", "change the units"]),
        ("1 / D", "1 / b", ["line 29, column 16", "unknown name `b`", "names: S0, D, share"]),
        ("1 / D", "1 / tau", ["line 29, column 16", "unknown name `tau`", "names: S0, D, share"]),
    ]);
}

#[test]
fn mistakes_of_parameters() {
    check(&[
        (
            "[-0.005, 0.02]",
            "[0.02, -0.005]",
            ["line 17, column 10", "[0.02, -0.005] are no bounds", "smaller one first"],
        ),
        ("[-0.005, 0.02]", "[0.02, 0.02]", ["line 17, column 10", "no bounds", "smaller one first"]),
        ("[-0.005, 0.02]", "[0.0, inf]", ["line 17, column 10", "[0, inf] are no bounds", "finite"]),
        ("[-0.005, 0.02]", "[nan, 1]", ["line 17, column 10", "[NaN, 1] are no bounds", "finite"]),
        ("[-0.005, 0.02]", "[0.0, 1e39]", ["line 17, column 10", "are no bounds", "finite"]),
        ("[0, inf]", "[inf, 0]", ["line 12, column 10", "are no bounds", "smaller one first"]),
        (
            "start = 2e-3",
            "start = 0.03",
            ["line 19, column 9", "0.03 lies outside the bounds", "between -0.005 and 0.02"],
        ),
        ("start = 2e-3", "start = nan", ["line 19, column 9", "NaN lies outside the bounds", "or leave it out"]),
        ("scale = 1e-3\n", "", ["line 15, column 12", "`D` has no scale above 0", "scale = 1e-3"]),
        ("scale = 1e-3", "scale = 0", ["line 18, column 9", "`D` has no scale above 0", "typical size"]),
        ("scale = 1e-3", "scale = -1", ["line 18, column 9", "no scale above 0", "typical size"]),
        ("scale = 1e-3", "scale = 1e-40", ["line 18, column 9", "no scale above 0", "typical size"]),
        ("[0, inf]", "[0, inf]\nscale = 2", ["line 13, column 9", "scaled by each voxel's signal", "remove the scale"]),
        ("fixed = 0.5", "fixed = inf", ["line 24, column 9", "inf is no finite number", "give the value"]),
        ("fixed = 0.5", "", ["line 22, column 12", "not clear how `share` is found", "bounds and scale"]),
        ("fixed = 0.5", "fixed = 0.5\nscale = 1", ["line 22, column 12", "not clear how `share`", "fixed alone"]),
        ("fixed = 0.5", "fixed = 1\nbounds = [0, 1]", ["line 22, column 12", "not clear how `share`", "fixed alone"]),
    ]);
}

#[test]
fn mistakes_of_names() {
    check(&[
        ("share\"", "0.5\"", ["line 22, column 12", "`share` is declared but not used", "use it, or remove it"]),
        ("-b * D", "-D", ["line 6, column 7", "`b` is declared but not used", "use it, or remove it"]),
        ("[axis.b]", "[axis.exp]", ["line 6, column 7", "`exp` cannot be", "functions and pi are taken"]),
        ("[parameter.share]", "[parameter.b]", ["line 22, column 12", "`b` is declared twice", "rename"]),
        ("[derived.tau]", "[derived.D]", ["line 27, column 10", "`D` is declared twice", "rename"]),
        ("[derived.tau]", "[derived.pi]", ["line 27, column 10", "`pi` cannot be", "functions and pi are taken"]),
        ("[derived.tau]", "[derived.\"1/D\"]", ["line 27, column 10", "`1/D` cannot be", "starts with a letter"]),
        ("[derived.tau]", "[derived.status]", ["line 27, column 10", "called `status`", "another name"]),
        ("[derived.tau]", "[derived.D_se]", ["line 27, column 10", "called `D_se`", "another name"]),
    ]);
    for name in ["status", "rmse", "R2", "AICc", "iterations", "hepar", "x_se", "Status"] {
        let renamed = GOOD.replace("share", name);
        let message = message(&renamed);
        assert!(message.contains("line 22, column 12") && message.contains("another name"), "{message}");
    }
}

/// Names become names of files, which some systems do not tell apart by the size of their letters.
#[test]
fn names_that_differ_in_capitals_alone_are_refused() {
    let message = message(&GOOD.replace("share", "d"));
    for part in ["line 22, column 12", "`d` differs from `D` in capitals alone", "another name"] {
        assert!(message.contains(part), "{message}");
    }
    // An axis has no map.
    parse(&GOOD.replace("tau", "B")).unwrap();
}

#[test]
fn mistakes_of_the_whole() {
    check(&[
        ("[\"2 >= 0\"]", "[\"2 > 0\"]", ["line 8, column 13", "`2 > 0` is no requirement", "refused"]),
        ("[\"2 >= 0\"]", "[\"1 >= 0\", \"0 <= 9\"]", ["line 8, column 23", "`0 <= 9` is no requirement", "refused"]),
        ("* share", "+ share", ["line 4, column 10", "not proportional", "multiplies the whole signal"]),
        ("S0 * exp", "S0^2 * exp", ["line 4, column 10", "not proportional", "such as S0"]),
        ("S0 * exp(-b * D)", "exp(-b * D / S0)", ["line 4, column 10", "not proportional", "such as S0"]),
        ("fixed = 0.5\ndoc", "bounds = [0, 1]\ndoc", ["line 22, column 12", "`share` has no scale", "typical size"]),
    ]);
    let no_axis = GOOD.replace("[axis.b]\nunit = \"s/mm^2\"\nrequires = [\"2 >= 0\"]\n", "");
    assert!(message(&no_axis).contains("missing field `axis`"), "{}", message(&no_axis));
    let empty = no_axis.replace("-b * D", "-D").replace("[parameter.S0]", "[axis]\n[parameter.S0]");
    assert!(message(&empty).contains("2 parameters are fitted over 0 axes"), "{}", message(&empty));
}

/// A file with so many fitted parameters.
fn with_parameters(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
    let declared: String = names
        .iter()
        .map(|name| format!("[parameter.{name}]\nunit = \"1\"\nbounds = [0, 1]\nscale = 1\ndoc = \"\"\n"))
        .collect();
    let signal = names.iter().fold("b".to_owned(), |sum, name| format!("{sum} + {name}"));
    format!(
        "schema = 1\ntitle = ''\nreference = ''\nsignal = '{signal}'\n[axis.b]\nunit = '1'\n[parameter]\n{declared}"
    )
}

#[test]
fn too_many_parameters_and_none() {
    parse(&with_parameters(1)).unwrap();
    parse(&with_parameters(MOST_PARAMETERS)).unwrap();
    for n in [0, MOST_PARAMETERS + 1] {
        let message = message(&with_parameters(n));
        let remedy = format!("1 to {MOST_PARAMETERS} parameters with bounds");
        assert!(message.contains(&format!("{n} parameters are fitted")) && message.contains(&remedy), "{message}");
    }
}

#[test]
fn a_file_name_that_cannot_be_a_name_is_refused() {
    let error = SignalModel::parse("my-model", GOOD, Path::new("my-model.toml")).unwrap_err();
    assert!(error.to_string().contains("`my-model` cannot be a model's name"), "{error}");
    assert_eq!(error.exit_status(), 65);
}

#[test]
fn the_offending_text_is_underlined() {
    let message = message(&GOOD.replacen("-b * D", "-b * DD", 1));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[1], "    signal = \"S0 * exp(-b * DD) * share\"");
    assert_eq!(lines[2], format!("    {}^^", " ".repeat(24)));
}
