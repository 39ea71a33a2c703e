//! A sample program on the CPU: interpreted over the samples of a few vectors of voxels at once.
//!
//! Each step is one loop over all samples of a chunk, so that what interpreting costs is shared by them. Exponentials
//! of products and multiply-adds are one step.

mod built_in;
mod code;
mod factors;
mod rare;
mod rust;

use pulp::NullaryFnOnce;

use crate::lanes::Lanes;
use crate::model::graph::Operation;
use crate::model::operator::{Binary, Unary};
use code::{Operand, Product, Step};
use rare::Rare;

pub use built_in::{BuiltIn, OfBuiltIn, Ready};
pub use code::SampleCode;
pub use factors::Factored;

/// Vectors of voxels that are interpreted side by side: each step is looked at once for both, and the second fills the wait for
/// the first.
pub const WIDE: usize = 2;

/// Samples whose values are held at once, in the first-level cache.
pub const CHUNK: usize = 16;

/// One value for the voxels that are evaluated side by side.
pub type Wide<L> = [<L as Lanes>::V; WIDE];

/// Runs a [`SampleCode`].
#[derive(Debug)]
pub struct Evaluator<'c, L: Lanes> {
    lanes: L,
    code: &'c SampleCode,
    voxel: Vec<Wide<L>>,
    /// `[table][sample]`
    tables: Vec<L::V>,
    /// `[step][sample of a chunk]`
    samples: Vec<Wide<L>>,
    zeros: [Wide<L>; CHUNK],
    built_in: Option<Ready<L>>,
    /// Room for what generated code makes.
    slopes: Vec<L::V>,
}

/// Where a step finds an operand.
trait Fetch<L: Lanes>: Copy {
    fn at(self, sample: usize, wide: usize) -> L::V;
}

#[derive(Clone, Copy)]
struct OfVoxel<L: Lanes>(Wide<L>);
#[derive(Clone, Copy)]
struct OfTable<'t, L: Lanes>(&'t [L::V]);
#[derive(Clone, Copy)]
struct OfSample<'t, L: Lanes>(&'t [Wide<L>]);

impl<L: Lanes> Fetch<L> for OfVoxel<L> {
    #[inline(always)]
    fn at(self, _: usize, wide: usize) -> L::V {
        self.0[wide]
    }
}
impl<L: Lanes> Fetch<L> for OfTable<'_, L> {
    #[inline(always)]
    fn at(self, sample: usize, _: usize) -> L::V {
        self.0[sample]
    }
}
impl<L: Lanes> Fetch<L> for OfSample<'_, L> {
    #[inline(always)]
    fn at(self, sample: usize, wide: usize) -> L::V {
        self.0[sample][wide]
    }
}

impl<'c, L: Lanes> Evaluator<'c, L> {
    /// An evaluator; the only place that takes memory.
    #[inline(always)]
    pub fn new(lanes: L, code: &'c SampleCode) -> Self {
        let zero = [lanes.splat(0.0); WIDE];
        let mut voxel = vec![zero; code.uniforms.len() + code.voxel.len()];
        for (register, &value) in voxel.iter_mut().zip(&code.uniforms) {
            *register = [lanes.splat(value); WIDE];
        }
        let mut tables = Vec::with_capacity(code.tables.len() * code.n_samples);
        for table in &code.tables {
            for &value in table {
                tables.push(lanes.splat(value));
            }
        }
        let samples = vec![zero; code.sample.len() * CHUNK];
        let built_in = Ready::new(lanes, code);
        let n_slopes = if built_in.is_some() { code.n_samples * code.gradient.len() } else { 0 };
        let slopes = vec![lanes.splat(0.0); n_slopes];
        Self { lanes, code, voxel, tables, samples, zeros: [zero; CHUNK], built_in, slopes }
    }

    /// The code that was generated for the model, if there is some, and room for the slopes of all samples.
    #[inline(always)]
    pub fn built_in(&mut self) -> Option<(&Ready<L>, &mut [L::V])> {
        self.built_in.as_ref().map(|ready| (ready, self.slopes.as_mut_slice()))
    }

