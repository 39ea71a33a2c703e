//! Making a phantom: labels, noiseless signals, noise, and the truth of every map.

use rayon::prelude::*;

use super::further::{FurtherSeries, further};
use super::signal::signals;
use super::spec::{Phase, Spec, Timing, Tissue};
use super::truth::{TruthMap, truth};
use super::{Rng, add_noise_from, centred_grid};
use crate::Result;
use crate::device::{Column, ColumnType};
use crate::enhance::Agent;
use crate::volume::{Grid, Image, VoxelType};

/// A simulated examination and its truth. All images lie on one grid, i fastest; no voxel is shared between tissues.
#[derive(Debug, Clone)]
pub struct Phantom {
    /// The lattice of all images.
    pub grid: Grid,
    /// Magnetic field in T.
    pub field_strength_t: f64,
    /// The contrast agent.
    pub agent: Agent,
    /// The region of each voxel; 0 is none.
    pub labels: Vec<u16>,
    /// The regions, in the order of their labels.
    pub regions: Vec<Region>,
    /// Standard deviation of the noise in stored units, in each complex channel for Rician noise; as the spec states it,
    /// even where the noise was left out.
    pub sigma: f64,
    /// The diffusion series.
    pub diffusion: DiffusionSeries,
    /// The dynamic series.
    pub phases: Vec<DynamicPhase>,
    /// Timing of the dynamic series.
    pub dynamic: Timing,
    /// What each map of these two series should be.
    pub truth: Vec<TruthMap>,
    /// The other series, each with its own truth.
    pub further: Vec<FurtherSeries>,
    /// 0: air; else 1 + the position in the list of tissues.
    tissues: Vec<u8>,
}

/// A labelled part of the phantom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its value in the labels.
    pub label: u16,
    /// Its name.
    pub name: String,
    /// Whether it is a lesion.
    pub is_lesion: bool,
}

/// Diffusion images, one volume a b-value, as a scanner stores them.
#[derive(Debug, Clone)]
pub struct DiffusionSeries {
    /// s/mm², one a volume.
    pub b_s_per_mm2: Vec<f64>,
    /// Timing.
    pub timing: Timing,
    /// Volumes in the order of b.
    pub voxels: Vec<i16>,
}

/// One dynamic phase, as a scanner stores it.
#[derive(Debug, Clone)]
pub struct DynamicPhase {
    /// Role and time.
    pub phase: Phase,
    /// One volume.
    pub voxels: Vec<i16>,
}

/// Makes a phantom that got `agent`. The same `spec`, `agent` and `seed` give the same bytes on any machine and any number
/// of threads: the noise of voxel v of volume k has index k·n + v in stream 0 (diffusion), 1 (dynamic) or 2 and up (the
/// others) of the seed.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) for an agent that `spec` has no protocol for, and for signals beyond int16.
pub fn liver_phantom(spec: &Spec, agent: Agent, seed: u64) -> Result<Phantom> {
    let grid = centred_grid(spec.grid.shape, spec.grid.zooms_mm);
    let tissues = paint(spec, &grid);
    let phases = spec.phases(agent)?;
    let signals = signals(spec, agent)?;
    let rng = Rng::new(seed);
    let diffusion = scan(spec, &tissues, signals.iter().map(|s| &s.diffusion), rng);
    let dynamic = scan(spec, &tissues, signals.iter().map(|s| &s.phases), rng.stream(1));
    Ok(Phantom {
        field_strength_t: spec.field_strength_t,
        agent,
        labels: labels(spec, &tissues),
        regions: regions(spec),
        sigma: spec.noise.sd,
        diffusion: DiffusionSeries {
            b_s_per_mm2: spec.diffusion.b_s_per_mm2.clone(),
            timing: spec.diffusion.timing,
            voxels: diffusion.concat(),
        },
        phases: std::iter::zip(phases.iter().cloned(), dynamic)
            .map(|(phase, voxels)| DynamicPhase { phase, voxels })
            .collect(),
        dynamic: spec.dynamic.timing,
        truth: truth(spec, agent, phases, &signals),
        further: further(spec, agent, &tissues, rng)?,
        grid,
        tissues,
    })
}

