//! The labels of an examination on the grid of one of its series: organs, vessels and lesions together.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{LabelFile, Lesions, Numbering};
use super::findings::Findings;
use super::load::Case;
use crate::measure::Regions;
use crate::measure::anatomy::{self, Anatomy, Organ};
use crate::volume::{Grid, Labels, ReadOptions, read_labels};
use crate::{Error, Result};

/// What is added to the numbers of each further label image, so that a number means one region whatever the grid.
pub(super) const APART: u16 = 1000;

/// The labels of all label images on one grid.
#[derive(Debug, Clone)]
pub(super) struct CaseLabels {
    /// Numbers, names and colours.
    pub(super) labels: Labels,
    /// Where each label is.
    pub(super) regions: Regions,
    /// Which of them are lesions.
    pub(super) lesions: BTreeSet<u16>,
    anatomy: Anatomy,
}

/// The labels of one image, or of several put together.
struct Layer {
    labels: Labels,
    /// What tells organs: names of a numbering, or the labels' own.
    organs: BTreeMap<u16, String>,
    lesions: BTreeSet<u16>,
    /// Lesions that have no voxel here.
    absent: Vec<u16>,
}

/// Reads all label images of a case onto `grid`, later ones over earlier ones; `None` where there are none that can be used:
/// faults say why.
///
/// # Errors
/// [`Error::Internal`] alone: what is wrong with labels becomes a fault.
pub(super) fn on_grid(
    case: &Case,
    part: &str,
    grid: &Grid,
    read: &ReadOptions,
    findings: &mut Findings,
) -> Result<Option<CaseLabels>> {
    let mut all: Option<Layer> = None;
    let mut is_lesion_missing = false;
    for (place, entry) in case.file.labels.iter().enumerate() {
        let moved = layer(case, entry, grid, read).and_then(|layer| {
            let remedy = "give labels smaller numbers";
            layer.moved(place).map_err(|problem| Error::data(case.at(&entry.file), problem, remedy))
        });
        match moved {
            Ok(layer) => {
                for absent in &layer.absent {
                    findings.warn(part, format!("lesion {absent} has no voxel on the grid of these images"));
                }
                all = Some(over(all, layer));
            }
            Err(error @ Error::Internal(_)) => return Err(error),
            Err(error) => {
                findings.fault(part, format!("{error}\n  nothing is measured in its labels"));
                is_lesion_missing |= entry.lesions != Lesions::All(false);
            }
        }
    }
    if let Some(all) = all.as_mut().filter(|_| is_lesion_missing) {
        // Liver with its lesions is no reference.
        all.organs.retain(|_, name| Organ::from_name(name) != Some(Organ::Liver));
        findings.fault(part, "the liver is no reference, since its lesions are not known: nothing is compared with it");
    }
    Ok(all.map(|Layer { labels, organs, lesions, .. }| CaseLabels {
        regions: Regions::new(&labels.values),
        anatomy: Anatomy::from_names(&organs),
        labels,
        lesions,
    }))
}

fn layer(case: &Case, entry: &LabelFile, grid: &Grid, read: &ReadOptions) -> Result<Layer> {
    let path = case.at(&entry.file);
    let mut labels = read_labels(&path, grid, read)?;
    let present: BTreeSet<u16> = labels.values.iter().copied().filter(|&label| label != 0).collect();
    let lesions: BTreeSet<u16> = match &entry.lesions {
        Lesions::All(true) => present.clone(),
        Lesions::All(false) => BTreeSet::new(),
        Lesions::Numbers(numbers) => numbers.iter().copied().collect(),
    };
    let (lesions, absent): (BTreeSet<u16>, BTreeSet<u16>) =
        lesions.into_iter().partition(|label| present.contains(label));
    let mut organs = match entry.numbering {
        Numbering::Names => labels.names.clone(),
        Numbering::TotalsegmentatorV2 => anatomy::Numbering::TotalSegmentator.names().clone(),
        Numbering::TotalsegmentatorV2Mr => anatomy::Numbering::TotalSegmentatorMr.names().clone(),
    };
    organs.retain(|label, _| present.contains(label) && !lesions.contains(label));
    for (&label, name) in &organs {
        labels.names.entry(label).or_insert_with(|| name.clone());
    }
    Ok(Layer { labels, organs, lesions, absent: absent.into_iter().collect() })
}

