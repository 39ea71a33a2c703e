//! The fits that are going on, one a lane.

#![expect(clippy::needless_range_loop, reason = "rows and columns of small matrices are numbers")]

use pulp::NullaryFnOnce;

use super::lm::{self, Bounds, Sums};
use crate::lanes::Lanes;
use crate::model::signal::MOST_PARAMETERS as MOST;
use crate::model::signal::eval::{CHUNK, Evaluator, WIDE, Wide};

/// The fits that are going on, one a lane.
#[derive(Debug)]
pub(super) struct State<L: Lanes> {
    /// Where the fits are, where their steps lead, and their bounds.
    pub(super) at: [Wide<L>; MOST],
    pub(super) to: [Wide<L>; MOST],
    pub(super) low: [Wide<L>; MOST],
    pub(super) high: [Wide<L>; MOST],
    /// The sums at `at`.
    pub(super) sums: [Sums<L::V, MOST>; WIDE],
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

impl<L: Lanes> State<L> {
    /// No fits; the only place that takes memory.
    pub(super) fn new(l: L, n_samples: usize) -> Self {
        let zero = l.splat(0.0);
        let zeros = [[zero; WIDE]; MOST];
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
    fn move_on<const P: usize>(&mut self, l: L, w: usize, trial: &Sums<L::V, MOST>) {
        let now = &mut self.sums[w];
        let better = l.lt(trial.squares, now.squares);
        self.damping[w] = lm::damping(l, self.damping[w], self.promise[w], l.sub(now.squares, trial.squares));
        now.squares = l.select(better, trial.squares, now.squares);
        let zero = l.splat(0.0);
        let mut kept = Sums { squares: now.squares, downhill: [zero; P], normal: [[zero; P]; P] };
        let mut at = [zero; P];
        let mut bounds = Bounds { low: at, high: at };
        for i in 0..P {
            kept.downhill[i] = l.select(better, trial.downhill[i], now.downhill[i]);
            now.downhill[i] = kept.downhill[i];
            for j in 0..=i {
                kept.normal[i][j] = l.select(better, trial.normal[i][j], now.normal[i][j]);
                now.normal[i][j] = kept.normal[i][j];
            }
            at[i] = l.select(better, self.to[i][w], self.at[i][w]);
            self.at[i][w] = at[i];
            (bounds.low[i], bounds.high[i]) = (self.low[i][w], self.high[i][w]);
        }
        let step = lm::step(l, &at, &kept, self.damping[w], &bounds);
        for i in 0..P {
            self.to[i][w] = step.to[i];
        }
        self.promise[w] = step.promise;
        self.potential[w] = step.potential;
        self.iterations[w] = l.add(self.iterations[w], l.splat(1.0));
    }
}

/// A step of all fits that are going on, for P parameters.
struct MoveOn<'s, L: Lanes, const P: usize> {
    lanes: L,
    state: &'s mut State<L>,
    trial: &'s [Sums<L::V, MOST>; WIDE],
}

impl<L: Lanes, const P: usize> NullaryFnOnce for MoveOn<'_, L, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (w, trial) in self.trial.iter().enumerate() {
            self.state.move_on::<P>(self.lanes, w, trial);
        }
    }
}

/// Runs a work that is compiled for each number of parameters.
macro_rules! for_parameters {
    ($n:expr, $l:expr, $Work:ident { $($field:ident),* }) => {
        match $n {
            // A parameter more than there are changes nothing.
            1 | 2 => $l.call($Work::<L, 2> { $($field),* }),
            3 => $l.call($Work::<L, 3> { $($field),* }),
            4 => $l.call($Work::<L, 4> { $($field),* }),
            _ => $l.call($Work::<L, 6> { $($field),* }),
        }
    };
}

/// Evaluates where the last steps led, keeps what is better, and takes the next steps.
pub(super) fn advance<L: Lanes>(lanes: L, state: &mut State<L>, evaluator: &mut Evaluator<L>, n_parameters: usize) {
    let weights = state.weights.as_deref();
    let trial = &sums_at(lanes, evaluator, &state.to[..n_parameters], &state.y, weights);
    for_parameters!(n_parameters, lanes, MoveOn { lanes, state, trial });
}

/// The sums at some parameters, for P of them.
struct SumsAt<'s, 'c, L: Lanes, const P: usize> {
    lanes: L,
    evaluator: &'s mut Evaluator<'c, L>,
    parameters: &'s [Wide<L>],
    y: &'s [L::V],
    weights: Option<&'s [L::V]>,
}

impl<L: Lanes, const P: usize> NullaryFnOnce for SumsAt<'_, '_, L, P> {
    type Output = [Sums<L::V, MOST>; WIDE];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let l = self.lanes;
        let mut all = [nothing(l); WIDE];
        let sums = sums::<L, P>(l, self.evaluator, self.parameters, self.y, self.weights);
        for (to, from) in all.iter_mut().zip(sums) {
            to.squares = from.squares;
            for i in 0..P {
                to.downhill[i] = from.downhill[i];
                for j in 0..=i {
                    to.normal[i][j] = from.normal[i][j];
                }
            }
        }
        all
    }
}

/// The sums over all samples for some parameters; `y` and `weights` (0 or 1) are `[sample][wide]`.
pub(super) fn sums_at<L: Lanes>(
    lanes: L,
    evaluator: &mut Evaluator<L>,
    parameters: &[Wide<L>],
    y: &[L::V],
    weights: Option<&[L::V]>,
) -> [Sums<L::V, MOST>; WIDE] {
    for_parameters!(parameters.len(), lanes, SumsAt { lanes, evaluator, parameters, y, weights })
}

/// Sums of no samples.
#[inline(always)]
fn nothing<L: Lanes, const P: usize>(l: L) -> Sums<L::V, P> {
    let zero = l.splat(0.0);
    Sums { squares: zero, downhill: [zero; P], normal: [[zero; P]; P] }
}

/// [`sums_at`] within a function that knows the number of parameters.
#[inline(always)]
fn sums<L: Lanes, const P: usize>(
    l: L,
    evaluator: &mut Evaluator<L>,
    parameters: &[Wide<L>],
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
