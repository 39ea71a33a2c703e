//! Fits that outlying samples do not lead astray: M-estimates by modified residuals (Huber 1981, Robust Statistics, ch. 7,
//! doi:10.1002/0471725250).
//!
//! An ordinary fit is repeated on samples that are replaced by what it expects plus the part of their residual that counts:
//! where that changes nothing any more, Σ ψ(residual)·slope = 0. So the loop goes around any kernel on any device, which
//! knows nothing of it. Rounds with Huber's ψ lead from least squares to a start and a scale, the median absolute residual;
//! then Tukey's biweight takes outliers out altogether, with that scale. A voxel leaves when its fit stays.

mod predict;
mod weigh;

use rayon::prelude::*;

use super::{FitMethod, FitOutput, Role, status};
use crate::device::{
    Batch, Column, ColumnSpec, ColumnType, Device, Precision, Progress, Row, Sink, Source, VoxelKernel,
};
use crate::model::signal::eval::SampleCode;
use crate::model::signal::program::SampleProgram;
use crate::volume::{Protocol, Scaling, VoxelType};
use crate::{Error, Result};
use predict::predict;
pub use weigh::{BIWEIGHT, DISCOUNTED, HUBER};

/// The map of how many samples of a voxel were discounted.
pub const N_DISCOUNTED: &str = "n_discounted";

/// The output of that map.
pub(super) fn discounted() -> FitOutput {
    let title = format!("Samples whose weight is below {DISCOUNTED}");
    FitOutput { name: N_DISCOUNTED.into(), unit: String::new(), title, role: Role::Discounted }
}

/// Rounds with Huber's function.
const HUBER_ROUNDS: usize = 6;
/// Rounds in all, at most; few voxels of noise take so many.
const MOST_ROUNDS: usize = 60;
/// A fit stays when no expected sample moves by more than this share of the scale.
const STAYS: f64 = 1e-3;
/// The least scale, relative to the largest sample: what rounding leaves in f32.
const LEAST_SCALE: f64 = 1e-5;
/// Voxels that are fitted side by side, at most.
const CHUNK: usize = 1 << 14;

/// A robust fit ready to run.
pub struct Robust {
    kernel: Box<dyn VoxelKernel>,
    /// Which columns of the kernel the fitted parameters are.
    parameters: Vec<usize>,
    /// What is written.
    wanted: Vec<Wanted>,
    code: SampleCode,
    /// Samples that are ≤ 0 are left out by the kernel.
    needs_positive: bool,
}

/// A column that is written.
struct Wanted {
    spec: ColumnSpec,
    from: Origin,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// A column of the kernel.
    Kernel(usize),
    /// One that is a standard error.
    StandardError(usize),
    Status(usize),
    Discounted,
}

impl Robust {
    /// The robust fit by an ordinary method, whose columns are `outputs`.
    ///
    /// # Errors
    /// Those of [`FitMethod::kernel`].
    pub fn new(method: &FitMethod, protocol: &Protocol, outputs: &[FitOutput]) -> Result<Self> {
        let (model, choice) = (method.signal_model()?, method.choice()?);
        let fitted: Vec<&str> = choice.fitted().map(|i| model.parameters[i].name.as_str()).collect();
        let n_samples = protocol.values.first().map_or(0, Vec::len);
        if n_samples <= 2 * fitted.len() {
            let problem = format!("{n_samples} samples do not tell outliers from {} parameters", fitted.len());
            let remedy = format!("leave --robust out, or give {} samples and more", 2 * fitted.len() + 1);
            return Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        }
        let is_used = |o: &&FitOutput| fitted.contains(&o.name.as_str()) || outputs.contains(o);
        let used: Vec<FitOutput> = method.outputs()?.iter().filter(is_used).cloned().collect();
        let kernel = method.kernel(protocol, &used)?;
        let specs = kernel.columns();
        let place = |name: &str| {
            let found = specs.iter().position(|spec| spec.name == name);
            found.ok_or_else(|| Error::Internal(format!("a fit has no column `{name}`")))
        };
        let wanted = |output: &FitOutput| {
            if output.name == N_DISCOUNTED {
                let spec = ColumnSpec { name: N_DISCOUNTED.into(), kind: ColumnType::U16 };
                return Ok(Wanted { spec, from: Origin::Discounted });
            }
            let at = place(&output.name)?;
            let from = match output.role {
                Role::StandardError => Origin::StandardError(at),
                Role::Status => Origin::Status(at),
                _ => Origin::Kernel(at),
            };
            Ok(Wanted { spec: specs[at].clone(), from })
        };
        let scales = vec![1.0; fitted.len()];
        let Protocol { values, scaled, .. } = protocol;
        let program = SampleProgram::expected(&model, &choice, values, scaled, method.noise(), &scales)
            .map_err(|fault| Error::Internal(fault.problem))?;
        Ok(Self {
            parameters: fitted.iter().map(|name| place(name)).collect::<Result<_>>()?,
            wanted: outputs.iter().map(wanted).collect::<Result<_>>()?,
            code: SampleCode::new(&program),
            needs_positive: matches!(method, FitMethod::Adc(_)),
            kernel,
        })
    }

