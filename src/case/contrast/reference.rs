//! Reference regions of each phase.

use super::load::Loaded;
use crate::case::findings::Findings;
use crate::case::labels::CaseLabels;
use crate::enhance::comparison::References;
use crate::enhance::scaling::{bits, filled};
use crate::measure::reference::{liver_voxels, reference};
use crate::measure::{Organ, Reference};
use crate::volume::Grid;

/// The voxels of the reference regions on one grid.
#[derive(Debug)]
pub(in crate::case) struct ReferenceVoxels {
    organs: Vec<(Organ, Vec<usize>)>,
}

const ORGANS: [Organ; 5] = [Organ::Spleen, Organ::Aorta, Organ::PortalVein, Organ::HepaticVein, Organ::Muscle];
/// What is taken out of the liver.
const NOT_LIVER: [Organ; 5] =
    [Organ::PortalVein, Organ::HepaticVein, Organ::HepaticVessels, Organ::InferiorVenaCava, Organ::Gallbladder];

impl ReferenceVoxels {
    /// Liver without lesions, vessels and its margin, and the other organs as they are.
    pub(in crate::case) fn new(labels: &CaseLabels, grid: &Grid) -> Self {
        let mut without: Vec<Vec<usize>> = NOT_LIVER.iter().map(|&organ| labels.organ(organ)).collect();
        without.push(labels.lesion_voxels());
        let without: Vec<&[usize]> = without.iter().map(Vec::as_slice).collect();
        let liver = liver_voxels(&labels.organ(Organ::Liver), &without, grid).voxels;
        let others = ORGANS.iter().map(|&organ| (organ, labels.organ(organ)));
        Self { organs: std::iter::once((Organ::Liver, liver)).chain(others).collect() }
    }

    /// The references in one image; regions without enough voxels have none, which `findings` say.
    pub(in crate::case) fn of(&self, part: &str, values: &[f32], findings: &mut Findings) -> References {
        let mut found = References::new();
        let filled = filled(values);
        for (organ, voxels) in self.organs.iter().filter(|(_, voxels)| !voxels.is_empty()) {
            // Outside of a mask there is nothing to refer to.
            let is_outside = |&voxel: &usize| filled.is_some_and(|filled| filled == bits(values[voxel]));
            if voxels.iter().all(is_outside) {
                let value = values[voxels[0]];
                findings.warn(
                    part,
                    format!("no reference of {}: all of it is {value}, as outside of a mask", organ.name()),
                );
                continue;
            }
            match reference(values, voxels) {
                Ok(of) => drop(found.insert(*organ, of)),
                Err(why) => findings.warn(part, format!("no reference of {}: {why}", organ.name())),
            }
        }
        found
    }

    /// The voxels of an organ that references are taken from.
    pub(in crate::case) fn voxels(&self, organ: Organ) -> Option<&[usize]> {
        let (_, voxels) = self.organs.iter().find(|(known, _)| *known == organ)?;
        Some(voxels)
    }

    /// The liver's reference in one image.
    pub(in crate::case) fn liver(&self, values: &[f32]) -> Option<Reference> {
        reference(values, self.voxels(Organ::Liver)?).ok()
    }

    /// By how much the liver rises from the unenhanced phase to each one; none where there is no unenhanced phase.
    pub(in crate::case) fn rises(&self, loaded: &Loaded) -> Vec<Option<Reference>> {
        let before = loaded.unenhanced().map(|phase| loaded.values(phase));
        let rise = |phase: usize| {
            let mut values = loaded.values(phase);
            values.iter_mut().zip(before.as_ref()?).for_each(|(value, &before)| *value -= before);
            self.liver(&values).filter(|_| phase > 0)
        };
        (0..loaded.phases.len()).map(rise).collect()
    }

    /// The references of every phase, in order.
    pub(in crate::case) fn of_phases(&self, loaded: &Loaded, findings: &mut Findings) -> Vec<References> {
        (0..loaded.phases.len()).map(|phase| self.of(loaded.part, &loaded.values(phase), findings)).collect()
    }
}
