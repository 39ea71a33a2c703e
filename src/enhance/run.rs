//! `hepar enhance`: computes an examination and writes what came of it.

use serde_json::json;

use super::curve::CurveKernel;
use super::descriptor::Descriptor;
use super::exam::Exam;
use super::maps::{self, ComputedMap, UNALIGNED, signal_unit};
use super::output::{self, Run, Written};
use super::table::{self, PhaseSummary};
use crate::device::{Column, Device, Progress, Source};
use crate::measure::Regions;
use crate::report::outputs::OutputOptions;
use crate::volume::Labels;
use crate::{Error, Result};

/// What came of an examination.
#[derive(Debug)]
pub struct Enhanced {
    /// What was written, for a person.
    pub written: Written,
    /// The maps.
    pub maps: Vec<ComputedMap>,
}

/// Computes all that an examination allows, and writes maps, tables, the plot and the record.
///
/// # Errors
/// Those of [`Device::run`] and of [`Outputs`](crate::report::outputs::Outputs).
pub fn enhance(
    exam: &Exam,
    labels: Option<&Labels>,
    device: &Device,
    outputs: OutputOptions,
    progress: &dyn Progress,
) -> Result<Enhanced> {
    let grid = &exam.image().grid;
    // S0 is drawn at t = 0 where it has no time of its own.
    let plotted = exam.moments.iter().skip(1).any(|m| m.seconds.is_some());
    let files: &[&str] = match (&labels, plotted) {
        (None, _) => &[],
        (Some(_), false) => &[table::REGIONS, table::CURVES],
        (Some(_), true) => &[table::REGIONS, table::CURVES, table::CURVES_PLOT],
    };
    let descriptors = exam.descriptors();
    let names = exam.maps.iter().map(|map| map.name.as_str());
    let curves: Vec<String> = descriptors.iter().map(curve_map).collect();
    let names: Vec<&str> = names.chain(curves.iter().map(String::as_str)).collect();
    let outputs = output::plan(outputs, &names, files)?;

    let (mut computed, mut status) = compute_maps(exam, device, progress)?;
    add_curve(exam, &descriptors, device, progress, &mut computed, &mut status)?;
    let files = match labels {
        Some(labels) => tables(exam, labels, &computed, plotted)?,
        None => Vec::new(),
    };
    let mut options = exam.recorded.clone();
    options.insert("left_out".into(), json!(exam.left_out));
    let run = Run { command: "enhance", options, inputs_sha256: exam.inputs_sha256.clone(), device };
    let written = output::write(outputs, &run, grid, (&computed, &status), &files)?;
    Ok(Enhanced { written, maps: computed })
}

/// The map of a descriptor: curves come from several images.
fn curve_map(descriptor: &Descriptor) -> String {
    format!("{}_{UNALIGNED}", descriptor.name())
}

fn compute_maps(exam: &Exam, device: &Device, progress: &dyn Progress) -> Result<(Vec<ComputedMap>, Vec<u16>)> {
    let source = Source::new(exam.rows(), exam.image().grid.n_voxels(), None);
    maps::compute(&exam.maps, &source, device, progress)
}

/// Adds the curve's descriptors to the maps and what they remark to the status.
fn add_curve(
    exam: &Exam,
    descriptors: &[Descriptor],
    device: &Device,
    progress: &dyn Progress,
    computed: &mut Vec<ComputedMap>,
    status: &mut [u16],
) -> Result<()> {
    if descriptors.is_empty() {
        return Ok(());
    }
    let rows = exam.rows();
    let rows = exam.curve_rows.iter().map(|&i| rows[i]).collect();
    let source = Source::new(rows, exam.image().grid.n_voxels(), None);
    let kernel = CurveKernel::new(descriptors, &exam.timeline, exam.curve);
    let mut columns = device.run(&kernel, &source, progress)?;
    let Some(Column::U16(remarks)) = columns.pop() else {
        return Err(Error::Internal("curves came without a status".into()));
    };
    status.iter_mut().zip(remarks).for_each(|(all, bits)| *all |= bits);
    let unit = signal_unit(exam.agent.modality());
    let map = |(d, values): (&Descriptor, Column)| ComputedMap {
        name: curve_map(d),
        phase: None,
        title: format!("{}, {UNALIGNED}", d.title()),
        unit: d.unit(unit),
        model: None,
        values,
    };
    computed.extend(descriptors.iter().zip(columns).map(map));
    Ok(())
}

fn tables(
    exam: &Exam,
    labels: &Labels,
    computed: &[ComputedMap],
    plotted: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let regions = Regions::new(&labels.values);
    let summaries = summaries(exam, &regions, computed);
    let mut files = vec![
        (table::REGIONS, table::regions(labels, computed)?),
        (table::CURVES, table::curves(labels, &regions, &summaries)?),
    ];
    if plotted {
        let signals: Vec<&PhaseSummary> = summaries.iter().filter(|s| s.quantity == SIGNAL).collect();
        // The names of hundreds of frames would cover the plot.
        let marked = exam.moments.len() <= MOST_MARKS;
        files.push((table::CURVES_PLOT, table::plot(labels, &regions, &signals, marked)?));
    }
    Ok(files)
}

const SIGNAL: &str = "signal";
/// Most moments that are named in a plot.
const MOST_MARKS: usize = 12;

/// The signal of every phase, and the maps of each.
fn summaries(exam: &Exam, regions: &Regions, computed: &[ComputedMap]) -> Vec<PhaseSummary> {
    let unit = signal_unit(exam.agent.modality());
    let mut summaries = Vec::new();
    let mut signal = vec![0.0; exam.image().grid.n_voxels()];
    for (moment, row) in exam.moments.iter().zip(exam.rows()) {
        let when = (moment.label.as_str(), moment.seconds);
        row.load_f32(0, &mut signal);
        summaries.push(PhaseSummary::new(when, (SIGNAL, unit), regions, &signal));
        let of_phase = computed.iter().filter(|map| map.phase.as_ref() == Some(&moment.label));
        for map in of_phase {
            if let (Some(values), Some(model)) = (map.values.as_f32(), map.model) {
                summaries.push(PhaseSummary::new(when, (&model.name, &map.unit), regions, &values));
            }
        }
    }
    summaries
}
