//! One voxel's spectrum, and how much it is regularised.

use super::Regularisation;
use super::basis::Basis;
use super::plain::Plain;
use super::ridge::{Ended, Ridge};
use crate::lanes::Lanes;

/// The least λ, as a share of the largest eigenvalue of AᵀA: below it rounding shows.
pub(super) const LEAST_LAMBDA: f64 = 1e-10;
/// The λ that is tried first, likewise.
const FIRST_LAMBDA: f64 = 1e-5;
/// How far the rise of the sum of squares may be from the one asked for, as a share of it.
const NEAR: f64 = 0.01;
/// ln λ this near to a bound is at it.
const NARROW: f64 = 1e-3;
/// Most values of λ that are tried.
const MOST_TRIALS: u32 = 40;
/// Most steps at one λ. In simulated series the most were 40.
const MOST_STEPS: u32 = 200;

/// Solves voxel after voxel; no result depends on the voxel before.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    basis: &'a Basis,
    regularisation: Regularisation,
    plain: Plain<'a>,
    ridge: Ridge<'a>,
}

/// What was found of a voxel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// The spectrum, padded by zeros.
    pub(super) x: &'a [f64],
    /// ‖A·x − s‖².
    pub(super) squares: f64,
    pub(super) lambda: f64,
    pub(super) ended: Ended,
}

impl<'a> Solver<'a> {
    pub(super) fn new(basis: &'a Basis, regularisation: Regularisation) -> Self {
        Self { basis, regularisation, plain: Plain::new(basis), ridge: Ridge::new(basis) }
    }

    /// The spectrum of samples whose part in the basis is `c`, and of which `outside` is the square of the other part.
    #[inline(always)]
    pub(super) fn solve<L: Lanes>(&mut self, lanes: L, c: &[f64], outside: f64) -> Found<'_> {
        let mut ended = Ended { steps: 0, converged: true };
        let mut search = match self.regularisation {
            Regularisation::Fixed(lambda) => Search::only(lambda),
            Regularisation::None | Regularisation::Misfit(_) => {
                ended = self.plain.minimise(lanes, c, MOST_STEPS);
                let squares = square(&self.plain.residual) + outside;
                match self.regularisation {
                    Regularisation::Misfit(factor) => Search::between(self.basis.largest, squares, factor),
                    _ => return Found { x: &self.plain.x, squares, lambda: 0.0, ended },
                }
            }
        };
        self.ridge.start();
        loop {
            let lambda = search.ln_lambda.exp();
            let at_lambda = self.ridge.minimise(lanes, c, lambda, MOST_STEPS);
            ended.steps += at_lambda.steps;
            ended.converged &= at_lambda.converged;
            let squares = square(&self.ridge.residual) + outside;
            if search.is_over(squares) {
                return Found { x: &self.ridge.x, squares, lambda, ended };
            }
            let slope = self.ridge.slope(lanes, c, lambda);
            search.go_on(squares, slope);
        }
    }
}

fn square(residual: &[f64]) -> f64 {
    residual.iter().map(|r| r * r).sum()
}

/// The search of λ for a sum of squares: by Newton's method on the logarithms of both, between which it is almost a line.
#[derive(Debug)]
struct Search {
    ln_lambda: f64,
    /// ln λ between which the one that is asked for lies.
    bounds: [f64; 2],
    /// The sum of squares at λ = 0, and how far it is to rise.
    least: f64,
    rise: f64,
    trials: u32,
}

impl Search {
    /// One λ is given.
    fn only(lambda: f64) -> Self {
        Self { ln_lambda: lambda.ln(), bounds: [lambda.ln(); 2], least: 0.0, rise: 0.0, trials: 0 }
    }

    /// The λ at which the sum of squares is `factor` times its least.
    fn between(largest: f64, least: f64, factor: f64) -> Self {
        let at = |share: f64| (share * largest).ln();
        let rise = (factor - 1.0) * least;
        Self { ln_lambda: at(FIRST_LAMBDA), bounds: [at(LEAST_LAMBDA), at(1.0)], least, rise, trials: 0 }
    }

    /// Whether the sum of squares is as asked for, or as near to it as the bounds let it come. Samples without noise have a
    /// spectrum that leaves nothing, and end at the least λ.
    fn is_over(&mut self, squares: f64) -> bool {
        self.trials += 1;
        let [low, high] = self.bounds;
        high - low < NARROW
            || self.trials >= MOST_TRIALS
            || (squares - self.least - self.rise).abs() <= NEAR * self.rise
    }

    fn go_on(&mut self, squares: f64, slope: f64) {
        let rise = squares - self.least;
        self.bounds[usize::from(rise > self.rise)] = self.ln_lambda;
        let [low, high] = self.bounds;
        let next = self.ln_lambda - (rise / self.rise).ln() * rise / slope;
        self.ln_lambda = if low < next && next < high { next } else { 0.5 * (low + high) };
    }
}
