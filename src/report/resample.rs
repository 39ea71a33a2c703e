//! Voxels of one slice as pixels of another size.

/// The voxels that a pixel covers along one axis, with the share of the pixel that each fills.
#[derive(Debug, Clone, PartialEq)]
struct Cover {
    first: usize,
    shares: Vec<f32>,
}

/// What each of `n_pixels` pixels covers of `n_voxels` voxels.
fn covers(n_voxels: usize, n_pixels: usize) -> Vec<Cover> {
    let per_pixel = n_voxels as f64 / n_pixels as f64;
    let edge = |pixel: usize| pixel as f64 * per_pixel;
    (0..n_pixels)
        .map(|pixel| {
            let (start, end) = (edge(pixel), edge(pixel + 1));
            let first = (start + 1e-9) as usize;
            let last = ((end - 1e-9) as usize).clamp(first, n_voxels - 1);
            let shares =
                (first..=last).map(|voxel| (end.min(voxel as f64 + 1.0) - start.max(voxel as f64)) as f32).collect();
            Cover { first, shares }
        })
        .collect()
}

/// A slice of `columns` × `rows` voxels at the size of a tile in pixels.
pub(super) struct Resampler {
    columns: Vec<Cover>,
    rows: Vec<Cover>,
    n_columns: usize,
    /// Voxels that a pixel covers.
    pixel_area: f32,
}

impl Resampler {
    pub(super) fn new([columns, rows]: [usize; 2], [width, height]: [usize; 2]) -> Self {
        Self {
            columns: covers(columns, width),
            rows: covers(rows, height),
            n_columns: columns,
            pixel_area: ((columns * rows) as f64 / (width * height) as f64) as f32,
        }
    }

    /// A row of pixels of `slice` (columns fastest), each the mean, by area, of the voxels that it covers: a voxel that is
    /// larger than a pixel is seen as it is, smaller ones are averaged. Values that are not finite take no part; where
    /// they cover more than half of a pixel it has no value.
    pub(super) fn means(&self, slice: &[f32], y: usize) -> Vec<f32> {
        let row = &self.rows[y];
        // Down the columns first: the sum of the finite values and the area that they cover.
        let mut down = vec![[0.0; 2]; self.n_columns];
        let lines = slice.chunks_exact(self.n_columns).skip(row.first);
        for (line, share) in lines.zip(&row.shares) {
            for ([sum, covered], &value) in down.iter_mut().zip(line) {
                let finite = value.is_finite();
                *sum += if finite { share * value } else { 0.0 };
                *covered += if finite { *share } else { 0.0 };
            }
        }
        let across = self.columns.iter().map(|cover| {
            let (mut sum, mut covered) = (0.0, 0.0);
            for (share, column) in cover.shares.iter().zip(&down[cover.first..]) {
                sum += share * column[0];
                covered += share * column[1];
            }
            if 2.0 * covered < self.pixel_area { f32::NAN } else { sum / covered }
        });
        across.collect()
    }

    /// A row of pixels of `slice`, each the voxel that fills most of it (of equals, the first): for labels, which have no
    /// mean.
    pub(super) fn largest(&self, slice: &[f32], y: usize) -> Vec<f32> {
        let most = |cover: &Cover| cover.first + largest(&cover.shares);
        let line = &slice[most(&self.rows[y]) * self.n_columns..];
        self.columns.iter().map(|cover| line[most(cover)]).collect()
    }
}

/// The place of the largest share; of equal ones, the first.
fn largest(shares: &[f32]) -> usize {
    (1..shares.len()).fold(0, |best, n| if shares[n] > shares[best] { n } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32], width: usize) -> Vec<f32> {
        let resampler = Resampler::new([values.len(), 1], [width, 1]);
        resampler.means(values, 0)
    }

    #[test]
    fn whole_enlargement_repeats_voxels() {
        assert_eq!(row(&[1.0, 5.0], 6), [1.0, 1.0, 1.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn a_pixel_is_the_mean_of_what_it_covers() {
        assert_eq!(row(&[1.0, 5.0, 2.0, 4.0], 2), [3.0, 3.0]);
        // The middle pixel is half of each voxel.
        assert_eq!(row(&[1.0, 5.0], 3), [1.0, 3.0, 5.0]);
    }

    #[test]
    fn the_mean_of_all_pixels_is_that_of_all_voxels() {
        let values: Vec<f32> = (0..37).map(|n| ((n * n) % 11) as f32).collect();
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        for width in [5, 36, 37, 38, 100] {
            assert!((mean(&row(&values, width)) - mean(&values)).abs() < 1e-4);
        }
    }

    #[test]
    fn what_has_no_value_takes_no_part_until_it_prevails() {
        let nan = f32::NAN;
        assert_eq!(row(&[1.0, 3.0, nan], 1), [2.0]);
        assert!(row(&[1.0, nan, nan], 1)[0].is_nan());
        assert!(row(&[nan, f32::INFINITY], 1)[0].is_nan());
    }

    #[test]
    fn rows_are_averaged_like_columns() {
        let slice = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0];
        let resampler = Resampler::new([2, 3], [1, 2]);
        let shown = [0, 1].map(|y| resampler.means(&slice, y)[0]);
        // One and a half rows each: (2 + 6/2)/1.5 and (6/2 + 10)/1.5.
        assert!((shown[0] - 10.0 / 3.0).abs() < 1e-6 && (shown[1] - 26.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn labels_are_never_mixed() {
        let labels = [3.0, 7.0, 7.0];
        let resampler = Resampler::new([3, 1], [2, 1]);
        assert_eq!(resampler.largest(&labels, 0), [3.0, 7.0]);
    }
}
