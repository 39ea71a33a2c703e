//! Whole-number images on another grid.

use rayon::prelude::*;

use super::Grid;
use super::series::GRID_TOLERANCE_VOXELS;

/// Positions are equal within this many voxels: affines are stored as float32, and a target voxel that lies halfway
/// between two others (as when one grid is twice as fine) must not flicker between them. The higher index wins.
const TIE_VOXELS: f64 = 1e-4;

/// `values` over `own`, brought onto `target`: each voxel takes the value nearest to its centre, the default outside.
///
/// Grids that agree within [`GRID_TOLERANCE_VOXELS`] are taken as the same grid.
pub(super) fn onto<T>(values: &[T], own: &Grid, target: &Grid) -> Vec<T>
where
    T: Copy + Default + Send + Sync,
{
    if own.max_distance_voxels(target) <= GRID_TOLERANCE_VOXELS {
        return values.to_vec();
    }
    let from_target = product(&own.inverse(), &target.affine);
    let [ni, nj, _] = target.shape;
    let mut out = vec![T::default(); target.n_voxels()];
    out.par_chunks_mut(ni).enumerate().for_each(|(line, out)| {
        let (j, k) = ((line % nj) as f64, (line / nj) as f64);
        for (i, out) in out.iter_mut().enumerate() {
            let at = |r: usize| {
                let row = &from_target[r];
                row[0] * i as f64 + row[1] * j + row[2] * k + row[3]
            };
            if let Some(voxel) = voxel_at([at(0), at(1), at(2)], own.shape) {
                *out = values[voxel];
            }
        }
    });
    out
}

/// The voxel whose centre is nearest to a fractional index, if that lies in the volume.
fn voxel_at(position: [f64; 3], shape: [usize; 3]) -> Option<usize> {
    let mut voxel = 0;
    for axis in [2, 1, 0] {
        let index = (position[axis] + 0.5 + TIE_VOXELS).floor();
        if index < 0.0 || index >= shape[axis] as f64 {
            return None;
        }
        voxel = voxel * shape[axis] + index as usize;
    }
    Some(voxel)
}

fn product(a: &[[f64; 4]; 4], b: &[[f64; 4]; 4]) -> [[f64; 4]; 4] {
    std::array::from_fn(|r| std::array::from_fn(|c| (0..4).map(|n| a[r][n] * b[n][c]).sum()))
}
