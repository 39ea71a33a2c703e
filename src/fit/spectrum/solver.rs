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
/// How far λ goes at once towards one that is given, and in how many steps.
const LAMBDA_STEP: f64 = 10.0;
const STEPS_ON_THE_WAY: u32 = 2;
/// ln λ this near to a bound is at it.
const NARROW: f64 = 1e-3;
/// Most values of λ that are tried.
const MOST_TRIALS: u32 = 40;
/// Most steps at one λ: more than any simulated series took, noise alone included.
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
        let factor = match self.regularisation {
            Regularisation::Fixed(lambda) => {
                let ended = self.descend(lanes, c, lambda);
                let squares = square(&self.ridge.residual) + outside;
                return Found { x: &self.ridge.x, squares, lambda, ended };
            }
            Regularisation::Misfit(factor) => Some(factor),
            Regularisation::None => None,
        };
        let mut ended = self.plain.minimise(lanes, c, MOST_STEPS);
        let squares = square(self.plain.residual()) + outside;
        let Some(factor) = factor else {
            return Found { x: &self.plain.x, squares, lambda: 0.0, ended };
        };
        let mut search = Search::new(self.basis.largest, squares, factor);
        self.ridge.start(lanes, c, search.ln_lambda.exp());
        loop {
            let lambda = search.ln_lambda.exp();
            let at_lambda = self.ridge.minimise(lanes, c, lambda, MOST_STEPS);
            ended.steps += at_lambda.steps;
            ended.converged &= at_lambda.converged;
            self.ridge.finish(lanes, c, lambda);
            let squares = square(&self.ridge.residual) + outside;
            if search.is_over(squares) {
                return Found { x: &self.ridge.x, squares, lambda, ended };
            }
            let slope = self.ridge.slope(lanes, c, lambda);
            search.go_on(squares, slope);
        }
    }

    /// Goes to the minimum at a λ, from above: fewer bins change from λ to λ than from all of them to a small one at once.
    #[inline(always)]
    fn descend<L: Lanes>(&mut self, lanes: L, c: &[f64], lambda: f64) -> Ended {
        let mut at = lambda.max(FIRST_LAMBDA * self.basis.largest);
        self.ridge.start(lanes, c, at);
        let mut steps = 0;
        while at > lambda {
            steps += self.ridge.minimise(lanes, c, at, STEPS_ON_THE_WAY).steps;
            at = lambda.max(at / LAMBDA_STEP);
        }
        let ended = self.ridge.minimise(lanes, c, lambda, MOST_STEPS);
        self.ridge.finish(lanes, c, lambda);
        Ended { steps: steps + ended.steps, ..ended }
    }
}

fn square(residual: &[f64]) -> f64 {
    residual.iter().map(|r| r * r).sum()
}

/// The way to the λ at which the sum of squares has risen by `rise` above its `least`: by Newton's method on the logarithms of
/// λ and of the rise, between which it is almost a line. ln λ lies between `bounds`.
#[derive(Debug)]
struct Search {
    ln_lambda: f64,
    least: f64,
    rise: f64,
    bounds: [f64; 2],
    trials: u32,
}

impl Search {
    fn new(largest: f64, least: f64, factor: f64) -> Self {
        let at = |share: f64| (share * largest).ln();
        let bounds = [at(LEAST_LAMBDA), at(1.0)];
        Self { ln_lambda: at(FIRST_LAMBDA), least, rise: (factor - 1.0) * least, bounds, trials: 0 }
    }

    /// Whether the sum of squares is as asked for, or as near to it as the bounds let it come: samples without noise have a
    /// spectrum that leaves nothing, and end at the least λ.
    fn is_over(&mut self, squares: f64) -> bool {
        self.trials += 1;
        let is_near = (squares - self.least - self.rise).abs() <= NEAR * self.rise;
        is_near || self.bounds[1] - self.bounds[0] < NARROW || self.trials >= MOST_TRIALS
    }

    /// Goes on from a sum of squares, which changes by `slope` with ln λ.
    fn go_on(&mut self, squares: f64, slope: f64) {
        let risen = squares - self.least;
        self.bounds[usize::from(risen > self.rise)] = self.ln_lambda;
        let [low, high] = self.bounds;
        let next = self.ln_lambda - (risen / self.rise).ln() * risen / slope;
        self.ln_lambda = if low < next && next < high { next } else { 0.5 * (low + high) };
    }
}
