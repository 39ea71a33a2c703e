//! What the maps of an examination are in its regions, as one long table and one wide one.
//!
//! Maps lie on different grids, so each brings its own regions; a label means the same region in all of them. A map is
//! measured when it is there, and only its values are kept.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::regions::within;
use super::{
    Cell, Discretisation, Entropy, Regions, Shape, Summary, Table, column_name, entropy, region_name, summarise,
};

/// Headings of the entropy's columns.
const ENTROPY: [&str; 2] = ["entropy_bits", "entropy_bin_width"];

/// A map to be measured, with all that tables say of it.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredMap<'a> {
    /// Part of the examination, such as `dwi`.
    pub part: &'a str,
    /// The map's name, as that of its file.
    pub name: &'a str,
    /// The phase that it is of, if it is of one.
    pub phase: Option<&'a str>,
    /// Unit of the values; empty where there is none.
    pub unit: &'a str,
    /// The regions on the map's grid.
    pub regions: &'a Regions,
    /// One value a voxel of that grid.
    pub values: &'a [f32],
    /// The bins of the entropy.
    pub bins: Discretisation,
}

/// The statistics of a map in one region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegionValues {
    /// Counts, moments and percentiles.
    pub summary: Summary,
    /// Entropy, with its bins.
    pub entropy: Entropy,
}

/// A map that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapValues {
    /// Part of the examination.
    pub part: String,
    /// The map's name.
    pub name: String,
    /// The phase that it is of, if it is of one.
    pub phase: Option<String>,
    /// Unit of the values; empty where there is none.
    pub unit: String,
    /// By label; a label that does not occur on the map's grid is missing.
    pub regions: BTreeMap<u16, RegionValues>,
}

/// Measures a map in its regions, on rayon's threads; the same bits on any number of them.
///
/// # Panics
/// If the regions are of a larger grid than the values: a fault of the caller's text, whatever the data.
pub fn measure(map: &MeasuredMap<'_>) -> MapValues {
    let regions: Vec<(u16, &[usize])> = map.regions.iter().collect();
    let of_region = |(label, voxels): (u16, &[usize])| {
        let (summary, entropy) =
            rayon::join(|| summarise(within(voxels, map.values)), || entropy(within(voxels, map.values), map.bins));
        (label, RegionValues { summary, entropy })
    };
    MapValues {
        part: map.part.to_owned(),
        name: map.name.to_owned(),
        phase: map.phase.map(str::to_owned),
        unit: map.unit.to_owned(),
        regions: regions.into_par_iter().map(of_region).collect(),
    }
}

impl RegionValues {
    /// Headings of [`Self::cells`].
    pub fn columns() -> Vec<&'static str> {
        [&Summary::COLUMNS[..], &ENTROPY].concat()
    }

    /// The values, one a column of [`Self::columns`].
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = self.summary.cells().to_vec();
        cells.extend([self.entropy.bits.into(), self.entropy.bin_width.into()]);
        cells
    }

    /// Whether a column has the unit of the map.
    fn has_unit(column: &str) -> bool {
        column != ENTROPY[0] && Summary::has_unit(column)
    }
}

/// One row a region and map, by label and then in the order of the maps: `region label part map phase unit`,
/// [`Summary::COLUMNS`], `entropy_bits entropy_bin_width`. A label without a name is called `label N`.
pub fn long_table(names: &BTreeMap<u16, String>, maps: &[MapValues]) -> Table {
    let of_map = ["region", "label", "part", "map", "phase", "unit"];
    let mut table = Table::new(&[&of_map[..], &RegionValues::columns()].concat());
    for label in labels(maps) {
        for map in maps {
            let Some(values) = map.regions.get(&label) else { continue };
            let mut row: Vec<Cell> = vec![
                region_name(names, label).into(),
                usize::from(label).into(),
                map.part.as_str().into(),
                map.name.as_str().into(),
                map.phase.as_deref().into(),
                map.unit.as_str().into(),
            ];
            row.extend(values.cells());
            table.push(row);
        }
    }
    table
}

/// One row a region: `region label`, [`Shape::COLUMNS`], and for each map columns `<map>_<statistic>_<unit>`
/// ([`column_name`]). A name that several maps have becomes `<part>_<map>_<phase>`. What was not measured is empty.
pub fn wide_table(names: &BTreeMap<u16, String>, shapes: &BTreeMap<u16, Shape>, maps: &[MapValues]) -> Table {
    let mut columns: Vec<String> =
        [&["region", "label"][..], &Shape::COLUMNS].concat().into_iter().map(String::from).collect();
    for map in maps {
        let shared = maps.iter().filter(|other| other.name == map.name).count() > 1;
        let mut of_map = vec![map.name.as_str()];
        if shared {
            of_map.insert(0, &map.part);
            of_map.extend(map.phase.as_deref());
        }
        columns.extend(RegionValues::columns().into_iter().map(|statistic| {
            let unit = if RegionValues::has_unit(statistic) { map.unit.as_str() } else { "" };
            column_name(&[&of_map[..], &[statistic]].concat(), unit)
        }));
    }
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for label in shapes.keys().copied().chain(labels(maps)).collect::<BTreeSet<u16>>() {
        let mut row: Vec<Cell> = vec![region_name(names, label).into(), usize::from(label).into()];
        let missing = |n: usize| vec![Cell::from(""); n];
        row.extend(shapes.get(&label).map_or_else(|| missing(Shape::COLUMNS.len()), |shape| shape.cells().to_vec()));
        for map in maps {
            let values = map.regions.get(&label).map(RegionValues::cells);
            row.extend(values.unwrap_or_else(|| missing(RegionValues::columns().len())));
        }
        table.push(row);
    }
    table
}

