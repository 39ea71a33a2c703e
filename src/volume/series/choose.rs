//! From all volumes of the inputs to those that are used.

use super::appended::{Appended, Weighted, judge};
use super::select::Selection;
use super::{Place, SeriesOptions, row_at};
use crate::volume::Image;
use crate::volume::bvalues::count_mismatch;
use crate::{Error, Result};

/// Most volumes that a scanner appends: an ADC map and a mean over directions.
const MOST_APPENDED: usize = 2;

/// A volume of the inputs that is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    /// b-value in s/mm².
    pub(super) b: f64,
    /// Counted from 0 over all inputs.
    pub(super) index: usize,
    pub(super) place: Place,
}

/// A volume of the inputs; those appended by a scanner may have no b-value.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    b: Option<f64>,
    index: usize,
    place: Place,
}

/// What became of the volumes of the inputs.
pub(super) struct Choice {
    pub(super) chosen: Vec<Chosen>,
    /// The scanner's own, by index.
    pub(super) left_out: Vec<(usize, Appended)>,
}

/// Finds the volumes that are used, and those that are not because a scanner appended them.
pub(super) fn choose(images: &[Image], b_values: &[f64], options: &SeriesOptions) -> Result<Choice> {
    let mut candidates = candidates(images, b_values);
    let (n_volumes, n_values) = (candidates.len(), b_values.len());
    let mismatch = || Err(count_mismatch(&images[0].path, n_volumes, n_values));
    if n_values > n_volumes || n_volumes - n_values > MOST_APPENDED {
        return mismatch();
    }
    let mut left_out = Vec::new();
    if options.select.volumes.is_empty() {
        left_out = leave_out_appended(images, &mut candidates, options.b_tolerance);
    }
    for choice in &options.select.volumes {
        let named = choice.named(n_volumes, &images[0].path)?;
        candidates.retain(|candidate| named[candidate.index]);
    }
    let with_b = |c: &Candidate| Some(Chosen { b: c.b?, index: c.index, place: c.place });
    let Some(with_b) = candidates.iter().map(with_b).collect() else {
        return mismatch();
    };
    let chosen = select_by_b(with_b, &options.select, options.b_tolerance, &images[0])?;
    Ok(Choice { chosen, left_out })
}

fn candidates(images: &[Image], b_values: &[f64]) -> Vec<Candidate> {
    let places =
        images.iter().enumerate().flat_map(|(image, i)| (0..i.n_volumes()).map(move |volume| Place { image, volume }));
    places.enumerate().map(|(index, place)| Candidate { b: b_values.get(index).copied(), index, place }).collect()
}

/// Drops volumes from the end for as long as they are the scanner's own, at most two.
fn leave_out_appended(images: &[Image], candidates: &mut Vec<Candidate>, tolerance: f64) -> Vec<(usize, Appended)> {
    let mut left_out = Vec::new();
    while let Some((last, before)) = candidates.split_last()
        && left_out.len() < MOST_APPENDED
    {
        let others: Vec<Weighted> = before.iter().filter_map(|c| Some((c.b?, row_at(images, c.place)))).collect();
        let Some(what) = judge(row_at(images, last.place), last.b, &others, tolerance) else {
            break;
        };
        tracing::warn!(
            "{}: volume {} is left out: it looks like {what}; name it in --volumes to use it",
            images[last.place.image].path.display(),
            last.index
        );
        left_out.push((last.index, what));
        candidates.pop();
    }
    left_out
}

fn select_by_b(volumes: Vec<Chosen>, select: &Selection, tolerance: f64, first: &Image) -> Result<Vec<Chosen>> {
    let all: Vec<f64> = volumes.iter().map(|volume| volume.b).collect();
    if let Some(b) = select.unmatched_b(&all, tolerance) {
        return Err(Error::data(
            &first.path,
            format!("no volume has a b-value within {tolerance} of {b} s/mm²"),
            format!("choose --b-use from {}", listed(&all)),
        ));
    }
    let chosen: Vec<Chosen> = volumes.into_iter().filter(|volume| select.takes_b(volume.b, tolerance)).collect();
    if chosen.is_empty() {
        return Err(Error::data(
            &first.path,
            format!("no volume is left after the selection; the b-values are {}", listed(&all)),
            "widen --volumes, --b-min, --b-max or --b-use",
        ));
    }
    Ok(chosen)
}

/// Each b-value once, rising.
fn listed(b_values: &[f64]) -> String {
    let mut sorted = b_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let words: Vec<String> = sorted.iter().map(f64::to_string).collect();
    words.join(", ")
}
