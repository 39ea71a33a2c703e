//! The axes of a series: what differs between its volumes, such as b-value, echo time or flip angle.
//!
//! Which axes a series has, and their units, is for the signal model to say. Their values come from a list, from a file,
//! or from what lies beside the images: files of b-values, and for other axes the keys of JSON sidecars in [`KEYS`].

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::beside::{TextTable, beside, read_text};
use super::bvalues::{bvalues, check_b, read_bvalues};
use super::sidecar::Sidecar;
use super::{Image, TableColumn};
use crate::{Error, Result};

/// The axis whose values are b-values, in [`B_UNIT`].
pub const B: &str = "b";

/// The unit of b-values.
pub const B_UNIT: &str = "s/mm^2";

/// The axis of flip angles.
pub const FLIP_ANGLE: &str = "flip_angle";

/// Axes that JSON sidecars know: the axis, the key that feeds it, and the key's unit in BIDS and dcm2niix.
const KEYS: [(&str, &str, &str); 4] = [
    ("te", "EchoTime", "s"),
    ("tr", "RepetitionTime", "s"),
    ("ti", "InversionTime", "s"),
    (FLIP_ANGLE, "FlipAngle", "degree"),
];

/// Units of keys and of axes, and how many of the latter one of the former is.
const UNITS: [(&str, &str, f64); 3] = [("s", "s", 1.0), ("s", "ms", 1e3), ("degree", "degree", 1.0)];

/// Where the values of an axis come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AxisSource {
    /// Files beside each image: for b `x.bval`, `x.bvals` or `x.json` for `x.nii.gz`; for other axes `x.json`.
    #[default]
    Beside,
    /// One file for the whole series: text, or a column of a table where the name ends in `.tsv`, or JSON where it ends in
    /// `.json`.
    File(PathBuf),
    /// A column of a table, such as a spectrum: all rows, or those whose first cells are these numbers, in their order.
    Table {
        /// The column.
        column: TableColumn,
        /// What the first cells of the rows hold; empty: all rows are taken.
        rows: Vec<f64>,
    },
    /// Given, in the axis's unit.
    List(Vec<f64>),
}

/// An axis that a series is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesAxis {
    /// Its name in the model.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// Where they come from.
    pub source: AxisSource,
}

impl SeriesAxis {
    /// b-values, s/mm².
    pub fn b(source: AxisSource) -> Self {
        Self { name: B.into(), unit: B_UNIT.into(), source }
    }

    /// Whether its values are b-values.
    pub fn is_b(&self) -> bool {
        self.name == B && self.unit == B_UNIT
    }

    /// The values for the volumes of `images`, in order; one value if it is that of all volumes.
    ///
    /// # Errors
    /// [`Error::Data`] names the file, the axis, what was found and the remedy.
    pub fn values(&self, images: &[Image]) -> Result<Vec<f64>> {
        match &self.source {
            AxisSource::Beside if self.is_b() => bvalues(images),
            AxisSource::Beside => self.beside(images),
            _ => self.given(),
        }
    }

    /// The values of a list or a file.
    ///
    /// # Errors
    /// Those of [`Self::values`]; [`Error::Usage`] where the values are to be found beside images.
    pub fn given(&self) -> Result<Vec<f64>> {
        match &self.source {
            AxisSource::List(values) => self.check(values).map(|()| values.clone()).map_err(|problem| {
                Error::Usage(format!("the axis `{}`: {problem}\n  remedy: {}", self.name, self.remedy()))
            }),
            AxisSource::File(path) => self.read(path),
            AxisSource::Table { column, rows } => self.of_table(column, rows),
            AxisSource::Beside => {
                let problem = format!("no values are given for the axis `{}`", self.name);
                Err(Error::Usage(format!("{problem}\n  remedy: {}", self.remedy())))
            }
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<f64>> {
        let has_ending = |ending| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
        let bad = |problem: String| Error::data(path, format!("axis `{}`: {problem}", self.name), self.remedy());
        if has_ending("tsv") {
            return self.of_table(&TableColumn { path: path.into(), column: self.name.clone() }, &[]);
        }
        let values = if self.is_b() {
            read_bvalues(path)?
        } else if has_ending("json") {
            self.of_sidecar(path, &Sidecar::read(path)?)?
        } else {
            numbers(&read_text(path)?).map_err(bad)?
        };
        self.check(&values).map_err(bad)?;
        Ok(values)
    }

    fn of_table(&self, column: &TableColumn, rows: &[f64]) -> Result<Vec<f64>> {
        let TableColumn { path, column } = column;
        let bad = |problem: String| Error::data(path, format!("axis `{}`: {problem}", self.name), self.remedy());
        let table = TextTable::read(path)?;
        let place = table.column(column)?;
        let number = |row: &[String], place: usize| row[place].parse::<f64>();
        let chosen: Vec<&Vec<String>> = match rows {
            [] => table.rows.iter().collect(),
            _ => {
                let find = |value: &f64| {
                    let found = table.rows.iter().find(|row| number(row, 0).is_ok_and(|first| first == *value));
                    found.ok_or_else(|| bad(format!("no row begins with {value}")))
                };
                rows.iter().map(find).collect::<Result<_>>()?
            }
        };
        let value = |row: &&Vec<String>| {
            number(row, place).map_err(|_| bad(format!("{:?} in the column {column} is no number", row[place])))
        };
        let values = chosen.iter().map(value).collect::<Result<Vec<_>>>()?;
        self.check(&values).map_err(bad)?;
        Ok(values)
    }

    /// What the axis's values must be like.
    fn check(&self, values: &[f64]) -> Result<(), String> {
        if values.is_empty() {
            return Err("there is no value".into());
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("value {} is {}, which is not finite", at + 1, values[at])),
            None if self.is_b() => values.iter().enumerate().try_for_each(|(at, &b)| check_b(at, b)),
            None => Ok(()),
        }
    }

    /// The values that sidecars have; one value if there is one image, and one value in its sidecar.
    fn beside(&self, images: &[Image]) -> Result<Vec<f64>> {
        if !KEYS.iter().any(|(axis, ..)| *axis == self.name) {
            return self.given();
        }
        let mut all = Vec::new();
        for image in images {
            let path = beside(&image.path, ".json");
            if !path.is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let problem = format!("no values for the axis `{}`: there is no {name} beside it", self.name);
                return Err(Error::data(&image.path, problem, self.remedy()));
            }
            let values = self.of_sidecar(&path, &Sidecar::read(&path)?)?;
            match values.as_slice() {
                [value] if images.len() > 1 => all.extend(vec![*value; image.n_volumes()]),
                [_] => all.extend(values),
                _ if values.len() == image.n_volumes() => all.extend(values),
                _ => return Err(self.mismatch(&path, image.n_volumes(), values.len())),
            }
        }
        Ok(all)
    }

