//! A signal model bound to a protocol: what the host computes, what is computed once a voxel, and what once a sample.

use std::collections::HashMap;

pub use super::choice::Choice;
use super::{NoiseModel, SignalModel, prior};
use crate::model::fault::Fault;
use crate::model::graph::{Entry, Graph, Node, Operation, Varies};
use crate::model::operator::Binary;

/// Something that a step uses or that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// The same for all voxels and samples.
    Uniform(usize),
    /// One number a sample, the same for all voxels.
    Table(usize),
    /// The result of a voxel step.
    Voxel(usize),
    /// The result of a sample step.
    Sample(usize),
}

/// The signal of every sample and its slopes, from the fitted parameters in units of their scales.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleProgram {
    /// Numbers, computed in f64; `true` for those that stand in the formulas.
    pub uniforms: Vec<(f64, bool)>,
    /// `[table][sample]`, computed in f64.
    pub tables: Vec<Vec<f64>>,
    /// Steps of a voxel, in an order in which each step's operands come before it.
    pub voxel: Vec<Operation<Value>>,
    /// Steps of a sample, likewise.
    pub sample: Vec<Operation<Value>>,
    /// The signal.
    pub signal: Value,
    /// Its slope by each fitted parameter.
    pub gradient: Vec<Value>,
    /// Number of samples.
    pub n_samples: usize,
}

impl SampleProgram {
    /// The program of a model for axes `[axis][sample]` in their units, for parameters in units of `scales`, one a
    /// fitted parameter.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn new(model: &SignalModel, choice: &Choice, axes: &[Vec<f64>], scales: &[f64]) -> Result<Self, Fault> {
        Self::scaled(model, choice, axes, &[], scales)
    }

    /// The same where a factor of each voxel multiplies some axes, by their indices in the model: the inputs after the
    /// parameters, in the order of `scaled`. Products move it to what the voxel alone decides, where they can.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn scaled(
        model: &SignalModel,
        choice: &Choice,
        axes: &[Vec<f64>],
        scaled: &[usize],
        scales: &[f64],
    ) -> Result<Self, Fault> {
        Self::expected(model, choice, axes, scaled, NoiseModel::Gaussian, scales)
    }

    /// The same for what samples are expected to be under noise, and its slopes. Where that needs σ, it is the last of the
    /// inputs, in the unit of the signal. The samples of [`prior`] have no such noise.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn expected(
        model: &SignalModel,
        choice: &Choice,
        axes: &[Vec<f64>],
        scaled: &[usize],
        noise: NoiseModel,
        scales: &[f64],
    ) -> Result<Self, Fault> {
        let mut graph = Graph::default();
        let names = model.names_scaled(&mut graph, choice, scaled);
        let signal = graph.add(&model.signal.expr, &names)?;
        let kind = names.iter().find(|(name, _)| *name == prior::KIND).map(|&(_, node)| node);
        let signal = noise.expected(&mut graph, signal, (scales.len() + scaled.len()) as u32, kind);
        let mut wanted = vec![signal];
        for (input, &scale) in scales.iter().enumerate() {
            let slope = graph.derivative(signal, input as u32);
            let scale = graph.number(if slope.is_some() { scale } else { 0.0 });
            wanted.extend(match (slope, scale) {
                (Some(slope), Some(scale)) => Some(graph.binary(Binary::Mul, scale, slope)),
                (only, None) | (None, only) => only,
            });
        }
        // An axis that is the same for all samples is computed with once, like a fixed parameter.
        let is_axis = |constant: u32| axes.get(constant as usize).is_some_and(|values| varies(values));
        let (graph, wanted) = graph.arranged(&wanted, scales, is_axis);
        let n_samples = axes.first().map_or(0, Vec::len);
        let fixed: Vec<f64> = choice.fixed.iter().copied().flatten().collect();
        let values_at = |sample: usize| {
            let constants: Vec<f64> = axes.iter().map(|axis| axis[sample]).chain(fixed.iter().copied()).collect();
            graph.values(&constants, &[])
        };
        let mut builder = Builder {
            graph: &graph,
            variation: graph.variation(is_axis),
            by_sample: graph.depending(|leaf| matches!(leaf, Entry::Constant(i) if is_axis(i))),
            values: (0..n_samples).map(values_at).collect(),
            made: HashMap::new(),
            program: Self {
                uniforms: Vec::new(),
                tables: Vec::new(),
                voxel: Vec::new(),
                sample: Vec::new(),
                signal: Value::Uniform(0),
                gradient: Vec::new(),
                n_samples,
            },
        };
        let mut found = wanted.into_iter().map(|node| builder.value(node)).collect::<Vec<_>>().into_iter();
        let mut program = builder.program;
        program.signal = found.next().unwrap_or(Value::Uniform(0));
        program.gradient = found.collect();
        Ok(program)
    }

    /// The signals of all samples in f64, for parameters in units of their scales, and the voxel's factors and σ after
    /// them; what is not given of these is 1.
    pub fn signals(&self, parameters: &[f64]) -> Vec<f64> {
        (0..self.n_samples).map(|sample| self.at(parameters, sample).0).collect()
    }

    /// The signal of a sample and its slope by each parameter in f64, for parameters in units of their scales.
    pub fn at(&self, parameters: &[f64], sample: usize) -> (f64, Vec<f64>) {
        let (mut voxel, mut steps) = (Vec::new(), Vec::new());
        for step in &self.voxel {
            voxel.push(self.evaluate(step, parameters, sample, &voxel, &steps));
        }
        for step in &self.sample {
            steps.push(self.evaluate(step, parameters, sample, &voxel, &steps));
        }
        let found = |value: Value| self.found(value, sample, &voxel, &steps);
        (found(self.signal), self.gradient.iter().map(|&slope| found(slope)).collect())
    }

    fn evaluate(
        &self,
        step: &Operation<Value>,
        parameters: &[f64],
        sample: usize,
        voxel: &[f64],
        steps: &[f64],
    ) -> f64 {
        let found = |value: Value| self.found(value, sample, voxel, steps);
        match *step {
            Operation::Input(input) => parameters.get(input as usize).copied().unwrap_or(1.0),
            Operation::Unary(op, x) => op.value(found(x)),
            Operation::Binary(op, a, b) => op.value(found(a), found(b)),
        }
    }

    fn found(&self, value: Value, sample: usize, voxel: &[f64], steps: &[f64]) -> f64 {
        match value {
            Value::Uniform(i) => self.uniforms[i].0,
            Value::Table(i) => self.tables[i][sample],
            Value::Voxel(i) => voxel[i],
            Value::Sample(i) => steps[i],
        }
    }

    /// Arithmetic operations in f32 of one evaluation: of a voxel, and of each of its samples.
    pub fn flops(&self) -> (f64, f64) {
        let of = |step: &Operation<Value>| match step {
            Operation::Input(_) => 0.0,
            Operation::Unary(op, _) => op.flops(),
            Operation::Binary(op, ..) => op.flops(),
        };
        (self.voxel.iter().map(of).sum(), self.sample.iter().map(of).sum())
    }

    /// Steps of one evaluation: of a voxel, and of each of its samples.
    pub fn operations(&self) -> (usize, usize) {
        let arithmetic =
            |steps: &[Operation<Value>]| steps.iter().filter(|step| !matches!(step, Operation::Input(_))).count();
        (arithmetic(&self.voxel), arithmetic(&self.sample))
    }
}

