//! The signal fat fraction of in- and opposed-phase images.

use std::path::Path;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::contrast::ReferenceVoxels;
use super::file::ChemicalShift;
use super::findings::Findings;
use super::labels::{self, CaseLabels};
use super::load::Case;
use super::parts::{Part, PartMap};
use crate::device::{Device, Source};
use crate::enhance::gather::{Member, onto, single};
use crate::enhance::maps::{Formula, PlannedMap};
use crate::enhance::output::{self, Run};
use crate::enhance::protocol::{self, Acquired};
use crate::enhance::sigma::values;
use crate::enhance::writing::{Keep, Writing};
use crate::measure::Organ;
use crate::model::Modality;
use crate::report::outputs::OutputOptions;
use crate::volume::{Image, ReadOptions, VoxelType, read, read_sidecar};
use crate::{Error, Result};

pub(super) const PART: &str = "chemical_shift";
/// Frequency of water's protons over that of fat's main peak, less 1, and MHz per tesla (Hamilton 2011, doi:10.1002/nbm.1622).
const FAT_SHIFT_PPM: f64 = 3.4;
const MHZ_PER_T: f64 = 42.577;

/// Images that can be compared, and what each is divided by.
pub(super) struct Loaded {
    images: [Image; 2],
    inputs_sha256: Vec<String>,
    scale: [f64; 2],
    labels: Option<CaseLabels>,
}

/// The part and what it was made from.
pub(super) struct Done {
    pub(super) part: Part,
    pub(super) inputs_sha256: Vec<String>,
}