    /// Takes the parameters of the voxels, in units of their scales, and the factors of their axes.
    #[inline(always)]
    pub fn set(&mut self, parameters: [&[L::V]; WIDE], factors: [&[L::V]; WIDE]) {
        let l = self.lanes;
        let n_parameters = self.code.gradient.len();
        for (i, step) in self.code.voxel.iter().enumerate() {
            let to = self.code.uniforms.len() + i;
            for w in 0..WIDE {
                self.voxel[to][w] = match *step {
                    Operation::Input(input) if (input as usize) < n_parameters => parameters[w][input as usize],
                    Operation::Input(input) => factors[w][input as usize - n_parameters],
                    Operation::Binary(Binary::Add, a, b) => l.add(self.voxel[a][w], self.voxel[b][w]),
                    Operation::Binary(Binary::Sub, a, b) => l.sub(self.voxel[a][w], self.voxel[b][w]),
                    Operation::Binary(Binary::Mul, a, b) => l.mul(self.voxel[a][w], self.voxel[b][w]),
                    rare => l.call(Rare { lanes: l, operation: rare.map(|x| self.voxel[x][w]) }),
                };
            }
        }
    }

    /// Computes signals and slopes of `n` samples from `first` on, for the parameters that were set last.
    #[inline(always)]
    pub fn run(&mut self, first: usize, n: usize) {
        self.lanes.call(Run { evaluator: self, first, n });
    }

    /// The signals of the chunk that ran last, one a sample, and what all of them are to be multiplied by.
    #[inline(always)]
    pub fn signal(&self) -> (&[Wide<L>], Option<Wide<L>>) {
        self.product(&self.code.signal)
    }

    /// The slopes of the chunk that ran last by a parameter, one a sample, and what all of them are to be multiplied by; 0 by a
    /// parameter that there is not.
    #[inline(always)]
    pub fn slope(&self, parameter: usize) -> (&[Wide<L>], Option<Wide<L>>) {
        match self.code.gradient.get(parameter) {
            Some(slope) => self.product(slope),
            None => (&self.zeros, None),
        }
    }

    #[inline(always)]
    fn product(&self, product: &Product) -> (&[Wide<L>], Option<Wide<L>>) {
        (self.register(product.step), product.factor.map(|register| self.voxel[register]))
    }

    #[inline(always)]
    fn register(&self, step: usize) -> &[Wide<L>] {
        &self.samples[step * CHUNK..][..CHUNK]
    }
}

/// Each value of `out` from the operands' values for its sample and vector.
macro_rules! each {
    ($out:ident, [$($x:ident = $from:expr),*] $value:expr) => {
        $(let $x = $from;)*
        each!($out, |$($x),*| $value)
    };
    ($out:ident, |$($x:ident),*| $value:expr) => {
        for (k, out) in $out.iter_mut().enumerate() {
            for (w, out) in out.iter_mut().enumerate() {
                $(let $x = $x.at(k, w);)*
                *out = $value;
            }
        }
    };
}

/// One pass over the samples of a chunk.
struct Run<'e, 'c, L: Lanes> {
    evaluator: &'e mut Evaluator<'c, L>,
    first: usize,
    n: usize,
}

