//! What is the same for all samples of a voxel and multiplies its signals or slopes is taken out of them: sums over samples
//! are multiplied by it once.

use crate::model::graph::Operation;
use crate::model::operator::Binary;
use crate::model::signal::program::{SampleProgram, Value};

/// A program whose signal and slopes are to be multiplied by factors.
pub(super) struct Factored {
    pub(super) program: SampleProgram,
    /// Of the signal.
    pub(super) signal: Option<Value>,
    /// Of its slope by each parameter.
    pub(super) gradient: Vec<Option<Value>>,
}

impl Factored {
    pub(super) fn new(program: &SampleProgram) -> Self {
        let mut factored = Self { program: program.clone(), signal: None, gradient: Vec::new() };
        let uses = uses(program);
        (factored.program.signal, factored.signal) = factored.divided(program.signal, &uses);
        for (i, &slope) in program.gradient.iter().enumerate() {
            let (rest, factor) = factored.divided(slope, &uses);
            factored.program.gradient[i] = rest;
            factored.gradient.push(factor);
        }
        factored.forget_unused();
        factored
    }

    /// A value without its factors that are the voxel's, and their product.
    fn divided(&mut self, value: Value, uses: &[usize]) -> (Value, Option<Value>) {
        let mut all = Vec::new();
        self.multiply_out(value, uses, &mut all);
        let (of_voxel, of_sample): (Vec<Value>, Vec<Value>) =
            all.into_iter().partition(|factor| matches!(factor, Value::Voxel(_) | Value::Uniform(_)));
        match (self.product(&of_sample, false), self.product(&of_voxel, true)) {
            (Some(rest), Some(factor)) => (rest, Some(factor)),
            _ => (value, None),
        }
    }

    /// The factors of a product that nothing else needs.
    fn multiply_out(&self, value: Value, uses: &[usize], to: &mut Vec<Value>) {
        match value {
            Value::Sample(i) if uses[i] == 1 => match self.program.sample[i] {
                Operation::Binary(Binary::Mul, a, b) => [a, b].map(|x| self.multiply_out(x, uses, to)),
                _ => [to.push(value), ()],
            },
            _ => [to.push(value), ()],
        };
    }

    fn product(&mut self, factors: &[Value], of_voxel: bool) -> Option<Value> {
        let program = &mut self.program;
        factors.iter().copied().reduce(|a, b| {
            let step = Operation::Binary(Binary::Mul, a, b);
            if of_voxel {
                program.voxel.push(step);
                Value::Voxel(program.voxel.len() - 1)
            } else {
                program.sample.push(step);
                Value::Sample(program.sample.len() - 1)
            }
        })
    }

    /// Leaves out steps of samples whose results nothing uses any more.
    fn forget_unused(&mut self) {
        let steps = std::mem::take(&mut self.program.sample);
        let mut is_used = vec![false; steps.len()];
        let mark = |value: &Value, is_used: &mut Vec<bool>| {
            if let Value::Sample(i) = *value {
                is_used[i] = true;
            }
        };
        wanted(&self.program).for_each(|value| mark(&value, &mut is_used));
        for (i, step) in steps.iter().enumerate().rev() {
            if is_used[i] {
                step.operands().for_each(|value| mark(&value, &mut is_used));
            }
        }
        let mut places = vec![0; steps.len()];
        let moved = |value: Value, places: &[usize]| match value {
            Value::Sample(i) => Value::Sample(places[i]),
            other => other,
        };
        for (i, step) in steps.iter().enumerate().filter(|(i, _)| is_used[*i]) {
            places[i] = self.program.sample.len();
            self.program.sample.push(step.map(|value| moved(value, &places)));
        }
        self.program.signal = moved(self.program.signal, &places);
        self.program.gradient.iter_mut().for_each(|slope| *slope = moved(*slope, &places));
    }
}

fn wanted(program: &SampleProgram) -> impl Iterator<Item = Value> {
    program.gradient.iter().copied().chain([program.signal])
}

/// How often the result of each step of a sample is used or wanted.
pub(super) fn uses(program: &SampleProgram) -> Vec<usize> {
    let mut uses = vec![0; program.sample.len()];
    for value in program.sample.iter().flat_map(|step| step.operands()).chain(wanted(program)) {
        if let Value::Sample(i) = value {
            uses[i] += 1;
        }
    }
    uses
}
