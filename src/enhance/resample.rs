//! Trilinear resampling of a volume onto another grid.
//!
//! A voxel is a box: positions up to half a voxel beyond the outermost centres are inside the volume and take the value
//! at its edge, anything further is NaN. So is what would be interpolated from a voxel that is not a number. A position within a millionth of a voxel of a centre is that centre, so that a
//! grid resampled onto itself is unchanged, NaN neighbours included.
//!
//! The kernel's one observation is which voxel of the result it works on, as u32. The volume that it reads is the
//! kernel's own: on a GPU it goes up with the kernel's numbers, as f32 and in slabs of slices that fit in a binding.

use std::ops::Range;

use bytemuck::cast_slice;

use crate::device::{
    Batch, Column, ColumnMut, ColumnSpec, ColumnType, Device, Precision, Progress, Row, Shader, Source, VoxelKernel,
};
use crate::volume::{Grid, Scaling, VoxelType};
use crate::{Error, Result, with_voxel_type};

/// Distance from a voxel's centre, in voxels, that is taken for no distance.
const SNAP: f64 = 1e-6;

/// Most voxels of a slab: 64 MiB as f32, half of the binding that every GPU offers.
const SLAB_VOXELS: usize = 16 << 20;

/// From the voxels of one grid to positions in another.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampling {
    source: [usize; 3],
    target: [usize; 3],
    /// Voxel index of the result → position in the source, in voxels; the first three rows of the homogeneous matrix.
    matrix: [[f64; 4]; 3],
    slab_voxels: usize,
}

impl Resampling {
    /// Resamples volumes on `source` onto `target`.
    pub fn new(source: &Grid, target: &Grid) -> Self {
        let inverse = source.inverse();
        let product = |r: usize, c: usize| (0..4).map(|m| inverse[r][m] * target.affine[m][c]).sum();
        Self {
            source: source.shape,
            target: target.shape,
            matrix: std::array::from_fn(|r| std::array::from_fn(|c| product(r, c))),
            slab_voxels: SLAB_VOXELS,
        }
    }

    /// The same with slabs of at most `voxels` voxels, or two slices if those are more.
    #[must_use]
    pub fn with_slab_voxels(mut self, voxels: usize) -> Self {
        self.slab_voxels = voxels;
        self
    }

    /// Resamples one volume; NaN where the source has nothing.
    pub fn run(&self, device: &Device, row: Row, progress: &dyn Progress) -> Result<Vec<f32>> {
        let n_target = u32::try_from(self.target.iter().product::<usize>())
            .map_err(|_| Error::Internal("the target has more than 2^32 voxels".into()))?;
        let index: Vec<u32> = (0..n_target).collect();
        let which = Row { bytes: cast_slice(&index), voxel_type: VoxelType::U32, scaling: Scaling::IDENTITY };
        let source = Source::new(vec![which], index.len(), None);
        let mut whole: Option<Vec<f32>> = None;
        for slab in self.slabs() {
            let kernel = ResampleKernel { map: self, row, slab };
            let column = device.run(&kernel, &source, progress)?.pop();
            let Some(part) = column.as_ref().and_then(Column::as_f32) else {
                return Err(Error::Internal("resampling gave no column".into()));
            };
            whole = Some(match whole {
                None => part.into_owned(),
                Some(whole) => merged(whole, &part),
            });
        }
        Ok(whole.unwrap_or_default())
    }

    /// Ranges of slices that overlap by one, so that every two neighbours are together in one of them.
    fn slabs(&self) -> Vec<Range<usize>> {
        let [ni, nj, nk] = self.source;
        let step = (self.slab_voxels / (ni * nj).max(1)).max(2) - 1;
        let starts = (0..nk.saturating_sub(1).max(1)).step_by(step);
        starts.map(|first| first..(first + step + 1).min(nk)).collect()
    }
}

/// What shaders/resample.wgsl is given.
fn wgsl_constants() -> String {
    format!("const SNAP: f32 = {SNAP:e};\n")
}

/// Each voxel from the slab that could give it.
fn merged(mut whole: Vec<f32>, part: &[f32]) -> Vec<f32> {
    for (whole, &part) in whole.iter_mut().zip(part) {
        if whole.is_nan() {
            *whole = part;
        }
    }
    whole
}

/// Resampling from some slices of a volume.
struct ResampleKernel<'a> {
    map: &'a Resampling,
    row: Row<'a>,
    slab: Range<usize>,
}

