//! The tables and the picture that take all parts of an examination together.

use super::Run;
use crate::Result;
use crate::case::{Finding, Findings, cut_offs, lesions, shapes, sheet};
use crate::measure::{Table, long_table, wide_table};
use crate::report::outputs::Outputs;

const VALUES: &str = "values.tsv";
const VALUES_WIDE: &str = "values.csv";
const LESIONS: &str = "lesions.tsv";
const SHAPES: &str = "shapes.tsv";
const PHASES: &str = "phases.tsv";
const REFERENCES: &str = "references.tsv";
const LIVER: &str = "liver.tsv";
const CURVES: &str = "curves_of_means.tsv";
const FINDINGS: &str = "findings.tsv";
const LABELS: &str = "labels_dseg.tsv";
const SHEET: &str = "contact_sheet.png";

/// All of them.
pub(super) const FILES: [&str; 11] =
    [VALUES, VALUES_WIDE, LESIONS, SHAPES, PHASES, REFERENCES, LIVER, CURVES, FINDINGS, LABELS, SHEET];

impl Run<'_> {
    /// The findings without paths.
    pub(super) fn anonymous(&self) -> Vec<Finding> {
        let clean = |finding: &Finding| Finding { text: self.case.anonymous(&finding.text), ..finding.clone() };
        self.findings.all().iter().map(clean).collect()
    }

    /// Writes what takes all parts together; gives back what the terminal shows of the lesions.
    pub(super) fn write(&self, outputs: &Outputs, shapes: &shapes::Shapes) -> Result<Option<Table>> {
        let mut findings = Findings::default();
        self.anonymous().into_iter().for_each(|finding| findings.add(finding.level, &finding.part, finding.text));
        outputs.write_file(FINDINGS, &findings.table().to_tsv()?)?;
        for (file, table) in
            [(PHASES, &self.phases), (CURVES, &self.curves), (REFERENCES, &self.references), (LIVER, &self.liver)]
        {
            if let Some(table) = table.as_ref().filter(|table| !table.rows().is_empty()) {
                outputs.write_file(file, &table.to_tsv()?)?;
            }
        }
        if let Some(png) = sheet::draw(&self.parts)? {
            outputs.write_file(SHEET, &png)?;
        }
        if self.measured.is_empty() {
            return Ok(None);
        }
        outputs.write_file(VALUES, &long_table(&self.names, &self.measured).to_tsv()?)?;
        outputs.write_file(VALUES_WIDE, &wide_table(&self.names, &shapes.shapes, &self.measured).to_csv()?)?;
        outputs.write_file(SHAPES, &shapes.table(&self.names).to_tsv()?)?;
        if let Some(labels) = self.parts.iter().find_map(|part| part.labels.as_ref()) {
            outputs.write_file(LABELS, &shapes::names(labels)?)?;
        }
        if self.lesions.is_empty() {
            return Ok(None);
        }
        let agent = self.case.file.dynamic.as_ref().and_then(|dynamic| dynamic.agent);
        let table = lesions::table(&self.lesions, |row| cut_offs::beside(row, agent, self.field));
        outputs.write_file(LESIONS, &table.to_tsv()?)?;
        Ok(Some(lesions::brief(&self.lesions)))
    }
}