    /// The values of the axis's key, in the axis's unit.
    fn of_sidecar(&self, path: &Path, sidecar: &Sidecar) -> Result<Vec<f64>> {
        let bad = |problem| Error::data(path, problem, self.remedy());
        let Some(&(_, key, from)) = KEYS.iter().find(|(axis, ..)| *axis == self.name) else {
            return Err(bad(format!("JSON files have no key for the axis `{}`", self.name)));
        };
        let Some(&(.., factor)) = UNITS.iter().find(|&&(key, axis, _)| (key, axis) == (from, self.unit.as_str()))
        else {
            let problem = format!("{key} is in {from}, the axis `{}` in {}", self.name, self.unit);
            return Err(bad(format!("{problem}: it is not known how to convert them")));
        };
        let values: Option<Vec<f64>> = match sidecar.get(key) {
            None => return Err(bad(format!("holds no {key}, which the axis `{}` needs", self.name))),
            Some(Value::Array(values)) => values.iter().map(Value::as_f64).collect(),
            Some(value) => value.as_f64().map(|value| vec![value]),
        };
        let values = values.ok_or_else(|| bad(format!("{key} is no number")))?;
        Ok(values.into_iter().map(|value| value * factor).collect())
    }

    /// The numbers of volumes and of values do not go together.
    pub(super) fn mismatch(&self, path: &Path, n_volumes: usize, n_values: usize) -> Error {
        let values = if self.is_b() { "b-values".into() } else { format!("values of the axis `{}`", self.name) };
        Error::data(path, format!("{n_volumes} volumes but {n_values} {values}"), self.remedy())
    }

    fn remedy(&self) -> String {
        let Self { name, unit, .. } = self;
        match self.is_b() {
            true => "give one b-value a volume with --bval or --bvals".into(),
            false => format!("give one value a volume in {unit}, or one for all, with --axis {name}=LIST|FILE"),
        }
    }
}

/// The key of JSON sidecars that feeds an axis, with values in its unit; `None` if there is no such key.
pub fn as_in_sidecars(axis: &str, unit: &str, values: &[f64]) -> Option<(&'static str, Vec<f64>)> {
    let &(_, key, of_key) = KEYS.iter().find(|(known, ..)| *known == axis)?;
    let &(.., factor) = UNITS.iter().find(|&&(from, to, _)| (from, to) == (of_key, unit))?;
    Some((key, values.iter().map(|value| value / factor).collect()))
}

/// Axes of the same number of values; a single value is that of all samples where another axis has several.
///
/// # Errors
/// What is wrong, if the numbers of values do not go together.
pub fn together(axes: &[SeriesAxis], values: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>, String> {
    let n = values.iter().map(Vec::len).max().unwrap_or(0);
    if values.iter().all(|values| [1, n].contains(&values.len())) {
        return Ok(values.into_iter().map(|v| if v.len() == 1 { vec![v[0]; n] } else { v }).collect());
    }
    let lengths: Vec<String> =
        axes.iter().zip(&values).map(|(axis, values)| format!("{} of `{}`", values.len(), axis.name)).collect();
    Err(format!("the numbers of values of the axes differ: {}", lengths.join(", ")))
}

/// Numbers divided by blanks, tabs, line ends, commas or semicolons: a row and a column read the same.
fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let number = |(i, word): (usize, &str)| {
        word.parse().map_err(|_| format!("value {} is {word:?}, which is not a number", i + 1))
    };
    words(text).enumerate().map(number).collect()
}

/// The words of a list, however they are divided.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