impl<L: Lanes> NullaryFnOnce for Run<'_, '_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { evaluator: e, first, n } = self;
        let l = e.lanes;
        for (i, &step) in e.code.sample.iter().enumerate() {
            let (before, out) = e.samples.split_at_mut(i * CHUNK);
            let out = &mut out[..n];
            let sample = |i: usize| OfSample::<L>(&before[i * CHUNK..][..n]);
            let table = |i: usize| OfTable::<L>(&e.tables[i * e.code.n_samples + first..][..n]);
            let voxel = |i: usize| OfVoxel::<L>(e.voxel[i]);
            use Operand::{Sample, Table, Voxel};
            macro_rules! with {
                ($op:ident($a:ident, $b:ident)) => {
                    match ($a, $b) {
                        (Sample(a), Sample(b)) => $op(l, out, sample(a), sample(b)),
                        (Sample(a), Voxel(b)) => $op(l, out, sample(a), voxel(b)),
                        (Sample(a), Table(b)) => $op(l, out, sample(a), table(b)),
                        (Voxel(a), Sample(b)) => $op(l, out, voxel(a), sample(b)),
                        (Voxel(a), Table(b)) => $op(l, out, voxel(a), table(b)),
                        (Table(a), Sample(b)) => $op(l, out, table(a), sample(b)),
                        (Table(a), Voxel(b)) => $op(l, out, table(a), voxel(b)),
                        // The host, or the voxel's steps, compute these.
                        (Voxel(_), Voxel(_)) | (Table(_), Table(_)) => {}
                    }
                };
                ($c:ident: $a:expr, $b:expr) => {
                    match $c {
                        Sample(c) => mul_add(l, out, $a, $b, sample(c)),
                        Voxel(c) => mul_add(l, out, $a, $b, voxel(c)),
                        Table(c) => mul_add(l, out, $a, $b, table(c)),
                    }
                };
            }
            match step {
                Step::Copy(x) => match x {
                    Sample(x) => copy(out, sample(x)),
                    Voxel(x) => copy(out, voxel(x)),
                    Table(x) => copy(out, table(x)),
                },
                Step::Unary(Unary::Exp, x) => exp(l, out, sample(x)),
                Step::Unary(op, x) => {
                    each!(out, [x = sample(x)] l.call(Rare::<L> { lanes: l, operation: Operation::Unary(op, x) }));
                }
                Step::Binary(Binary::Add, a, b) => with!(add(a, b)),
                Step::Binary(Binary::Sub, a, b) => with!(sub(a, b)),
                Step::Binary(_, a, b) => with!(mul(a, b)),
                Step::Rare(op, a, b) => {
                    let operation = |a, b| Operation::Binary(op, a, b);
                    each!(out, [a = sample(a), b = sample(b)] l.call(Rare::<L> { lanes: l, operation: operation(a, b) }));
                }
                Step::ExpProduct(a, b) => with!(exp_product(a, b)),
                Step::MulAdd(a, b, c) => match (a, b) {
                    (Sample(a), Sample(b)) => with!(c: sample(a), sample(b)),
                    (Sample(a), Voxel(b)) | (Voxel(b), Sample(a)) => with!(c: sample(a), voxel(b)),
                    (Sample(a), Table(b)) | (Table(b), Sample(a)) => with!(c: sample(a), table(b)),
                    (Voxel(a), Table(b)) | (Table(b), Voxel(a)) => with!(c: voxel(a), table(b)),
                    (Voxel(_), Voxel(_)) | (Table(_), Table(_)) => {}
                },
            }
        }
    }
}

#[inline(always)]
fn copy<L: Lanes>(out: &mut [Wide<L>], x: impl Fetch<L>) {
    each!(out, |x| x);
}

#[inline(always)]
fn add<L: Lanes>(l: L, out: &mut [Wide<L>], a: impl Fetch<L>, b: impl Fetch<L>) {
    each!(out, |a, b| l.add(a, b));
}

#[inline(always)]
fn sub<L: Lanes>(l: L, out: &mut [Wide<L>], a: impl Fetch<L>, b: impl Fetch<L>) {
    each!(out, |a, b| l.sub(a, b));
}

#[inline(always)]
fn mul<L: Lanes>(l: L, out: &mut [Wide<L>], a: impl Fetch<L>, b: impl Fetch<L>) {
    each!(out, |a, b| l.mul(a, b));
}

#[inline(always)]
fn exp_product<L: Lanes>(l: L, out: &mut [Wide<L>], a: impl Fetch<L>, b: impl Fetch<L>) {
    each!(out, |a, b| l.exp(l.mul(a, b)));
}

#[inline(always)]
fn mul_add<L: Lanes>(l: L, out: &mut [Wide<L>], a: impl Fetch<L>, b: impl Fetch<L>, c: impl Fetch<L>) {
    each!(out, |a, b, c| l.mul_add(a, b, c));
}

#[inline(always)]
fn exp<L: Lanes>(l: L, out: &mut [Wide<L>], x: impl Fetch<L>) {
    each!(out, |x| l.exp(x));
}
