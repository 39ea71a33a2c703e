//! New volumes from those of a file: filtered in-plane, averaged over repeats.

use rayon::prelude::*;

use super::Grid;
use crate::device::Row;

/// How volumes of the same b-value become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Average {
    /// Not at all: each volume is an observation.
    #[default]
    None,
    /// Sum over number.
    Arithmetic,
    /// Root of the product: exact for directions of Gaussian diffusion. 0 where a volume is 0, NaN where one is negative.
    Geometric,
}

impl Average {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
        }
    }
}

/// One volume from several over `grid`, each filtered by [`median_3x3`] first if `median` says so.
///
/// Values are averaged in f64, slice by slice, so that no filtered copy of a whole volume is kept.
pub(super) fn combine(rows: &[Row], grid: &Grid, average: Average, median: bool) -> Vec<f32> {
    let [ni, nj, _] = grid.shape;
    let mut out = vec![0.0f32; grid.n_voxels()];
    out.par_chunks_mut(ni * nj).enumerate().for_each(|(k, slice_out)| {
        let mut sum = vec![0.0; ni * nj];
        let mut slice = vec![0.0; ni * nj];
        for row in rows {
            row.load_f64(k * ni * nj, &mut slice);
            if median {
                slice = median_3x3(&slice, ni);
            }
            match average {
                Average::Geometric => add(&mut sum, slice.iter().map(|s| s.ln())),
                Average::None | Average::Arithmetic => add(&mut sum, slice.iter().copied()),
            }
        }
        let n = rows.len() as f64;
        for (o, s) in slice_out.iter_mut().zip(sum) {
            *o = match average {
                Average::Geometric => (s / n).exp() as f32,
                Average::None | Average::Arithmetic => (s / n) as f32,
            };
        }
    });
    out
}

fn add(sum: &mut [f64], values: impl Iterator<Item = f64>) {
    sum.iter_mut().zip(values).for_each(|(s, v)| *s += v);
}

/// The median over 3 × 3 pixels of an image whose rows are `ni` long, with zeros beyond its edges.
///
/// The convention of MATLAB's `medfilt2` and of `scipy.ndimage.median_filter(mode="constant")`. A NaN in the window
/// makes the result NaN.
pub fn median_3x3(image: &[f64], ni: usize) -> Vec<f64> {
    let nj = image.len() / ni;
    let at = |i: usize, j: usize| {
        // Coordinates are shifted by one, so that what lies beyond an edge is 0 or above the length.
        let inside = (1..=ni).contains(&i) && (1..=nj).contains(&j);
        if inside { image[(j - 1) * ni + i - 1] } else { 0.0 }
    };
    let median_at = |i: usize, j: usize| {
        let window = std::array::from_fn(|n| at(i + n % 3, j + n / 3));
        if window.iter().any(|x| x.is_nan()) { f64::NAN } else { median_of_9(window) }
    };
    (0..nj).flat_map(|j| (0..ni).map(move |i| (i, j))).map(|(i, j)| median_at(i, j)).collect()
}

/// The median by 19 exchanges (Smith 1996, "Implementing median filters in XC4000E FPGAs", Xcell 23).
fn median_of_9(mut x: [f64; 9]) -> f64 {
    #[rustfmt::skip]
    const EXCHANGES: [(usize, usize); 19] = [
        (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3),
        (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
    ];
    for (low, high) in EXCHANGES {
        (x[low], x[high]) = (x[low].min(x[high]), x[low].max(x[high]));
    }
    x[4]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Image, VoxelType};

    fn image<T: bytemuck::Pod>(shape: [usize; 3], voxel_type: VoxelType, values: &[T]) -> Image {
        let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
        Image::from_values("made", Grid { shape, affine }, voxel_type, values)
    }

    /// By hand: a corner sees its four pixels and five zeros, an edge six and three, the middle all nine.
    #[test]
    fn the_median_pads_with_zeros() {
        #[rustfmt::skip]
        let pixels = [
            1.0, 2.0, 3.0, 4.0,
            5.0, 6.0, 7.0, 8.0,
            9.0, 10.0, 11.0, 12.0,
        ];
        #[rustfmt::skip]
        let expected = [
            0.0, 2.0, 3.0, 0.0,
            2.0, 6.0, 7.0, 4.0,
            0.0, 6.0, 7.0, 0.0,
        ];
        assert_eq!(median_3x3(&pixels, 4), expected);
    }

    /// Exchanges that find the middle of every window of zeros and ones find that of every window (Knuth, The Art of
    /// Computer Programming, vol. 3, 5.3.4).
    #[test]
    fn the_exchanges_find_every_median() {
        for bits in 0..512u32 {
            let window = std::array::from_fn(|n| f64::from(bits >> n & 1));
            let expected = f64::from(u8::from(bits.count_ones() >= 5));
            assert_eq!(median_of_9(window), expected, "{bits:09b}");
        }
    }

    #[test]
    fn a_nan_spreads_to_its_neighbours_only() {
        let mut pixels = [1.0; 25];
        pixels[0] = f64::NAN;
        let filtered = median_3x3(&pixels, 5);
        assert!(filtered[6].is_nan());
        assert_eq!(filtered[12], 1.0);
    }

    #[test]
    fn means_are_those_of_real_values() {
        let mut repeats = image([2, 1, 1], VoxelType::I16, &[1i16, 0, 4, 8, 16, 8]);
        repeats.scaling.slope = 2.0;
        let rows: Vec<Row> = (0..3).map(|v| repeats.row(v)).collect();
        let arithmetic = combine(&rows, &repeats.grid, Average::Arithmetic, false);
        assert_eq!(arithmetic, [14.0, 32.0 / 3.0]);
        let geometric = combine(&rows, &repeats.grid, Average::Geometric, false);
        assert!((geometric[0] - 8.0).abs() < 1e-6, "{geometric:?}");
        assert_eq!(geometric[1], 0.0);
    }

    #[test]
    fn a_negative_sample_has_no_geometric_mean() {
        let pair = image([1, 1, 1], VoxelType::F32, &[-1.0f32, 4.0]);
        let rows = [pair.row(0), pair.row(1)];
        assert!(combine(&rows, &pair.grid, Average::Geometric, false)[0].is_nan());
    }

    #[test]
    fn each_slice_is_filtered_alone() {
        let mut voxels = [0u8; 18];
        voxels[9..].fill(9);
        let stack = image([3, 3, 2], VoxelType::U8, &voxels);
        let filtered = combine(&[stack.row(0)], &stack.grid, Average::None, true);
        assert!(filtered[..9].iter().all(|&x| x == 0.0));
        assert_eq!(filtered[13], 9.0);
        assert_eq!(filtered[9], 0.0);
    }
}
