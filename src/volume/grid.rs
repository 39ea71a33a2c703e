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
        std::array::from_fn(|c| (0..3).map(|r| self.affine[r][c].powi(2)).sum::<f64>().sqrt())
    }

    /// Volume of a voxel in mm³, of sheared ones too.
    pub fn voxel_mm3(&self) -> f64 {
        determinant(&self.affine).abs()
    }

    /// Millimetre → voxel-index matrix. The affine must not be singular; files with a singular one are refused.
    pub fn inverse(&self) -> [[f64; 4]; 4] {
        let a = &self.affine;
        let determinant = determinant(a);
        let mut inverse = [[0.0; 4]; 4];
        for (r, row) in inverse.iter_mut().take(3).enumerate() {
            for (c, value) in row.iter_mut().take(3).enumerate() {
                // Indices that wrap around give the cofactor its sign.
                let (r1, r2) = ((c + 1) % 3, (c + 2) % 3);
                let (c1, c2) = ((r + 1) % 3, (r + 2) % 3);
                *value = (a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1]) / determinant;
            }
        }
        for row in inverse.iter_mut().take(3) {
            row[3] = -(row[0] * a[0][3] + row[1] * a[1][3] + row[2] * a[2][3]);
        }
        inverse[3][3] = 1.0;
        inverse
    }

    /// Where i, j and k point: the anatomical direction (L/R, P/A, I/S) closest to each, each direction used once.
    ///
    /// `['R', 'A', 'S']` means that i grows to the right, j to the front, k upwards. The assignment of axes is that of
    /// the largest sum of cosines, as in niftilib's `nifti_mat44_to_orientation`.
    pub fn orientation(&self) -> [char; 3] {
        const ASSIGNMENTS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        const NAMES: [[char; 2]; 3] = [['L', 'R'], ['P', 'A'], ['I', 'S']];
        let zooms = self.zooms();
        let cosine = |world: usize, axis: usize| self.affine[world][axis] / zooms[axis];
        let agreement = |worlds: &[usize; 3]| -> f64 { (0..3).map(|i| cosine(worlds[i], i).abs()).sum() };
        let mut best = ASSIGNMENTS[0];
        for candidate in &ASSIGNMENTS[1..] {
            // A tie (an exact 45° turn) goes to the earlier assignment.
            if agreement(candidate) > agreement(&best) + 1e-9 {
                best = *candidate;
            }
        }
        std::array::from_fn(|i| NAMES[best[i]][usize::from(cosine(best[i], i) > 0.0)])
    }

    /// How far `other` lies from this grid: the largest distance between corresponding corners, in voxels of this grid.
    ///
    /// Corners are those of the outermost voxels' outer edges, so that another slice thickness shows even in a single
    /// slice. Infinite where the shapes differ. Between two affine grids no point is further apart than the corners.
    pub fn max_distance_voxels(&self, other: &Grid) -> f64 {
        if self.shape != other.shape {
            return f64::INFINITY;
        }
        self.furthest_corner(other).1
    }

    /// The corner of this grid whose counterpart in `other`, a grid of the same shape, is furthest away, as a voxel
    /// index, and that distance in voxels of this grid. Corners are those of [`Grid::max_distance_voxels`].
    pub fn furthest_corner(&self, other: &Grid) -> ([f64; 3], f64) {
        let inverse = self.inverse();
        let with_distance = |corner: usize| {
            let ijk: [f64; 3] = std::array::from_fn(|axis| match corner >> axis & 1 {
                0 => -0.5,
                _ => self.shape[axis] as f64 - 0.5,
            });
            let (here, there) = (self.position(ijk), other.position(ijk));
            let mm: [f64; 3] = std::array::from_fn(|axis| there[axis] - here[axis]);
            let voxels = (0..3).map(|r| (0..3).map(|c| inverse[r][c] * mm[c]).sum::<f64>());
            (ijk, voxels.map(|d| d * d).sum::<f64>().sqrt())
        };
        let further = |a: ([f64; 3], f64), b: ([f64; 3], f64)| if b.1 > a.1 { b } else { a };
        (1..8).map(with_distance).fold(with_distance(0), further)
    }
}

