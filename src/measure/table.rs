//! Tables, as tab-separated files and as aligned text.

use super::{exact, rounded};
use crate::{Error, Result};

/// Significant digits of a number that a person reads.
const SHOWN_DIGITS: usize = 4;

/// One field of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A count or a label.
    Count(usize),
    /// A measured value, exact in files ([`exact`]) and rounded in text ([`rounded`]).
    Number(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    /// What is missing is an empty field.
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::Text(String::new()), Into::into)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl Cell {
    fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(value) => exact(*value),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Number(value) => rounded(*value, SHOWN_DIGITS),
            _ => self.exact(),
        }
    }
}

/// Named columns and rows of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[&str]) -> Self {
        Self { header: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If there is not a cell for each column: a fault of the caller's text, whatever the data.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        let row: Vec<Cell> = row.into_iter().collect();
        assert_eq!(row.len(), self.header.len(), "not a cell for each column");
        self.rows.push(row);
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.header
    }

    /// The rows, a cell for each column.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// The columns' names.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Only the named columns, in the order given; names that do not occur are passed over.
    pub fn select(&self, columns: &[&str]) -> Self {
        let places: Vec<usize> =
            columns.iter().filter_map(|&name| self.header.iter().position(|column| column == name)).collect();
        Self {
            header: places.iter().map(|&p| self.header[p].clone()).collect(),
            rows: self.rows.iter().map(|row| places.iter().map(|&p| row[p].clone()).collect()).collect(),
        }
    }

    /// The bytes of a tab-separated file with one header line, in UTF-8; fields with tabs, quotes or line ends are quoted.
    pub fn to_tsv(&self) -> Result<Vec<u8>> {
        self.delimited(b'\t')
    }

    /// The bytes of a comma-separated file with one header line, in UTF-8; fields with commas, quotes or line ends are
    /// quoted (RFC 4180, but for line ends of one character).
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        self.delimited(b',')
    }

    fn delimited(&self, delimiter: u8) -> Result<Vec<u8>> {
        let failed = |problem: String| Error::Internal(format!("writing a table: {problem}"));
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(&self.header).map_err(|e| failed(e.to_string()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::exact)).map_err(|e| failed(e.to_string()))?;
        }
        writer.into_inner().map_err(|e| failed(e.to_string()))
    }

    /// The table for a terminal: columns aligned, two spaces between them, numbers to the right and rounded to four digits.
    pub fn to_text(&self) -> String {
        let shown: Vec<Vec<String>> = std::iter::once(self.header.clone())
            .chain(self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()))
            .collect();
        let columns: Vec<(usize, bool)> = (0..self.header.len())
            .map(|c| {
                let width = shown.iter().map(|row| row[c].chars().count()).max();
                let words = self.rows.iter().any(|row| matches!(row[c], Cell::Text(_)));
                (width.unwrap_or(0), words)
            })
            .collect();
        let line = |row: &Vec<String>| {
            let fields = row.iter().zip(&columns).map(|(field, &(width, words))| {
                if words { format!("{field:<width$}") } else { format!("{field:>width$}") }
            });
            let line = fields.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned() + "\n"
        };
        shown.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["region", "n", "ADC mm²/s"]);
        table.push(["cyst".into(), 12.into(), 0.002_954_321.into()]);
        table.push(["left\tlobe".into(), 3_400.into(), f64::NAN.into()]);
        table
    }

    #[test]
    fn tsv_keeps_the_value_and_quotes_what_would_break_it() {
        let tsv = String::from_utf8(table().to_tsv().unwrap()).unwrap();
        assert_eq!(tsv, "region\tn\tADC mm²/s\ncyst\t12\t0.002954321\n\"left\tlobe\"\t3400\tNaN\n");
    }

    #[test]
    fn csv_quotes_what_would_break_it() {
        let mut table = table();
        table.rows[0][0] = "liver, \"left\"".into();
        let csv = String::from_utf8(table.to_csv().unwrap()).unwrap();
        assert_eq!(csv, "region,n,ADC mm²/s\n\"liver, \"\"left\"\"\",12,0.002954321\nleft\tlobe,3400,NaN\n");
    }

    #[test]
    fn text_is_aligned() {
        let mut table = table();
        table.rows[1][0] = "µ-liver".into();
        assert_eq!(
            table.to_text(),
            "region      n  ADC mm²/s\n\
             cyst       12   0.002954\n\
             µ-liver  3400        NaN\n"
        );
    }

    #[test]
    fn columns_can_be_chosen() {
        let chosen = table().select(&["n", "region", "absent"]);
        assert_eq!(chosen.columns(), ["n", "region"]);
        assert_eq!(chosen.rows()[0], [Cell::Count(12), Cell::from("cyst")]);
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        let empty = Table::new(&["region", "n"]);
        assert_eq!(empty.to_tsv().unwrap(), b"region\tn\n");
        assert_eq!(empty.to_text(), "region  n\n");
    }
}
