//! The digital phantom of the image biomarker standardisation initiative, and the values that its members agreed on
//! (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145; reference manual, "digital phantom").

use std::path::PathBuf;

use hepar::measure::{Discretisation, Regions, Shape, Summary, entropy, shapes, summarise};
use hepar::volume::{Grid, ReadOptions, read, read_labels};
use libtest_mimic::{Failed, Trial};

use crate::support;

pub fn trials() -> Vec<Trial> {
    vec![support::with_data("ibsi_digital_phantom", agrees), support::with_data("ibsi_comparison_can_fail", canary)]
}

/// The phantom's values inside its mask, and its shape.
struct Phantom {
    values: Vec<f64>,
    regions: Regions,
    grid: Grid,
}

impl Phantom {
    fn read(data: &std::path::Path) -> Result<Self, Failed> {
        let folder = data.join("../reference/ibsi");
        let image = read(&folder.join("phantom.nii.gz"), &ReadOptions::default())?;
        let mask = read_labels(&folder.join("mask.nii.gz"), &image.grid, &ReadOptions::default())?;
        let mut all = vec![0.0; image.grid.n_voxels()];
        image.row(0).load_f32(0, &mut all);
        let regions = Regions::new(&mask.values);
        let values = regions.voxels(1).iter().map(|&voxel| f64::from(all[voxel])).collect();
        Ok(Self { values, regions, grid: image.grid.clone() })
    }

    fn summary(&self) -> Summary {
        summarise(self.values.iter().copied())
    }

    /// The phantom is discretised already: 1 to 6, in bins of 1.
    fn entropy(&self, width: f64) -> f64 {
        entropy(self.values.iter().copied(), Discretisation::Width { width, from: 1.0 }).bits
    }

    fn shape(&self) -> Shape {
        shapes(&self.regions, &self.grid)[&1]
    }
}

/// Mean, variance of the population, and energy, each with the agreed value.
fn moments(summary: &Summary) -> [(f64, f64); 3] {
    let n = summary.n as f64;
    let variance = summary.sd.powi(2) * (n - 1.0) / n;
    [(summary.mean, 2.1486), (variance, 3.0455), (n * (variance + summary.mean.powi(2)), 567.0)]
}

fn within_1e_4((ours, agreed): (f64, f64)) -> bool {
    (ours - agreed).abs() < 1e-4
}

/// Whether a value is what was agreed, in the three digits that were.
fn in_three_digits(ours: f64, agreed: &str) -> bool {
    hepar::measure::rounded(ours, 3) == agreed
}

fn agrees(data: PathBuf) -> Result<(), Failed> {
    let phantom = Phantom::read(&data)?;
    let s = phantom.summary();
    assert_eq!((s.n, s.n_nonfinite), (74, 0));
    for moment in moments(&s) {
        assert!(within_1e_4(moment), "{moment:?}");
    }
    assert!(in_three_digits(s.skewness, "1.08"), "{}", s.skewness);
    assert!(in_three_digits(s.excess_kurtosis, "-0.355"), "{}", s.excess_kurtosis);
    assert_eq!((s.median, s.min, s.max, s.q3 - s.q1), (1.0, 1.0, 6.0, 3.0));
    assert!(in_three_digits(phantom.entropy(1.0), "1.27"), "{}", phantom.entropy(1.0));
    // Six bins from the smallest to the largest value hold the same voxels.
    let six = entropy(phantom.values.iter().copied(), Discretisation::Count(6));
    assert!((six.bits - phantom.entropy(1.0)).abs() < 1e-12, "{six:?}");
    let shape = phantom.shape();
    assert!((shape.volume_ml - 0.592).abs() < 1e-9, "{shape:?}");
    assert!(in_three_digits(shape.longest_3d_diameter_mm, "13.1"), "{shape:?}");
    Ok(())
}

/// One voxel of another value, the sample's variance, bins of another width and larger voxels are noticed.
fn canary(data: PathBuf) -> Result<(), Failed> {
    let mut phantom = Phantom::read(&data)?;
    let s = phantom.summary();
    assert!(!within_1e_4((s.sd.powi(2), 3.0455)));
    assert!(!in_three_digits(phantom.entropy(2.0), "1.27"));
    phantom.values[0] += 1.0;
    let off = phantom.summary();
    assert!(moments(&off).into_iter().all(|moment| !within_1e_4(moment)));
    assert!(!in_three_digits(off.skewness, "1.08") && !in_three_digits(off.excess_kurtosis, "-0.355"));
    assert!(!in_three_digits(phantom.entropy(1.0), "1.27"));
    for row in &mut phantom.grid.affine {
        row[1] *= 1.05;
    }
    let shape = phantom.shape();
    assert!((shape.volume_ml - 0.592).abs() > 1e-9 && !in_three_digits(shape.longest_3d_diameter_mm, "13.1"), "{shape:?}");
    Ok(())
}
