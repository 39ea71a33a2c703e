//! From all volumes of the inputs to those that are used.

use super::appended::{Appended, Weighted, judge};
use super::select::Selection;
use super::{Place, SeriesOptions, row_at};
use crate::volume::Image;
use crate::{Error, Result};

/// Most volumes that a scanner appends: an ADC map and a mean over directions.
const MOST_APPENDED: usize = 2;

/// A volume of the inputs that is used.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// The value of each axis in its unit.
    pub(super) at: Vec<f64>,
    /// Counted from 0 over all inputs.
    pub(super) index: usize,
    pub(super) place: Place,
}

/// A volume of the inputs; those appended by a scanner may have no place on the axes.
#[derive(Debug, Clone)]
struct Candidate {
    at: Option<Vec<f64>>,
    index: usize,
    place: Place,
}

/// What became of the volumes of the inputs.
pub(super) struct Choice {
    pub(super) chosen: Vec<Chosen>,
    /// The scanner's own, by index.
    pub(super) left_out: Vec<(usize, Appended)>,
}

/// Finds the volumes that are used, and those that are not because a scanner appended them; `values` are
/// `[axis][volume]`.
pub(super) fn choose(images: &[Image], values: &[Vec<f64>], options: &SeriesOptions) -> Result<Choice> {
    let b = options.b_axis();
    // A scanner computes its own volumes from plain diffusion series.
    let most_appended = if b.is_some() && options.axes.len() == 1 { MOST_APPENDED } else { 0 };
    let mut candidates = candidates(images, values);
    let (n_volumes, n_values) = (candidates.len(), values.first().map_or(0, Vec::len));
    let mismatch = || match options.axes.as_slice() {
        [axis] => Err(axis.mismatch(&images[0].path, n_volumes, n_values)),
        axes => {
            let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
            let problem = format!("{n_volumes} volumes but {n_values} values of the axes {}", names.join(" and "));
            Err(Error::data(&images[0].path, problem, "give each axis one value a volume, or one for all of them"))
        }
    };
    if n_values > n_volumes || n_volumes - n_values > most_appended {
        return mismatch();
    }
    let mut left_out = Vec::new();
    if options.select.volumes.is_empty() && most_appended > 0 {
        left_out = leave_out_appended(images, &mut candidates, options.b_tolerance);
    }
    for choice in &options.select.volumes {
        let named = choice.named(n_volumes, &images[0].path)?;
        candidates.retain(|candidate| named[candidate.index]);
    }
    let placed = |c: Candidate| Some(Chosen { at: c.at?, index: c.index, place: c.place });
    let Some(placed) = candidates.into_iter().map(placed).collect::<Option<Vec<_>>>() else {
        return mismatch();
    };
    let chosen = match b {
        Some(b) => select_by_b(placed, b, &options.select, options.b_tolerance, &images[0])?,
        None if options.select.is_by_b() => {
            let remedy = "choose --volumes instead of --b-min, --b-max and --b-use";
            return Err(Error::Usage(format!("the series has no b-values to choose by\n  remedy: {remedy}")));
        }
        None => placed,
    };
    match chosen.is_empty() {
        true => Err(nothing_left(&images[0], "it", "widen --volumes")),
        false => Ok(Choice { chosen, left_out }),
    }
}

fn candidates(images: &[Image], values: &[Vec<f64>]) -> Vec<Candidate> {
    let places =
        images.iter().enumerate().flat_map(|(image, i)| (0..i.n_volumes()).map(move |volume| Place { image, volume }));
    let at = |index: usize| values.iter().map(|axis| axis.get(index).copied()).collect();
    places.enumerate().map(|(index, place)| Candidate { at: at(index), index, place }).collect()
}

fn nothing_left(first: &Image, of: &str, remedy: &str) -> Error {
    Error::data(&first.path, format!("no volume is left after the selection from {of}"), remedy)
}

/// Drops volumes from the end of a series of b-values for as long as they are the scanner's own, at most two.
fn leave_out_appended(images: &[Image], candidates: &mut Vec<Candidate>, tolerance: f64) -> Vec<(usize, Appended)> {
    let mut left_out = Vec::new();
    while let Some((last, before)) = candidates.split_last()
        && left_out.len() < MOST_APPENDED
    {
        let b = |c: &Candidate| c.at.as_ref().map(|at| at[0]);
        let others: Vec<Weighted> = before.iter().filter_map(|c| Some((b(c)?, row_at(images, c.place)))).collect();
        let Some(what) = judge(row_at(images, last.place), b(last), &others, tolerance) else {
            break;
        };
        images[last.place.image].remarks.say(format!(
            "{}: volume {} is left out: it looks like {what}; name it in --volumes to use it",
            images[last.place.image].path.display(),
            last.index
        ));
        left_out.push((last.index, what));
        candidates.pop();
    }
    left_out
}

fn select_by_b(
    volumes: Vec<Chosen>,
    b: usize,
    select: &Selection,
    tolerance: f64,
    first: &Image,
) -> Result<Vec<Chosen>> {
    let all: Vec<f64> = volumes.iter().map(|volume| volume.at[b]).collect();
    if let Some(b) = select.unmatched_b(&all, tolerance) {
        return Err(Error::data(
            &first.path,
            format!("no volume has a b-value within {tolerance} of {b} s/mm²"),
            format!("choose --b-use from {}", listed(&all)),
        ));
    }
    let chosen: Vec<Chosen> = volumes.into_iter().filter(|volume| select.takes_b(volume.at[b], tolerance)).collect();
    if chosen.is_empty() {
        let of = format!("the b-values {}", listed(&all));
        return Err(nothing_left(first, &of, "widen --volumes, --b-min, --b-max or --b-use"));
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
