//! Repeats become one volume.

use rayon::prelude::*;

use super::choose::Chosen;
use super::{SeriesOptions, Volume, Voxels, row_at};
use crate::device::Row;
use crate::volume::Image;
use crate::volume::filter::{Average, combine};
use crate::{Error, Result};

/// The observations of the chosen volumes: each as it is, filtered, or averaged with its repeats.
///
/// Repeats agree in all axes. At b = 0 (within the tolerance) there is no gradient whose direction or other properties would distinguish repeats: all
/// are averaged, by sum over number.
///
/// # Errors
/// Those of reading the table that divides repeats; [`Error::Usage`] for one where repeats are not averaged.
pub(super) fn volumes(images: &[Image], chosen: Vec<Chosen>, options: &SeriesOptions) -> Result<Vec<Volume>> {
    if options.average == Average::None && options.average_within.is_some() {
        let problem = "repeats are not averaged, so there is nothing to do within a column of a table";
        return Err(Error::Usage(format!("{problem}\n  remedy: choose --average geometric or arithmetic")));
    }
    let b = options.b_axis();
    let as_stored = options.average == Average::None && !options.median_3x3;
    let groups: Vec<Vec<Chosen>> = match options.average {
        Average::None => chosen.into_iter().map(|c| vec![c]).collect(),
        _ => {
            let groups = grouped(chosen, b, options.b_tolerance);
            match &options.average_within {
                None => groups,
                Some(column) => {
                    let is_b0 = |c: &Chosen| b.is_some_and(|b| c.at[b] <= options.b_tolerance);
                    divided(groups, &column.cells(n_volumes(images))?, is_b0)
                }
            }
        }
    };
    let volume = |group: Vec<Chosen>| {
        let mean = |axis: usize| group.iter().map(|c| c.at[axis]).sum::<f64>() / group.len() as f64;
        let at: Vec<f64> = (0..options.axes.len()).map(mean).collect();
        let voxels = if as_stored {
            Voxels::Borrowed(group[0].place)
        } else {
            let rows: Vec<Row> = group.iter().map(|c| row_at(images, c.place)).collect();
            let is_b0 = b.is_some_and(|b| at[b] <= options.b_tolerance);
            let average = if is_b0 { Average::Arithmetic } else { options.average };
            Voxels::Made(combine(&rows, &images[0].grid, average, options.median_3x3))
        };
        Volume { at, from: group.iter().map(|c| c.index).collect(), voxels }
    };
    Ok(groups.into_par_iter().map(volume).collect())
}

fn n_volumes(images: &[Image]) -> usize {
    images.iter().map(Image::n_volumes).sum()
}

/// Values of an axis other than b that differ by less than this share of themselves are the same: as text and JSON round.
const SAME: f64 = 1e-6;

/// Whether two places on the axes are the same: b, which is the axis of that number, within `tolerance`.
pub(super) fn agree(x: &[f64], y: &[f64], b: Option<usize>, tolerance: f64) -> bool {
    x.iter().zip(y).enumerate().all(|(axis, (x, y))| match Some(axis) == b {
        true => (x - y).abs() <= tolerance,
        false => (x - y).abs() <= SAME * x.abs().max(y.abs()),
    })
}

/// Repeats together, by rising values of the axes: those of a group differ from its first in b by no more than
/// `tolerance`, and in no other axis.
fn grouped(mut chosen: Vec<Chosen>, b: Option<usize>, tolerance: f64) -> Vec<Vec<Chosen>> {
    let rising = |x: &Chosen, y: &Chosen| {
        let both = x.at.iter().zip(&y.at);
        both.map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    chosen.sort_by(rising);
    let mut groups: Vec<Vec<Chosen>> = Vec::new();
    for c in chosen {
        match groups.iter_mut().rev().find(|group| agree(&group[0].at, &c.at, b, tolerance)) {
            Some(group) => group.push(c),
            None => groups.push(vec![c]),
        }
    }
    groups
}

/// Groups divided by what a table says of each volume, in the order of its first in the group; those of b = 0 stay.
fn divided(groups: Vec<Vec<Chosen>>, cells: &[String], is_b0: impl Fn(&Chosen) -> bool) -> Vec<Vec<Chosen>> {
    let mut divided = Vec::new();
    for group in groups {
        if is_b0(&group[0]) {
            divided.push(group);
            continue;
        }
        let mut parts: Vec<Vec<Chosen>> = Vec::new();
        for c in group {
            match parts.iter_mut().find(|part| cells[part[0].index] == cells[c.index]) {
                Some(part) => part.push(c),
                None => parts.push(vec![c]),
            }
        }
        divided.extend(parts);
    }
    divided
}