/// Reads both images and checks that they belong together; `None`, with findings, where they do not.
///
/// # Errors
/// Those of the device.
pub(super) fn load(
    case: &Case,
    field: Option<f64>,
    options: &ReadOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Loaded>> {
    let Some(shift) = &case.file.chemical_shift else { return Ok(None) };
    match both(case, shift, field, options, device, findings) {
        Ok(loaded) => Ok(loaded),
        Err(error @ (Error::Internal(_) | Error::TryAgain(_))) => Err(error),
        Err(error) => {
            findings.fault(PART, format!("{error}\n  the fat fraction is left out"));
            Ok(None)
        }
    }
}

fn both(
    case: &Case,
    shift: &ChemicalShift,
    field: Option<f64>,
    options: &ReadOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Loaded>> {
    let (ip, op) = (case.at(&shift.in_phase), case.at(&shift.opposed_phase));
    let [in_phase, opposed] = [(&ip, true), (&op, false)].map(|(path, is_in)| one(path, is_in, field, options));
    let ((in_phase, keys_ip), (opposed, keys_op)) = (in_phase?, opposed?);
    if field.is_none() || [&keys_ip, &keys_op].iter().any(|keys| keys.get("EchoTime").is_none_or(Value::is_null)) {
        findings.warn(PART, "which image is in phase could not be checked: the echo times or the field are not known");
    }
    let keys = |mut keys: Map<String, Value>| {
        // They are meant to differ in this alone.
        keys.insert("EchoTime".into(), 0.into());
        keys
    };
    let (keys_ip, keys_op) = (keys(keys_ip), keys(keys_op));
    let acquired = |path, keys| Acquired { path, sidecar: Some(keys) };
    for note in protocol::check(acquired(ip.as_path(), &keys_ip), acquired(op.as_path(), &keys_op), false)? {
        findings.warn(PART, note);
    }
    let sha256 = in_phase.sha256()?.unwrap_or_default().to_owned();
    let Member { image: opposed, sha256: other, .. } = onto(&ip, &in_phase.grid.clone(), opposed, false, device)?;
    let labels = labels::on_grid(case, PART, &in_phase.grid, options, findings)?;
    let mut scale = [1.0; 2];
    if !shift.same_acquisition {
        let regions = labels.as_ref().map(|labels| ReferenceVoxels::new(labels, &in_phase.grid));
        let spleen = |image: &Image, findings: &mut Findings| {
            Some(regions.as_ref()?.of(PART, &values(image, 0), findings).get(&Organ::Spleen)?.value)
        };
        let (Some(a), Some(b)) = (spleen(&in_phase, findings), spleen(&opposed, findings)) else {
            findings.leave_out(
                PART,
                "the fat fraction is left out: images of separate acquisitions are each divided by the spleen's signal, and no \
                 label is the spleen\n  remedy: give labels, or state same_acquisition = true for two echoes of one",
            );
            return Ok(None);
        };
        scale = [a, b];
    }
    Ok(Some(Loaded { images: [in_phase, opposed], inputs_sha256: vec![sha256, other], scale, labels }))
}

/// How far fat's main peak is in phase with water at an echo time in ms and a field in T: 1 in phase, -1 opposed.
pub(super) fn fat_in_phase(te_ms: f64, tesla: f64) -> f64 {
    (std::f64::consts::TAU * FAT_SHIFT_PPM * MHZ_PER_T * tesla * te_ms / 1000.0).cos()
}

/// An image and how it was acquired; its echo time must be what it is said to be, at that field.
fn one(
    path: &Path,
    is_in_phase: bool,
    field: Option<f64>,
    options: &ReadOptions,
) -> Result<(Image, Map<String, Value>)> {
    let keys = read_sidecar(path)?.map(|sidecar| sidecar.keys().clone()).unwrap_or_default();
    let echo_time = keys.get("EchoTime").and_then(Value::as_f64);
    if let (Some(te), Some(field)) = (echo_time, field)
        && (fat_in_phase(1e3 * te, field) > 0.0) != is_in_phase
    {
        let [said, shows] = if is_in_phase { ["in", "opposed"] } else { ["opposed", "in"] };
        let te_ms = 1e3 * te;
        return Err(Error::data(
            path,
            format!(
                "is given as {said} phase, but at {field} T an echo time of {te_ms:.2} ms is nearer to {shows} phase"
            ),
            "check which file is which, and the field strength",
        ));
    }
    Ok((single(read(path, options)?)?, keys))
}

/// Computes the fat fraction, if its images are there and belong together.
///
/// # Errors
/// Those of the device and of outputs.
pub(super) fn run(
    case: &Case,
    field: Option<f64>,
    options: &ReadOptions,
    outputs: OutputOptions,
    device: &Device,
    findings: &mut Findings,
) -> Result<Option<Done>> {
    let Some(Loaded { images, inputs_sha256, scale, labels }) = load(case, field, options, device, findings)? else {
        return Ok(None);
    };
    let grid = images[0].grid.clone();
    let divided = |i: usize| {
        let mut values = values(&images[i], 0);
        values.iter_mut().for_each(|value| *value = (f64::from(*value) / scale[i]) as f32);
        Image::from_values("", grid.clone(), VoxelType::F32, &values)
    };
    let images = [divided(0), divided(1)];
    let formula =
        Formula { model: "signal_fat_fraction", images: &[("in_phase", 0), ("opposed_phase", 1)], numbers: &[] };
    let planned = [PlannedMap::new(formula, "Signal fat fraction (not PDFF)", None, true, Modality::Mr)?];
    let names: Vec<&str> = planned.iter().map(|map| map.name.as_str()).collect();
    let outputs = output::plan(outputs, &names, &[])?;
    let source = Source::new(images.iter().map(|image| image.row(0)).collect(), grid.n_voxels(), None);
    let recorded =
        Map::from_iter([("divided_by".to_owned(), json!({ "in_phase": scale[0], "opposed_phase": scale[1] }))]);
    let run = Run { command: "run", options: recorded, inputs_sha256: inputs_sha256.clone(), device };
    let mut writing = Writing::new(outputs, run, &grid, Keep::All);
    writing.formulas(&planned, &source, &())?;
    let (_, maps) = writing.close()?.finish(&[])?;
    let maps = maps.into_iter().filter_map(|map| PartMap::by_formula(map, true)).collect();
    let part = Part { name: PART.into(), grid, labels: labels.map(Rc::new), maps };
    Ok(Some(Done { part, inputs_sha256 }))
}
