//! A series of any signal model, from known parameters.
//!
//! The same request gives the same bytes on any machine and any number of threads: the signal is computed by operations
//! that IEEE 754 defines to the last bit ([`Elementary::PORTABLE`]), rounded to f32, and given the noise of
//! [`super::add_noise`].

use rayon::prelude::*;

use super::{Noise, add_noise};
use crate::fit::design::reference_sample;
use crate::model::graph::{Graph, Node};
use crate::model::operator::Elementary;
use crate::model::signal::program::Choice;
use crate::model::{Fault, SignalModel};
use crate::{Error, Result};

/// The value of a parameter in its unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// The same in all voxels.
    Value(f64),
    /// One a voxel. A voxel in which a parameter is NaN is empty: it has noise alone.
    Map(Vec<f32>),
}

impl Truth {
    fn at(&self, voxel: usize) -> f64 {
        match self {
            Self::Value(value) => *value,
            Self::Map(map) => f64::from(map[voxel]),
        }
    }
}

/// What is simulated.
#[derive(Debug, Clone)]
pub struct SeriesSpec<'a> {
    /// The model.
    pub model: &'a SignalModel,
    /// `[axis][sample]` in their units.
    pub axes: &'a [Vec<f64>],
    /// One a parameter of the model, in its order; maps have `n_voxels` values.
    pub truth: &'a [Truth],
    /// Voxels of a volume.
    pub n_voxels: usize,
    /// How noise appears.
    pub noise: Noise,
    /// The noiseless signal of the sample with the lowest value of the first axis ([`reference_sample`]), as the mean of
    /// the voxels that are not empty, over the noise's standard deviation. Not looked at without noise.
    pub snr: f64,
    /// Of the noise: sample k of voxel v gets the deviates of index k·n + v.
    pub seed: u64,
}

/// A simulated series.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSeries {
    /// `[sample][voxel]`
    pub voxels: Vec<f32>,
    /// Standard deviation of the noise (of each complex channel for Rician noise) in units of the signal; 0 without.
    pub sigma: f64,
    /// What fits should find: all parameters, then derived quantities, by the names and in the units of the model.
    pub truth: Vec<TrueMap>,
}

/// What a map should be.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueMap {
    /// The map's name.
    pub name: String,
    /// Unit of the values.
    pub unit: String,
    /// What it is.
    pub title: String,
    /// One value a voxel; NaN where it is empty.
    pub values: Vec<f32>,
}

impl SeriesSpec<'_> {
    /// Refuses what cannot be meant, before anything is computed.
    ///
    /// # Errors
    /// [`Error::Usage`] for a truth outside the model's bounds, and for an SNR that is no number above 0.
    pub fn check(&self) -> Result<()> {
        for (parameter, truth) in self.model.parameters.iter().zip(self.truth) {
            match truth {
                Truth::Value(value) => parameter.check_value(*value)?,
                Truth::Map(map) => {
                    map.iter().filter(|v| !v.is_nan()).try_for_each(|&v| parameter.check_value(f64::from(v)))?;
                }
            }
        }
        match self.noise == Noise::None || (self.snr > 0.0 && self.snr.is_finite()) {
            true => Ok(()),
            false => {
                Err(Error::Usage(format!("an SNR of {} gives no noise level\n  remedy: give one above 0", self.snr)))
            }
        }
    }
}

/// Makes a series.
///
/// # Errors
/// Those of [`SeriesSpec::check`]; [`Error::Usage`] where the signal has no value or none that f32 holds, and for a mean
/// signal that gives no noise level.
pub fn simulate(spec: &SeriesSpec) -> Result<SimulatedSeries> {
    spec.check()?;
    let mut voxels = noiseless(spec)?;
    let sigma = sigma(spec, &voxels)?;
    add_noise(&mut voxels, sigma as f32, spec.noise, spec.seed);
    Ok(SimulatedSeries { voxels, sigma, truth: true_maps(spec)? })
}

/// All parameters as inputs of a graph.
fn all_inputs(model: &SignalModel) -> Choice {
    Choice { fixed: vec![None; model.parameters.len()] }
}

fn internal(fault: Fault) -> Error {
    Error::Internal(fault.problem)
}

/// Samples that a thread takes at once.
const CHUNK: usize = 4096;

