//! Reference regions: what an organ's own tissue is worth in one image.

use serde::Serialize;

use super::{quantile, summarise};
use crate::volume::Grid;

/// Fewest voxels of a reference: its spread, and with it its standard error, is then known to 15 %
/// (1/√(2·(n − 1))).
pub const MIN_VOXELS: usize = 25;
/// Values further from the median than so many robust standard deviations are trimmed.
const TRIM_BEYOND: f64 = 3.0;
/// Standard deviation per median absolute deviation of a Gaussian (1/Φ⁻¹(3/4)).
const SD_PER_MAD: f64 = 1.482_602_218_505_602;
/// Standard error of a median over that of a mean, √(π/2), for many Gaussian values.
const MEDIAN_OVER_MEAN: f64 = 1.253_314_137_315_500_3;
/// Fewest voxels of an eroded liver: the median's standard error is then below a tenth of the spread.
pub const MIN_ERODED_VOXELS: usize = 200;

/// The value of a reference region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reference {
    /// Voxels that count, after trimming.
    pub n: usize,
    /// Voxels that were trimmed, or held no finite value.
    pub n_left_out: usize,
    /// The trimmed median, in the image's unit.
    pub value: f64,
    /// Standard deviation of what counts; trimming makes that of Gaussian values 1.3 % too small.
    pub sd: f64,
    /// Standard error of `value`: √(π/2)·sd/√n, for Gaussian noise that is independent between voxels. The noise of
    /// neighbours is correlated in images that were interpolated (by the scanner, too), and then this is too small: by
    /// about √m, if m voxels were made of each measured one.
    pub standard_error: f64,
}

/// The trimmed median of `values`, one a voxel of the image, in `voxels`.
///
/// Trimmed is what lies further from the median than three robust standard deviations (1.4826 · median absolute
/// deviation): vessels, bile ducts, lesions and edges that the labels did not catch, which lie mostly to one side of
/// the tissue and so pull its median. The median of the rest is the value. A region more than half of whose values are
/// the same has a deviation of 0, and nothing of it is trimmed. Images hold whole numbers: the median is that of values
/// spread evenly between the neighbours of the middle one, or it would be known to half a step only, however many voxels
/// there are.
///
/// # Errors
/// Why there is none: fewer than [`MIN_VOXELS`] finite values.
pub fn reference(values: &[f32], voxels: &[usize]) -> Result<Reference, String> {
    let mut finite: Vec<f64> = voxels.iter().map(|&v| f64::from(values[v])).filter(|v| v.is_finite()).collect();
    let all = quantile(&mut finite, 0.5);
    let mut deviations: Vec<f64> = finite.iter().map(|value| (value - all).abs()).collect();
    let reach = match TRIM_BEYOND * SD_PER_MAD * quantile(&mut deviations, 0.5) {
        0.0 => f64::INFINITY,
        reach => reach,
    };
    finite.retain(|value| (value - all).abs() <= reach);
    let n = finite.len();
    if n < MIN_VOXELS {
        return Err(format!("{n} voxels are left of {}, fewer than {MIN_VOXELS}", voxels.len()));
    }
    let rest = summarise(finite.iter().copied());
    Ok(Reference {
        n,
        n_left_out: voxels.len() - n,
        value: spread_median(&finite, rest.median),
        sd: rest.sd,
        standard_error: MEDIAN_OVER_MEAN * rest.sd / (n as f64).sqrt(),
    })
}

/// The median of values that were rounded, whose own median is `middle`: those that are the same are spread from halfway to the
/// next smaller to halfway to the next larger value.
fn spread_median(values: &[f64], middle: f64) -> f64 {
    let (mut below, mut same) = (0usize, 0usize);
    let (mut smaller, mut larger) = (f64::NEG_INFINITY, f64::INFINITY);
    for &value in values {
        if value < middle {
            below += 1;
            smaller = smaller.max(value);
        } else if value > middle {
            larger = larger.min(value);
        } else {
            same += 1;
        }
    }
    if same < 2 || !smaller.is_finite() || !larger.is_finite() {
        return middle;
    }
    let (from, to) = (0.5 * (smaller + middle), 0.5 * (middle + larger));
    from + (to - from) * (0.5 * values.len() as f64 - below as f64) / same as f64
}

