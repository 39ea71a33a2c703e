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
    /// Where an earlier fit of the voxel has ended; NaN for the first.
    pub(super) found: [Wide<L>; MOST],
    /// Whether any fit of the block was not its voxel's first.
    pub(super) has_later: bool,
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
    /// What multiplies axes.
    pub(super) factors: Vec<Wide<L>>,
    /// Which voxel a lane works on.
    pub(super) task: Vec<Option<u32>>,
}

impl<L: Lanes> State<L> {
    /// No fits; the only place that takes memory.
    pub(super) fn new(l: L, n_samples: usize, n_factors: usize) -> Self {
        let zero = l.splat(0.0);
        let zeros = [[zero; WIDE]; MOST];
        Self {
            at: zeros,
            to: zeros,
            low: zeros,
            high: zeros,
            found: zeros,
            has_later: false,
            sums: [nothing(l); WIDE],
            damping: [zero; WIDE],
            promise: [zero; WIDE],
            potential: [zero; WIDE],
            iterations: [zero; WIDE],
            y: vec![zero; n_samples * WIDE],
            weights: None,
            factors: vec![[l.splat(1.0); WIDE]; n_factors],
            task: vec![None; WIDE * L::LANES],
        }
    }

    /// Makes room for weights, or gives it up.
    pub(super) fn weighted(&mut self, l: L, weighted: bool) {
        self.weights = weighted.then(|| vec![l.splat(0.0); self.y.len()]);
    }

    /// Keeps where the last step of a vector of fits led, if that is better, and takes the next.
    #[inline(always)]
    fn move_on<const P: usize>(&mut self, l: L, w: usize, trial: &Sums<L::V, P>) {
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

/// Evaluates where the last steps led, keeps what is better, and takes the next steps.
pub(super) fn advance<L: Lanes>(lanes: L, state: &mut State<L>, evaluator: &mut Evaluator<L>, n_parameters: usize) {
    match n_parameters {
        // A parameter more than there are changes nothing.
        1 | 2 => lanes.call(Advance::<L, 2> { lanes, state, evaluator }),
        3 => lanes.call(Advance::<L, 3> { lanes, state, evaluator }),
        4 => lanes.call(Advance::<L, 4> { lanes, state, evaluator }),
        _ => lanes.call(Advance::<L, MOST> { lanes, state, evaluator }),
    }
}

/// [`advance`] for P parameters.
struct Advance<'s, 'c, L: Lanes, const P: usize> {
    lanes: L,
    state: &'s mut State<L>,
    evaluator: &'s mut Evaluator<'c, L>,
}

impl<L: Lanes, const P: usize> NullaryFnOnce for Advance<'_, '_, L, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lanes, state, evaluator } = self;
        let mut trial = [nothing::<L, P>(lanes); WIDE];
        evaluator.set(&state.to, &state.factors);
        sums(lanes, evaluator, &state.y, state.weights.as_deref(), &mut trial);
        for (w, trial) in trial.iter().enumerate() {
            state.move_on(lanes, w, trial);
        }
    }
}

/// The sums over all samples for some parameters; `y` and `weights` (0 or 1) are `[sample][wide]`.
pub(super) struct SumsAt<'s, 'c, L: Lanes> {
    pub(super) lanes: L,
    pub(super) evaluator: &'s mut Evaluator<'c, L>,
    pub(super) parameters: &'s [Wide<L>],
    pub(super) factors: &'s [Wide<L>],
    pub(super) y: &'s [L::V],
    pub(super) weights: Option<&'s [L::V]>,
}

impl<L: Lanes> NullaryFnOnce for SumsAt<'_, '_, L> {
    type Output = [Sums<L::V, MOST>; WIDE];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut all = [nothing(self.lanes); WIDE];
        self.evaluator.set(self.parameters, self.factors);
        sums(self.lanes, self.evaluator, self.y, self.weights, &mut all);
        all
    }
}

/// Sums of no samples.
#[inline(always)]
fn nothing<L: Lanes, const P: usize>(l: L) -> Sums<L::V, P> {
    let zero = l.splat(0.0);
    Sums { squares: zero, downhill: [zero; P], normal: [[zero; P]; P] }
}

/// Adds all samples to the sums for the P parameters that the evaluator was given.
#[inline(always)]
fn sums<L: Lanes, const P: usize>(
    l: L,
    evaluator: &mut Evaluator<L>,
    y: &[L::V],
    weights: Option<&[L::V]>,
    to: &mut [Sums<L::V, P>; WIDE],
) {
    let n_samples = y.len() / WIDE;
    for (i, y) in y.chunks(CHUNK * WIDE).enumerate() {
        let (first, n) = (i * CHUNK, y.len() / WIDE);
        evaluator.run(first, n);
        let weights = weights.map(|weights| &weights[first * WIDE..][..n * WIDE]);
        let is_last = first + n == n_samples;
        for (w, to) in to.iter_mut().enumerate() {
            add(l, evaluator, y, weights, (w, is_last), to);
        }
    }
}

/// Adds a chunk of samples to the sums of a vector of voxels, with slopes without their factors, by which the sums are
/// multiplied after the last.
#[inline(always)]
fn add<L: Lanes, const P: usize>(
    l: L,
    evaluator: &Evaluator<L>,
    y: &[L::V],
    weights: Option<&[L::V]>,
    (w, is_last): (usize, bool),
    to: &mut Sums<L::V, P>,
) {
    let (signal, factor) = evaluator.signal();
    let (signal, factor) = (&signal[..y.len()], factor.map_or(l.splat(1.0), |factor| factor[w]));
    // Loops, not `map`s: their closures would be compiled for the baseline processor.
    let mut slopes = [signal; P];
    for (p, slopes) in slopes.iter_mut().enumerate() {
        *slopes = &evaluator.slope(p).0[..y.len()];
    }
    // Twice over the samples, with as many sums each time as stay in registers.
    let (mut squares, mut downhill) = (to.squares, to.downhill);
    for at in (w..y.len()).step_by(WIDE) {
        let mut residual = l.mul_sub_from(signal[at], factor, y[at]);
        // A weight is 0 or 1, and its own square.
        if let Some(weights) = weights {
            residual = l.mul(residual, weights[at]);
        }
        squares = l.mul_add(residual, residual, squares);
        for p in 0..P {
            downhill[p] = l.mul_add(residual, slopes[p][at], downhill[p]);
        }
    }
    let mut normal = to.normal;
    let mut slope = [l.splat(0.0); P];
    for at in (w..y.len()).step_by(WIDE) {
        for p in 0..P {
            slope[p] = slopes[p][at];
            if let Some(weights) = weights {
                slope[p] = l.mul(slope[p], weights[at]);
            }
        }
        for i in 0..P {
            for j in 0..=i {
                normal[i][j] = l.mul_add(slope[i], slope[j], normal[i][j]);
            }
        }
    }
    if is_last {
        let mut factors = [l.splat(1.0); P];
        for (p, factor) in factors.iter_mut().enumerate() {
            if let (_, Some(of_slope)) = evaluator.slope(p) {
                *factor = of_slope[w];
            }
        }
        for i in 0..P {
            downhill[i] = l.mul(downhill[i], factors[i]);
            for j in 0..=i {
                normal[i][j] = l.mul(normal[i][j], l.mul(factors[i], factors[j]));
            }
        }
    }
    *to = Sums { squares, downhill, normal };
}
