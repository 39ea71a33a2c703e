//! Fits that outlying samples do not lead astray: M-estimates by modified residuals (Huber 1981, Robust Statistics, ch. 7,
//! doi:10.1002/0471725250).
//!
//! An ordinary fit is repeated on samples that are replaced by what it expects plus the part of their residual that counts:
//! where that changes nothing any more, Σ ψ(residual)·slope = 0. So the loop goes around any kernel on any device, which
//! knows nothing of it. Rounds with Huber's ψ lead from least squares to a start and a scale, the median absolute residual;
//! then Tukey's biweight takes outliers out altogether, with that scale. A voxel leaves when its fit stays.

mod voxel;
mod weigh;

use rayon::prelude::*;

use super::nlls::NllsOptions;
use super::predict::predict;
use super::{FitMethod, FitOutput, Role, status};
use crate::device::{
    Batch, Column, ColumnSpec, ColumnType, Device, Precision, Progress, Row, Sink, Source, VoxelKernel,
};
use crate::model::signal::eval::SampleCode;
use crate::model::signal::program::SampleProgram;
use crate::volume::{Protocol, Scaling, VoxelType};
use crate::{Error, Result};
use voxel::Voxel;
pub use weigh::{BIWEIGHT, DISCOUNTED, HUBER};

/// The map of how many samples of a voxel were discounted.
pub const N_DISCOUNTED: &str = "n_discounted";

/// The output of that map.
pub(super) fn discounted() -> FitOutput {
    let title = format!("Samples whose weight is below {DISCOUNTED}");
    FitOutput { name: N_DISCOUNTED.into(), unit: String::new(), title, role: Role::Discounted, n_volumes: 1 }
}

/// Rounds with Huber's function, at most.
const START_ROUNDS: usize = 20;
/// Rounds with the biweight, at most; few voxels of noise take so many.
const MOST_ROUNDS: usize = 60;
/// Voxels that are fitted side by side, at most.
const CHUNK: usize = 1 << 14;

/// A robust fit ready to run.
pub struct Robust {
    /// Finds a start with Huber's function: by least squares of the signal, since logarithms of what is left of destroyed
    /// samples lead too far astray.
    start: Stage,
    /// The fit itself, with the biweight.
    fit: Stage,
    /// What is written.
    wanted: Vec<Wanted>,
    code: SampleCode,
    /// Samples that are ≤ 0 are left out by the kernel.
    needs_positive: bool,
}

/// What is repeated.
struct Stage {
    kernel: Box<dyn VoxelKernel>,
    /// Which columns of the kernel the fitted parameters are.
    parameters: Vec<usize>,
}

impl Stage {
    fn new(kernel: Box<dyn VoxelKernel>, fitted: &[String]) -> Result<Self> {
        let specs = kernel.columns();
        let parameters = fitted.iter().map(|name| place(&specs, name)).collect::<Result<_>>()?;
        Ok(Self { kernel, parameters })
    }
}

fn place(specs: &[ColumnSpec], name: &str) -> Result<usize> {
    let found = specs.iter().position(|spec| spec.name == name);
    found.ok_or_else(|| Error::Internal(format!("a fit has no column `{name}`")))
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
        let fitted: Vec<String> = choice.fitted().map(|i| model.parameters[i].name.clone()).collect();
        let n_samples = protocol.values.first().map_or(0, Vec::len);
        if n_samples <= 2 * fitted.len() {
            let problem = format!("{n_samples} samples do not tell outliers from {} parameters", fitted.len());
            let remedy = format!("leave --robust out, or give {} samples and more", 2 * fitted.len() + 1);
            return Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        }
        // By name: the titles of a robust fit's outputs differ.
        let is_used = |o: &&FitOutput| fitted.contains(&o.name) || outputs.iter().any(|wanted| wanted.name == o.name);
        let used: Vec<FitOutput> = method.outputs()?.iter().filter(is_used).cloned().collect();
        let kernel = method.kernel(protocol, &used)?;
        let specs = kernel.columns();
        let start = match method {
            FitMethod::Adc(_) => {
                FitMethod::Nlls { model: Box::new(model.clone()), options: NllsOptions::default(), force: true }
            }
            other => other.clone(),
        };
        let start = start.kernel(protocol, &start.named_outputs(&fitted)?)?;
        let wanted = |output: &FitOutput| {
            if output.name == N_DISCOUNTED {
                let spec = ColumnSpec { name: N_DISCOUNTED.into(), kind: ColumnType::U16 };
                return Ok(Wanted { spec, from: Origin::Discounted });
            }
            let at = place(&specs, &output.name)?;
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
            start: Stage::new(start, &fitted)?,
            fit: Stage::new(kernel, &fitted)?,
            wanted: outputs.iter().map(wanted).collect::<Result<_>>()?,
            code: SampleCode::new(&program),
            needs_positive: matches!(method, FitMethod::Adc(_)),
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
        let mut moving: Vec<Voxel> = (0..n).map(|voxel| Voxel::new(voxel, &all[..n_samples])).collect();
        for (stage, is_start, rounds) in [(&self.start, true, START_ROUNDS), (&self.fit, false, MOST_ROUNDS)] {
            let mut ended = Vec::new();
            for round in 1..=rounds {
                let row = |k: usize| moving.iter().map(|voxel| voxel.row(k, &all)).collect();
                let data: Vec<Vec<f64>> = (0..all.len()).map(row).collect();
                let found = run(device, &*stage.kernel, &data, moving.len())?;
                let parameters: Vec<Vec<f64>> = stage.parameters.iter().map(|&at| found[at].clone()).collect();
                let expected = predict(&self.code, &parameters, &data[n_samples..]);
                let mut still = Vec::new();
                for (i, mut voxel) in moving.into_iter().enumerate() {
                    let is_fitted = parameters.iter().all(|values| values[i].is_finite());
                    let stays = !is_fitted || voxel.look(is_start, &all, |k| expected[k][i], self);
                    match stays || round == rounds {
                        false => still.push(voxel),
                        true if is_start => ended.push(voxel),
                        true => self.keep(&voxel, stays, |at| found[at][i], &mut out),
                    }
                }
                moving = still;
                if moving.is_empty() {
                    break;
                }
            }
            moving = ended;
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

/// The columns of a kernel for rows of `n` voxels.
fn run(device: &Device, kernel: &dyn VoxelKernel, data: &[Vec<f64>], n: usize) -> Result<Vec<Vec<f64>>> {
    let rows = data.iter().map(|values| Row {
        bytes: bytemuck::cast_slice(values),
        voxel_type: VoxelType::F64,
        scaling: Scaling::IDENTITY,
    });
    let columns = device.run(kernel, &Source::new(rows.collect(), n, None), &())?;
    Ok(columns.into_iter().map(Column::into_f64).collect())
}

fn column(spec: &ColumnSpec, precision: Precision, values: Vec<f64>) -> Column {
    match (spec.kind, precision) {
        (ColumnType::U16, _) => Column::U16(values.into_iter().map(|v| v as u16).collect()),
        (ColumnType::F32, Precision::F32) => Column::F32(values.into_iter().map(|v| v as f32).collect()),
        (ColumnType::F32, Precision::F64) => Column::F64(values),
    }
}
