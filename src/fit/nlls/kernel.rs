//! The non-linear fit as a kernel.

use std::ops::Range;
use std::sync::OnceLock;

use super::block::{BLOCK, Fitter};
use super::dictionary::Dictionary;
use super::finish::Finish;
use super::found::Found;
use super::output::NllsOutput;
use super::problem::{Effort, NllsOptions, Problem};
use super::samples::Samples;
use super::wgsl::{self, GpuOutputs};
use crate::device::{Batch, ColumnMut, ColumnSpec, Precision, Shader, VoxelKernel};
use crate::lanes::{LaneWork, Lanes, run_f32, run_f64};
use crate::model::SignalModel;
use crate::model::eval::Code;
use crate::model::graph::{Graph, Node};
use crate::model::program::Program;
use crate::{Error, Result};

/// A signal model's fit. Columns are those of the outputs asked for, in the model's units.
#[derive(Debug, Clone)]
pub struct NllsKernel {
    pub(super) model: SignalModel,
    pub(super) problem: Problem,
    pub(super) outputs: Vec<NllsOutput>,
    /// Derived quantities and their slopes: the value of each, then those of its slopes that are not 0.
    pub(super) derived: Program,
    pub(super) derived_code: Code,
    /// `[derived][fitted parameter]`: which of the wanted values of `derived` is the slope.
    pub(super) slopes: Vec<Vec<Option<usize>>>,
    /// Which of the wanted values is the derived quantity.
    pub(super) values: Vec<usize>,
    /// What fits in f32 start from.
    dictionary: Dictionary,
    /// What fits in f64 start from, once there is one.
    thorough: OnceLock<Dictionary>,
}

impl NllsKernel {
    /// A fit of samples at the values of the model's axes, `[axis][sample]` in their units. `pick` chooses among all that
    /// it can write.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that the model does not allow.
    pub fn new(
        model: &SignalModel,
        axes: &[Vec<f64>],
        options: &NllsOptions,
        pick: impl Fn(&NllsOutput) -> bool,
    ) -> Result<Self> {
        Self::scaled(model, axes, &[], options, pick)
    }

    /// The same where a factor of each voxel multiplies some axes, by their indices in the model. After the rows of the
    /// samples come those of the factors, in the order of `scaled`, and at last that of σ, in the unit of the samples, if the
    /// noise needs it; a voxel whose factor or σ is not above 0 is not fitted.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn scaled(
        model: &SignalModel,
        axes: &[Vec<f64>],
        scaled: &[usize],
        options: &NllsOptions,
        pick: impl Fn(&NllsOutput) -> bool,
    ) -> Result<Self> {
        let problem = Problem::scaled(model, axes, scaled, options)?;
        let outputs = NllsOutput::all(model, &problem.choice).into_iter().filter(pick).collect();
        let mut graph = Graph::default();
        let nodes = model.derived_nodes(&mut graph, &problem.choice).map_err(|fault| Error::Internal(fault.problem))?;
        let mut wanted: Vec<Node> = Vec::new();
        let (mut values, mut slopes) = (Vec::new(), Vec::new());
        let mut place = |node: Node| {
            wanted.push(node);
            wanted.len() - 1
        };
        for quantity in nodes {
            let mut places = quantity.into_iter().map(|node| node.map(&mut place));
            values.push(places.next().flatten().unwrap_or_default());
            slopes.push(places.collect());
        }
        let derived = Program::new(&graph, &[wanted], &model.derived_constants(&problem.choice));
        let dictionary = problem.dictionary(&Effort::of(Precision::F32));
        let (n_zones, nodes) = (dictionary.zones.len(), dictionary.zones.iter().map(Range::len).max().unwrap_or(0));
        if nodes > wgsl::most_nodes(n_zones) {
            let problem =
                format!("the model `{}` has {nodes} places to start from in each of {n_zones} zones", model.name);
            let remedy = format!("give parameters fewer `places`: at most {} a zone", wgsl::most_nodes(n_zones));
            return Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")));
        }
        Ok(Self {
            model: model.clone(),
            outputs,
            derived_code: Code::new(&derived),
            derived,
            slopes,
            values,
            dictionary,
            thorough: OnceLock::new(),
            problem,
        })
    }

    /// The same without generated code, which is held against it.
    pub fn interpreted(mut self) -> Self {
        self.problem.code = self.problem.code.interpreted();
        self
    }

    /// What it writes.
    pub fn outputs(&self) -> &[NllsOutput] {
        &self.outputs
    }

    /// What is fitted.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Fits a batch with what starts and ends fits left to the caller.
    pub fn run_with(
        &self,
        batch: &Batch,
        precision: Precision,
        effort: Effort,
        dictionary: &Dictionary,
        out: &mut [ColumnMut],
    ) {
        let work = Fit { kernel: self, batch, effort, dictionary, out };
        match precision {
            Precision::F32 => run_f32(work),
            Precision::F64 => run_f64(work),
        }
    }
}

impl VoxelKernel for NllsKernel {
    fn label(&self) -> String {
        format!("{} nlls", self.model.name)
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        self.outputs.iter().map(NllsOutput::column).collect()
    }

    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]) {
        let effort = Effort::of(precision);
        match precision {
            Precision::F32 => self.run_with(batch, precision, effort, &self.dictionary, out),
            Precision::F64 => {
                let dictionary = self.thorough.get_or_init(|| self.problem.dictionary(&effort));
                self.run_with(batch, precision, effort, dictionary, out);
            }
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        let outputs =
            GpuOutputs { columns: &self.outputs, derived: &self.derived, values: &self.values, slopes: &self.slopes };
        Some(wgsl::shader(&self.problem, &self.dictionary, &Effort::of(Precision::F32), &outputs))
    }

    /// For the parameters alone, and for the start that was kept alone, as the CPU has it. What bounds cost is not counted.
    fn flops_per_voxel(&self, iterations: f64) -> Option<f64> {
        let (n, p) = (self.problem.code.n_samples() as f64, self.problem.extents.len() as f64);
        let (voxel, sample) = self.problem.code.flops();
        // Residual, its square, and what it and its slopes add to gradient and normal matrix.
        let sums = 3.0 + 2.0 * p + p * (p + 1.0);
        // What the sums are multiplied by.
        let factors = p + p * (p + 1.0);
        // Cholesky's factors and two substitutions.
        let step = p * p * p / 3.0 + 2.0 * p * p;
        let evaluation = voxel + n * (sample + sums) + factors + step;
        // One at the start, and one a step but for the last.
        Some(self.dictionary.flops(n) + iterations.max(1.0) * evaluation)
    }
}

struct Fit<'a, 'b, 'c> {
    kernel: &'a NllsKernel,
    batch: &'a Batch<'b>,
    effort: Effort,
    dictionary: &'a Dictionary,
    out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Fit<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { kernel, batch, effort, dictionary, out } = self;
        let problem = &kernel.problem;
        let mut fitter = Fitter::new(l, problem, dictionary, effort);
        let mut samples = Samples::new(problem);
        let mut found = Found::new(problem.extents.len());
        let mut finish = Finish::new(l, kernel);
        for first in (0..batch.n_voxels()).step_by(BLOCK) {
            let n = BLOCK.min(batch.n_voxels() - first);
            samples.take(batch, first, n, problem.extents.len());
            fitter.fit(&samples, n, &mut found);
            finish.write(&samples, &found, first, n, out);
        }
    }
}
