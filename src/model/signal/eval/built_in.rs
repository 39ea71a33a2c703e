//! Code that was generated for the models that are shipped: the same steps in the same order as interpreted, with their
//! results in registers.

use super::SampleCode;
use crate::lanes::Lanes;
use crate::model::generated::{self, TEXTS};

/// A model's steps for one vector of voxels: of U uniforms, V registers that are the same for all samples of a voxel, T tables
/// and P fitted parameters.
pub trait BuiltIn<const U: usize, const V: usize, const T: usize, const P: usize> {
    /// The register by which signals are to be multiplied; none is 1.
    const SIGNAL: Option<usize>;
    /// Those by which slopes are.
    const SLOPES: [Option<usize>; P];

    /// The registers, from uniforms and parameters in units of their scales.
    fn voxel<L: Lanes>(l: L, u: &[L::V; U], p: &[L::V; P]) -> [L::V; V];

    /// The signal of a sample and its slope by each parameter, from the registers and its places in the tables.
    fn sample<L: Lanes>(l: L, v: &[L::V; V], t: &[L::V; T]) -> (L::V, [L::V; P]);
}

/// Which generated code a text is, by its place.
pub(super) fn find(text: &str) -> Option<usize> {
    TEXTS.iter().position(|&generated| generated == text)
}

/// Work that is done with the code of some model.
pub trait OfBuiltIn {
    /// Does it.
    fn of<B: BuiltIn<U, V, T, P>, const U: usize, const V: usize, const T: usize, const P: usize>(self);
}

/// Generated code bound to a protocol.
#[derive(Debug)]
pub struct Ready<L: Lanes> {
    /// Which it is.
    which: usize,
    /// The numbers that are the same for all voxels and samples.
    pub uniforms: Vec<L::V>,
    /// `[sample][table]`
    pub tables: Vec<L::V>,
}

impl<L: Lanes> Ready<L> {
    /// The code that was generated for a program, if there is some.
    #[inline(always)]
    pub(super) fn new(lanes: L, code: &SampleCode) -> Option<Self> {
        let which = code.built_in?;
        let (mut uniforms, mut tables) = (Vec::new(), Vec::new());
        for &value in &code.uniforms {
            uniforms.push(lanes.splat(value));
        }
        for sample in 0..code.n_samples {
            for table in &code.tables {
                tables.push(lanes.splat(table[sample]));
            }
        }
        Some(Self { which, uniforms, tables })
    }

    /// Does work with it.
    #[inline(always)]
    pub fn call(&self, work: impl OfBuiltIn) {
        generated::call(self.which, work);
    }
}
