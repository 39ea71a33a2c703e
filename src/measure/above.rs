//! A lesion against the liver, with the standard error of the difference.

use serde::Serialize;

use super::Summary;

/// A lesion's mean minus the liver's value, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Lesion minus liver.
    pub value: f64,
    /// Of the value; NaN for a lesion of fewer than two voxels.
    pub standard_error: f64,
    /// Whether the lesion is above the liver by more than two standard errors.
    pub beyond_two_se: bool,
}

/// Compares a lesion's mean with the liver's value, whose own standard error is `liver_se` (0 for a value taken as
/// exact): SE² = sd²/n + `liver_se`².
///
/// The voxels are taken as independent and the two regions as disjoint. Interpolation, filters and parallel imaging
/// correlate the noise of neighbours, which makes the true standard error larger than this one; and a region of equal
/// signal is called above in 2.3 % of cases by chance alone.
pub fn difference(lesion: &Summary, liver: f64, liver_se: f64) -> Difference {
    let value = lesion.mean - liver;
    let standard_error = (lesion.sd.powi(2) / lesion.n as f64 + liver_se.powi(2)).sqrt();
    // False where either is NaN.
    Difference { value, standard_error, beyond_two_se: value > 2.0 * standard_error }
}

#[cfg(test)]
mod tests {
    use super::super::summarise;
    use super::*;

    /// Mean 12, sd 2, so SE² = 4/4 + 0.75² = 1.25².
    #[test]
    fn standard_errors_add_in_squares() {
        let lesion =
            summarise([12.0 - 3f64.sqrt(), 12.0 - 3f64.sqrt(), 12.0 + 3f64.sqrt(), 12.0 + 3f64.sqrt()].into_iter());
        let found = difference(&lesion, 9.0, 0.75);
        assert!((found.value - 3.0).abs() < 1e-12 && (found.standard_error - 1.25).abs() < 1e-12, "{found:?}");
        assert!(found.beyond_two_se);
        assert!(!difference(&lesion, 9.6, 0.75).beyond_two_se);
        assert!(!difference(&lesion, 15.0, 0.75).beyond_two_se, "below is not above");
    }

    #[test]
    fn one_voxel_decides_nothing() {
        let found = difference(&summarise([100.0].into_iter()), 1.0, 0.1);
        assert!(found.standard_error.is_nan() && !found.beyond_two_se);
        assert!(!difference(&summarise(std::iter::empty()), 1.0, 0.1).beyond_two_se);
    }
}
