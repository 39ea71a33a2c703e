//! `hepar enhance`: computes an examination and writes what came of it.

use std::borrow::Cow;

use serde_json::json;

use super::curve::CurveKernel;
use super::descriptor::Descriptor;
use super::exam::Exam;
use super::maps::{ExamMap, UNALIGNED, signal_unit};
use super::output::{self, Run, Written};
use super::table::{self, PhaseSummary};
use super::writing::{Keep, Writing};
use crate::Result;
use crate::device::{Device, Progress, Source};
use crate::measure::Regions;
use crate::report::outputs::OutputOptions;
use crate::volume::Labels;

/// Computes all that an examination allows, and writes maps, tables, the plot and the record. Maps go to their files while
/// they are computed; what tables need of them alone is kept.
///
/// # Errors
/// Those of [`Device::run_into`] and of [`Outputs`](crate::report::outputs::Outputs).
pub fn enhance(
    exam: &Exam,
    labels: Option<&Labels>,
    device: &Device,
    outputs: OutputOptions,
    progress: &dyn Progress,
) -> Result<Written> {
    let labelled = labels.map(Labels::without_background);
    let keep = labelled.as_ref().map_or(Keep::Nothing, |(voxels, _)| Keep::Voxels(voxels.clone()));
    let labels = labelled.as_ref().map(|(_, labels)| labels);
    computed(exam, labels, keep, device, outputs, progress).map(|(written, _)| written)
}

/// The same, and gives back whole maps.
///
/// # Errors
/// Those of [`enhance`].
pub fn enhance_keeping(
    exam: &Exam,
    labels: Option<&Labels>,
    device: &Device,
    outputs: OutputOptions,
    progress: &dyn Progress,
) -> Result<Vec<ExamMap>> {
    computed(exam, labels, Keep::All, device, outputs, progress).map(|(_, maps)| maps)
}

/// `labels` are of the voxels that are kept.
fn computed(
    exam: &Exam,
    labels: Option<&Labels>,
    keep: Keep,
    device: &Device,
    outputs: OutputOptions,
    progress: &dyn Progress,
) -> Result<(Written, Vec<ExamMap>)> {
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
    let curves: Vec<String> = descriptors.iter().map(|&d| curve_map(d, "").name).collect();
    let names: Vec<&str> = names.chain(curves.iter().map(String::as_str)).collect();
    let outputs = output::plan(outputs, &names, files)?;

    let mut options = exam.recorded.clone();
    options.insert("left_out".into(), json!(exam.left_out));
    let run = Run { command: "enhance", options, inputs_sha256: exam.inputs_sha256.clone(), device };
    let n_voxels = grid.n_voxels();
    let mut writing = Writing::new(outputs, run, grid, keep.clone());
    writing.formulas(&exam.maps, &Source::new(exam.rows(), n_voxels, None), progress)?;
    if !descriptors.is_empty() {
        let rows = exam.rows();
        let source = Source::new(exam.curve_rows.iter().map(|&i| rows[i]).collect(), n_voxels, None);
        let kernel = CurveKernel::new(&descriptors, &exam.timeline, exam.curve);
        let unit = signal_unit(exam.agent.modality());
        writing.compute(descriptors.iter().map(|&d| curve_map(d, unit)), &kernel, &source, progress)?;
    }
    let closed = writing.close()?;
    let files = match labels {
        Some(labels) => tables(exam, labels, &keep, &closed.maps, plotted)?,
        None => Vec::new(),
    };
    closed.finish(&files)
}

/// The map of a descriptor: curves come from several images.
fn curve_map(descriptor: Descriptor, signal: &str) -> ExamMap {
    ExamMap {
        name: format!("{}_{UNALIGNED}", descriptor.name()),
        phase: None,
        title: format!("{}, {UNALIGNED}", descriptor.title()),
        unit: descriptor.unit(signal),
        model: None,
        kind: descriptor.column_type(),
        values: None,
    }
}

fn tables(
    exam: &Exam,
    labels: &Labels,
    keep: &Keep,
    maps: &[ExamMap],
    plotted: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let regions = Regions::new(&labels.values);
    let summaries = summaries(exam, &regions, keep, maps);
    let mut files = vec![
        (table::REGIONS, table::regions(labels, maps)?),
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
fn summaries(exam: &Exam, regions: &Regions, keep: &Keep, maps: &[ExamMap]) -> Vec<PhaseSummary> {
    let unit = signal_unit(exam.agent.modality());
    let mut summaries = Vec::new();
    let mut whole = vec![0.0; exam.image().grid.n_voxels()];
    for (moment, row) in exam.moments.iter().zip(exam.rows()) {
        let when = (moment.label.as_str(), moment.seconds);
        row.load_f32(0, &mut whole);
        let signal = match keep {
            Keep::Voxels(voxels) => Cow::Owned(voxels.iter().map(|&voxel| whole[voxel as usize]).collect()),
            _ => Cow::Borrowed(&whole[..]),
        };
        summaries.push(PhaseSummary::new(when, (SIGNAL, unit), regions, &signal));
        let of_phase = maps.iter().filter(|map| map.phase.as_ref() == Some(&moment.label));
        for map in of_phase {
            if let (Some(values), Some(model)) = (map.numbers(), map.model) {
                summaries.push(PhaseSummary::new(when, (&model.name, &map.unit), regions, &values));
            }
        }
    }
    summaries
}
