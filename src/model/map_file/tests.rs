//! Mistakes in a map file are placed, named and answered with a remedy.

use std::path::Path;

use super::*;

const GOOD: &str = r#"schema = 1
title = "t"
reference = { source = "s", doi = "10.1/x" }
modality = ["MR"]
formula = "(post - pre) / sigma"
unit = "%"
positive = ["sigma"]
valid = [-1, 1.5]

[[inputs]]
name = "post"
doc = "after"

[[inputs]]
name = "pre"
doc = "before"

[[inputs]]
name = "sigma"
doc = "noise"
unit = "1"
"#;

fn message(text: &str) -> String {
    MapModel::parse("map", text, Path::new("maps/map.toml")).unwrap_err().to_string()
}

#[test]
fn all_keys_are_read() {
    let map = MapModel::parse("map", GOOD, Path::new("map.toml")).unwrap();
    assert_eq!((map.name.as_str(), map.title.as_str()), ("map", "t"));
    assert_eq!(map.reference.doi.as_deref(), Some("10.1/x"));
    assert_eq!(map.modality, [Modality::Mr]);
    assert_eq!(map.formula.text, "(post - pre) / sigma");
    assert_eq!(map.unit, "%");
    assert_eq!(map.positive[0].text, "sigma");
    assert_eq!(map.valid, Some([-1.0, 1.5]));
    assert_eq!(map.field_strength_t, None);
    let at_fields = GOOD.replace("unit = \"%\"", "unit = \"%\"\nfield_strength_t = [1.5, 3]");
    let at_fields = MapModel::parse("map", &at_fields, Path::new("map.toml")).unwrap();
    assert_eq!(at_fields.field_strength_t, Some(vec![1.5, 3.0]));
    let names: Vec<_> = map.inputs.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["post", "pre", "sigma"]);
    assert_eq!(map.inputs[2].unit.as_deref(), Some("1"));
}

#[test]
fn mistakes_name_file_line_symbol_and_remedy() {
    for (right, wrong, expected) in [
        (
            "(post - pre) / sigma",
            "(post - per) / sigma",
            ["line 5, column 20", "unknown name `per`", "did you mean `pre`?"],
        ),
        ("(post - pre) / sigma", "(post - pre / sigma", ["line 5, column 12", "never closed", "add a `)`"]),
        ("[\"sigma\"]", "[\"sigma\", \"noise - 1\"]", ["line 7, column 23", "unknown name `noise`", "post, pre"]),
        (
            "unit = \"%\"",
            "unit = \"%\"\nfield_strength_t = []",
            ["line 7, column 20", "no field strengths", "in tesla"],
        ),
        (
            "unit = \"%\"",
            "unit = \"%\"\nfield_strength_t = [1.5, -3]",
            ["line 7, column 20", "[1.5, -3.0]", "in tesla"],
        ),
        ("schema = 1", "schema = 2", ["line 1, column 10", "schema 2 is not known", "version"]),
        ("unit = \"%\"", "units = \"%\"", ["line 6, column 1", "unknown field `units`", "unit"]),
        ("title = \"t\"\n", "", ["missing field `title`", "schema, title", "^"]),
        ("[\"MR\"]", "[\"US\"]", ["line 4", "unknown variant `US`", "modality"]),
        ("[\"MR\"]", "[]", ["line 4, column 12", "no modality", "[\"MR\"]"]),
        ("[-1, 1.5]", "[2, 1.5]", ["line 8, column 9", "[2, 1.5] is no range", "smaller"]),
        ("[-1, 1.5]", "[-1, inf]", ["line 8, column 9", "no range", "finite"]),
        ("\"sigma\"\ndoc", "\"exp\"\ndoc", ["line 19, column 8", "`exp` cannot be", "functions"]),
        ("\"sigma\"\ndoc", "\"pre\"\ndoc", ["line 19, column 8", "declared twice", "remove"]),
        (
            "[[inputs]]\nname = \"sigma\"",
            "[[inputs]]\nname = \"other\"\ndoc = \"x\"\n[[inputs]]\nname = \"sigma\"",
            ["line 19, column 8", "`other` is not used", "remove"],
        ),
        ("schema = 1", "schema = ", ["line 1", "maps/map.toml", "remedy"]),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let message = message(&GOOD.replacen(right, wrong, 1));
        assert!(message.starts_with("maps/map.toml: line "), "{message}");
        for part in expected {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn the_offending_text_is_underlined() {
    let message = message(&GOOD.replacen("post - pre", "post - per", 1));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[1], "    formula = \"(post - per) / sigma\"");
    assert_eq!(lines[2], format!("    {}^^^", " ".repeat(19)));
}

#[test]
fn a_file_name_that_cannot_be_a_name_is_refused() {
    let error = MapModel::parse("my map", GOOD, Path::new("my map.toml")).unwrap_err();
    assert!(error.to_string().contains("cannot be a map's name"));
    assert_eq!(error.exit_status(), 65);
}

#[test]
fn formulas_may_be_written_in_any_string_of_toml() {
    let long = GOOD.replacen("\"(post - pre) / sigma\"", "\"\"\"\n  (post - per)\n  / sigma\"\"\"", 1);
    assert!(message(&long).contains("line 6, column 11"), "{}", message(&long));
    let escaped = GOOD.replacen("(post - pre) / sigma", "post - per \\u002B sigma", 1);
    assert!(message(&escaped).contains("line 5"), "{}", message(&escaped));
}
