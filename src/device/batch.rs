//! What kernels read: rows of voxels in the type of their file.

use std::borrow::Cow;
use std::ops::Range;

use bytemuck::cast_slice;
use pulp::{Arch, NullaryFnOnce};

use crate::lanes::Element;
use crate::volume::{Scaling, VoxelType};
use crate::with_voxel_type;

/// The voxels of one 3D volume (or a part of one) in the type of their file.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Stored voxels, native byte order, aligned to the type's size.
    pub bytes: &'a [u8],
    /// Type of the stored voxels.
    pub voxel_type: VoxelType,
    /// Stored → real.
    pub scaling: Scaling,
}

/// All observations of a run: one row an observation, all over the same grid, and which voxels are wanted.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    rows: Vec<Row<'a>>,
    n_grid: usize,
    picked: Option<Vec<u32>>,
}

impl<'a> Source<'a> {
    /// Rows over a grid of `n_grid` voxels; with `picked`, only those voxels, in that order.
    pub fn new(rows: Vec<Row<'a>>, n_grid: usize, picked: Option<Vec<u32>>) -> Self {
        for row in &rows {
            assert_eq!(row.bytes.len(), n_grid * row.voxel_type.size(), "a row is not one volume of the grid");
        }
        Self { rows, n_grid, picked }
    }

    /// The rows, one an observation.
    pub fn rows(&self) -> &[Row<'a>] {
        &self.rows
    }

    /// How many voxels will be worked on.
    pub fn n_voxels(&self) -> usize {
        self.picked.as_ref().map_or(self.n_grid, Vec::len)
    }

    /// How many voxels the grid has.
    pub fn n_grid(&self) -> usize {
        self.n_grid
    }

    /// Which voxels of the grid are worked on; `None` means all.
    pub fn picked(&self) -> Option<&[u32]> {
        self.picked.as_deref()
    }

    /// A part of the run: borrowed where all voxels are wanted, else gathered.
    pub fn batch(&self, voxels: Range<usize>) -> Batch<'_> {
        let rows = self.rows.iter().map(|row| BatchRow {
            bytes: self.part(row, voxels.clone()),
            voxel_type: row.voxel_type,
            scaling: row.scaling,
        });
        Batch { rows: rows.collect(), n_voxels: voxels.len() }
    }

    /// The wanted ones among `voxels` of a row, as stored.
    fn part<'r>(&'r self, row: &'r Row, voxels: Range<usize>) -> Cow<'r, [u8]> {
        let size = row.voxel_type.size();
        match &self.picked {
            None => Cow::Borrowed(&row.bytes[voxels.start * size..voxels.end * size]),
            Some(picked) => Cow::Owned(gather(row, &picked[voxels])),
        }
    }

    /// The same of one observation, for `read`.
    #[cfg(feature = "gpu")]
    pub(super) fn read_part<R>(&self, obs: usize, voxels: Range<usize>, read: impl FnOnce(&Row) -> R) -> R {
        let row = &self.rows[obs];
        read(&Row { bytes: &self.part(row, voxels), ..*row })
    }
}

fn gather(row: &Row, picked: &[u32]) -> Vec<u8> {
    let size = row.voxel_type.size();
    let mut bytes = Vec::with_capacity(picked.len() * size);
    for &v in picked {
        bytes.extend_from_slice(&row.bytes[v as usize * size..][..size]);
    }
    bytes
}

#[derive(Debug)]
struct BatchRow<'a> {
    bytes: Cow<'a, [u8]>,
    voxel_type: VoxelType,
    scaling: Scaling,
}

/// `[n_obs][n_voxels]` stored voxels, bounded in size: the unit of work of every kernel on every device.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: Vec<BatchRow<'a>>,
    n_voxels: usize,
}

impl Batch<'_> {
    /// Number of observations.
    pub fn n_obs(&self) -> usize {
        self.rows.len()
    }

    /// Number of voxels.
    pub fn n_voxels(&self) -> usize {
        self.n_voxels
    }

    /// One observation, as stored.
    pub fn row(&self, obs: usize) -> Row<'_> {
        let row = &self.rows[obs];
        Row { bytes: &row.bytes, voxel_type: row.voxel_type, scaling: row.scaling }
    }
}

impl Row<'_> {
    /// Real values of the voxels `first .. first + out.len()`, computed in the type asked for.
    #[inline(never)]
    pub fn load<T: Element>(&self, first: usize, out: &mut [T]) {
        Arch::new().dispatch(Load { row: self, first, out });
    }

    /// Real values of the voxels `first .. first + out.len()` in f32.
    pub fn load_f32(&self, first: usize, out: &mut [f32]) {
        self.load(first, out);
    }

    /// Real values of the voxels `first .. first + out.len()` in f64.
    pub fn load_f64(&self, first: usize, out: &mut [f64]) {
        self.load(first, out);
    }
}

/// Converts voxels. Work of its own, since kernels would otherwise each compile a loop for every type of voxel.
struct Load<'r, 'b, 'o, T> {
    row: &'r Row<'b>,
    first: usize,
    out: &'o mut [T],
}

impl<T: Element> NullaryFnOnce for Load<'_, '_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { row: Row { bytes, voxel_type, scaling }, first, out } = self;
        let (slope, inter) = (T::of(scaling.slope), T::of(scaling.inter));
        let identity = *scaling == Scaling::IDENTITY;
        with_voxel_type!(voxel_type, S => {
            let stored: &[S] = &cast_slice::<u8, S>(bytes)[first..first + out.len()];
            if identity {
                out.iter_mut().zip(stored).for_each(|(o, &s)| *o = T::of(s));
            } else {
                out.iter_mut().zip(stored).for_each(|(o, &s)| *o = T::of(s) * slope + inter);
            }
        });
    }
}
