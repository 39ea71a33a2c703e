//! What a kernel is: the same work in Rust for the CPU and in WGSL for a GPU, voxel by voxel.

use std::borrow::Cow;
use std::ops::Range;

use super::Batch;
use crate::lanes::Element;

/// How a column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A float; f64 where the CPU computes in f64.
    F32,
    /// A count, or a bit mask.
    U16,
}

/// One output of a kernel: one value a voxel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The map's name, as in its file name.
    pub name: String,
    /// How it is stored.
    pub kind: ColumnType,
}

/// The values of one output, one a voxel.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Column {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U16(Vec<u16>),
}

impl Column {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U16(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a float column as f32; `None` for counts.
    pub fn as_f32(&self) -> Option<Cow<'_, [f32]>> {
        match self {
            Self::F32(values) => Some(values.into()),
            Self::F64(values) => Some(values.iter().map(|&v| v as f32).collect()),
            Self::U16(_) => None,
        }
    }

    /// The same, taken out.
    pub fn into_f32(self) -> Option<Vec<f32>> {
        match self {
            Self::F32(values) => Some(values),
            Self::F64(values) => Some(values.into_iter().map(|v| v as f32).collect()),
            Self::U16(_) => None,
        }
    }

    /// The values at some places.
    ///
    /// # Panics
    /// Where there is no such place: a fault of the caller's text, whatever the data.
    pub fn at(&self, places: &[usize]) -> Self {
        match self {
            Self::F32(values) => Self::F32(places.iter().map(|&at| values[at]).collect()),
            Self::F64(values) => Self::F64(places.iter().map(|&at| values[at]).collect()),
            Self::U16(values) => Self::U16(places.iter().map(|&at| values[at]).collect()),
        }
    }

    /// As many values of the same type.
    pub fn filled_like(&self, value: f32, n_voxels: usize) -> Self {
        match self {
            Self::F32(_) => Self::F32(vec![value; n_voxels]),
            Self::F64(_) => Self::F64(vec![value.into(); n_voxels]),
            Self::U16(_) => Self::U16(vec![value as u16; n_voxels]),
        }
    }

    /// All of it, to be filled.
    pub(super) fn as_mut(&mut self) -> ColumnMut<'_> {
        match self {
            Self::F32(values) => ColumnMut::F32(values),
            Self::F64(values) => ColumnMut::F64(values),
            Self::U16(values) => ColumnMut::U16(values),
        }
    }

    /// Puts a part of the same type in its place.
    pub(crate) fn put(&mut self, first: usize, part: &Self) {
        let put = self.as_mut().put(first, part, 0..part.len());
        debug_assert!(put.is_some(), "{part:?} does not fit");
    }

    /// Drops what is beyond `n_voxels`, or adds zeros up to there.
    pub(super) fn resize(&mut self, n_voxels: usize) {
        match self {
            Self::F32(values) => values.resize(n_voxels, 0.0),
            Self::F64(values) => values.resize(n_voxels, 0.0),
            Self::U16(values) => values.resize(n_voxels, 0),
        }
    }

    /// The values as f64.
    pub fn into_f64(self) -> Vec<f64> {
        match self {
            Self::F32(values) => values.into_iter().map(f64::from).collect(),
            Self::F64(values) => values,
            Self::U16(values) => values.into_iter().map(f64::from).collect(),
        }
    }
}

/// Columns of `n_voxels` zeros, to be filled by a device that computes in `precision`.
pub(super) fn empty_columns(specs: &[ColumnSpec], precision: Precision, n_voxels: usize) -> Vec<Column> {
    let empty = |spec: &ColumnSpec| match (spec.kind, precision) {
        (ColumnType::F32, Precision::F32) => Column::F32(vec![0.0; n_voxels]),
        (ColumnType::F32, Precision::F64) => Column::F64(vec![0.0; n_voxels]),
        (ColumnType::U16, _) => Column::U16(vec![0; n_voxels]),
    };
    specs.iter().map(empty).collect()
}

/// A part of a [`Column`] that a kernel fills.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum ColumnMut<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
    U16(&'a mut [u16]),
}

/// The floating-point type that the CPU computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Precision {
    #[default]
    F32,
    F64,
}

impl ColumnMut<'_> {
    /// Puts some values of a column of the same type at `first`; `None` for another type, or where they do not fit.
    pub(super) fn put(&mut self, first: usize, from: &Column, values: Range<usize>) -> Option<()> {
        let to = first..first + values.len();
        match (self, from) {
            (Self::F32(all), Column::F32(part)) => all.get_mut(to)?.copy_from_slice(part.get(values)?),
            (Self::F64(all), Column::F64(part)) => all.get_mut(to)?.copy_from_slice(part.get(values)?),
            (Self::U16(all), Column::U16(part)) => all.get_mut(to)?.copy_from_slice(part.get(values)?),
            _ => return None,
        }
        Some(())
    }

    /// Puts values from `first` on, in the column's own type; a count is cut to a whole number.
    #[inline(always)]
    pub(crate) fn store<T: Element>(&mut self, first: usize, values: &[T]) {
        let voxels = first..first + values.len();
        match self {
            Self::F32(to) => to[voxels].iter_mut().zip(values).for_each(|(to, value)| *to = value.to_f32()),
            Self::F64(to) => to[voxels].iter_mut().zip(values).for_each(|(to, value)| *to = value.to_f64()),
            Self::U16(to) => to[voxels].iter_mut().zip(values).for_each(|(to, value)| *to = value.to_f32() as u16),
        }
    }
}

/// A kernel's WGSL and the numbers it reads.
///
/// The device puts `shaders/common/batch.wgsl` before `body`: it declares the bindings and
/// `load(obs, voxel) -> f32` (real value), `store_f32(column, voxel, value)`, `store_u16(column, voxel, value)`,
/// `store_nan(column, voxel)`, `is_finite(x)`, `finish()`, and the constant `N_OBS`. `body` declares
/// `@compute @workgroup_size(WORKGROUP) fn main(...)` and loops over the voxels below `batch.n_voxels` in steps of the
/// whole dispatch, so that any number of workgroups does the work. Its last statement is `finish();`, by which the host knows
/// that no loop was cut short.
#[derive(Debug, Clone, PartialEq)]
pub struct Shader {
    /// WGSL text.
    pub body: String,
    /// Read in the shader as `params[i]`.
    pub params: Vec<f32>,
    /// Turns of all its loops that a voxel takes at most, as far as can be told; [`Shader::ANY`] where nobody has counted. Software
    /// GPUs leave loops when an invocation has taken too many: voxels are shared out so that none should.
    pub turns: usize,
}

impl Shader {
    /// Any number of turns: no invocation takes a second voxel in software.
    pub const ANY: usize = usize::MAX;
}

/// Work done on each voxel alone, on any device: equal voxels give equal results wherever they lie in a batch.
pub trait VoxelKernel: Sync {
    /// For messages and benchmarks, such as `adc iwlls`.
    fn label(&self) -> String;

    /// What is computed, in the order of the columns.
    fn columns(&self) -> Vec<ColumnSpec>;

    /// Computes all columns of a batch; each of `out` has the length of the batch.
    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]);

    /// The same in WGSL for `n_obs` observations; `None` where the CPU alone does it.
    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        None
    }

    /// Arithmetic operations of a voxel that takes so many iterations, counted in the kernel's text: a fused multiply-add
    /// is two, a division or a comparison one. `None` where nobody has counted.
    fn flops_per_voxel(&self, _iterations: f64) -> Option<f64> {
        None
    }
}
