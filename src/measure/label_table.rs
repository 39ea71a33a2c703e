//! The table that goes with a label image.

use std::collections::BTreeSet;

use super::{Cell, Table, region_name};
use crate::volume::Labels;

/// The labels that occur, as BIDS has a `dseg.tsv`: `index name color`, colours as `#rrggbb`. Names and colours of the
/// labels are kept; a label without a name is called `label N`, and one without a colour has that of `otherwise`.
pub fn label_table(labels: &Labels, otherwise: impl Fn(u16) -> [u8; 3]) -> Table {
    let mut table = Table::new(&["index", "name", "color"]);
    // Labels come in runs.
    let runs = labels.values.chunk_by(|a, b| a == b).map(|run| run[0]);
    for label in runs.filter(|&label| label != 0).collect::<BTreeSet<u16>>() {
        let [red, green, blue] = labels.colours.get(&label).copied().unwrap_or_else(|| otherwise(label));
        let colour = format!("#{red:02x}{green:02x}{blue:02x}");
        table.push([Cell::from(usize::from(label)), region_name(&labels.names, label).into(), colour.into()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_and_colours_are_kept_and_missing_ones_filled_in() {
        let labels = Labels {
            values: vec![0, 7, 7, 5, 300, 7],
            names: BTreeMap::from([(5, "liver".to_owned()), (6, "absent".to_owned())]),
            colours: BTreeMap::from([(5, [221, 130, 1]), (6, [1, 2, 3])]),
        };
        let tsv = label_table(&labels, |label| [label as u8; 3]).to_tsv().unwrap();
        assert_eq!(
            String::from_utf8(tsv).unwrap(),
            "index\tname\tcolor\n5\tliver\t#dd8201\n7\tlabel 7\t#070707\n300\tlabel 300\t#2c2c2c\n"
        );
    }
}
