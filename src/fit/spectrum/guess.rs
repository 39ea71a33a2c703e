//! Where to begin without regularisation: the minimum over few bins, then over more of them.
//!
//! Of grids from coarse to fine, each takes what the one before has found. What comes out is a spectrum x ≥ 0 near to the
//! minimum, and decides nothing: see [`super::plain`].

use super::basis::{Basis, Tiles};
use super::set::{MOST, Set};
use super::vectors::products;
use crate::lanes::Lanes;

/// Places on a grid, about, grid by grid.
const PLACES: [usize; 2] = [25, 66];
/// Places that are tried first: each of so many, beginning with the one after half as many.
const FIRST_SPACING: usize = 6;
/// Most steps on a grid.
const MOST_STEPS: u32 = 30;
/// A slope below this share of ‖b‖·‖c‖ is none.
const FLAT: f64 = 1e-10;

/// Every so many bins.
#[derive(Debug)]
pub(super) struct Grid {
    places: Places,
    tiles: Tiles,
    /// ‖b‖ of each column b of B, with zeros after them as the tiles have.
    pub(super) lengths: Vec<f64>,
    /// BᵀB, rows as long as `lengths`.
    pub(super) squares: Vec<f64>,
}

/// `n` bins, `spacing` from one to the next.
#[derive(Debug, Clone, Copy)]
struct Places {
    first: usize,
    spacing: usize,
    n: usize,
}

impl Grid {
    fn new(basis: &Basis, n_places: usize) -> Self {
        let spacing = (basis.n_bins() / n_places).max(1);
        let first = spacing / 2;
        let columns: Vec<Vec<f64>> =
            (first..basis.n_bins()).step_by(spacing).map(|bin| basis.column(bin).collect()).collect();
        let tiles = Tiles::new(basis.rank, columns.len(), |row, bin| columns[bin][row]);
        let mut squares = vec![0.0; columns.len() * tiles.n_bins()];
        for (row, a) in squares.chunks_exact_mut(tiles.n_bins()).zip(&columns) {
            for (to, b) in row.iter_mut().zip(&columns) {
                *to = a.iter().zip(b).map(|(a, b)| a * b).sum();
            }
        }
        let mut lengths = vec![0.0; tiles.n_bins()];
        (0..columns.len()).for_each(|at| lengths[at] = squares[at * tiles.n_bins() + at].sqrt());
        Self { places: Places { first, spacing, n: columns.len() }, tiles, lengths, squares }
    }

    /// The products of a column with all of them.
    #[inline(always)]
    pub(super) fn squares(&self, at: usize) -> &[f64] {
        let length = self.lengths.len();
        &self.squares[at * length..][..length]
    }
}

/// Bins or places on a grid, rising, and values above 0.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Spikes {
    pub(super) n: usize,
    pub(super) bins: [usize; MOST],
    pub(super) values: [f64; MOST],
}

impl Spikes {
    /// Puts a value at a bin, which is the last one or one after.
    #[inline(always)]
    fn put(&mut self, bin: usize, value: f64) {
        if self.n > 0 && self.bins[self.n - 1] == bin {
            self.values[self.n - 1] += value;
        } else if self.n < MOST && value > 0.0 {
            (self.bins[self.n], self.values[self.n]) = (bin, value);
            self.n += 1;
        }
    }

    /// From places on a grid to those on a finer one. Two neighbours are one component between them, and go to the neighbours
    /// on either side of it.
    #[inline(always)]
    fn move_to(&mut self, from: Places, to: Places) {
        let old = std::mem::take(self);
        let mut at = 0;
        while at < old.n {
            let (mut value, mut place) = (old.values[at], old.bins[at] as f64);
            at += 1;
            if at < old.n && old.bins[at] == old.bins[at - 1] + 1 {
                value += old.values[at];
                place += old.values[at] / value;
                at += 1;
            }
            let bin = from.first as f64 + place * from.spacing as f64;
            let place = ((bin - to.first as f64) / to.spacing as f64).clamp(0.0, (to.n - 1) as f64);
            let (low, part) = (place as usize, place.fract());
            self.put(low, value * (1.0 - part));
            self.put(low + 1, value * part);
        }
    }
}

/// A solver with what it needs to remember.
#[derive(Debug)]
pub(super) struct Guess {
    grids: Vec<Grid>,
    bins: Places,
    /// Bᵀc on a grid; Bᵀ(c − B·x), between zeros.
    products: Vec<f64>,
    slopes: Vec<f64>,
    /// The places that are tried first, for all voxels, and those of one.
    first: Set,
    set: Set,
    /// What was found.
    pub(super) spikes: Spikes,
}

impl Guess {
    pub(super) fn new(basis: &Basis) -> Self {
        let grids: Vec<Grid> = PLACES.iter().map(|&n_places| Grid::new(basis, n_places)).collect();
        let most = grids.iter().map(|grid| grid.lengths.len()).max().unwrap_or(0);
        Self {
            grids,
            bins: Places { first: 0, spacing: 1, n: basis.n_bins() },
            products: vec![0.0; most],
            slopes: vec![0.0; most + 2],
            first: Set::default(),
            set: Set::default(),
            spikes: Spikes::default(),
        }
    }

    /// Makes the set of the places that are tried first: its inverse, which does not depend on the voxel.
    #[inline(always)]
    fn begin<L: Lanes>(&mut self, lanes: L) {
        let grid = &self.grids[0];
        let mut at = FIRST_SPACING / 2 - 1;
        while at < grid.places.n {
            self.first.join(lanes, grid, &self.products, at, 0.0);
            at += FIRST_SPACING;
        }
    }

    /// Leaves in `spikes` the bins to begin with; `length` is ‖c‖.
    #[inline(always)]
    pub(super) fn find<L: Lanes>(&mut self, lanes: L, c: &[f64], length: f64) {
        if self.first.is_empty() {
            self.begin(lanes);
        }
        let Self { grids, bins, products: parts, slopes, first, set, spikes } = self;
        spikes.n = 0;
        let mut last = *bins;
        for (number, grid) in grids.iter().enumerate() {
            products(lanes, &grid.tiles, c, parts);
            if number == 0 {
                set.copy(lanes, first, parts);
            } else {
                set.clear();
            }
            spikes.move_to(last, grid.places);
            last = grid.places;
            for at in 0..spikes.n {
                set.join(lanes, grid, parts, spikes.bins[at], spikes.values[at]);
            }
            set.settle(lanes);
            let mut steps = 0;
            while steps < MOST_STEPS && set.grow(lanes, grid, parts, slopes, FLAT * length) {
                set.settle(lanes);
                steps += 1;
            }
            set.sort_into(spikes);
        }
        spikes.move_to(last, *bins);
    }
}
