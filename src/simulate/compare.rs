//! How far a map is from truth, region by region.

use super::Region;

/// A map against truth in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionComparison {
    /// The map's name.
    pub map: String,
    /// The region's name.
    pub region: String,
    /// Voxels compared: those with a value in both.
    pub n: usize,
    /// Voxels that have a true value but none in the map.
    pub n_missing: usize,
    /// Mean of the truth.
    pub truth: f64,
    /// Mean of the map.
    pub mean: f64,
    /// Standard error of the mean difference: the sd of the voxels' differences, with n − 1, over √n. It takes the
    /// voxels' noise as independent, as it is in a phantom.
    pub standard_error: f64,
}

impl RegionComparison {
    /// Headings of [`Self::row`].
    pub const HEADER: [&str; 9] =
        ["map", "region", "n", "n_missing", "truth", "mean", "difference", "standard_error", "z"];

    /// Mean of the map minus mean of the truth.
    pub fn difference(&self) -> f64 {
        self.mean - self.truth
    }

    /// The difference in standard errors; 0 where map and truth are equal in every voxel.
    pub fn z(&self) -> f64 {
        if self.difference() == 0.0 { 0.0 } else { self.difference() / self.standard_error }
    }

    /// One row of a table.
    pub fn row(&self) -> [String; 9] {
        let number = |x: f64| format!("{x:.5e}");
        [
            self.map.clone(),
            self.region.clone(),
            self.n.to_string(),
            self.n_missing.to_string(),
            number(self.truth),
            number(self.mean),
            number(self.difference()),
            number(self.standard_error),
            format!("{:.2}", self.z()),
        ]
    }
}

/// Compares `measured` with `truth` voxel by voxel in each region of `labels` (all three on one grid). Regions without
/// a true value are left out.
pub fn compare(
    map: &str,
    measured: &[f32],
    truth: &[f32],
    labels: &[u16],
    regions: &[Region],
) -> Vec<RegionComparison> {
    let in_region = |region: &Region| {
        let pairs: Vec<(f64, f64)> = std::iter::zip(labels, std::iter::zip(measured, truth))
            .filter(|(label, (_, t))| **label == region.label && t.is_finite())
            .map(|(_, (m, t))| (f64::from(*m), f64::from(*t)))
            .collect();
        let known: Vec<(f64, f64)> = pairs.iter().copied().filter(|(m, _)| m.is_finite()).collect();
        let n = known.len();
        let mean = |value: &dyn Fn(&(f64, f64)) -> f64| known.iter().map(value).sum::<f64>() / n as f64;
        let difference = mean(&|(m, t)| m - t);
        let squares: f64 = known.iter().map(|(m, t)| (m - t - difference).powi(2)).sum();
        (!pairs.is_empty()).then(|| RegionComparison {
            map: map.into(),
            region: region.name.clone(),
            n,
            n_missing: pairs.len() - n,
            truth: mean(&|(_, t)| *t),
            mean: mean(&|(m, _)| *m),
            standard_error: (squares / (n as f64 - 1.0) / n as f64).sqrt(),
        })
    };
    regions.iter().filter_map(in_region).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions() -> Vec<Region> {
        [(1, "liver"), (2, "cyst"), (3, "nowhere")]
            .map(|(label, name)| Region { label, name: name.into(), is_lesion: false })
            .into()
    }

    #[test]
    fn a_comparison_worked_by_hand() {
        let labels = [1, 1, 1, 1, 2, 0];
        let truth = [10.0, 10.0, 10.0, 10.0, f32::NAN, 5.0];
        let measured = [11.0, 13.0, 12.0, f32::NAN, 3.0, 9.0];
        let rows = compare("ADC", &measured, &truth, &labels, &regions());
        assert_eq!(rows.len(), 1);
        let liver = &rows[0];
        assert_eq!((liver.n, liver.n_missing, liver.truth, liver.mean), (3, 1, 10.0, 12.0));
        assert!((liver.standard_error - (1.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((liver.z() - 12.0f64.sqrt()).abs() < 1e-12);
        assert_eq!(liver.row()[8], "3.46");
    }

    #[test]
    fn equal_maps_differ_by_nothing_and_a_constant_error_by_any_number_of_standard_errors() {
        let labels = [1; 4];
        let truth = [2.0; 4];
        assert_eq!(compare("ADC", &truth, &truth, &labels, &regions())[0].z(), 0.0);
        assert_eq!(compare("ADC", &[2.5; 4], &truth, &labels, &regions())[0].z(), f64::INFINITY);
    }

    #[test]
    fn a_region_of_missing_values_is_reported() {
        let rows = compare("ADC", &[f32::NAN; 2], &[1.0; 2], &[1; 2], &regions());
        assert_eq!((rows[0].n, rows[0].n_missing), (0, 2));
        assert!(rows[0].z().is_nan());
    }
}
