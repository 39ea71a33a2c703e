//! A sample program as steps over registers: exponentials of products and multiply-adds are one step.

use super::built_in;
use super::factors::{Factored, uses};
use crate::model::graph::Operation;
use crate::model::operator::{Binary, Unary};
use crate::model::signal::program::{SampleProgram, Value};

/// What a step uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// One number for all samples of a voxel, by its register; uniforms come first.
    Voxel(usize),
    /// One number a sample.
    Table(usize),
    /// The result of a sample step.
    Sample(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Copy(Operand),
    Unary(Unary, usize),
    /// A sum, difference or product.
    Binary(Binary, Operand, Operand),
    /// Another operator.
    Rare(Binary, usize, usize),
    /// exp(a·b)
    ExpProduct(Operand, Operand),
    /// a·b + c
    MulAdd(Operand, Operand, Operand),
}

/// A signal or a slope: the result of a sample step, times a factor that is the same for all samples of a voxel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) step: usize,
    /// Its register; none is 1.
    pub(super) factor: Option<usize>,
}

/// A program made ready for lanes.
#[derive(Debug, Clone)]
pub struct SampleCode {
    pub(super) uniforms: Vec<f64>,
    pub(super) tables: Vec<Vec<f64>>,
    /// `(step, register)`: registers after those of the uniforms.
    pub(super) voxel: Vec<Operation<usize>>,
    pub(super) sample: Vec<Step>,
    pub(super) signal: Product,
    pub(super) gradient: Vec<Product>,
    pub(super) n_samples: usize,
    /// The generated code that does the same, by its place in [`crate::model::generated`].
    pub(super) built_in: Option<usize>,
    flops: (f64, f64),
}

impl SampleCode {
    /// Fuses what can be done in one step.
    pub fn new(program: &SampleProgram) -> Self {
        let Factored { program, signal, gradient } = &Factored::new(program);
        let n_uniforms = program.uniforms.len();
        let register = |value: Value| match value {
            Value::Uniform(i) => i,
            Value::Voxel(i) | Value::Table(i) | Value::Sample(i) => n_uniforms + i,
        };
        let mut fusing = Fusing::new(program, n_uniforms);
        fusing.walk();
        let mut product =
            |value: Value, factor: Option<Value>| Product { step: fusing.sample(value), factor: factor.map(register) };
        let signal = product(program.signal, *signal);
        let gradient = program.gradient.iter().zip(gradient).map(|(&slope, &factor)| product(slope, factor)).collect();
        let mut code = Self {
            uniforms: program.uniforms.iter().map(|&(value, _)| value).collect(),
            tables: program.tables.clone(),
            voxel: program.voxel.iter().map(|step| step.map(register)).collect(),
            sample: fusing.steps,
            signal,
            gradient,
            n_samples: program.n_samples,
            built_in: None,
            flops: program.flops(),
        };
        code.built_in = code.rust().and_then(|text| built_in::find(&text));
        code
    }

    /// The same, always interpreted: what generated code is held against.
    pub fn interpreted(mut self) -> Self {
        self.built_in = None;
        self
    }

    /// Whether there is generated code for it.
    pub fn is_built_in(&self) -> bool {
        self.built_in.is_some()
    }

    /// Arithmetic operations of one evaluation: of a voxel, and of each of its samples; without the factors of its sums.
    pub fn flops(&self) -> (f64, f64) {
        self.flops
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Number of fitted parameters.
    pub fn n_parameters(&self) -> usize {
        self.gradient.len()
    }
}

/// Fuses the sample steps of a program.
struct Fusing<'p> {
    program: &'p SampleProgram,
    n_uniforms: usize,
    /// How often the result of a step is used or wanted.
    uses: Vec<usize>,
    /// Where the result of a step of the program is found.
    places: Vec<Option<usize>>,
    steps: Vec<Step>,
}

impl<'p> Fusing<'p> {
    fn new(program: &'p SampleProgram, n_uniforms: usize) -> Self {
        Self { program, n_uniforms, uses: uses(program), places: vec![None; program.sample.len()], steps: Vec::new() }
    }

    /// The product that a value is, if it is needed here alone.
    fn product(&self, value: Value) -> Option<(Value, Value)> {
        let Value::Sample(i) = value else { return None };
        match self.program.sample[i] {
            Operation::Binary(Binary::Mul, a, b) if self.uses[i] == 1 => Some((a, b)),
            _ => None,
        }
    }

    /// Steps whose only user takes them in are left out when that user is made.
    fn walk(&mut self) {
        let absorbed: Vec<bool> = (0..self.program.sample.len()).map(|i| self.is_absorbed(i)).collect();
        for (i, step) in self.program.sample.iter().enumerate() {
            if absorbed[i] {
                continue;
            }
            let step = match *step {
                Operation::Unary(Unary::Exp, x) => match self.product(x) {
                    Some((a, b)) => Step::ExpProduct(self.operand(a), self.operand(b)),
                    None => Step::Unary(Unary::Exp, self.sample(x)),
                },
                Operation::Binary(Binary::Add, a, b) => match (self.product(a), self.product(b)) {
                    // The later product is the one that is taken in; the other stands by then.
                    (_, Some((x, y))) => Step::MulAdd(self.operand(x), self.operand(y), self.operand(a)),
                    (Some((x, y)), None) => Step::MulAdd(self.operand(x), self.operand(y), self.operand(b)),
                    (None, None) => Step::Binary(Binary::Add, self.operand(a), self.operand(b)),
                },
                Operation::Unary(op, x) => Step::Unary(op, self.sample(x)),
                Operation::Binary(op @ (Binary::Sub | Binary::Mul), a, b) => {
                    Step::Binary(op, self.operand(a), self.operand(b))
                }
                Operation::Binary(op, a, b) => {
                    let (a, b) = (self.sample(a), self.sample(b));
                    Step::Rare(op, a, b)
                }
                // Inputs are steps of the voxel.
                Operation::Input(_) => continue,
            };
            self.steps.push(step);
            self.places[i] = Some(self.steps.len() - 1);
        }
    }

    /// Whether the one user of a product takes it in.
    fn is_absorbed(&self, i: usize) -> bool {
        let this = Value::Sample(i);
        if self.product(this).is_none() {
            return false;
        }
        self.program.sample.iter().any(|step| match *step {
            Operation::Unary(Unary::Exp, x) => x == this,
            Operation::Binary(Binary::Add, a, b) => b == this || a == this && self.product(b).is_none(),
            _ => false,
        })
    }

    fn operand(&self, value: Value) -> Operand {
        match value {
            Value::Uniform(i) => Operand::Voxel(i),
            Value::Voxel(i) => Operand::Voxel(self.n_uniforms + i),
            Value::Table(i) => Operand::Table(i),
            Value::Sample(i) => Operand::Sample(self.places[i].unwrap_or_default()),
        }
    }

    /// The sample register of a value, which is copied there if it is the same for several samples or voxels.
    fn sample(&mut self, value: Value) -> usize {
        match self.operand(value) {
            Operand::Sample(place) => place,
            other => {
                self.steps.push(Step::Copy(other));
                self.steps.len() - 1
            }
        }
    }
}
