//! The schema of case files accepts what the program accepts, and nothing else of its shape.

use std::path::Path;

use hepar::case::Case;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("case_schema_is_that_of_the_parser", agrees),
        Trial::test("case_schema_is_the_one_in_docs", is_shipped),
    ]
}

const HEAD: &str = "schema = 1\n";

/// Case files and whether they can be meant.
const FILES: [(&str, bool); 31] = [
    ("", true),
    ("field_strength_t = 3.0\n", true),
    ("field_strength_t = 3\n", true),
    ("field_strength_t = 0\n", false),
    ("field_strength_t = -1.5\n", false),
    ("field_strength_t = \"3 T\"\n", false),
    ("unknown = 1\n", false),
    ("[[labels]]\nfile = \"a.nii\"\n", true),
    ("[[labels]]\nfile = \"a.nii\"\nnumbering = \"totalsegmentator_v2\"\nlesions = [1, 2]\n", true),
    ("[[labels]]\nfile = \"a.nii\"\nlesions = true\n", true),
    ("[[labels]]\nfile = \"a.nii\"\nlesions = \"all\"\n", false),
    ("[[labels]]\nfile = \"a.nii\"\nlesions = [-1]\n", false),
    ("[[labels]]\nfile = \"a.nii\"\nlesions = [70000]\n", false),
    ("[[labels]]\nfile = \"a.nii\"\nnumbering = \"mine\"\n", false),
    ("[[labels]]\nnumbering = \"names\"\n", false),
    ("[dynamic]\nagent = \"gadoxetate\"\nphase = [{ role = \"unenhanced\", file = \"a.nii\" }]\n", true),
    ("[dynamic]\nagent = \"water\"\nphase = [{ role = \"unenhanced\", file = \"a.nii\" }]\n", false),
    ("[dynamic]\nagent = \"gadoxetate\"\n", false),
    ("[dynamic]\nphase = [{ role = \"late\", file = \"a.nii\" }]\n", false),
    ("[dynamic]\ninjection_time = \"10:31:33\"\nsigma = 4\nphase = []\n", true),
    ("[dynamic]\ninjection_time = \"25:31:33\"\nphase = []\n", false),
    ("[dynamic]\nsigma = \"background\"\nphase = []\n", true),
    ("[dynamic]\nsigma = \"noise\"\nphase = []\n", false),
    ("[dwi]\nfiles = [\"a.nii\"]\nb_s_per_mm2 = [0, 50.5]\nmodels = [\"adc\"]\n", true),
    ("[dwi]\nfiles = \"a.nii\"\n", false),
    ("[chemical_shift]\nin_phase = \"a\"\nopposed_phase = \"b\"\nsame_acquisition = 1\n", false),
    ("[t1]\nfiles = [\"a.nii\"]\nrepetition_time_ms = 0\n", false),
    ("[dwi]\nfiles = [\"a.nii\"]\nmask = \"m.nii\"\n", true),
    ("[t2star]\nfiles = [\"a.nii\"]\nmask = true\n", false),
    ("[energies]\nfiles = [\"a\"]\niodine_hu_per_mg_ml = [40]\nmask = \"m.nii\"\n", true),
    ("[energies]\nfiles = [\"a\", \"b\"]\niodine_hu_per_mg_ml = [40, 20]\n", true),
];

fn agrees() -> Result<(), Failed> {
    let schema: Value = serde_json::from_str(&hepar::cli::case::schema()?)?;
    let validator = jsonschema::validator_for(&schema)?;
    for (text, is_good) in FILES {
        let text = format!("{HEAD}{text}");
        let parsed = Case::parse(Path::new("case.toml"), &text);
        let value: Value = toml::from_str(&text)?;
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(parsed.is_ok(), is_good, "the parser: {text}{:?}", parsed.err().map(|e| e.to_string()));
        assert_eq!(errors.is_empty(), is_good, "the schema: {text}{errors:?}");
    }
    for wrong in ["schema = 2\n", "\n"] {
        assert_eq!(Case::parse(Path::new("case.toml"), wrong).unwrap_err().exit_status(), 65);
        assert!(!validator.is_valid(&toml::from_str(wrong)?), "{wrong}");
    }
    let error = Case::parse(Path::new("case.toml"), "schema = 1\n[dwi]\nfils = []\n").unwrap_err().to_string();
    assert!(error.contains("case.toml") && error.contains("line 3") && error.contains("fils"), "{error}");
    Ok(())
}

fn is_shipped() -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/case.schema.json");
    assert_eq!(std::fs::read_to_string(path)?, hepar::cli::case::schema()?, "run: cargo run --release --example generate");
    Ok(())
}
