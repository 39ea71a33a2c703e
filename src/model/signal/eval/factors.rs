//! What is the same for all samples of a voxel and multiplies its signals or slopes is taken out of them: sums over samples
//! are multiplied by it once.

use crate::model::graph::Operation;
use crate::model::operator::Binary;
use crate::model::signal::program::{SampleProgram, Value};

/// A program whose signal and slopes are to be multiplied by factors.
#[derive(Debug)]
pub struct Factored {
    /// What is left of the signal and its slopes; it has more steps of the voxel, and the same uniforms and tables.
    pub program: SampleProgram,
    /// The factor of the signal.
    pub signal: Option<Value>,
    /// That of its slope by each parameter.
    pub gradient: Vec<Option<Value>>,
}

impl Factored {
    /// Takes the factors out of a program's signal and slopes.
    pub fn new(program: &SampleProgram) -> Self {
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
        let (of_voxel, of_sample): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|&factor| is_of_voxel(factor));
        match (self.product(&of_sample, false), self.product(&of_voxel, true)) {
            (Some(rest), Some(factor)) => (rest, Some(factor)),
            _ => (value, None),
        }
    }

    /// The factors of a product that nothing else needs, or that has one of the voxel's.
    fn multiply_out(&self, value: Value, uses: &[usize], to: &mut Vec<Value>) {
        match value {
            Value::Sample(i) => match self.program.sample[i] {
                Operation::Binary(Binary::Mul, a, b) if uses[i] == 1 || is_of_voxel(a) || is_of_voxel(b) => {
                    self.multiply_out(a, uses, to);
                    self.multiply_out(b, uses, to);
                }
                _ => to.push(value),
            },
            _ => to.push(value),
        }
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

/// Whether it is the same for all samples of a voxel.
fn is_of_voxel(value: Value) -> bool {
    matches!(value, Value::Voxel(_) | Value::Uniform(_))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::nlls::{NllsOptions, Problem};
    use crate::model::SignalModel;

    /// Rests times factors are the signal and its slopes, and IVIM's rests take seven steps of eleven: two exponentials, two
    /// for the signal, one for each slope but that by S0.
    #[test]
    fn factors_times_what_is_left_are_the_slopes() {
        let b = vec![0.0, 20.0, 80.0, 200.0, 800.0];
        for (model, at, n_steps) in [
            ("ivim", vec![0.9, 1.1, 1.3, 0.7], 10),
            ("adc", vec![0.9, 1.1], 3),
            ("kurtosis", vec![0.9, 1.1, 0.8], usize::MAX),
        ] {
            let model = SignalModel::builtin(model).unwrap();
            let program = Problem::new(model, std::slice::from_ref(&b), &NllsOptions::default()).unwrap().program;
            let factored = Factored::new(&program);
            assert!(factored.program.sample.len() <= n_steps, "{}: {:?}", model.name, factored.program.sample);
            // Factors in the place of signal and slopes.
            let mut factors = factored.program.clone();
            let one = program.uniforms.len();
            factors.uniforms.push((1.0, true));
            factors.signal = factored.signal.unwrap_or(Value::Uniform(one));
            factors.gradient = factored.gradient.iter().map(|factor| factor.unwrap_or(Value::Uniform(one))).collect();
            assert!(factored.gradient[1..].iter().all(Option::is_some), "{}: {:?}", model.name, factored.gradient);
            for sample in 0..b.len() {
                let ((signal, slopes), (by, by_slope)) = (factored.program.at(&at, sample), factors.at(&at, sample));
                let (expected, expected_slopes) = program.at(&at, sample);
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b.abs();
                assert!(near(signal * by, expected), "{}: {signal} times {by} for {expected}", model.name);
                for (i, expected) in expected_slopes.iter().enumerate() {
                    assert!(near(slopes[i] * by_slope[i], *expected), "{}: slope {i}", model.name);
                }
            }
        }
    }
}
