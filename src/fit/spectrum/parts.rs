//! The parts of the solvers, each alone: algebra against what it inverts, and that no start changes a result.

use super::basis::Basis;
use super::factors::Factors;
use super::guess::{Guess, Spikes};
use super::plain::Plain;
use super::ridge::Ridge;
use super::vectors::{dot, peaks};
use crate::lanes::{LaneWork, Lanes, run_f64};

const B_VALUES: [f64; 9] = [0.0, 10.0, 30.0, 60.0, 100.0, 200.0, 400.0, 600.0, 800.0];
const LIMIT: u32 = 200;

fn basis() -> Basis {
    Basis::new(&B_VALUES, (0..120).map(|bin| 0.5e-3 * 1000f64.powf(f64::from(bin) / 119.0)).collect())
}

/// Signals of two and three components with something like noise, in the basis; 0 beyond its rank.
struct Signals<'a>(&'a Basis);

impl LaneWork for Signals<'_> {
    type Output = Vec<Vec<f64>>;
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let mut all = Vec::new();
        for voxel in 0..40 {
            let part = f64::from(voxel) / 40.0;
            let noise = |at: usize| 0.02 * (1.7 * at as f64 + 31.0 * part + 5.0 * (at as f64 * part).sin()).sin();
            let signal = |b: f64| {
                let slow = (0.9 - 0.3 * part) * (-b * (0.8e-3 + 0.7e-3 * part)).exp();
                slow + 0.2 * (-b * 0.02).exp() + 0.2 * part * (-b * 0.3).exp()
            };
            let samples: Vec<f64> = B_VALUES.iter().enumerate().map(|(at, &b)| signal(b) + noise(at)).collect();
            let mut c = vec![0.0; self.0.n_rows];
            self.0.turn(lanes, &samples, &mut c);
            all.push(c);
        }
        all
    }
}

fn square(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum()
}

struct Starts<'a>(&'a Basis, &'a [Vec<f64>]);

impl LaneWork for Starts<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(basis, signals) = self;
        let mut plain = Plain::new(basis);
        let spikes = |bins: &[usize], value: f64| {
            let mut spikes = Spikes { n: bins.len(), ..Spikes::default() };
            spikes.bins[..bins.len()].copy_from_slice(bins);
            spikes.values[..bins.len()].fill(value);
            spikes
        };
        let others = [
            spikes(&[], 0.0),
            spikes(&[7], 1e-3),
            spikes(&[0, 119], 1.0),
            spikes(&[3, 4, 5, 50, 51, 90, 118], 1e3),
            // More than the rank.
            spikes(&[1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110], 0.1),
        ];
        for c in signals {
            let guessed = plain.minimise(lanes, c, LIMIT);
            assert!(guessed.converged);
            let (x, least) = (plain.x.clone(), square(plain.residual()));
            for spikes in others {
                let ended = plain.minimise_from(lanes, c, LIMIT, spikes);
                assert!(ended.converged);
                let squares = square(plain.residual());
                assert!((squares - least).abs() < 1e-13 * square(c), "{squares:e} from elsewhere, {least:e}");
                let off = x.iter().zip(&plain.x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 1e-8, "{off:e} from elsewhere");
            }
        }
    }
}

#[test]
fn no_start_changes_the_plain_minimum() {
    let basis = basis();
    run_f64(Starts(&basis, &run_f64(Signals(&basis))));
}

struct Guesses<'a>(&'a Basis, &'a [Vec<f64>]);

