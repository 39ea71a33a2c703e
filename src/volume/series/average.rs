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
/// At b = 0 (within the tolerance) there is no gradient whose direction or other properties would distinguish repeats: all
/// are averaged, by sum over number.
///
/// # Errors
/// Those of reading the table that divides repeats; [`Error::Usage`] for one where repeats are not averaged.
pub(super) fn volumes(images: &[Image], chosen: Vec<Chosen>, options: &SeriesOptions) -> Result<Vec<Volume>> {
    if options.average == Average::None && options.average_within.is_some() {
        let problem = "repeats are not averaged, so there is nothing to do within a column of a table";
        return Err(Error::Usage(format!("{problem}\n  remedy: choose --average geometric or arithmetic")));
    }
    let as_stored = options.average == Average::None && !options.median_3x3;
    let groups: Vec<Vec<Chosen>> = match options.average {
        Average::None => chosen.into_iter().map(|c| vec![c]).collect(),
        _ => {
            let groups = grouped(chosen, options.b_tolerance);
            match &options.average_within {
                None => groups,
                Some(column) => divided(groups, &column.cells(n_volumes(images))?, options.b_tolerance),
            }
        }
    };
    let volume = |group: Vec<Chosen>| {
        let b = group.iter().map(|c| c.b).sum::<f64>() / group.len() as f64;
        let voxels = if as_stored {
            Voxels::Borrowed(group[0].place)
        } else {
            let rows: Vec<Row> = group.iter().map(|c| row_at(images, c.place)).collect();
            let average = if b <= options.b_tolerance { Average::Arithmetic } else { options.average };
            Voxels::Made(combine(&rows, &images[0].grid, average, options.median_3x3))
        };
        Volume { b, from: group.iter().map(|c| c.index).collect(), voxels }
    };
    Ok(groups.into_par_iter().map(volume).collect())
}

fn n_volumes(images: &[Image]) -> usize {
    images.iter().map(Image::n_volumes).sum()
}

/// Repeats together, by rising b: no two in a group differ by more than `tolerance`.
pub(super) fn grouped(mut chosen: Vec<Chosen>, tolerance: f64) -> Vec<Vec<Chosen>> {
    chosen.sort_by(|x, y| x.b.total_cmp(&y.b));
    let mut groups: Vec<Vec<Chosen>> = Vec::new();
    for c in chosen {
        match groups.last_mut() {
            Some(group) if c.b - group[0].b <= tolerance => group.push(c),
            _ => groups.push(vec![c]),
        }
    }
    groups
}

/// Groups above b = 0 divided by what a table says of each volume, in the order of its first in the group.
fn divided(groups: Vec<Vec<Chosen>>, cells: &[String], tolerance: f64) -> Vec<Vec<Chosen>> {
    let mut divided = Vec::new();
    for group in groups {
        if group[0].b <= tolerance {
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
