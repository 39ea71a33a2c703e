//! Writing what a command made of an examination, and saying so.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::descriptor::{CURVE_TYPES, Descriptor, NOT_ENHANCED};
use super::maps::{ExamMap, UNALIGNED, UNALIGNED_NOTE};
use crate::Result;
use crate::device::{ColumnType, Device};
use crate::model::{StatusBit, status_bits};
use crate::report::ColourKind;
use crate::report::outputs::{MapLabel, MapOutput, OutputOptions, Outputs};
use crate::volume::MapData;

/// The map of status bits, written beside all others.
pub const STATUS: &str = "status";

/// The bits of the status of enhancement maps: those of maps by formula, and what curves add.
pub fn enhancement_status_bits() -> Vec<StatusBit> {
    let mut bits = status_bits().to_vec();
    bits.push(StatusBit {
        bit: NOT_ENHANCED,
        name: "not_enhanced",
        meaning: "the peak enhancement does not exceed the threshold: no time to peak and no curve type",
    });
    bits
}

/// A command's work, as recorded beside its outputs.
#[derive(Debug)]
pub struct Run<'a> {
    /// The subcommand.
    pub command: &'static str,
    /// Every choice that changes a number.
    pub options: Map<String, Value>,
    /// sha256 of each input.
    pub inputs_sha256: Vec<String>,
    /// What computed.
    pub device: &'a Device,
}

/// Outputs that are planned but not yet written.
pub fn plan(options: OutputOptions, maps: &[&str], files: &[&str]) -> Result<Outputs> {
    let maps: Vec<&str> = maps.iter().copied().chain([STATUS]).collect();
    Outputs::plan(options, &maps, files)
}

pub(super) fn label(map: &ExamMap, run: &Run, device: &Value) -> MapLabel {
    let mut meta = common(run, device);
    if map.name.ends_with(UNALIGNED) {
        meta.insert("caution".into(), UNALIGNED_NOTE.into());
    }
    if let Some(model) = map.model {
        meta.insert("map".into(), model.title.clone().into());
        meta.insert("formula".into(), model.formula.text.clone().into());
        meta.insert("reference".into(), model.reference.source.clone().into());
    }
    if map.kind == ColumnType::U16 {
        meta.insert("values".into(), json!(CURVE_TYPES));
    }
    MapLabel { unit: map.unit.clone(), title: map.title.clone(), picture: picture(map).into(), meta }
}

/// Codes get a colour each, times a sequence, differences a scale on both sides of zero.
fn picture(map: &ExamMap) -> ColourKind {
    match (map.kind, map.name.as_str()) {
        (ColumnType::U16, _) => ColourKind::Categorical,
        (_, name) if name.starts_with(Descriptor::TimeToPeak.name()) => ColourKind::Sequential,
        _ => ColourKind::Diverging,
    }
}

pub(super) fn status_output<'a>(status: &'a [u16], is_unaligned: bool, run: &Run, device: &Value) -> MapOutput<'a> {
    let mut meta = common(run, device);
    meta.insert("bits".into(), json!(enhancement_status_bits()));
    if is_unaligned {
        meta.insert("caution".into(), UNALIGNED_NOTE.into());
    }
    MapOutput {
        name: STATUS,
        data: MapData::U16(status),
        unit: "",
        title: "Remarks on each voxel, a bit each; 0 is none",
        picture: ColourKind::Categorical.into(),
        meta,
    }
}

fn common(run: &Run, device: &Value) -> Map<String, Value> {
    let mut meta = Map::new();
    meta.insert("command".into(), run.command.into());
    meta.extend(run.options.clone());
    meta.insert("inputs_sha256".into(), json!(run.inputs_sha256));
    meta.insert("device".into(), device.clone());
    meta
}

/// What was written, for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The folder.
    pub dir: PathBuf,
    /// Names of the maps.
    pub names: Vec<String>,
    /// Names of the other files.
    pub files: Vec<String>,
    pub(super) shape: [usize; 3],
    pub(super) device: String,
    pub(super) n_flagged: usize,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ni, nj, nk] = self.shape;
        let n_voxels = ni * nj * nk;
        let flagged = 100.0 * self.n_flagged as f64 / n_voxels.max(1) as f64;
        writeln!(f, "{}: {} maps of {ni} × {nj} × {nk} voxels", self.dir.display(), self.names.len())?;
        for name in self.names.iter().chain(&self.files) {
            writeln!(f, "  {name}")?;
        }
        writeln!(f, "computed on {}; {flagged:.1} % of voxels have a remark, see {STATUS}.json", self.device)
    }
}