impl LaneWork for Guesses<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(basis, signals) = self;
        let (mut guess, mut plain) = (Guess::new(basis), Plain::new(basis));
        let (mut steps, mut steps_without) = (0, 0);
        for c in signals {
            guess.find(lanes, c, square(c).sqrt());
            let Spikes { n, bins, values } = guess.spikes;
            assert!(n > 0 && bins[..n].is_sorted_by(|a, b| a < b) && bins[n - 1] < basis.n_bins(), "{bins:?}");
            assert!(values[..n].iter().all(|&value| value > 0.0), "{values:?}");
            let mut residual = c.clone();
            for (&bin, &value) in bins[..n].iter().zip(&values[..n]) {
                residual.iter_mut().zip(basis.column(bin)).for_each(|(r, b)| *r -= value * b);
            }
            steps += plain.minimise(lanes, c, LIMIT).steps;
            let (squares, least) = (square(&residual), square(plain.residual()));
            assert!(squares < least + 1e-4 * square(c), "{squares:e}, and {least:e} at the minimum");
            steps_without += plain.minimise_from(lanes, c, LIMIT, Spikes::default()).steps;
        }
        assert!(2 * steps < steps_without, "{steps} steps from guesses, {steps_without} without");
    }
}

#[test]
fn guesses_are_near_to_the_minimum() {
    let basis = basis();
    run_f64(Guesses(&basis, &run_f64(Signals(&basis))));
}

struct RidgeStarts<'a>(&'a Basis, &'a [Vec<f64>]);

impl LaneWork for RidgeStarts<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(basis, signals) = self;
        let mut ridge = Ridge::new(basis);
        for c in signals {
            let mut first: Option<Vec<f64>> = None;
            for start in [1e-2, 1.0, 1e4] {
                ridge.start(lanes, c, start);
                assert!(ridge.minimise(lanes, c, 1e-2, LIMIT).converged);
                ridge.finish(lanes, c, 1e-2);
                let first = first.get_or_insert_with(|| ridge.x.clone());
                let off = first.iter().zip(&ridge.x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 1e-11, "{off:e} with a start at {start}");
            }
        }
    }
}

#[test]
fn no_start_changes_the_regularised_minimum() {
    let basis = basis();
    run_f64(RidgeStarts(&basis, &run_f64(Signals(&basis))));
}

struct Factored<'a>(&'a Basis, &'a [[usize; 2]]);

impl LaneWork for Factored<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self(basis, runs) = self;
        let lambda = 0.1;
        let mut factors = Factors::new(basis);
        factors.factorise(lanes, basis, runs, lambda);
        let mut truth = vec![0.0; basis.n_rows];
        (0..basis.rank).for_each(|row| truth[row] = 1.0 - 0.3 * row as f64);
        let mut vector: Vec<f64> = truth.iter().map(|x| lambda * x).collect();
        for bin in runs.iter().flat_map(|&[from, to]| from..to) {
            let along: f64 = basis.column(bin).zip(&truth).map(|(b, x)| b * x).sum();
            vector.iter_mut().zip(basis.column(bin)).for_each(|(to, b)| *to += along * b);
        }
        factors.solve(lanes, basis, &mut vector);
        let off = vector.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-11, "{off:e} of {runs:?}");
    }
}

#[test]
fn solutions_are_those_of_the_sums() {
    for n_b in 2..=B_VALUES.len() {
        let basis = Basis::new(&B_VALUES[..n_b], basis().d);
        for runs in [&[][..], &[[0, 120]], &[[3, 4]], &[[0, 17], [40, 41], [90, 120]]] {
            run_f64(Factored(&basis, runs));
        }
    }
}

struct Peaked;

impl LaneWork for Peaked {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let scales = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 1.0];
        let of = |values: [f64; 8], most: usize| {
            let mut found = vec![0; most];
            let padded: Vec<f64> = std::iter::once(0.0).chain(values).chain([0.0]).collect();
            let n = peaks(lanes, &padded, 0.5, &scales, &mut found);
            found[..n].to_vec()
        };
        assert!(of([0.0; 8], 8).is_empty());
        assert_eq!(of([2.0, 1.0, 0.0, 1.0, 3.0, 2.0, 4.0, 5.0], 8), [0, 4, 7]);
        assert_eq!(of([1.0, 2.0, 2.0, 1.0, 0.4, 0.3, 4.0, 0.0], 8), [1]);
        assert!(of([2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 5.0, 0.0], 4).starts_with(&[0, 2]));
        assert!((dot(lanes, &scales, &scales) - 88.0).abs() < 1e-12);
    }
}

#[test]
fn peaks_are_the_largest_of_their_neighbours() {
    run_f64(Peaked);
}
