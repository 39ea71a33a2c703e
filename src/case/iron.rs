//! Liver iron from R2*, by calibrations that hold at their own field strength alone.

use serde_json::Map;

use super::findings::Findings;
use super::parts::{Part, PartMap};
use crate::Result;
use crate::device::{Device, Source};
use crate::enhance::maps::{Formula, PlannedMap};
use crate::enhance::output::{self, Run};
use crate::enhance::writing::{Keep, Writing};
use crate::model::{MapModel, Modality};
use crate::report::outputs::OutputOptions;
use crate::volume::{Image, VoxelType};

pub(super) const PART: &str = "iron";
/// The model that gives R2*.
pub(super) const SOURCE: &str = "t2star";
const CALIBRATIONS: [(&str, &str); 2] =
    [("liver_iron_wood", "Liver iron (Wood 2005)"), ("liver_iron_2022", "Liver iron (Hernando 2022)")];

/// The maps of iron, at the field strength that the calibrations are for; they are refused at others, as findings say.
///
/// # Errors
/// Those of [`PlannedMap::new`].
pub(super) fn plan(field: Option<f64>, findings: &mut Findings) -> Result<Vec<PlannedMap>> {
    let mut planned = Vec::new();
    for (model, title) in CALIBRATIONS {
        match MapModel::builtin(model)?.check_field_strength(field) {
            Ok(()) => {
                let formula = Formula { model, images: &[("r2star", 0)], numbers: &[] };
                planned.push(PlannedMap::new(formula, title, None, true, Modality::Mr)?);
            }
            Err(why) => findings.leave_out(PART, format!("{model} is left out: {why}")),
        }
    }
    Ok(planned)
}

/// Computes iron from the map of R2* of a part.
///
/// # Errors
/// Those of the device and of outputs.
pub(super) fn run(
    of: &Part,
    field: Option<f64>,
    inputs_sha256: Vec<String>,
    outputs: OutputOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Part>> {
    let Some(r2star) = of.maps.iter().find(|map| map.name == "R2star") else { return Ok(None) };
    let planned = plan(field, findings)?;
    if planned.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = planned.iter().map(|map| map.name.as_str()).collect();
    let outputs = output::plan(outputs, &names, &[])?;
    let image = Image::from_values("R2star", of.grid.clone(), VoxelType::F32, &r2star.values);
    let source = Source::new(vec![image.row(0)], of.grid.n_voxels(), None);
    let run = Run { command: "run", options: Map::new(), inputs_sha256, device };
    let mut writing = Writing::new(outputs, run, &of.grid, Keep::All);
    writing.formulas(&planned, &source, &())?;
    let (_, maps) = writing.close()?.finish(&[])?;
    let maps = maps.into_iter().filter_map(|map| PartMap::by_formula(map, false)).collect();
    Ok(Some(Part { name: PART.into(), grid: of.grid.clone(), labels: of.labels.clone(), maps }))
}
