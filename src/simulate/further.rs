//! The series of a phantom beside the diffusion and the dynamic ones: fat, T2, T2* and T1.

use super::Rng;
use super::phantom::scan;
use super::signal::{check_range, spin_echo, spoiled_gradient_echo, t2star_decay};
use super::spec::{Sequence, Spec, Timing, Tissue};
use super::truth::TruthMap;
use crate::Result;
use crate::device::ColumnType;
use crate::enhance::Agent;

/// What a series is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Fat, from gradient echoes in phase and opposed.
    Fat,
    /// T2, from turbo spin echoes.
    T2,
    /// R2*, from gradient echoes.
    T2star,
    /// T1, from spoiled gradient echoes at several flip angles.
    T1,
}

/// A series beside the diffusion and the dynamic ones.
#[derive(Debug, Clone)]
pub struct FurtherSeries {
    /// What it is for.
    pub purpose: Purpose,
    /// Its volumes, in the order of the spec.
    pub volumes: Vec<FurtherVolume>,
    /// What the maps made of it should be.
    pub truth: Vec<TruthMap>,
}

/// One volume, as a scanner stores it.
#[derive(Debug, Clone)]
pub struct FurtherVolume {
    /// Its name, as that of its file.
    pub name: String,
    /// Its timing.
    pub timing: Timing,
    /// Its place among the echoes, from 1, where there are several.
    pub echo_number: Option<usize>,
    /// The voxels.
    pub voxels: Vec<i16>,
}

/// The first stream of random numbers that diffusion and dynamic series leave.
const FIRST_STREAM: u32 = 2;

/// All of them. `tissues` is the tissue of each voxel; the noise of series i is that of stream [`FIRST_STREAM`] + i.
pub(super) fn further(spec: &Spec, agent: Agent, tissues: &[u8], rng: Rng) -> Result<Vec<FurtherSeries>> {
    let of = &spec.further;
    let all = [(Purpose::Fat, &of.fat), (Purpose::T2, &of.t2), (Purpose::T2star, &of.t2star), (Purpose::T1, &of.t1)];
    let make = |((purpose, sequence), stream): ((Purpose, &Sequence), u32)| {
        let signals = signals(spec, purpose, sequence)?;
        let voxels = scan(spec, tissues, signals.iter(), rng.stream(stream));
        let timings = sequence.timings();
        let volume = |(i, (&timing, voxels))| FurtherVolume {
            name: name(purpose, i, timing),
            timing,
            echo_number: matches!(purpose, Purpose::T2 | Purpose::T2star).then_some(i + 1),
            voxels,
        };
        Ok(FurtherSeries {
            purpose,
            volumes: std::iter::zip(&timings, voxels).enumerate().map(volume).collect(),
            truth: truth(spec, agent, purpose, &signals),
        })
    };
    all.into_iter().zip(FIRST_STREAM..).map(make).collect()
}

fn name(purpose: Purpose, volume: usize, timing: Timing) -> String {
    match purpose {
        Purpose::Fat => ["in_phase", "opposed_phase"][volume].into(),
        Purpose::T2 => format!("t2_e{}", volume + 1),
        Purpose::T2star => format!("t2star_e{}", volume + 1),
        Purpose::T1 => format!("t1_flip{}", timing.flip_angle_deg),
    }
}

/// Noiseless signals of air, then of each tissue, one a volume, at the gain that gives the reference tissue its SNR.
fn signals(spec: &Spec, purpose: Purpose, sequence: &Sequence) -> Result<Vec<Vec<f64>>> {
    let timings = sequence.timings();
    let at_unit_gain = |tissue: &Tissue| -> Vec<f64> {
        timings.iter().enumerate().map(|(volume, &timing)| signal(purpose, tissue, volume, timing)).collect()
    };
    let reference = spec.reference()?;
    let gain = sequence.snr * spec.noise.sd / at_unit_gain(&spec.tissues[reference])[0];
    let mut all = vec![vec![0.0; timings.len()]];
    for tissue in &spec.tissues {
        let signals: Vec<f64> = at_unit_gain(tissue).into_iter().map(|s| s * gain).collect();
        check_range(spec, tissue, &signals)?;
        all.push(signals);
    }
    Ok(all)
}

fn signal(purpose: Purpose, tissue: &Tissue, volume: usize, timing: Timing) -> f64 {
    let Timing { repetition_time_ms, echo_time_ms, flip_angle_deg } = timing;
    let (water, fat) = (tissue.proton_density.value, tissue.fat_fraction.value);
    let both = water / (1.0 - fat);
    let gradient_echo = |m: f64| spoiled_gradient_echo(m, repetition_time_ms, flip_angle_deg, tissue.t1_ms.value);
    match purpose {
        Purpose::Fat if volume == 0 => gradient_echo(both),
        Purpose::Fat => gradient_echo(both * (1.0 - 2.0 * fat).abs()),
        Purpose::T2 => spin_echo(water, echo_time_ms, tissue.t2_ms.value),
        Purpose::T2star => t2star_decay(gradient_echo(both), echo_time_ms, tissue.r2star_per_s.value),
        Purpose::T1 => gradient_echo(water),
    }
}

/// By the names of the maps: `signal_fat_fraction`, T2, R2star, T1, and the change of R1 in each phase of the agent.
fn truth(spec: &Spec, agent: Agent, purpose: Purpose, signals: &[Vec<f64>]) -> Vec<TruthMap> {
    let map = |name: &str, unit, title: &str, values: Vec<f64>| TruthMap {
        name: name.into(),
        unit,
        title: title.into(),
        kind: ColumnType::F32,
        by_tissue: values,
    };
    let of = |value: &dyn Fn(&Tissue) -> f64| std::iter::once(f64::NAN).chain(spec.tissues.iter().map(value)).collect();
    match purpose {
        // From the signals: two magnitudes do not tell 90 % of fat from 10 %.
        Purpose::Fat => {
            let fraction = |s: &Vec<f64>| 100.0 * (s[0] - s[1]) / (2.0 * s[0]);
            vec![map("signal_fat_fraction", "%", "Signal fat fraction", signals.iter().map(fraction).collect())]
        }
        Purpose::T2 => vec![map("T2", "ms", "Transverse relaxation time", of(&|t| t.t2_ms.value))],
        Purpose::T2star => {
            vec![map("R2star", "1/s", "Effective transverse relaxation rate", of(&|t| t.r2star_per_s.value))]
        }
        Purpose::T1 => {
            let mut maps =
                vec![map("T1", "ms", "Longitudinal relaxation time before contrast", of(&|t| t.t1_ms.value))];
            let phases = spec.phases(agent).unwrap_or_default().iter().skip(1);
            maps.extend(phases.enumerate().map(|(i, phase)| {
                let (name, title) = (format!("delta_r1_{}", phase.role), format!("Change of R1, {}", phase.role));
                map(&name, "1/s", &title, of(&|t| t.rises(agent).get(i).copied().unwrap_or(f64::NAN)))
            }));
            maps
        }
    }
}

#[cfg(test)]
#[path = "further_tests.rs"]
mod tests;
