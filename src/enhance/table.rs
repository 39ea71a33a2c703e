//! Tables and plots of an examination's labels.

use crate::Result;
use crate::measure::{Cell, RegionMap, Regions, Summary, Table, region_name, region_table};
use crate::report::{Curve, CurvePlot, CurvePoint, PhaseMark, Spacing, Stroke};
use crate::volume::Labels;

use super::maps::ExamMap;

/// The table of maps in labels.
pub const REGIONS: &str = "regions.tsv";
/// The table of phases in labels.
pub const CURVES: &str = "curves.tsv";
/// The plot of phases in labels.
pub const CURVES_PLOT: &str = "curves.png";

/// Every map with numbers in every label, both of the same voxels.
pub fn regions(labels: &Labels, maps: &[ExamMap]) -> Result<Vec<u8>> {
    let numbers: Vec<_> = maps.iter().filter_map(|map| Some((map, map.numbers()?))).collect();
    let maps: Vec<RegionMap> =
        numbers.iter().map(|(map, values)| RegionMap { name: &map.name, unit: &map.unit, values }).collect();
    region_table(&Regions::new(&labels.values), &labels.names, &maps).to_tsv()
}

/// One quantity of one phase, in every label.
#[derive(Debug)]
pub struct PhaseSummary {
    /// The phase's label or `frame N`.
    pub phase: String,
    /// Seconds after injection.
    pub seconds: Option<f64>,
    /// What was measured, such as `signal`.
    pub quantity: &'static str,
    /// Its unit.
    pub unit: String,
    /// By the order of [`Regions::iter`].
    pub regions: Vec<Summary>,
}

impl PhaseSummary {
    /// Measures `values`, one a voxel of the grid.
    pub fn new(
        (phase, seconds): (&str, Option<f64>),
        (quantity, unit): (&'static str, &str),
        regions: &Regions,
        values: &[f32],
    ) -> Self {
        Self {
            phase: phase.into(),
            seconds,
            quantity,
            unit: unit.into(),
            regions: regions.summaries(values).into_values().collect(),
        }
    }
}

/// The curve table: a row a label, phase and quantity. A phase without a time has none in the table.
pub fn curves(labels: &Labels, regions: &Regions, summaries: &[PhaseSummary]) -> Result<Vec<u8>> {
    let of_phase = ["region", "label", "phase", "seconds", "quantity", "unit"];
    let mut table = Table::new(&[&of_phase[..], &Summary::COLUMNS].concat());
    for (i, (label, _)) in regions.iter().enumerate() {
        for summary in summaries {
            let seconds = summary.seconds.map_or_else(|| Cell::from(""), Cell::from);
            let mut row: Vec<Cell> = vec![
                name(labels, label).into(),
                usize::from(label).into(),
                summary.phase.as_str().into(),
                seconds,
                summary.quantity.into(),
                summary.unit.as_str().into(),
            ];
            row.extend(summary.regions[i].cells());
            table.push(row);
        }
    }
    table.to_tsv()
}

/// The plot of one quantity over time: mean ± sd a label. The first is before contrast, and held from t = 0 where it has
/// no time.
pub fn plot(labels: &Labels, regions: &Regions, summaries: &[&PhaseSummary], marked: bool) -> Result<Vec<u8>> {
    let seconds = |i: usize| summaries[i].seconds.or((i == 0).then_some(0.0));
    let timed: Vec<(&PhaseSummary, f64)> =
        (0..summaries.len()).filter_map(|i| Some((summaries[i], seconds(i)?))).collect();
    let points = |i: usize| -> Vec<CurvePoint> {
        let point = |&(summary, seconds): &(&PhaseSummary, f64)| {
            let Summary { mean, sd, .. } = summary.regions[i];
            CurvePoint { at: seconds, value: mean, low: mean - sd, high: mean + sd }
        };
        timed.iter().map(point).collect()
    };
    let named: Vec<(String, Vec<CurvePoint>)> =
        regions.iter().enumerate().map(|(i, (label, _))| (name(labels, label), points(i))).collect();
    let curve = |(look, (name, points))| Curve { name, points, stroke: Stroke::Joined, look };
    let curves: Vec<Curve> =
        named.iter().map(|(name, points)| (name.as_str(), points.as_slice())).enumerate().map(curve).collect();
    let phases: Vec<PhaseMark> = timed
        .iter()
        .filter(|_| marked)
        .map(|(summary, seconds)| PhaseMark { name: &summary.phase, at: *seconds })
        .collect();
    CurvePlot {
        title: "Enhancement curves",
        subtitle: "",
        across: ["time after injection", "s"],
        spacing: Spacing::for_times(&timed.iter().map(|(_, seconds)| *seconds).collect::<Vec<f64>>()),
        quantity: summaries.first().map_or("", |s| s.quantity),
        unit: summaries.first().map_or("", |s| &s.unit),
        band: "mean ± sd",
        curves: &curves,
        phases: &phases,
        zero: false,
    }
    .to_png()
}

fn name(labels: &Labels, label: u16) -> String {
    region_name(&labels.names, label)
}
