//! Where voxels lie in space.

/// The lattice of a volume: voxel counts, and the map from voxel indices to millimetres (RAS+).
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Voxels along i, j, k; i is the fastest in memory.
    pub shape: [usize; 3],
    /// Homogeneous voxel-index → mm matrix, row by row; x to the right, y anterior, z superior.
    pub affine: [[f64; 4]; 4],
}

impl Grid {
    /// Number of voxels of one 3D volume.
    pub fn n_voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Position in mm of a (fractional) voxel index.
    pub fn position(&self, ijk: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|r| {
            let a = &self.affine[r];
            a[0] * ijk[0] + a[1] * ijk[1] + a[2] * ijk[2] + a[3]
        })
    }

    /// Edge lengths of a voxel in mm.
    pub fn zooms(&self) -> [f64; 3] {
        std::array::from_fn(|c| {
            (0..3)
                .map(|r| self.affine[r][c].powi(2))
                .sum::<f64>()
                .sqrt()
        })
    }
}
