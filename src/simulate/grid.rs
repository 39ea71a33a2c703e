//! The lattice of phantoms.

use crate::volume::Grid;

/// A lattice centred on 0, with voxels of `zooms_mm`; i runs from the patient's right to left.
pub fn centred_grid(shape: [usize; 3], zooms_mm: [f64; 3]) -> Grid {
    let mut affine = [[0.0; 4]; 4];
    affine[3][3] = 1.0;
    for axis in 0..3 {
        let step = if axis == 0 { -zooms_mm[0] } else { zooms_mm[axis] };
        affine[axis][axis] = step;
        affine[axis][3] = -step * (shape[axis] as f64 - 1.0) / 2.0;
    }
    Grid { shape, affine }
}