/// The voxels that stand for liver tissue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiverVoxels {
    /// Their indices, in order.
    pub voxels: Vec<usize>,
    /// Whether the margin was taken off.
    pub eroded: bool,
}

/// The liver's voxels without those of `without` (lesions, vessels, gall bladder: sets of voxels of the same grid), and
/// without a margin of one voxel in the plane of the slices along every edge that this leaves, where tissues mix.
///
/// The plane is spanned by the two axes with the finer voxels. The margin stays where fewer than [`MIN_ERODED_VOXELS`]
/// would be left; `eroded` says which.
pub fn liver_voxels(liver: &[usize], without: &[&[usize]], grid: &Grid) -> LiverVoxels {
    let mut inside = vec![false; grid.n_voxels()];
    liver.iter().for_each(|&voxel| inside[voxel] = true);
    without.iter().flat_map(|set| set.iter()).for_each(|&voxel| inside[voxel] = false);
    let zooms = grid.zooms();
    let through = (0..3).max_by(|&a, &b| zooms[a].total_cmp(&zooms[b])).unwrap_or(2);
    let strides = [1, grid.shape[0], grid.shape[0] * grid.shape[1]];
    let deep = |&voxel: &usize| {
        (0..3).filter(|&axis| axis != through).all(|axis| {
            let (stride, n) = (strides[axis], grid.shape[axis]);
            let index = voxel / stride % n;
            index > 0 && index + 1 < n && inside[voxel - stride] && inside[voxel + stride]
        })
    };
    let whole: Vec<usize> = (0..inside.len()).filter(|&voxel| inside[voxel]).collect();
    let core: Vec<usize> = whole.iter().copied().filter(deep).collect();
    match core.len() >= MIN_ERODED_VOXELS {
        true => LiverVoxels { voxels: core, eroded: true },
        false => LiverVoxels { voxels: whole, eroded: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Noise, Rng, add_noise_from, centred_grid};

    /// Rounding to whole numbers moves the median of many values by far less than half a step.
    #[test]
    fn the_median_of_whole_numbers_is_finer_than_a_step() {
        for mean in [100.0f32, 100.2, 100.45, 100.7] {
            let rounded: Vec<f32> = gaussian(40_000, mean, 10.0, 5).into_iter().map(f32::round).collect();
            let voxels: Vec<usize> = (0..rounded.len()).collect();
            let found = reference(&rounded, &voxels).unwrap();
            assert!(
                (found.value - f64::from(mean)).abs() < 3.0 * found.standard_error,
                "{} is not {mean}",
                found.value
            );
            assert!(found.standard_error < 0.07);
        }
        assert_eq!(spread_median(&[1.0, 2.0, 2.0, 2.0, 2.0, 3.0], 2.0), 2.0);
        assert_eq!(spread_median(&[1.0, 1.0, 2.0, 2.0, 3.0], 2.0), 1.75);
        assert_eq!(spread_median(&[1.0, 2.0, 4.0], 2.0), 2.0);
    }

    fn gaussian(n: usize, mean: f32, sd: f32, seed: u64) -> Vec<f32> {
        let mut values = vec![mean; n];
        add_noise_from(Rng::new(seed), &mut values, sd, Noise::Gaussian);
        values
    }

    fn of(values: &[f32]) -> Result<Reference, String> {
        reference(values, &(0..values.len()).collect::<Vec<_>>())
    }

    /// 1,000 regions of 100 voxels: the medians scatter as each of them says. An sd of 1,000 values is known to 2.2 %.
    #[test]
    fn the_standard_error_is_the_scatter_of_repeats() {
        let found: Vec<Reference> = (0..1000).map(|seed| of(&gaussian(100, 500.0, 20.0, seed)).unwrap()).collect();
        let values = summarise(found.iter().map(|r| r.value));
        let stated = summarise(found.iter().map(|r| r.standard_error)).mean;
        println!("scatter {:.3}, stated {stated:.3}", values.sd);
        assert!((values.mean - 500.0).abs() < 4.0 * values.sd / 1000f64.sqrt());
        assert!((stated / values.sd - 1.0).abs() < 3.0 * 0.022 + 0.013, "{stated} against {}", values.sd);
        // The error of a mean is a fifth less, and would be noticed.
        assert!((stated / MEDIAN_OVER_MEAN / values.sd - 1.0).abs() > 3.0 * 0.022 + 0.013);
    }

    /// A tenth of the voxels is a bright vessel that no label has: it does not move the value beyond its error.
    #[test]
    fn what_the_labels_missed_is_trimmed() {
        let mut values = gaussian(1000, 500.0, 20.0, 5);
        values[..100].iter_mut().for_each(|v| *v += 300.0);
        let found = of(&values).unwrap();
        assert!((100..110).contains(&found.n_left_out), "{}", found.n_left_out);
        assert!((found.value - 500.0).abs() < 3.0 * found.standard_error, "{found:?}");
        let plain = summarise(values.iter().copied().map(f64::from)).median;
        assert!(plain - 500.0 > 3.0 * found.standard_error, "the plain median {plain} is pulled away");
    }

    #[test]
    fn constant_regions_and_holes_are_no_trouble() {
        let mut values = vec![7.0; 60];
        values[0] = f32::NAN;
        values[1] = 8.0;
        let found = of(&values).unwrap();
        assert_eq!((found.n, found.n_left_out, found.value), (59, 1, 7.0));
    }

    #[test]
    fn too_few_voxels_are_refused_with_the_number() {
        assert!(of(&[1.0; MIN_VOXELS - 1]).unwrap_err().contains("24 voxels are left of 24"));
        assert!(of(&[]).is_err());
        assert!(of(&[1.0; MIN_VOXELS]).is_ok());
    }

    /// A block of 20 × 20 × 3 in the middle of the image: 18 × 18 × 3 without its margin. A lesion of one voxel takes
    /// its four neighbours with it.
    #[test]
    fn the_margin_is_taken_in_plane_around_liver_and_lesions() {
        let grid = centred_grid([30, 30, 5], [1.0, 1.0, 3.0]);
        let at = |i: usize, j: usize, k: usize| i + 30 * (j + 30 * k);
        let block = |k: usize| (5..25).flat_map(move |j| (5..25).map(move |i| at(i, j, k)));
        let liver: Vec<usize> = (1..4).flat_map(block).collect();
        let found = liver_voxels(&liver, &[], &grid);
        assert!(found.eroded && found.voxels.len() == 18 * 18 * 3);
        let lesion = [at(15, 15, 2)];
        let found = liver_voxels(&liver, &[&lesion], &grid);
        assert_eq!(found.voxels.len(), 18 * 18 * 3 - 5);
        assert!(!found.voxels.contains(&at(15, 14, 2)) && found.voxels.contains(&at(15, 15, 1)));
        // The same images stored with the slices along i.
        let turned = liver_voxels(&liver, &[], &centred_grid([30, 30, 5], [3.0, 1.0, 1.0]));
        let expected: Vec<usize> = (6..24).flat_map(|j| (5..25).map(move |i| at(i, j, 2))).collect();
        assert_eq!(turned.voxels, expected);
    }

    #[test]
    fn a_small_liver_keeps_its_margin_and_says_so() {
        let grid = centred_grid([10, 10, 1], [1.0, 1.0, 3.0]);
        let liver: Vec<usize> = (0..100).collect();
        let found = liver_voxels(&liver, &[&[3, 4]], &grid);
        assert!(!found.eroded && found.voxels.len() == 98);
    }
}