    /// What is written.
    pub fn columns(&self) -> Vec<ColumnSpec> {
        self.wanted.iter().map(|wanted| wanted.spec.clone()).collect()
    }

    /// Fits all wanted voxels and hands the results on as they come.
    ///
    /// # Errors
    /// Those of [`Device::run`] and of `sink`.
    pub fn run_into(&self, device: &Device, source: &Source, sink: &dyn Sink, progress: &dyn Progress) -> Result<()> {
        let n = source.n_voxels();
        let one = |first: usize| {
            let batch = source.batch(first..(first + CHUNK).min(n));
            sink.take(first, &self.fit(device, &batch)?)?;
            progress.advance(batch.n_voxels());
            Ok(())
        };
        let firsts: Vec<usize> = (0..n).step_by(CHUNK).collect();
        match device.cpu() {
            Some(cpu) => cpu.install(|| firsts.into_par_iter().try_for_each(one)),
            None => firsts.into_iter().try_for_each(one),
        }
    }

    /// Fits a batch, round after round, with those voxels whose fits still move.
    fn fit(&self, device: &Device, batch: &Batch) -> Result<Vec<Column>> {
        let n = batch.n_voxels();
        let row = |k: usize| {
            let mut values = vec![0.0; n];
            batch.row(k).load_f64(0, &mut values);
            values
        };
        let all: Vec<Vec<f64>> = (0..batch.n_obs()).map(row).collect();
        let n_samples = self.code.n_samples();
        let mut out = vec![vec![0.0; n]; self.wanted.len()];
        let mut moving: Vec<Voxel> = (0..n).map(|voxel| Voxel::new(voxel, n_samples)).collect();
        let mut data = all.clone();
        for round in 0..MOST_ROUNDS {
            let rows = data.iter().map(|values| Row {
                bytes: bytemuck::cast_slice(values),
                voxel_type: VoxelType::F64,
                scaling: Scaling::IDENTITY,
            });
            let found = device.run(&*self.kernel, &Source::new(rows.collect(), moving.len(), None), &())?;
            let found: Vec<Vec<f64>> = found.into_iter().map(Column::into_f64).collect();
            let parameters: Vec<Vec<f64>> = self.parameters.iter().map(|&at| found[at].clone()).collect();
            let expected = predict(&self.code, &parameters, &data[n_samples..]);
            let mut next = vec![Vec::with_capacity(moving.len()); all.len()];
            let mut still = Vec::new();
            for (i, mut voxel) in moving.into_iter().enumerate() {
                let is_fitted = parameters.iter().all(|values| values[i].is_finite());
                let ended = !is_fitted || voxel.look(round, &all, |k| expected[k][i], self);
                if ended || round + 1 == MOST_ROUNDS {
                    self.keep(&voxel, ended, |at| found[at][i], &mut out);
                    continue;
                }
                for (k, to) in next.iter_mut().enumerate() {
                    to.push(if k < n_samples { voxel.modified[k] } else { all[k][voxel.at] });
                }
                still.push(voxel);
            }
            (moving, data) = (still, next);
            if moving.is_empty() {
                break;
            }
        }
        Ok(self
            .wanted
            .iter()
            .zip(out)
            .map(|(wanted, values)| column(&wanted.spec, device.precision(), values))
            .collect())
    }