impl Layer {
    /// The labels of the label image at `place`, under the numbers that they have among those of all.
    ///
    /// # Errors
    /// A label whose number would be too large.
    fn moved(self, place: usize) -> Result<Self, String> {
        let number = |label: u16| match label {
            0 => Ok(0),
            _ => moved(label, place),
        };
        let several = |map: BTreeMap<u16, String>| -> Result<BTreeMap<u16, String>, String> {
            map.into_iter().map(|(label, name)| Ok((number(label)?, name))).collect()
        };
        let Labels { values, names, colours } = self.labels;
        let labels = Labels {
            values: values.into_iter().map(number).collect::<Result<_, _>>()?,
            names: several(names)?,
            colours: colours
                .into_iter()
                .map(|(label, colour)| Ok((number(label)?, colour)))
                .collect::<Result<_, String>>()?,
        };
        let lesions = self.lesions.into_iter().map(number).collect::<Result<_, _>>()?;
        let absent = self.absent.into_iter().map(number).collect::<Result<_, _>>()?;
        Ok(Self { labels, organs: several(self.organs)?, lesions, absent })
    }
}

/// The number of a label of the label image at `place`.
///
/// # Errors
/// It is too large.
pub(super) fn moved(label: u16, place: usize) -> Result<u16, String> {
    let by = u16::try_from(place).ok().and_then(|place| place.checked_mul(APART));
    let number = by.and_then(|by| label.checked_add(by));
    number.ok_or_else(|| format!("label {label} of label image {} is too large", place + 1))
}

/// Puts labels over others; lesions stay above organs.
fn over(below: Option<Layer>, above: Layer) -> Layer {
    let Some(mut below) = below else { return above };
    let (lesions, above_lesions) = (&below.lesions, &above.lesions);
    for (below, &above) in below.labels.values.iter_mut().zip(&above.labels.values) {
        let hides = lesions.contains(below) && !above_lesions.contains(&above);
        if above != 0 && !hides {
            *below = above;
        }
    }
    below.labels.names.extend(above.labels.names);
    below.labels.colours.extend(above.labels.colours);
    below.organs.extend(above.organs);
    below.lesions.extend(above.lesions);
    below
}

impl CaseLabels {
    /// The voxels of lesions and of every organ that is known but muscle, in order; a label of the whole body is none of them.
    pub(super) fn organs_but_muscle(&self) -> Vec<usize> {
        let is_organ = |label: u16| self.organ_of(label).is_some_and(|organ| organ != Organ::Muscle);
        let is_other = |&label: &u16| is_organ(label) || self.lesions.contains(&label);
        let values = self.labels.values.iter().enumerate();
        values.filter(|(_, label)| is_other(label)).map(|(voxel, _)| voxel).collect()
    }

    /// What a label is called.
    pub(super) fn name(&self, label: u16) -> String {
        self.labels.names.get(&label).map_or_else(|| format!("label {label}"), String::clone)
    }

    /// The voxels of an organ, in order.
    pub(super) fn organ(&self, organ: Organ) -> Vec<usize> {
        self.anatomy.voxels(organ, &self.regions)
    }

    /// Which organ a label is, if it is one that is known.
    pub(super) fn organ_of(&self, label: u16) -> Option<Organ> {
        self.anatomy.organ(label)
    }

    /// The voxels of all lesions, in order.
    pub(super) fn lesion_voxels(&self) -> Vec<usize> {
        let mut voxels: Vec<usize> =
            self.lesions.iter().flat_map(|&label| self.regions.voxels(label)).copied().collect();
        voxels.sort_unstable();
        voxels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(values: &[u16], names: &[(u16, &str)], lesions: &[u16]) -> Layer {
        let names: BTreeMap<u16, String> = names.iter().map(|&(label, name)| (label, name.to_owned())).collect();
        let labels = Labels { values: values.into(), names: names.clone(), colours: BTreeMap::new() };
        Layer { labels, organs: names, lesions: lesions.iter().copied().collect(), absent: Vec::new() }
    }

    #[test]
    fn later_labels_lie_over_earlier_ones_under_numbers_of_their_own() {
        let below = layer(&[5, 5, 1, 0], &[(5, "liver"), (1, "spleen")], &[]);
        let lesions = layer(&[0, 1, 0, 2], &[(1, "metastasis")], &[1, 2]).moved(1).unwrap();
        let both = over(Some(below), lesions);
        assert_eq!(both.labels.values, [5, 1001, 1, 1002]);
        assert_eq!(both.labels.names[&1001], "metastasis");
        assert_eq!(both.labels.names[&1], "spleen");
        assert_eq!(both.lesions, [1001, 1002].into());
        // Organs that come later do not hide lesions.
        let organs = over(Some(layer(&[1, 0], &[], &[1])), layer(&[5, 5], &[(5, "liver")], &[]).moved(1).unwrap());
        assert_eq!(organs.labels.values, [1, 1005]);
        assert!(layer(&[65_000], &[], &[]).moved(1).is_err());
    }
}
