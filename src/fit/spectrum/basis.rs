//! What all voxels share: the decays of every bin of the spectrum, in as few numbers as the b-values can tell apart.

use super::vectors::{dot, load, store};
use crate::fit::design::orthogonalise;
use crate::lanes::Lanes;

/// Bins are stored in multiples of this, so that loops over them need no remainder.
pub(super) const BINS_TOGETHER: usize = 16;
/// Rows of small matrices are stored in multiples of this, the longest vector of f64.
pub(super) const ROWS_TOGETHER: usize = 4;
/// Singular values below this share of the largest are what rounding leaves of 0.
const SMALLEST: f64 = 1e-13;

/// The decays A = U·B of `n_bins` diffusivities, `A[i][j] = exp(−b[i]·D[j])`, turned so that B has as many rows as A has
/// singular values that are not 0: at most one a b-value, about twenty however many images there are. What is outside U
/// no spectrum explains.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    /// Diffusivities of the bins, mm²/s, rising.
    pub(super) d: Vec<f64>,
    /// Number of rows of B.
    pub(super) rank: usize,
    /// The same, rounded up to [`ROWS_TOGETHER`].
    pub(super) n_rows: usize,
    /// Bins, rounded up to [`BINS_TOGETHER`]; those beyond [`Basis::n_bins`] hold 0.
    pub(super) stride: usize,
    /// The largest eigenvalue of AᵀA.
    pub(super) largest: f64,
    /// U by rows, `[image][n_rows]`.
    u: Vec<f64>,
    /// B.
    pub(super) tiles: Tiles,
    /// Where row 0 of each column of a packed matrix would lie.
    columns: Vec<usize>,
    /// `[bin][packed]`: the sum of bbᵀ over the columns b of B before the bin, see [`Basis::at`].
    sums: Vec<f64>,
}

impl Basis {
    /// Of images at `b_values` (s/mm²) and bins at `d` (mm²/s, rising).
    pub(super) fn new(b_values: &[f64], d: Vec<f64>) -> Self {
        let decay = |&b: &f64| d.iter().map(|&d| (-b * d).exp()).collect::<Vec<f64>>();
        let mut decays: Vec<Vec<f64>> = b_values.iter().map(decay).collect();
        let one_at = |i| (0..b_values.len()).map(|j| f64::from(u8::from(i == j))).collect();
        let mut turns: Vec<Vec<f64>> = (0..b_values.len()).map(one_at).collect();
        orthogonalise(&mut decays, &mut turns);

        let mut all: Vec<(f64, Vec<f64>, Vec<f64>)> =
            decays.into_iter().zip(turns).map(|(row, turn)| (row.iter().map(|x| x * x).sum(), row, turn)).collect();
        all.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
        let largest = all.first().map_or(0.0, |(square, ..)| *square);
        all.retain(|(square, ..)| *square > largest * SMALLEST * SMALLEST);

        let rank = all.len();
        let tiles = Tiles::new(rank, d.len(), |row, bin| all[row].1[bin]);
        let n_rows = rank.next_multiple_of(ROWS_TOGETHER);
        let mut u = vec![0.0; b_values.len() * n_rows];
        for (row, (.., turn)) in all.iter().enumerate() {
            turn.iter().enumerate().for_each(|(image, &part)| u[image * n_rows + row] = part);
        }
        let mut columns = Vec::new();
        let mut length = 0;
        for column in 0..n_rows {
            let first_row = first_row(column);
            columns.push(length - first_row);
            length += n_rows - first_row;
        }
        let mut basis = Self { stride: tiles.n_bins(), d, rank, n_rows, largest, u, tiles, columns, sums: Vec::new() };
        basis.sums = basis.sums_of_products();
        basis
    }

    /// Number of bins.
    pub(super) fn n_bins(&self) -> usize {
        self.d.len()
    }

    /// A column of B.
    pub(super) fn column(&self, bin: usize) -> impl Iterator<Item = f64> {
        (0..self.rank).map(move |row| self.tiles.at(row, bin))
    }

    /// Where the element of a row and a column lies in a packed symmetric matrix, its lower triangle by columns: each begins
    /// with the block of [`ROWS_TOGETHER`] rows that holds its diagonal. What is above the diagonal means nothing.
    #[inline(always)]
    pub(super) fn at(&self, row: usize, column: usize) -> usize {
        self.columns[column] + row
    }

    /// Length of a packed matrix.
    pub(super) fn packed(&self) -> usize {
        self.columns.last().map_or(0, |last| last + self.n_rows)
    }

    /// The sum of bbᵀ, packed, over the columns before `bin`.
    #[inline(always)]
    pub(super) fn sum_before(&self, bin: usize) -> &[f64] {
        let length = self.sums.len() / (self.d.len() + 1);
        &self.sums[bin * length..][..length]
    }

    fn sums_of_products(&self) -> Vec<f64> {
        let length = self.packed();
        let mut sums = vec![0.0; length * (self.n_bins() + 1)];
        for bin in 0..self.n_bins() {
            let b: Vec<f64> = self.column(bin).collect();
            let (before, after) = sums[bin * length..][..2 * length].split_at_mut(length);
            after.copy_from_slice(before);
            for column in 0..self.rank {
                for row in column..self.rank {
                    after[self.at(row, column)] += b[row] * b[column];
                }
            }
        }
        sums
    }

