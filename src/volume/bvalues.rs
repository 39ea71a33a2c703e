//! b-values of a series: FSL text files, JSON sidecars, or a list on the command line. Always in s/mm².

use std::path::Path;
use std::str::FromStr;

use serde_json::Value;

use super::Image;
use super::axes::{AxisSource, SeriesAxis, words};
use super::beside::{beside, read_text};
use super::sidecar::Sidecar;
use crate::{Error, Result};

/// Largest b-value taken for one, s/mm². Clinical scanners stop near 1e4; larger numbers are mistaken columns.
pub const MAX_B: f64 = 1e5;

/// Below this b, in s/mm², blood that moves in capillaries adds to the decay.
///
/// On diffusion images of three volunteers (b 0/50/200/500) the choice of fit method moved organ medians by 14–34 %;
/// with b ≥ 50 alone, by 2 %.
pub const PERFUSION_B: f64 = 50.0;

/// Keys of a JSON file that hold b-values, in the order in which they are tried.
const JSON_KEYS: [&str; 5] = ["bval", "bvals", "bvalue", "bvalues", "DiffusionBValue"];

/// Endings of the files with b-values beside an image, in the order in which they are tried.
const ENDINGS: [&str; 3] = [".bval", ".bvals", ".json"];

/// b-values written as text: the form of `--bvals`.
#[derive(Debug, Clone, PartialEq)]
pub struct BvalueList(pub Vec<f64>);

impl FromStr for BvalueList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let values = parse(text)?;
        if values.is_empty() {
            return Err("no b-value; give a list such as 50,200,500,750".into());
        }
        Ok(Self(values))
    }
}

/// The b-values of all volumes of `images`, in order, from the files beside them.
///
/// There may be one or two fewer b-values than volumes, where a scanner has appended volumes of its own: it is for
/// [`super::Series`] to decide whether it did.
///
/// # Errors
/// [`Error::Data`] names the file, the place, the value and the limit.
pub fn bvalues(images: &[Image]) -> Result<Vec<f64>> {
    if let [image] = images {
        return read_beside(image);
    }
    let mut all = Vec::new();
    for image in images {
        let values = read_beside(image)?;
        if values.len() != image.n_volumes() {
            return Err(SeriesAxis::b(AxisSource::Beside).mismatch(&image.path, image.n_volumes(), values.len()));
        }
        all.extend(values);
    }
    Ok(all)
}

fn read_beside(image: &Image) -> Result<Vec<f64>> {
    for ending in ENDINGS {
        let path = beside(&image.path, ending);
        if !path.is_file() {
            continue;
        }
        if ending != ".json" {
            return read_bvalues(&path);
        }
        if let Some(values) = of_sidecar(&path, &Sidecar::read(&path)?)? {
            return Ok(values);
        }
    }
    let tried = ENDINGS.map(|ending| {
        let path = beside(&image.path, ending);
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    });
    Err(Error::data(
        &image.path,
        format!("no b-values beside it: looked for {}", tried.join(", ")),
        "name a file with --bval, or give them with --bvals, such as --bvals 50,200,500,750",
    ))
}

/// Reads a file of b-values: text in any of FSL's shapes, or JSON where the name ends in `.json`.
pub fn read_bvalues(path: &Path) -> Result<Vec<f64>> {
    let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let values = if is_json {
        of_sidecar(path, &Sidecar::read(path)?)?.ok_or_else(|| {
            Error::data(path, "holds no b-values", format!("name them by one of these keys: {}", JSON_KEYS.join(", ")))
        })?
    } else {
        parse(&read_text(path)?).map_err(|problem| bad_bvalues(path, problem))?
    };
    if values.is_empty() {
        return Err(bad_bvalues(path, "holds no b-value".into()));
    }
    Ok(values)
}

fn of_sidecar(path: &Path, sidecar: &Sidecar) -> Result<Option<Vec<f64>>> {
    let Some(value) = JSON_KEYS.iter().find_map(|key| sidecar.get(key)) else {
        return Ok(None);
    };
    let one = |place: usize, value: &Value| match value {
        Value::String(text) => check(place, text.trim()),
        _ => check(place, &value.to_string()),
    };
    let values = match value {
        Value::Array(values) => values.iter().enumerate().map(|(i, value)| one(i, value)).collect(),
        Value::String(text) => parse(text),
        _ => one(0, value).map(|b| vec![b]),
    };
    values.map(Some).map_err(|problem| bad_bvalues(path, problem))
}

/// Numbers divided by blanks, tabs, line ends, commas or semicolons: a row and a column read the same.
fn parse(text: &str) -> Result<Vec<f64>, String> {
    words(text).enumerate().map(|(i, word)| check(i, word)).collect()
}

/// One b-value; `place` counts from 0, messages from 1.
fn check(place: usize, word: &str) -> Result<f64, String> {
    let b = word.parse().map_err(|_| format!("value {} is {word:?}, which is not a number", place + 1))?;
    check_b(place, b).map(|()| b)
}

/// Refuses what can be no b-value; `place` counts from 0, messages from 1.
pub(super) fn check_b(place: usize, b: f64) -> Result<(), String> {
    match (0.0..=MAX_B).contains(&b) {
        true => Ok(()),
        false => Err(format!("value {} is {b}, outside 0 to {MAX_B} s/mm²", place + 1)),
    }
}

fn bad_bvalues(path: &Path, problem: String) -> Error {
    Error::data(path, problem, "give one b-value in s/mm² a volume, divided by blanks or commas")
}

/// Whether the decay over these b-values holds perfusion as well as diffusion.
pub fn perfusion_sensitive(b_values: &[f64]) -> bool {
    b_values.iter().any(|&b| b < PERFUSION_B)
}

/// What there is to say where [`perfusion_sensitive`] holds.
pub fn perfusion_remark() -> String {
    format!(
        "a b-value below {PERFUSION_B} s/mm² is used: the decay then holds perfusion too, and the fit method moves the \
         result; --b-min {PERFUSION_B} leaves such volumes out"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_text_reads_the_same() {
        for text in [
            "0 50 400.5 8e2\n",
            "0\n50\n400.5\n8e2",
            "0\t50\t400.5\t800\t\r\n",
            "0, 50,400.5 ; 800",
            "0\r\n50\r\n400.5\r\n800\r\n",
        ] {
            assert_eq!(parse(text).unwrap(), [0.0, 50.0, 400.5, 800.0], "{text:?}");
        }
    }

    #[test]
    fn what_is_no_b_value_is_named_with_its_place() {
        for (text, place, word) in [
            ("0 50 x", "3", "x"),
            ("0 -5", "2", "-5"),
            ("nan", "1", "NaN"),
            ("0 inf", "2", "inf"),
            ("100001", "1", "100001"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(&format!("value {place} is ")), "{problem}");
            assert!(problem.contains(word), "{problem}");
        }
        assert_eq!(parse("100000").unwrap(), [MAX_B]);
    }

    #[test]
    fn an_empty_list_is_no_list() {
        assert!("".parse::<BvalueList>().is_err());
        assert!(" , ".parse::<BvalueList>().is_err());
        assert_eq!("50,200".parse(), Ok(BvalueList(vec![50.0, 200.0])));
    }

    #[test]
    fn perfusion_starts_below_50() {
        assert!(perfusion_sensitive(&[0.0, 500.0]));
        assert!(perfusion_sensitive(&[49.9, 500.0]));
        assert!(!perfusion_sensitive(&[50.0, 500.0]));
    }
}
