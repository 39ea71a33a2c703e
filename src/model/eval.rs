//! A program on the CPU: interpreted over blocks of voxels that stay in a core's first-level cache.
//!
//! A register holds one value for all voxels of a block; registers are used again as soon as their value is not needed
//! any more. Each step is one loop over explicit vectors, so that what interpreting costs is shared by the block.

use std::ops::Range;

use super::edges;
use super::graph::Operation;
use super::operator::{Binary, Unary};
use super::program::{Program, Value};
use crate::lanes::{Element, Lanes};

/// Vectors in a register.
pub const VECTORS: usize = 32;

/// One value for all voxels of a block.
pub type Register<L> = [<L as Lanes>::V; VECTORS];

/// A program whose values have been given registers.
#[derive(Debug, Clone)]
pub struct Code {
    steps: Vec<Step>,
    groups: Vec<(Range<usize>, Vec<usize>)>,
    uniforms: Vec<f64>,
    n_registers: usize,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    operation: Operation<usize>,
    to: usize,
}

impl Code {
    /// Gives a register to every value: uniforms keep theirs, the others share by when they are last used.
    pub fn new(program: &Program) -> Self {
        let n_uniforms = program.uniforms.len();
        let mut registers =
            Registers { of_step: Vec::new(), free: Vec::new(), n: n_uniforms, n_uniforms, expiring: expiring(program) };
        let mut steps = Vec::new();
        for (i, step) in program.steps.iter().enumerate() {
            let operation = step.map(|value| registers.find(value));
            let to = registers.allocate(i);
            steps.push(Step { operation, to });
        }
        let groups = program.groups.iter().map(|group| {
            let wanted = group.wanted.iter().map(|&value| registers.find(value));
            (group.steps.clone(), wanted.collect())
        });
        Self {
            groups: groups.collect(),
            steps,
            uniforms: program.uniforms.iter().map(|u| u.value).collect(),
            n_registers: registers.n,
        }
    }

    /// How many registers a block needs.
    pub fn n_registers(&self) -> usize {
        self.n_registers
    }
}

struct Registers {
    of_step: Vec<usize>,
    free: Vec<usize>,
    n: usize,
    n_uniforms: usize,
    expiring: Vec<Vec<usize>>,
}

impl Registers {
    fn find(&self, value: Value) -> usize {
        match value {
            Value::Step(step) => self.of_step[step],
            Value::Uniform(uniform) => uniform,
        }
    }

    /// A register for the result of a step, which may be that of an operand that is not needed after it.
    fn allocate(&mut self, step: usize) -> usize {
        for value in std::mem::take(&mut self.expiring[step]) {
            self.free.push(self.of_step[value]);
        }
        let register = self.free.pop().unwrap_or_else(|| {
            self.n += 1;
            self.n - 1
        });
        debug_assert!(register >= self.n_uniforms);
        self.of_step.push(register);
        register
    }
}

/// For each step, the earlier steps whose results are not needed after its operands are read.
fn expiring(program: &Program) -> Vec<Vec<usize>> {
    // A result that is wanted when a group ends is free for the step after it.
    let mut last_use = vec![0; program.steps.len()];
    for (i, step) in program.steps.iter().enumerate() {
        for value in step.operands() {
            if let Value::Step(operand) = value {
                last_use[operand] = last_use[operand].max(i);
            }
        }
    }
    for group in &program.groups {
        for value in &group.wanted {
            if let Value::Step(wanted) = *value {
                last_use[wanted] = last_use[wanted].max(group.steps.end);
            }
        }
    }
    let mut expiring = vec![Vec::new(); program.steps.len() + 1];
    for (value, &step) in last_use.iter().enumerate() {
        expiring[step].push(value);
    }
    expiring
}

/// Runs a [`Code`], block by block.
pub struct Machine<'c, L: Lanes> {
    lanes: L,
    code: &'c Code,
    registers: Vec<Register<L>>,
    loaded: Vec<L::T>,
}

