//! The series that a benchmark fits.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::fit::FitMethod;
use crate::model::SignalModel;
use crate::model::signal::{Axis, Parameter, ParameterKind};
use crate::simulate::series::{SeriesSpec, Truth, simulate};
use crate::simulate::{Noise, Rng, centred_grid};
use crate::volume::{AxisSource, MapData, SeriesAxis, SeriesOptions, write_nifti};

/// Voxels along i and j of a simulated slice.
const IN_PLANE: usize = 192;
/// Edges of a voxel, mm.
const ZOOMS_MM: [f64; 3] = [2.0, 2.0, 5.0];
/// Parameters in units of the signal: of the order of what scanners store.
const S0: f64 = 3000.0;
/// Mean signal of the sample with the lowest value of the first axis over σ.
const SNR: f64 = 30.0;
const SEED: u64 = 1;

/// Where voxels come from.
#[derive(Debug, Clone)]
pub enum Voxels {
    /// Each parameter is evenly spread between half and one and a half of its scale, within its bounds; SNR 30, Rician
    /// noise, int16. The same on every machine.
    Simulated {
        /// At least this many, in slices of 192 × 192.
        n_voxels: usize,
        /// `[axis][sample]` in the units of the model's axes.
        axes: Vec<Vec<f64>>,
    },
    /// A series.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its axes.
        axes: Vec<SeriesAxis>,
    },
}

impl Voxels {
    /// The file of the series, in `folder` if it is simulated, and how it is read.
    ///
    /// # Errors
    /// Those of [`simulate`] and of writing.
    pub(super) fn file(&self, method: &FitMethod, folder: &Path) -> Result<(PathBuf, SeriesOptions)> {
        match self {
            Self::File { path, axes } => {
                Ok((path.clone(), SeriesOptions { axes: axes.clone(), ..SeriesOptions::default() }))
            }
            Self::Simulated { n_voxels, axes } => {
                let (path, model) = (folder.join("series.nii"), method.signal_model()?);
                write(&model, *n_voxels, axes, &path)?;
                let axis = |(axis, values): (&Axis, &Vec<f64>)| SeriesAxis {
                    name: axis.name.clone(),
                    unit: axis.unit.clone(),
                    source: AxisSource::List(values.clone()),
                };
                let axes = model.axes.iter().zip(axes).map(axis).collect();
                Ok((path, SeriesOptions { axes, ..SeriesOptions::default() }))
            }
        }
    }
}

fn write(model: &SignalModel, n_voxels: usize, axes: &[Vec<f64>], path: &Path) -> Result<()> {
    let slices = n_voxels.div_ceil(IN_PLANE * IN_PLANE).max(1);
    let n_voxels = IN_PLANE * IN_PLANE * slices;
    let truth = |(i, parameter): (u32, &Parameter)| truth(parameter, Rng::new(SEED).stream(i), n_voxels);
    let spec = SeriesSpec {
        model,
        axes,
        truth: &(0..).zip(&model.parameters).map(truth).collect::<Vec<_>>(),
        n_voxels,
        noise: Noise::Rician,
        snr: SNR,
        seed: SEED,
    };
    let stored: Vec<i16> = simulate(&spec)?.voxels.iter().map(|signal| signal.round() as i16).collect();
    let grid = centred_grid([IN_PLANE, IN_PLANE, slices], ZOOMS_MM);
    write_nifti(path, &grid, axes[0].len(), MapData::I16(&stored)).map(drop)
}

fn truth(parameter: &Parameter, random: Rng, n_voxels: usize) -> Truth {
    let (bounds, scale) = match parameter.kind {
        ParameterKind::Fixed(value) => return Truth::Value(value),
        ParameterKind::Fitted { .. } if parameter.is_signal() => return Truth::Value(S0),
        ParameterKind::Fitted { bounds, scale, .. } => (bounds, scale),
    };
    let at = |voxel| {
        let [u, _] = random.uniforms(voxel);
        (scale * (0.5 + u)).clamp(bounds[0], bounds[1]) as f32
    };
    Truth::Map((0..n_voxels as u64).map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths_fill_the_range_within_the_bounds() {
        let model = SignalModel::builtin("triexponential").unwrap();
        for (parameter, [low, high]) in [("D", [0.5e-3, 1.5e-3]), ("share", [0.25, 0.75]), ("Dstarstar", [0.1, 0.3])] {
            let parameter = model.parameter(parameter).unwrap();
            let Truth::Map(map) = truth(parameter, Rng::new(1), 10_000) else { panic!("a map") };
            let [least, most] = [f32::min, f32::max].map(|of| map.iter().copied().reduce(of).unwrap());
            let span = high - low;
            assert!((f64::from(least) - low).abs() < 0.01 * span && (f64::from(most) - high).abs() < 0.01 * span);
        }
        let signal = truth(model.parameter("S0").unwrap(), Rng::new(1), 2);
        assert_eq!(signal, Truth::Value(S0));
    }
}