/// Whether samples differ in an axis, as far as is known of a single one.
fn varies(values: &[f64]) -> bool {
    values.len() == 1 || values.iter().any(|value| *value != values[0])
}

struct Builder<'g> {
    graph: &'g Graph,
    variation: Vec<Varies>,
    by_sample: Vec<bool>,
    /// `[sample][node]`.
    values: Vec<Vec<f64>>,
    made: HashMap<Node, Value>,
    program: SampleProgram,
}

impl Builder<'_> {
    /// Where the value of a node is found; adds the steps that are missing, operands first.
    fn value(&mut self, node: Node) -> Value {
        if let Some(&value) = self.made.get(&node) {
            return value;
        }
        let value = match (self.graph.entry(node), self.variation[node.index()]) {
            (Entry::Operation(operation), Varies::Voxel) => {
                let step = operation.map(|operand| self.value(operand));
                self.program.voxel.push(step);
                Value::Voxel(self.program.voxel.len() - 1)
            }
            (Entry::Operation(operation), Varies::Both) => {
                let step = operation.map(|operand| self.value(operand));
                self.program.sample.push(step);
                Value::Sample(self.program.sample.len() - 1)
            }
            _ if self.by_sample[node.index()] => {
                self.program.tables.push(self.values.iter().map(|values| values[node.index()]).collect());
                Value::Table(self.program.tables.len() - 1)
            }
            (entry, _) => {
                let value = self.values.first().map_or(f64::NAN, |values| values[node.index()]);
                self.program.uniforms.push((value, matches!(entry, Entry::Number(_))));
                Value::Uniform(self.program.uniforms.len() - 1)
            }
        };
        self.made.insert(node, value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ivim_takes_eleven_operations_a_sample() {
        let model = SignalModel::builtin("ivim").unwrap();
        let axes = [vec![0.0, 50.0, 800.0]];
        let program = SampleProgram::new(model, &Choice::of(model), &axes, &[1.0, 1e-3, 0.2, 0.05]).unwrap();
        // Both exponentials and their arguments count as two each, and a multiply-add as two.
        assert_eq!(program.operations().1, 14);
    }
}