impl<'c, L: Lanes> Machine<'c, L> {
    /// Voxels in a block.
    pub const BLOCK: usize = VECTORS * L::LANES;

    /// A machine for blocks of [`Self::BLOCK`] voxels; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, code: &'c Code) -> Self {
        let mut registers = vec![[lanes.splat(0.0); VECTORS]; code.n_registers];
        for (register, &value) in registers.iter_mut().zip(&code.uniforms) {
            *register = [lanes.splat(value); VECTORS];
        }
        let loaded = vec![L::T::of(0.0); Self::BLOCK];
        Self { lanes, code, registers, loaded }
    }

    /// Computes a group, after those before it; `load` fills a slice of [`Self::BLOCK`] with an image's voxels,
    /// given the index of its row.
    #[inline(always)]
    pub fn run(&mut self, group: usize, mut load: impl FnMut(u32, &mut [L::T])) {
        let code = self.code;
        for step in &code.steps[code.groups[group].0.clone()] {
            match step.operation {
                Operation::Input(row) => {
                    load(row, &mut self.loaded);
                    self.fill(step.to);
                }
                Operation::Unary(op, x) => self.unary(op, step.to, x),
                Operation::Binary(op, a, b) => self.binary(op, step.to, a, b),
            }
        }
    }

    /// A wanted value of the group that ran last.
    #[inline(always)]
    pub fn wanted(&self, group: usize, i: usize) -> &Register<L> {
        &self.registers[self.code.groups[group].1[i]]
    }

    #[inline(always)]
    fn fill(&mut self, to: usize) {
        let register = &mut self.registers[to];
        for (v, lanes) in register.iter_mut().zip(self.loaded.chunks_exact(L::LANES)) {
            *v = self.lanes.load(lanes);
        }
    }

    #[inline(always)]
    fn unary(&mut self, op: Unary, to: usize, x: usize) {
        let (l, r) = (self.lanes, &mut self.registers);
        // A macro, not a function of a closure: what is not inlined here is compiled for the baseline processor.
        macro_rules! each {
            (|$x:ident| $value:expr) => {
                for i in 0..VECTORS {
                    let $x = r[x][i];
                    r[to][i] = $value;
                }
            };
        }
        match op {
            Unary::Neg => each!(|x| l.neg(x)),
            Unary::Exp => each!(|x| l.exp(x)),
            Unary::Expm1 => each!(|x| edges::expm1(l, x)),
            Unary::Log => each!(|x| edges::log(l, x)),
            Unary::Sqrt => each!(|x| l.sqrt(x)),
            Unary::Abs => each!(|x| l.abs(x)),
            Unary::Sin => each!(|x| edges::each_lane(l, Unary::Sin, x)),
            Unary::Cos => each!(|x| edges::each_lane(l, Unary::Cos, x)),
            Unary::Sign => each!(|x| edges::sign(l, x)),
            Unary::InverseOr0 => each!(|x| edges::inverse_or_0(l, x)),
            Unary::LogOr0 => each!(|x| edges::log_or_0(l, x)),
        }
    }

    #[inline(always)]
    fn binary(&mut self, op: Binary, to: usize, a: usize, b: usize) {
        let (l, r) = (self.lanes, &mut self.registers);
        macro_rules! each {
            (|$a:ident, $b:ident| $value:expr) => {
                for i in 0..VECTORS {
                    let ($a, $b) = (r[a][i], r[b][i]);
                    r[to][i] = $value;
                }
            };
        }
        match op {
            Binary::Add => each!(|a, b| l.add(a, b)),
            Binary::Sub => each!(|a, b| l.sub(a, b)),
            Binary::Mul => each!(|a, b| l.mul(a, b)),
            Binary::Div => each!(|a, b| edges::div(l, a, b)),
            Binary::Pow => each!(|a, b| edges::pow(l, a, b)),
            Binary::Min => each!(|a, b| edges::min(l, a, b)),
            Binary::Max => each!(|a, b| edges::max(l, a, b)),
        }
    }
}

#[cfg(test)]
mod tests;