    /// c = Uᵀs of the samples `s`, as long as [`Basis::n_rows`]; gives back the sum of squares of s − U·c.
    #[inline(always)]
    pub(super) fn turn<L: Lanes>(&self, lanes: L, samples: &[f64], c: &mut [f64]) -> f64 {
        for at in (0..self.n_rows).step_by(L::LANES) {
            let (mut first, mut sum) = (at, lanes.splat(0.0));
            for &sample in samples {
                sum = lanes.mul_add(lanes.splat(sample), load(lanes, &self.u[first..]), sum);
                first += self.n_rows;
            }
            store(lanes, sum, &mut c[at..]);
        }
        // U is square, and nothing is outside.
        if self.rank == samples.len() {
            return 0.0;
        }
        let (mut first, mut outside) = (0, 0.0);
        for sample in samples {
            let left = sample - dot(lanes, &self.u[first..][..self.n_rows], c);
            outside += left * left;
            first += self.n_rows;
        }
        outside
    }
}

/// Columns of B, `[bins together][rank][bin]`: what is multiplied at once lies together.
#[derive(Debug, Clone)]
pub(super) struct Tiles {
    rank: usize,
    values: Vec<f64>,
}

impl Tiles {
    /// Of `element(row, bin)`, with columns of 0 up to a multiple of [`BINS_TOGETHER`].
    pub(super) fn new(rank: usize, n_bins: usize, element: impl Fn(usize, usize) -> f64) -> Self {
        let mut tiles = Self { rank, values: vec![0.0; rank * n_bins.next_multiple_of(BINS_TOGETHER)] };
        for (row, bin) in (0..rank).flat_map(|row| (0..n_bins).map(move |bin| (row, bin))) {
            let place = tiles.place(row, bin);
            tiles.values[place] = element(row, bin);
        }
        tiles
    }

    #[inline(always)]
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// Number of columns, those of 0 at the end as well.
    pub(super) fn n_bins(&self) -> usize {
        self.values.len() / self.rank.max(1)
    }

    fn at(&self, row: usize, bin: usize) -> f64 {
        self.values[self.place(row, bin)]
    }

    fn place(&self, row: usize, bin: usize) -> usize {
        (bin / BINS_TOGETHER * self.rank + row) * BINS_TOGETHER + bin % BINS_TOGETHER
    }

    /// The tiles, each `[rank][bin]`.
    #[inline(always)]
    pub(super) fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.rank * BINS_TOGETHER)
    }
}

/// Where a column of a packed matrix begins.
#[inline(always)]
pub(super) fn first_row(column: usize) -> usize {
    column - column % ROWS_TOGETHER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{LaneWork, run_f64};

    const B_VALUES: [f64; 7] = [0.0, 10.0, 50.0, 50.0, 200.0, 500.0, 800.0];

    fn basis() -> Basis {
        Basis::new(&B_VALUES, (0..21).map(|i| 1e-3 * 1.3f64.powi(i)).collect())
    }

    #[test]
    fn the_basis_is_the_decays_without_what_repeats() {
        let basis = basis();
        assert_eq!(basis.rank, 6);
        for (image, b) in B_VALUES.iter().enumerate() {
            for (bin, d) in basis.d.iter().enumerate() {
                let decay: f64 = basis.column(bin).zip(&basis.u[image * basis.n_rows..]).map(|(x, u)| x * u).sum();
                assert!((decay - (-b * d).exp()).abs() < 1e-14, "b {b}, D {d}: {decay}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_columns_before() {
        let basis = basis();
        let (row, column, bin) = (4, 1, 13);
        let element = |row: usize, bin: usize| basis.column(bin).nth(row).unwrap();
        let expected: f64 = (0..bin).map(|j| element(row, j) * element(column, j)).sum();
        assert!((basis.sum_before(bin)[basis.at(row, column)] - expected).abs() < 1e-15);
        let mut places: Vec<usize> =
            (0..basis.rank).flat_map(|c| (c..basis.rank).map(move |r| (r, c))).map(|(r, c)| basis.at(r, c)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), basis.rank * (basis.rank + 1) / 2, "two elements share a place");
        assert!(places.iter().all(|&place| place < basis.packed()));
    }

    /// What [`Basis::turn`] gives back of samples.
    struct Turn<'a>(&'a Basis, &'a [f64], &'a mut [f64]);

    impl LaneWork for Turn<'_> {
        type Output = f64;
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> f64 {
            self.0.turn(lanes, self.1, self.2)
        }
    }

    #[test]
    fn turning_leaves_what_no_spectrum_explains() {
        let basis = basis();
        let mut c = vec![0.0; basis.n_rows];
        // Repeats that differ by 2 are 1 away from their mean, each.
        let mut samples: Vec<f64> = B_VALUES.iter().map(|b| (-b * 2e-3).exp()).collect();
        let whole: f64 = samples.iter().map(|s| s * s).sum();
        assert!(run_f64(Turn(&basis, &samples, &mut c)) < 1e-28);
        assert!((c.iter().map(|c| c * c).sum::<f64>() - whole).abs() < 1e-14);
        samples[2] += 1.0;
        samples[3] -= 1.0;
        assert!((run_f64(Turn(&basis, &samples, &mut c)) - 2.0).abs() < 1e-14);
    }
}