impl VoxelKernel for ResampleKernel<'_> {
    fn label(&self) -> String {
        "resampling".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        vec![ColumnSpec { name: "resampled".into(), kind: ColumnType::F32 }]
    }

    /// Positions and sums are in f64 whatever the precision.
    fn run_cpu(&self, batch: &Batch, _precision: Precision, out: &mut [ColumnMut]) {
        let index: &[u32] = cast_slice(batch.row(0).bytes);
        let [out] = out else { return };
        with_voxel_type!(self.row.voxel_type, T => {
            let stored: &[T] = cast_slice(self.row.bytes);
            let volume = Volume {
                shape: self.map.source,
                slices: &self.slab,
                value: |v: usize| stored[v] as f64,
            };
            let value = |&voxel: &u32| {
                let value = volume.at(self.position(voxel as usize)).map(|v| self.real(v));
                value.filter(|v| v.is_finite()).unwrap_or(f64::NAN)
            };
            match out {
                ColumnMut::F32(out) => out.iter_mut().zip(index).for_each(|(out, v)| *out = value(v) as f32),
                ColumnMut::F64(out) => out.iter_mut().zip(index).for_each(|(out, v)| *out = value(v)),
                ColumnMut::U16(_) => {}
            }
        });
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        let [ni, nj, nk] = self.map.source;
        let numbers = [ni, nj, nk, self.slab.start, self.slab.end, self.map.target[0], self.map.target[1]];
        let mut params: Vec<f32> = self.map.matrix.as_flattened().iter().map(|&x| x as f32).collect();
        params.extend(numbers.map(|n| n as f32));
        let first = params.len();
        params.resize(first + ni * nj * self.slab.len(), 0.0);
        self.row.load_f32(ni * nj * self.slab.start, &mut params[first..]);
        let body = wgsl_constants() + include_str!("../../shaders/resample.wgsl");
        Some(Shader { body, params, turns: Shader::ANY })
    }
}

impl ResampleKernel<'_> {
    /// Where a voxel of the result lies in the source, in voxels.
    fn position(&self, voxel: usize) -> [f64; 3] {
        let [ni, nj, _] = self.map.target;
        let [i, j, k] = [voxel % ni, voxel / ni % nj, voxel / (ni * nj)].map(|x| x as f64);
        self.map.matrix.map(|[a, b, c, d]| a * i + b * j + c * k + d)
    }

    fn real(&self, stored: f64) -> f64 {
        self.row.scaling.slope * stored + self.row.scaling.inter
    }
}

/// Voxels by their index in memory, of which some slices may be read.
struct Volume<'a, F> {
    shape: [usize; 3],
    slices: &'a Range<usize>,
    value: F,
}

/// Along one axis: the voxel below, the one above, and how far between.
#[derive(Clone, Copy)]
struct Between {
    below: usize,
    above: usize,
    fraction: f64,
}

impl<F: Fn(usize) -> f64> Volume<'_, F> {
    /// The value at a position in voxels, if it lies inside and between these slices.
    fn at(&self, position: [f64; 3]) -> Option<f64> {
        let x = between(position[0], self.shape[0])?;
        let y = between(position[1], self.shape[1])?;
        let z = between(position[2], self.shape[2])?;
        if z.below < self.slices.start || z.above >= self.slices.end {
            return None;
        }
        let [ni, nj, _] = self.shape;
        let along_x = |j: usize, k: usize| {
            let line = (k * nj + j) * ni;
            lerp(x.fraction, || (self.value)(line + x.below), || (self.value)(line + x.above))
        };
        let along_y = |k: usize| lerp(y.fraction, || along_x(y.below, k), || along_x(y.above, k));
        Some(lerp(z.fraction, || along_y(z.below), || along_y(z.above)))
    }
}

fn between(position: f64, n: usize) -> Option<Between> {
    let last = n as f64 - 1.0;
    if !(-0.5 - SNAP..=last + 0.5 + SNAP).contains(&position) {
        return None;
    }
    let nearest = position.round();
    let position = if (position - nearest).abs() < SNAP { nearest } else { position };
    let position = position.clamp(0.0, last);
    let below = position.floor();
    Some(Between { below: below as usize, above: (below as usize + 1).min(n - 1), fraction: position - below })
}

/// Linear interpolation that never reads the upper value at fraction 0, where it could be NaN or outside.
fn lerp(fraction: f64, below: impl Fn() -> f64, above: impl Fn() -> f64) -> f64 {
    let low = below();
    match fraction {
        0.0 => low,
        _ => low + fraction * (above() - low),
    }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
