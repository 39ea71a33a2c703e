//! The contact sheet of an examination.

use super::labels::CaseLabels;
use super::parts::{Part, PartMap};
use crate::Result;
use crate::enhance::maps::UNALIGNED_NOTE;
use crate::report::{ContactSheet, Outline, Outlines, Panel, robust_range};

/// Maps of fits and formulas that are shown, and whose means stand in the table of lesions.
const SHOWN: [&str; 8] = ["ADC", "D", "f", "signal_fat_fraction", "PDFF", "R2star", "T2", "T1"];
/// The window in which the abdomen is read: 400 HU about 40.
const SOFT_TISSUE_HU: (f32, f32) = (-160.0, 240.0);
/// What two magnitude images can tell of a fat fraction, in percent: air has none.
const FAT_RANGE: (f32, f32) = (0.0, 50.0);
/// Labels that are outlined where there are so many: all of them, else lesions alone with the liver.
const MOST_OUTLINES: usize = 14;

/// Whether a map is for the contact sheet.
pub(super) fn shows(map: &str) -> bool {
    SHOWN.contains(&map)
}

/// The sheet as PNG; `None` where there is nothing to show.
///
/// # Errors
/// Those of [`ContactSheet::to_png`].
pub(super) fn draw(parts: &[Part]) -> Result<Option<Vec<u8>>> {
    // Anatomy first: phases, then what was fitted.
    let mut ordered: Vec<&Part> = parts.iter().collect();
    ordered.sort_by_key(|part| !["dynamic", "ct"].contains(&part.name.as_str()));
    let mut shown: Vec<(&Part, &PartMap)> = Vec::new();
    for part in &ordered {
        for map in &part.maps {
            // R2* comes from two models.
            let is_there = map.phase.is_none() && shown.iter().any(|(_, other)| other.name == map.name);
            if !is_there {
                shown.push((part, map));
            }
        }
    }
    if shown.is_empty() {
        return Ok(None);
    }
    let titles: Vec<String> = shown.iter().map(|(part, map)| title(part, map)).collect();
    let mut panels: Vec<Panel> = Vec::new();
    let units: Vec<String> = shown.iter().map(|(_, map)| map.unit.replace("^2", "²")).collect();
    for (((part, map), title), unit) in shown.iter().zip(&titles).zip(&units) {
        let (grid, values) = (&part.grid, &map.values);
        panels.push(Panel { title, unit, grid, values, kind: map.colours, range: range(part, map) });
    }
    let labelled = ordered.iter().find_map(|part| Some((part, part.labels.as_ref()?)));
    let outlined: Vec<(u16, String, Option<[u8; 3]>, bool)> =
        labelled.map_or_else(Vec::new, |(_, labels)| outlines(labels));
    let shown: Vec<Outline> = outlined
        .iter()
        .map(|(label, name, colour, lesion)| Outline { label: *label, name, colour: *colour, lesion: *lesion })
        .collect();
    let outlines =
        labelled.map(|(part, labels)| Outlines { grid: &part.grid, labels: &labels.labels.values, shown: &shown });
    let remarks = [UNALIGNED_NOTE.to_owned()];
    let is_compared = ordered.iter().any(|part| part.maps.iter().any(|map| map.name.contains("unaligned")));
    let remarks = if is_compared { &remarks[..] } else { &[] };
    let sheet = ContactSheet { title: "Examination", remarks, panels: &panels, outlines };
    sheet.to_png().map(Some)
}

fn title(part: &Part, map: &PartMap) -> String {
    match (part.name.as_str(), &map.phase) {
        ("dynamic" | "ct", Some(phase)) if map.name != super::SIGNAL => {
            format!("subtraction, {}", phase.replace('_', " "))
        }
        ("dynamic" | "ct", _) => map.title.clone(),
        _ => map.name.replace('_', " "),
    }
}

/// Images of one series share their range, that of all of them together, so that eyes can compare them.
fn range(part: &Part, map: &PartMap) -> Option<(f32, f32)> {
    if map.name == "signal_fat_fraction" {
        return Some(FAT_RANGE);
    }
    if map.name != super::SIGNAL {
        return None;
    }
    if part.name == "ct" {
        return Some(SOFT_TISSUE_HU);
    }
    let phases = part.maps.iter().filter(|other| other.name == super::SIGNAL);
    phases.map(|phase| robust_range(&phase.values, phase.colours)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn outlines(labels: &CaseLabels) -> Vec<(u16, String, Option<[u8; 3]>, bool)> {
    let all: Vec<u16> = labels.regions.iter().map(|(label, _)| label).collect();
    let is_many = all.len() > MOST_OUTLINES;
    let is_liver = |label: u16| labels.organ_of(label) == Some(crate::measure::Organ::Liver);
    let shown = all.into_iter().filter(|&label| !is_many || labels.lesions.contains(&label) || is_liver(label));
    shown
        .map(|label| {
            let colour = labels.labels.colours.get(&label).copied();
            (label, labels.name(label), colour, labels.lesions.contains(&label))
        })
        .collect()
}
