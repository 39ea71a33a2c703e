//! Which volumes of a series are used.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::volume::beside::TextTable;
use crate::{Error, Result};

/// Which volumes are used: those that every given condition names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Smallest b-value used, s/mm².
    pub b_min: Option<f64>,
    /// Largest b-value used, s/mm².
    pub b_max: Option<f64>,
    /// b-values used, s/mm², within the grouping tolerance; empty: all.
    pub b_use: Vec<f64>,
    /// Volumes used, each condition narrowing the last; empty: all.
    pub volumes: Vec<VolumeChoice>,
}

/// One condition of `--volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeChoice {
    /// Indices from 0, over all inputs in their order: `0-3,7`.
    Indices(Vec<RangeInclusive<usize>>),
    /// The rows of a table, one a volume, whose column holds a value: `FILE.tsv:COLUMN=VALUE`.
    Table {
        /// The column.
        column: TableColumn,
        /// What its cells must hold; numbers are compared as numbers.
        value: String,
    },
}

/// A column of a table with one row a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Tab-separated, with a header line.
    pub path: PathBuf,
    /// The column's name.
    pub column: String,
}

impl TableColumn {
    /// Where the name of a table ends. ASCII lower case keeps every byte's place.
    fn end_of_path(text: &str) -> Option<usize> {
        text.to_ascii_lowercase().find(".tsv:").map(|start| start + ".tsv".len())
    }

    /// Whether a text begins like one.
    pub fn is_meant(text: &str) -> bool {
        Self::end_of_path(text).is_some()
    }

    /// What the column says of each volume.
    pub(super) fn cells(&self, n_volumes: usize) -> Result<Vec<String>> {
        let table = TextTable::read(&self.path)?;
        let column = table.column(&self.column)?;
        if table.rows.len() != n_volumes {
            return Err(Error::data(
                &self.path,
                format!("has {} rows for {n_volumes} volumes", table.rows.len()),
                "give a table with a header line and one row a volume",
            ));
        }
        Ok(table.rows.iter().map(|row| row[column].clone()).collect())
    }
}

impl FromStr for TableColumn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Self::end_of_path(text).map(|end| (&text[..end], &text[end + 1..])) {
            Some((path, column)) if !column.is_empty() => Ok(Self { path: path.into(), column: column.to_owned() }),
            _ => Err("give FILE.tsv:COLUMN".into()),
        }
    }
}

impl FromStr for VolumeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if TableColumn::is_meant(text) {
            let (column, value) = text.rsplit_once('=').ok_or("after FILE.tsv: give COLUMN=VALUE")?;
            return Ok(Self::Table { column: column.parse()?, value: value.to_owned() });
        }
        let ranges = text.split(',').map(|item| {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let index = |word: &str| {
                word.trim().parse::<usize>().map_err(|_| {
                    format!("{item:?} is no index; give indices from 0, such as 0-3,7, or FILE.tsv:COLUMN=VALUE")
                })
            };
            let range = index(first)?..=index(last)?;
            if range.is_empty() {
                return Err(format!("the range {item} is empty; give the lower index first"));
            }
            Ok(range)
        });
        ranges.collect::<Result<_, _>>().map(Self::Indices)
    }
}

impl VolumeChoice {
    /// Which of `n_volumes` are named; `input` is the series' first file, for messages.
    pub(super) fn named(&self, n_volumes: usize, input: &Path) -> Result<Vec<bool>> {
        match self {
            Self::Indices(ranges) => {
                let last = ranges.iter().map(|range| *range.end()).max().unwrap_or(0);
                if last >= n_volumes {
                    return Err(Error::data(
                        input,
                        format!("has no volume {last}: there are {n_volumes}, counted from 0"),
                        format!("give --volumes indices up to {}", n_volumes - 1),
                    ));
                }
                Ok((0..n_volumes).map(|v| ranges.iter().any(|range| range.contains(&v))).collect())
            }
            Self::Table { column, value } => {
                Ok(column.cells(n_volumes)?.iter().map(|cell| same(cell, value)).collect())
            }
        }
    }
}

fn same(cell: &str, value: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    match (number(cell), number(value)) {
        (Some(cell), Some(value)) => cell == value,
        _ => cell.trim() == value.trim(),
    }
}

impl Selection {
    /// Whether b-values decide which volumes are used.
    pub(super) fn is_by_b(&self) -> bool {
        self.b_min.is_some() || self.b_max.is_some() || !self.b_use.is_empty()
    }

    /// Whether a volume of b-value `b` is used, as far as b-values decide.
    pub(super) fn takes_b(&self, b: f64, tolerance: f64) -> bool {
        self.b_min.is_none_or(|min| b >= min)
            && self.b_max.is_none_or(|max| b <= max)
            && (self.b_use.is_empty() || self.b_use.iter().any(|u| (u - b).abs() <= tolerance))
    }

    /// The first b-value of `b_use` that no volume has.
    pub(super) fn unmatched_b(&self, b_values: &[f64], tolerance: f64) -> Option<f64> {
        let matched = |u: &f64| b_values.iter().any(|b| (u - b).abs() <= tolerance);
        self.b_use.iter().copied().find(|u| !matched(u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_and_ranges() {
        let choice: VolumeChoice = "0-2, 5".parse().unwrap();
        let named = choice.named(6, Path::new("x.nii")).unwrap();
        assert_eq!(named, [true, true, true, false, false, true]);
        let error = choice.named(5, Path::new("x.nii")).unwrap_err();
        assert!(error.to_string().contains("has no volume 5"), "{error}");
        for wrong in ["", "a", "3-1", "1-", "-1", "1,,2", "x.tsv:T"] {
            assert!(wrong.parse::<VolumeChoice>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn rows_of_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.tsv");
        std::fs::write(&path, "b\tkind(1=bp,2=fc)\n0\t1\n50\t2\n50\t1.0\n").unwrap();
        let text = format!("{}:kind(1=bp,2=fc)=1", path.display());
        let choice: VolumeChoice = text.parse().unwrap();
        assert_eq!(choice.named(3, &path).unwrap(), [true, false, true]);
        assert_eq!(choice.named(4, &path).unwrap_err().exit_status(), 65);
        let other: VolumeChoice = format!("{}:TE=1", path.display()).parse().unwrap();
        assert!(other.named(3, &path).is_err());
    }

    #[test]
    fn b_limits_are_inclusive_and_lists_tolerant() {
        let selection =
            Selection { b_min: Some(50.0), b_max: Some(750.0), b_use: vec![50.0, 500.0], ..Selection::default() };
        for (b, taken) in [(0.0, false), (50.0, true), (200.0, false), (504.0, true), (506.0, false)] {
            assert_eq!(selection.takes_b(b, 5.0), taken, "{b}");
        }
        assert_eq!(selection.unmatched_b(&[50.0, 200.0], 5.0), Some(500.0));
        assert_eq!(selection.unmatched_b(&[52.0, 499.0], 5.0), None);
    }
}