/// The labels that any map has.
fn labels(maps: &[MapValues]) -> BTreeSet<u16> {
    maps.iter().flat_map(|map| map.regions.keys().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: Discretisation = Discretisation::Width { width: 1.0, from: 0.0 };

    fn of(name: &str, phase: Option<&str>, unit: &str, labels: &[u16], values: &[f32]) -> MapValues {
        measure(&MeasuredMap { part: "dce", name, phase, unit, regions: &Regions::new(labels), values, bins: BINS })
    }

    fn names() -> BTreeMap<u16, String> {
        BTreeMap::from([(2, "liver".to_owned())])
    }

    /// A map of four voxels, and one of two on another grid, where label 1 does not occur.
    fn maps() -> Vec<MapValues> {
        vec![
            of("gain", Some("arterial"), "%", &[2, 2, 1, 0], &[1.0, 3.0, 7.0, 9.0]),
            of("ADC", None, "mm^2/s", &[2, 0], &[5.0, 8.0]),
        ]
    }

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_long_table_has_a_row_a_region_and_map() {
        let lines = lines(long_table(&names(), &maps()).to_tsv().unwrap());
        assert!(
            lines[0].starts_with("region\tlabel\tpart\tmap\tphase\tunit\tn\tn_nonfinite\tmean\tsd\t"),
            "{}",
            lines[0]
        );
        assert!(lines[0].ends_with("\tskewness\texcess_kurtosis\tentropy_bits\tentropy_bin_width"), "{}", lines[0]);
        let liver = "liver\t2\tdce\tgain\tarterial\t%\t2\t0\t2\t1.4142135\t2\t1.5\t2.5\t1\t3\t1.1\t2.9\t0\t-2\t1\t1";
        assert_eq!(lines[2], liver);
        assert!(lines[1].starts_with("label 1\t1\tdce\tgain\tarterial\t%\t1\t0\t7\tNaN\t"), "{}", lines[1]);
        assert!(lines[3].starts_with("liver\t2\tdce\tADC\t\tmm^2/s\t1\t0\t5\t"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn the_wide_table_has_a_row_a_region_with_its_size() {
        let shape = Shape { n_voxels: 2, volume_ml: 0.5, longest_axial_diameter_mm: 3.0, longest_3d_diameter_mm: 4.0 };
        let table = wide_table(&names(), &BTreeMap::from([(2, shape), (3, shape)]), &maps());
        let at = |column: &str| {
            table.columns().iter().position(|name| name == column).unwrap_or_else(|| panic!("no column {column}"))
        };
        let cell = |row: usize, column: &str| table.rows()[row][at(column)].clone();
        assert_eq!(table.columns().len(), 2 + 4 + 2 * 15);
        // Labels 1 (a map's alone), 2 and 3 (a shape's alone).
        assert_eq!([0, 1, 2].map(|row| cell(row, "label")), [1, 2, 3].map(Cell::Count));
        assert_eq!(cell(1, "volume_ml"), Cell::Number(0.5));
        assert_eq!(cell(0, "volume_ml"), Cell::from(""));
        assert_eq!(cell(1, "gain_mean_percent"), Cell::Number(2.0));
        assert_eq!(cell(1, "gain_entropy_bits"), Cell::Number(1.0));
        assert_eq!(cell(1, "gain_entropy_bin_width_percent"), Cell::Number(1.0));
        assert_eq!(cell(1, "gain_n"), Cell::Count(2));
        assert_eq!(cell(1, "ADC_median_mm2_per_s"), Cell::Number(5.0));
        assert_eq!(cell(0, "ADC_median_mm2_per_s"), Cell::from(""));
        assert_eq!(cell(2, "gain_n"), Cell::from(""));
        assert_eq!(lines(table.to_csv().unwrap()).len(), 4);
    }

    #[test]
    fn maps_of_one_name_are_told_apart() {
        let labels = [1u16];
        let maps = [
            of("gain", Some("arterial"), "%", &labels, &[1.0]),
            of("gain", Some("portal venous"), "%", &labels, &[2.0]),
            of("T2", None, "ms", &labels, &[3.0]),
        ];
        let table = wide_table(&names(), &BTreeMap::new(), &maps);
        for column in ["dce_gain_arterial_mean_percent", "dce_gain_portal_venous_mean_percent", "T2_mean_ms"] {
            assert!(table.columns().iter().any(|name| name == column), "{column}");
        }
        let distinct: BTreeSet<&String> = table.columns().iter().collect();
        assert_eq!(distinct.len(), table.columns().len());
    }
}
