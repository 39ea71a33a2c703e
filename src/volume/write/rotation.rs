//! The rotation of a grid as the quaternion that NIfTI stores.

use crate::volume::Grid;

/// How far an affine's axes may be from right angles (cosine) and still be a rotation: above the rounding of float32.
const RIGHT_ANGLE_TOLERANCE: f64 = 1e-5;

/// A grid's directions, if they are at right angles, perhaps with the k axis mirrored.
pub(super) struct Rotation {
    /// b, c, d of the unit quaternion whose a is not negative.
    pub(super) quaternion: [f64; 3],
    /// `qfac`: −1 where k is mirrored, else 1.
    pub(super) handedness: f64,
}

impl Rotation {
    pub(super) fn of(grid: &Grid) -> Option<Self> {
        let zooms = grid.zooms();
        let mut r: [[f64; 3]; 3] = std::array::from_fn(|i| std::array::from_fn(|j| grid.affine[i][j] / zooms[j]));
        let cosine = |j: usize, k: usize| (0..3).map(|i| r[i][j] * r[i][k]).sum::<f64>();
        let right_angles = [(0, 1), (0, 2), (1, 2)].iter().all(|&(j, k)| cosine(j, k).abs() <= RIGHT_ANGLE_TOLERANCE);
        if !right_angles {
            return None;
        }
        let handedness = determinant(&r).signum();
        r.iter_mut().for_each(|row| row[2] *= handedness);
        Some(Self { quaternion: quaternion(&r), handedness })
    }
}

fn determinant(r: &[[f64; 3]; 3]) -> f64 {
    (0..3)
        .map(|j| {
            let (k, l) = ((j + 1) % 3, (j + 2) % 3);
            r[0][j] * (r[1][k] * r[2][l] - r[1][l] * r[2][k])
        })
        .sum()
}

/// b, c, d of a rotation matrix, by its largest component, which is never near 0 (Shepperd 1978, doi:10.2514/3.55767b).
fn quaternion(r: &[[f64; 3]; 3]) -> [f64; 3] {
    // Four times the products of a, b, c, d with one another, row by row.
    let products = [
        [1.0 + r[0][0] + r[1][1] + r[2][2], r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]],
        [r[2][1] - r[1][2], 1.0 + r[0][0] - r[1][1] - r[2][2], r[0][1] + r[1][0], r[0][2] + r[2][0]],
        [r[0][2] - r[2][0], r[0][1] + r[1][0], 1.0 - r[0][0] + r[1][1] - r[2][2], r[1][2] + r[2][1]],
        [r[1][0] - r[0][1], r[0][2] + r[2][0], r[1][2] + r[2][1], 1.0 - r[0][0] - r[1][1] + r[2][2]],
    ];
    let largest = (0..4).max_by(|&m, &n| products[m][m].total_cmp(&products[n][n])).unwrap_or(0);
    let norm = 2.0 * products[largest][largest].sqrt();
    let [a, b, c, d] = products[largest].map(|p| p / norm);
    // q and −q are the same rotation; files hold the one with a ≥ 0.
    [b, c, d].map(|x| if a < 0.0 { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(affine: [[f64; 4]; 3]) -> Grid {
        let [x, y, z] = affine;
        Grid { shape: [3, 4, 5], affine: [x, y, z, [0.0, 0.0, 0.0, 1.0]] }
    }

    /// The rotation matrix of a quaternion, as `nifti1.h` defines it.
    fn matrix([b, c, d]: [f64; 3]) -> [[f64; 3]; 3] {
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    }

    /// Largest difference between a grid's directions and those that its quaternion gives back.
    fn quaternion_error(grid: &Grid) -> f64 {
        let rotation = Rotation::of(grid).unwrap();
        let (r, zooms) = (matrix(rotation.quaternion), grid.zooms());
        let error = |i: usize, j: usize| {
            let sign = if j == 2 { rotation.handedness } else { 1.0 };
            (sign * r[i][j] - grid.affine[i][j] / zooms[j]).abs()
        };
        (0..9).map(|n| error(n / 3, n % 3)).fold(0.0, f64::max)
    }

    #[test]
    fn rotations_survive_as_quaternions() {
        let (s, c) = 0.3f64.sin_cos();
        for affine in [
            [[1.5, 0.0, 0.0, -90.0], [0.0, 1.5, 0.0, -126.0], [0.0, 0.0, 5.0, -72.0]],
            [[-1.5, 0.0, 0.0, 90.0], [0.0, 1.5, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]],
            [[-1.5, 0.0, 0.0, 90.0], [0.0, -1.5, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]],
            [[0.0, 0.0, 2.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]],
            [[c, -2.0 * s, 0.0, 1.0], [s, 2.0 * c, 0.0, 2.0], [0.0, 0.0, -3.0, 3.0]],
            [[1.0, 0.0, 0.0, 0.0], [0.0, -2.0 * c, 3.0 * s, 0.0], [0.0, -2.0 * s, -3.0 * c, 0.0]],
        ] {
            assert!(quaternion_error(&grid(affine)) < 1e-12, "{affine:?}");
        }
    }

    #[test]
    fn the_comparison_sees_another_rotation() {
        let g = grid([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        let turned = Rotation::of(&g).unwrap();
        let r = matrix(turned.quaternion.map(|x| x + 0.01));
        assert!((r[0][1] - g.affine[0][1]).abs() > 1e-3);
    }

    #[test]
    fn a_sheared_grid_has_no_quaternion() {
        let sheared = grid([[1.0, 0.1, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        assert!(Rotation::of(&sheared).is_none());
    }
}