/// `[sample][voxel]`; 0 where a voxel is empty.
fn noiseless(spec: &SeriesSpec) -> Result<Vec<f32>> {
    let mut graph = Graph::default();
    let signal = spec.model.signal_node(&mut graph, &all_inputs(spec.model)).map_err(internal)?;
    let n_samples = spec.axes.first().map_or(0, Vec::len);
    let mut signals = vec![0.0; n_samples * spec.n_voxels];
    let fill = |(chunk, out): (usize, &mut [f32])| {
        let (mut inputs, mut values) = (Vec::new(), Vec::new());
        let mut constants: Vec<f64> = Vec::new();
        for (i, to) in out.iter_mut().enumerate() {
            let (sample, voxel) = ((chunk * CHUNK + i) / spec.n_voxels, (chunk * CHUNK + i) % spec.n_voxels);
            inputs.clear();
            inputs.extend(spec.truth.iter().map(|truth| truth.at(voxel)));
            if inputs.iter().any(|value| value.is_nan()) {
                continue;
            }
            constants.clear();
            constants.extend(spec.axes.iter().map(|axis| axis[sample]));
            graph.values_by(&Elementary::PORTABLE, &constants, &inputs, &mut values);
            *to = values[signal.index()] as f32;
            if !to.is_finite() {
                return Err(no_signal(spec.model, sample, &inputs));
            }
        }
        Ok(())
    };
    signals.par_chunks_mut(CHUNK).enumerate().try_for_each(fill)?;
    Ok(signals)
}

fn no_signal(model: &SignalModel, sample: usize, inputs: &[f64]) -> Error {
    let named: Vec<String> =
        model.parameters.iter().zip(inputs).map(|(parameter, value)| format!("{} = {value}", parameter.name)).collect();
    Error::Usage(format!(
        "the model `{}` has no signal in sample {} for {}\n  remedy: give other values",
        model.name,
        sample + 1,
        named.join(", ")
    ))
}

fn sigma(spec: &SeriesSpec, noiseless: &[f32]) -> Result<f64> {
    if spec.noise == Noise::None {
        return Ok(0.0);
    }
    let reference = &noiseless[reference_sample(spec.axes) * spec.n_voxels..][..spec.n_voxels];
    let is_empty = |voxel: usize| spec.truth.iter().any(|truth| truth.at(voxel).is_nan());
    let present = reference.iter().enumerate().filter(|(voxel, _)| !is_empty(*voxel));
    // In the order of the voxels, so that the sum has the same bits on any machine.
    let (n, sum) = present.fold((0.0, 0.0), |(n, sum), (_, &signal)| (n + 1.0, sum + f64::from(signal)));
    let sigma = sum / n / spec.snr;
    match sigma > 0.0 && (sigma as f32).is_normal() {
        true => Ok(sigma),
        false => Err(Error::Usage(format!(
            "a mean signal of {} at an SNR of {} is no noise level\n  remedy: give a truth with a signal above 0",
            sum / n,
            spec.snr
        ))),
    }
}

fn true_maps(spec: &SeriesSpec) -> Result<Vec<TrueMap>> {
    let (model, choice) = (spec.model, all_inputs(spec.model));
    let mut graph = Graph::default();
    let names: Vec<Node> = (0..model.parameters.len() as u32).map(|i| graph.input(i)).collect();
    let derived = model.derived_nodes(&mut graph, &choice).map_err(internal)?;
    let wanted: Vec<Node> = names.into_iter().chain(derived.into_iter().filter_map(|nodes| *nodes.first()?)).collect();
    let constants = model.derived_constants(&choice);
    let (mut inputs, mut values) = (Vec::new(), Vec::new());
    let mut columns = vec![Vec::with_capacity(spec.n_voxels); wanted.len()];
    for voxel in 0..spec.n_voxels {
        inputs.clear();
        inputs.extend(spec.truth.iter().map(|truth| truth.at(voxel)));
        let empty = inputs.iter().any(|value| value.is_nan());
        graph.values_by(&Elementary::PORTABLE, &constants, &inputs, &mut values);
        for (column, node) in columns.iter_mut().zip(&wanted) {
            column.push(if empty { f32::NAN } else { values[node.index()] as f32 });
        }
    }
    let parameters = model.parameters.iter().map(|p| (&p.name, &p.unit, &p.doc));
    let described = parameters.chain(model.derived.iter().map(|d| (&d.name, &d.unit, &d.doc)));
    let map = |((name, unit, doc), values): ((&String, &String, &String), _)| TrueMap {
        name: name.clone(),
        unit: unit.clone(),
        title: doc.clone(),
        values,
    };
    Ok(described.zip(columns).map(map).collect())
}

#[cfg(test)]
mod tests;