/// The volumes of a series as stored; `signals` holds those of air and each tissue, one a volume.
pub(super) fn scan<'a>(
    spec: &Spec,
    tissues: &[u8],
    signals: impl Iterator<Item = &'a Vec<f64>>,
    rng: Rng,
) -> Vec<Vec<i16>> {
    let signals: Vec<&Vec<f64>> = signals.collect();
    let noiseless = |volume: usize| {
        let of_tissue: Vec<f32> = signals.iter().map(|s| s[volume] as f32).collect();
        tissues.iter().map(move |&t| of_tissue[usize::from(t)])
    };
    let mut values: Vec<f32> = (0..signals[0].len()).flat_map(noiseless).collect();
    add_noise_from(rng, &mut values, spec.noise.sd as f32, spec.noise.kind);
    let stored = |volume: &[f32]| volume.iter().map(|v| v.round() as i16).collect();
    values.par_chunks(tissues.len()).map(stored).collect()
}

fn labels(spec: &Spec, tissues: &[u8]) -> Vec<u16> {
    let of_tissue = spec.tissues.iter().map(|t| t.label.unwrap_or(0));
    let label_of: Vec<u16> = std::iter::once(0).chain(of_tissue).collect();
    tissues.iter().map(|&t| label_of[usize::from(t)]).collect()
}

fn regions(spec: &Spec) -> Vec<Region> {
    let region = |tissue: &Tissue| {
        let label = tissue.label?;
        Some(Region { label, name: tissue.name.clone(), is_lesion: tissue.lesion })
    };
    let mut regions: Vec<Region> = spec.tissues.iter().filter_map(region).collect();
    regions.sort_by_key(|r| r.label);
    regions
}

impl Phantom {
    /// The diffusion series as an image.
    pub fn diffusion_image(&self) -> Image {
        Image::from_values("dwi", self.grid.clone(), VoxelType::I16, &self.diffusion.voxels)
    }

    /// A phase of the dynamic series as an image.
    pub fn phase_image(&self, phase: &DynamicPhase) -> Image {
        Image::from_values(&phase.phase.role, self.grid.clone(), VoxelType::I16, &phase.voxels)
    }

    /// What a map should be in each voxel; NaN where it has no value.
    pub fn truth_column(&self, map: &TruthMap) -> Column {
        let values = self.tissues.iter().map(|&t| map.by_tissue[usize::from(t)]);
        match map.kind {
            ColumnType::F32 => Column::F32(values.map(|v| v as f32).collect()),
            ColumnType::U16 => Column::U16(values.map(|v| v as u16).collect()),
        }
    }
}

/// The tissue of each voxel, by its centre.
fn paint(spec: &Spec, grid: &Grid) -> Vec<u8> {
    let number = |name: &String| spec.tissue(name).map_or(0, |i| i as u8 + 1);
    let layers: Vec<_> = spec
        .shapes
        .iter()
        .map(|s| (number(&s.tissue), s.over.iter().map(number).collect::<Vec<u8>>(), &s.form))
        .collect();
    let [ni, nj, _] = grid.shape;
    let tissue_at = |voxel: usize| {
        let ijk = [voxel % ni, voxel / ni % nj, voxel / ni / nj].map(|x| x as f64);
        let position = grid.position(ijk);
        layers.iter().fold(0, |below, (tissue, over, form)| {
            let covers = over.is_empty() || over.contains(&below);
            if covers && form.contains(position) { *tissue } else { below }
        })
    };
    (0..grid.n_voxels()).into_par_iter().map(tissue_at).collect()
}

#[cfg(test)]
#[path = "phantom_tests.rs"]
mod tests;
