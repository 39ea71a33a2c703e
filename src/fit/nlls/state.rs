//! The fits that are going on, one a lane.

use super::lm::{self, Bounds, Sums};
use crate::lanes::Lanes;
use crate::model::signal::eval::{CHUNK, Evaluator, WIDE, Wide};

/// The fits that are going on, one a lane.
#[derive(Debug)]
pub(super) struct State<L: Lanes, const P: usize> {
    /// Where the fits are, where their steps lead, and their bounds.
    pub(super) at: [Wide<L>; P],
    pub(super) to: [Wide<L>; P],
    pub(super) low: [Wide<L>; P],
    pub(super) high: [Wide<L>; P],
    /// The sums at `at`.
    pub(super) sums: [Sums<L::V, P>; WIDE],
    pub(super) damping: Wide<L>,
    pub(super) promise: Wide<L>,
    pub(super) potential: Wide<L>,
    pub(super) iterations: Wide<L>,
    /// `[sample][wide]`
    pub(super) y: Vec<L::V>,
    /// `[sample][wide]`, where some samples are missing.
    pub(super) weights: Option<Vec<L::V>>,
    /// Which voxel and start a lane works on.
    pub(super) task: Vec<Option<(u32, u8)>>,
}

impl<L: Lanes, const P: usize> State<L, P> {
    /// No fits; the only place that takes memory.
    #[inline(always)]
    pub(super) fn new(l: L, n_samples: usize) -> Self {
        let zero = l.splat(0.0);
        let zeros = [[zero; WIDE]; P];
        Self {
            at: zeros,
            to: zeros,
            low: zeros,
            high: zeros,
            sums: [nothing(l); WIDE],
            damping: [zero; WIDE],
            promise: [zero; WIDE],
            potential: [zero; WIDE],
            iterations: [zero; WIDE],
            y: vec![zero; n_samples * WIDE],
            weights: None,
            task: vec![None; WIDE * L::LANES],
        }
    }

    /// Makes room for weights, or gives it up.
    pub(super) fn weighted(&mut self, l: L, weighted: bool) {
        self.weights = weighted.then(|| vec![l.splat(0.0); self.y.len()]);
    }

    /// Keeps where the last step of a vector of fits led, if that is better, and takes the next.
    #[inline(always)]
    pub(super) fn move_on(&mut self, l: L, w: usize, trial: &Sums<L::V, P>) {
        let now = &mut self.sums[w];
        let better = l.lt(trial.squares, now.squares);
        self.damping[w] = lm::damping(l, self.damping[w], self.promise[w], l.sub(now.squares, trial.squares));
        now.squares = l.select(better, trial.squares, now.squares);
        let mut at = trial.downhill;
        let mut bounds = Bounds { low: at, high: at };
        for i in 0..P {
            now.downhill[i] = l.select(better, trial.downhill[i], now.downhill[i]);
            for j in 0..=i {
                now.normal[i][j] = l.select(better, trial.normal[i][j], now.normal[i][j]);
            }
            at[i] = l.select(better, self.to[i][w], self.at[i][w]);
            self.at[i][w] = at[i];
            (bounds.low[i], bounds.high[i]) = (self.low[i][w], self.high[i][w]);
        }
        let step = lm::step(l, &at, now, self.damping[w], &bounds);
        for i in 0..P {
            self.to[i][w] = step.to[i];
        }
        self.promise[w] = step.promise;
        self.potential[w] = step.potential;
        self.iterations[w] = l.add(self.iterations[w], l.splat(1.0));
    }
}

/// Sums of no samples.
#[inline(always)]
fn nothing<L: Lanes, const P: usize>(l: L) -> Sums<L::V, P> {
    let zero = l.splat(0.0);
    Sums { squares: zero, downhill: [zero; P], normal: [[zero; P]; P] }
}

/// The sums over all samples for some parameters; `y` and `weights` (0 or 1) are `[sample][wide]`.
#[inline(always)]
pub(super) fn sums<L: Lanes, const P: usize>(
    l: L,
    evaluator: &mut Evaluator<L>,
    parameters: &[Wide<L>; P],
    y: &[L::V],
    weights: Option<&[L::V]>,
) -> [Sums<L::V, P>; WIDE] {
    evaluator.set(parameters);
    let mut sums = [nothing(l); WIDE];
    for (i, y) in y.chunks(CHUNK * WIDE).enumerate() {
        let (first, n) = (i * CHUNK, y.len() / WIDE);
        evaluator.run(first, n);
        let weights = weights.map(|weights| &weights[first * WIDE..][..n * WIDE]);
        for (w, sums) in sums.iter_mut().enumerate() {
            add(l, evaluator, y, weights, w, sums);
        }
    }
    sums
}

/// Adds a chunk of samples to the sums of a vector of voxels.
#[inline(always)]
fn add<L: Lanes, const P: usize>(
    l: L,
    evaluator: &Evaluator<L>,
    y: &[L::V],
    weights: Option<&[L::V]>,
    w: usize,
    to: &mut Sums<L::V, P>,
) {
    let signal = &evaluator.signal()[..y.len()];
    let slopes: [&[L::V]; P] = std::array::from_fn(|p| &evaluator.slope(p)[..y.len()]);
    let mut sums = *to;
    for at in (w..y.len()).step_by(WIDE) {
        let mut residual = l.sub(y[at], signal[at]);
        let mut slope = slopes.map(|slope| slope[at]);
        if let Some(weights) = weights {
            residual = l.mul(residual, weights[at]);
            slope = slope.map(|slope| l.mul(slope, weights[at]));
        }
        sums.squares = l.mul_add(residual, residual, sums.squares);
        for i in 0..P {
            sums.downhill[i] = l.mul_add(residual, slope[i], sums.downhill[i]);
            for j in 0..=i {
                sums.normal[i][j] = l.mul_add(slope[i], slope[j], sums.normal[i][j]);
            }
        }
    }
    *to = sums;
}