    /// Writes what a voxel's last fit has found.
    fn keep(&self, voxel: &Voxel, ended: bool, found: impl Fn(usize) -> f64, out: &mut [Vec<f64>]) {
        for (wanted, to) in self.wanted.iter().zip(out) {
            to[voxel.at] = match wanted.from {
                Origin::Kernel(at) => found(at),
                Origin::StandardError(at) => found(at) * voxel.loosening,
                Origin::Status(at) if !ended => f64::from(found(at) as u16 | status::ITERATION_LIMIT),
                Origin::Status(at) => found(at),
                Origin::Discounted => voxel.n_discounted as f64,
            };
        }
    }
}

fn column(spec: &ColumnSpec, precision: Precision, values: Vec<f64>) -> Column {
    match (spec.kind, precision) {
        (ColumnType::U16, _) => Column::U16(values.into_iter().map(|v| v as u16).collect()),
        (ColumnType::F32, Precision::F32) => Column::F32(values.into_iter().map(|v| v as f32).collect()),
        (ColumnType::F32, Precision::F64) => Column::F64(values),
    }
}

/// A voxel whose fit still moves.
struct Voxel {
    /// Its place in the batch.
    at: usize,
    /// What its last fit expected of each sample.
    expected: Vec<f64>,
    /// What the next fit is given for samples.
    modified: Vec<f64>,
    /// The scale of its residuals.
    scale: f64,
    n_discounted: usize,
    /// What least squares of modified samples take too little for the standard error: 1 / mean slope of ψ (Huber 1981,
    /// section 7.6, without the small factor K).
    loosening: f64,
}

impl Voxel {
    fn new(at: usize, n_samples: usize) -> Self {
        let (expected, modified) = (vec![f64::NAN; n_samples], vec![0.0; n_samples]);
        Self { at, expected, modified, scale: 0.0, n_discounted: 0, loosening: 1.0 }
    }

    /// Looks at what the last fit expects, and modifies the samples for the next; true if the fit stays.
    fn look(&mut self, round: usize, all: &[Vec<f64>], expected: impl Fn(usize) -> f64, fit: &Robust) -> bool {
        let mut change = 0.0f64;
        let (mut residuals, mut largest) = (Vec::with_capacity(self.modified.len()), 0.0f64);
        let is_usable = |y: f64| y.is_finite() && (y > 0.0 || !fit.needs_positive);
        for k in 0..self.expected.len() {
            let (y, now) = (all[k][self.at], expected(k));
            // The first comparison is with nothing.
            change = if self.expected[k].is_nan() { f64::INFINITY } else { change.max((now - self.expected[k]).abs()) };
            self.expected[k] = now;
            if is_usable(y) {
                residuals.push(y - now);
                largest = largest.max(y.abs());
            }
        }
        if round <= HUBER_ROUNDS {
            self.scale = weigh::scale(&residuals, fit.parameters.len(), LEAST_SCALE * largest);
        }
        let is_huber = round < HUBER_ROUNDS;
        let mut slopes = 0.0;
        self.n_discounted = 0;
        for k in 0..self.expected.len() {
            let y = all[k][self.at];
            if !is_usable(y) {
                self.modified[k] = y;
                continue;
            }
            let u = (y - self.expected[k]) / self.scale;
            let (weight, slope) = weigh::biweight(u);
            slopes += slope;
            self.n_discounted += usize::from(weight < DISCOUNTED);
            let counts = if is_huber { weigh::huber(u) } else { weight * u };
            self.modified[k] = self.expected[k] + self.scale * counts;
        }
        self.loosening = if slopes > 0.0 { residuals.len() as f64 / slopes } else { f64::NAN };
        round > HUBER_ROUNDS && change <= STAYS * self.scale
    }
}
