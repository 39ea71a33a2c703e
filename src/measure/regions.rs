//! Which voxels belong to which label, and what a map is in each.

use std::collections::BTreeMap;

use super::{Cell, Summary, Table, summarise};

/// The voxels of every label of one grid, found in one pass and then used for any number of maps. Label 0 is the
/// background and no region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    voxels: BTreeMap<u16, Vec<usize>>,
}

impl Regions {
    /// The regions of `labels`, a label a voxel.
    pub fn new(labels: &[u16]) -> Self {
        let mut voxels: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        // Labels come in runs: one look into the map a run, not a voxel.
        let mut start = 0;
        for run in labels.chunk_by(|a, b| a == b) {
            if run[0] != 0 {
                voxels.entry(run[0]).or_default().extend(start..start + run.len());
            }
            start += run.len();
        }
        Self { voxels }
    }

    /// Label and voxel indices of each region, by label.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[usize])> {
        self.voxels.iter().map(|(label, voxels)| (*label, voxels.as_slice()))
    }

    /// Voxel indices of one region, in order; empty for a label that does not occur.
    pub fn voxels(&self, label: u16) -> &[usize] {
        self.voxels.get(&label).map_or(&[], Vec::as_slice)
    }

    /// What `values`, one a voxel of the grid, are in each region.
    pub fn summaries(&self, values: &[f32]) -> BTreeMap<u16, Summary> {
        self.iter().map(|(label, voxels)| (label, summarise(within(voxels, values)))).collect()
    }
}

/// The values of some voxels.
pub(super) fn within(voxels: &[usize], values: &[f32]) -> impl Iterator<Item = f64> {
    voxels.iter().map(|&voxel| f64::from(values[voxel]))
}

/// A map to be measured in regions.
#[derive(Debug, Clone, Copy)]
pub struct RegionMap<'a> {
    /// The map's name, as that of its file.
    pub name: &'a str,
    /// Unit of the values; empty where there is none.
    pub unit: &'a str,
    /// One value a voxel of the grid.
    pub values: &'a [f32],
}

/// What a label is called: its name, or `label N`.
pub fn region_name(names: &BTreeMap<u16, String>, label: u16) -> String {
    names.get(&label).map_or_else(|| format!("label {label}"), String::clone)
}

/// One row a region and map: `region label map unit` and [`Summary::COLUMNS`].
pub fn region_table(regions: &Regions, names: &BTreeMap<u16, String>, maps: &[RegionMap<'_>]) -> Table {
    let mut table = Table::new(&[&["region", "label", "map", "unit"][..], &Summary::COLUMNS].concat());
    let summaries: Vec<_> = maps.iter().map(|map| regions.summaries(map.values)).collect();
    for (label, _) in regions.iter() {
        let name = region_name(names, label);
        for (map, summaries) in maps.iter().zip(&summaries) {
            let mut row: Vec<Cell> =
                vec![name.as_str().into(), usize::from(label).into(), map.name.into(), map.unit.into()];
            row.extend(summaries[&label].cells());
            table.push(row);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [u16; 8] = [0, 2, 2, 0, 1, 2, 1, 0];
    const VALUES: [f32; 8] = [9.0, 1.0, 2.0, 9.0, 10.0, 6.0, f32::NAN, 9.0];

    #[test]
    fn every_voxel_goes_to_its_label() {
        let regions = Regions::new(&LABELS);
        assert_eq!(regions.voxels(1), [4, 6]);
        assert_eq!(regions.voxels(2), [1, 2, 5]);
        assert!(regions.voxels(0).is_empty() && regions.voxels(3).is_empty());
        assert_eq!(Regions::new(&[]).iter().count(), 0);
    }

    #[test]
    fn summaries_are_of_the_region_alone() {
        let summaries = Regions::new(&LABELS).summaries(&VALUES);
        assert_eq!((summaries[&2].n, summaries[&2].mean), (3, 3.0));
        assert_eq!((summaries[&1].n, summaries[&1].n_nonfinite), (1, 1));
        // A value inside the region moves it, one outside does not.
        let mut moved = VALUES;
        moved[5] = 9.0;
        moved[0] = -1.0;
        let after = Regions::new(&LABELS).summaries(&moved);
        assert_eq!(after[&2].mean, 4.0);
        assert_eq!(after[&1].mean, summaries[&1].mean);
    }

    #[test]
    fn the_table_is_long() {
        let names = BTreeMap::from([(2, "liver".to_owned())]);
        let adc = RegionMap { name: "ADC", unit: "mm²/s", values: &VALUES };
        let table = region_table(&Regions::new(&LABELS), &names, &[adc]);
        let tsv = String::from_utf8(table.to_tsv().unwrap()).unwrap();
        // Moments and percentiles of 1, 2, 6 by scipy 1.17 and numpy 2.4.
        let expected = "region\tlabel\tmap\tunit\tn\tn_nonfinite\tmean\tsd\tmedian\tq1\tq3\tmin\tmax\tp5\tp95\t\
            skewness\texcess_kurtosis\n\
            label 1\t1\tADC\tmm²/s\t1\t1\t10\tNaN\t10\t10\t10\t10\t10\t10\t10\t0\t0\n\
            liver\t2\tADC\tmm²/s\t3\t0\t3\t2.6457512\t2\t1.5\t4\t1\t6\t1.1\t5.6\t0.5951701\t-1.5\n";
        assert_eq!(tsv, expected);
    }
}
