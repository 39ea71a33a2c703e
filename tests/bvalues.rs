//! b-values are found and read in every form that scanners' converters write, and what is wrong is named.

use std::fs;
use std::path::Path;

use hepar::volume::bvalues::{bvalues, read_bvalues};
use hepar::volume::{Grid, Image, VoxelType};
use libtest_mimic::{Failed, Trial};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("bvalues::every_form_reads_the_same", every_form),
        Trial::test("bvalues::they_are_found_beside_the_image", beside),
        Trial::test("bvalues::each_of_several_files_brings_its_own", several),
        Trial::test("bvalues::what_is_wrong_is_named", errors),
    ]
}

const B: [f64; 4] = [0.0, 50.0, 400.5, 800.0];

fn image(path: &Path, n_volumes: usize) -> Image {
    let affine = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    let grid = Grid {
        shape: [2, 1, 1],
        affine,
    };
    let name = path.to_str().unwrap();
    Image::from_values(name, grid, VoxelType::U8, &vec![1u8; 2 * n_volumes])
}

fn every_form() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, text) in [
        ("row.bval", "0 50 400.5 800\n"),
        ("no_end.bval", "0 50 400.5 800"),
        ("column.bval", "0\n50\n400.5\n800\n"),
        ("tabs.bval", "0\t50\t400.5\t800\t\n"),
        ("commas.bval", "0, 50, 400.5, 800"),
        ("crlf.bval", "0\r\n50\r\n400.5\r\n800\r\n"),
        ("mac.bval", "0\r50\r400.5\r800"),
        ("bom.bval", "\u{feff}0 50 400.5 800\r\n"),
        ("exponents.bval", "0e0 5e1 4.005E+2 800.0"),
        ("a.json", r#"{"bval": [0, 50, 400.5, 800]}"#),
        ("b.json", r#"{"bvals": ["0", "50", " 400.5", "8e2"]}"#),
        (
            "c.json",
            "\u{feff}{\"EchoTime\": 0.06, \"bvals\": \"0 50 400.5 800\"}",
        ),
        ("d.JSON", r#"{"DiffusionBValue": [0, 50, 400.5, 800]}"#),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        let values = read_bvalues(&path)?;
        if values != B {
            return Err(format!("{name}: {values:?}").into());
        }
    }
    Ok(())
}

fn beside() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let image = image(&folder.path().join("dwi.v1.nii.gz"), 2);
    let find = || bvalues(std::slice::from_ref(&image));
    let error = find().unwrap_err();
    assert_eq!(error.exit_status(), 65);
    for word in [
        "dwi.v1.bval",
        "dwi.v1.bvals",
        "dwi.v1.json",
        "--bval",
        "--bvals",
    ] {
        assert!(error.to_string().contains(word), "{error}");
    }
    // Each that is added goes before the last.
    for (ending, text, first) in [
        ("json", r#"{"bval": [1, 800]}"#, 1.0),
        ("bvals", "2 800", 2.0),
        ("bval", "3 800", 3.0),
    ] {
        fs::write(folder.path().join(format!("dwi.v1.{ending}")), text)?;
        assert_eq!(find()?, [first, 800.0]);
    }
    Ok(())
}

fn several() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    fs::write(file("low.bval"), "50")?;
    fs::write(
        file("high.json"),
        r#"{"DiffusionBValue": 800, "PatientName": "x"}"#,
    )?;
    let images = [image(&file("low.nii"), 1), image(&file("high.nii.gz"), 1)];
    assert_eq!(bvalues(&images)?, [50.0, 800.0]);
    fs::write(file("low.bval"), "50 100")?;
    let error = bvalues(&images).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("low.nii") && text.contains("1 volumes but 2 b-values"),
        "{text}"
    );
    Ok(())
}

fn errors() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, text, problem) in [
        (
            "word.bval",
            "0 50\nb=400 800",
            "value 3 is \"b=400\", which is not a number",
        ),
        (
            "negative.bval",
            "0 -50",
            "value 2 is -50, outside 0 to 100000 s/mm²",
        ),
        ("large.bval", "100000.5", "value 1 is 100000.5, outside"),
        ("nan.bval", "0 NaN", "value 2 is NaN, outside"),
        ("inf.bval", "inf 0", "value 1 is inf, outside"),
        ("empty.bval", " \n", "holds no b-value"),
        ("null.json", r#"{"bval": [0, null]}"#, "value 2 is \"null\""),
        (
            "none.json",
            r#"{"PatientWeight": 70, "EchoTime": 0.06}"#,
            "holds no b-values",
        ),
        ("broken.json", "{\"bval\": [0, ", "is not valid JSON"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        let error = read_bvalues(&path).unwrap_err();
        assert_eq!(error.exit_status(), 65, "{name}");
        let message = error.to_string();
        for word in [name, problem, "remedy: "] {
            if !message.contains(word) {
                return Err(format!("{name}: {word:?} is not in {message:?}").into());
            }
        }
    }
    let path = folder.path().join("latin1.bval");
    fs::write(&path, [b'0', b' ', 0xb2])?;
    let message = read_bvalues(&path).unwrap_err().to_string();
    assert!(message.contains("byte 2 is not UTF-8"), "{message}");
    let missing = read_bvalues(&folder.path().join("missing.bval")).unwrap_err();
    assert_eq!(missing.exit_status(), 66);
    Ok(())
}
