//! The size of each label, on the grid that it was drawn on, and what labels are called.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::labels::{CaseLabels, moved};
use super::load::Case;
use crate::measure::{Regions, Shape, Table, label_table, shape_table, shapes};
use crate::report::label_colour;
use crate::volume::{ReadOptions, read, read_labels};
use crate::{Error, Result};

/// What findings call label images.
pub(super) const PART: &str = "labels";

/// Sizes by label.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) shapes: BTreeMap<u16, Shape>,
}

/// Measures the labels of all label images.
///
/// # Errors
/// [`Error::Internal`] alone; what is wrong with labels becomes a fault.
pub(super) fn measure(case: &Case, options: &ReadOptions, findings: &mut Findings) -> Result<Shapes> {
    let mut all = BTreeMap::new();
    for (place, entry) in case.file.labels.iter().enumerate() {
        let path = case.at(&entry.file);
        let own = read(&path, options).and_then(|image| Ok((read_labels(&path, &image.grid, options)?, image.grid)));
        match own {
            Ok((labels, grid)) => {
                let own = shapes(&Regions::new(&labels.values), &grid).into_iter();
                all.extend(own.filter_map(|(label, shape)| Some((moved(label, place).ok()?, shape))));
            }
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) => findings.fault(PART, error.to_string()),
        }
    }
    Ok(Shapes { shapes: all })
}

impl Shapes {
    /// A row a label.
    pub(super) fn table(&self, names: &BTreeMap<u16, String>) -> Table {
        shape_table(names, &self.shapes)
    }
}

/// The table of labels, names and colours kept.
///
/// # Errors
/// Those of [`Table::to_tsv`].
pub(super) fn names(labels: &CaseLabels) -> Result<Vec<u8>> {
    label_table(&labels.labels, |label| label_colour(label.into())).to_tsv()
}