/// Determinant of the upper-left 3 × 3 part of an affine: the signed volume of a voxel in mm³.
pub(super) fn determinant(a: &[[f64; 4]; 4]) -> f64 {
    a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
        + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oblique() -> Grid {
        Grid {
            shape: [64, 48, 20],
            affine: [[-1.9, 0.2, 0.4, 90.0], [0.1, 2.1, -0.9, -110.0], [-0.3, 0.5, 4.8, 31.0], [0.0, 0.0, 0.0, 1.0]],
        }
    }

    #[test]
    fn inverse_undoes_position() {
        let grid = oblique();
        let back = Grid { shape: grid.shape, affine: grid.inverse() };
        let ijk = [3.0, 40.5, 11.25];
        let seen = back.position(grid.position(ijk));
        for axis in 0..3 {
            assert!((seen[axis] - ijk[axis]).abs() < 1e-12, "{seen:?}");
        }
        assert_eq!(back.affine[3], [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_voxel_has_the_volume_of_its_edges_unless_sheared() {
        let mut grid = Grid { shape: [1; 3], affine: [[0.0; 4]; 4] };
        [0.0, -2.0, 5.0].iter().enumerate().for_each(|(c, &edge)| grid.affine[0][c] = edge);
        (grid.affine[1][0], grid.affine[2][2]) = (3.0, 7.0);
        // By hand: k leans by 5 mm along x, which is along j, and does not change the volume of 3 × 2 × 7 mm³.
        assert!((grid.voxel_mm3() - 42.0).abs() < 1e-12);
        assert!((grid.zooms().iter().product::<f64>() - 42.0).abs() > 1.0);
    }

    #[test]
    fn orientation_follows_the_largest_cosines() {
        assert_eq!(oblique().orientation(), ['L', 'A', 'S']);
        let mut grid = oblique();
        for row in &mut grid.affine {
            row.swap(0, 2);
        }
        assert_eq!(grid.orientation(), ['S', 'A', 'L']);
        for row in &mut grid.affine {
            row[1] = -row[1];
        }
        assert_eq!(grid.orientation(), ['S', 'P', 'L']);
    }

    #[test]
    fn orientation_uses_each_direction_once() {
        // Both i and j lie nearest to x.
        let mut grid = oblique();
        grid.affine[0] = [1.0, 1.0, 0.0, 0.0];
        grid.affine[1] = [0.1, 0.5, 0.0, 0.0];
        grid.affine[2] = [0.0, 0.0, 1.0, 0.0];
        assert_eq!(grid.orientation(), ['R', 'A', 'S']);
    }

    #[test]
    fn distance_is_measured_in_own_voxels_at_the_far_corner() {
        let grid = oblique();
        assert_eq!(grid.max_distance_voxels(&grid), 0.0);

        let mut shifted = grid.clone();
        for row in &mut shifted.affine[..3] {
            row[3] += 0.25 * row[2];
        }
        let distance = grid.max_distance_voxels(&shifted);
        assert!((distance - 0.25).abs() < 1e-12, "{distance}");

        let mut stretched = grid.clone();
        for row in &mut stretched.affine[..3] {
            row[0] *= 1.01;
        }
        let distance = grid.max_distance_voxels(&stretched);
        assert!((distance - 0.01 * 63.5).abs() < 1e-12, "{distance}");
    }

    #[test]
    fn a_single_slice_of_another_thickness_is_another_grid() {
        let mut slice = oblique();
        slice.shape[2] = 1;
        let mut thicker = slice.clone();
        for row in &mut thicker.affine[..3] {
            row[2] *= 2.0;
        }
        assert!((slice.max_distance_voxels(&thicker) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn other_shapes_are_infinitely_far() {
        let mut other = oblique();
        other.shape[1] += 1;
        assert_eq!(oblique().max_distance_voxels(&other), f64::INFINITY);
    }
}
