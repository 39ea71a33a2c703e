//! The fits that are going on, one a lane.

use pulp::NullaryFnOnce;

use super::lm::{self, Bounds, Sums};
use super::sums::{Place, nothing, sums};
use crate::lanes::Lanes;
use crate::model::signal::MOST_PARAMETERS as MOST;
use crate::model::signal::eval::{Evaluator, WIDE};

/// The fits that are going on, one a lane.
#[derive(Debug)]
pub(super) struct State<L: Lanes> {
    pub(super) groups: [Group<L>; WIDE],
    /// Whether any fit of the block was not its voxel's first.
    pub(super) has_later: bool,
    /// Which voxel a lane works on.
    pub(super) task: Vec<Option<u32>>,
    /// The sums where the last steps led.
    trial: [Sums<L::V, MOST>; WIDE],
}

/// The fits of a vector.
#[derive(Debug, Clone)]
pub(super) struct Group<L: Lanes> {
    /// Where the fits are, where their steps lead, and their bounds.
    pub(super) at: [L::V; MOST],
    pub(super) to: [L::V; MOST],
    pub(super) low: [L::V; MOST],
    pub(super) high: [L::V; MOST],
    /// Where an earlier fit of the voxel has ended; NaN for the first.
    pub(super) found: [L::V; MOST],
    /// The sums at `at`.
    pub(super) sums: Sums<L::V, MOST>,
    pub(super) damping: L::V,
    pub(super) promise: L::V,
    pub(super) potential: L::V,
    pub(super) iterations: L::V,
    /// One a sample.
    pub(super) y: Vec<L::V>,
    /// One a sample, where some samples are missing.
    pub(super) weights: Option<Vec<L::V>>,
    /// What multiplies axes.
    pub(super) factors: Vec<L::V>,
}

impl<L: Lanes> Group<L> {
    fn new(l: L, n_samples: usize, n_factors: usize) -> Self {
        let zero = l.splat(0.0);
        let zeros = [zero; MOST];
        Self {
            at: zeros,
            to: zeros,
            low: zeros,
            high: zeros,
            found: zeros,
            sums: nothing(l),
            damping: zero,
            promise: zero,
            potential: zero,
            iterations: zero,
            y: vec![zero; n_samples],
            weights: None,
            factors: vec![l.splat(1.0); n_factors],
        }
    }

    /// Where the last steps lead.
    #[inline(always)]
    fn trial(&self) -> Place<'_, L> {
        Place { parameters: &self.to, factors: &self.factors, y: &self.y, weights: self.weights.as_deref() }
    }

    /// Forgets what is known of where the fits are: steps begin again at `to`.
    #[inline(always)]
    pub(super) fn start_again(&mut self, l: L) {
        self.sums.squares = l.splat(f64::INFINITY);
        self.damping = l.splat(lm::FIRST_DAMPING / lm::LESS);
        self.promise = l.splat(0.0);
    }

    /// Keeps where the last steps led, if that is better, and takes the next.
    #[inline(always)]
    fn move_on<const P: usize>(&mut self, l: L, trial: &Sums<L::V, MOST>) {
        let now = &mut self.sums;
        let better = l.lt(trial.squares, now.squares);
        self.damping = lm::damping(l, self.damping, self.promise, l.sub(now.squares, trial.squares));
        now.squares = l.select(better, trial.squares, now.squares);
        for i in 0..P {
            now.downhill[i] = l.select(better, trial.downhill[i], now.downhill[i]);
            for j in 0..P {
                if j <= i {
                    now.normal[i][j] = l.select(better, trial.normal[i][j], now.normal[i][j]);
                }
            }
            self.at[i] = l.select(better, self.to[i], self.at[i]);
        }
        let bounds = Bounds { low: &self.low[..P], high: &self.high[..P] };
        let step = lm::step::<L, P, MOST>(l, &self.at, now, self.damping, bounds);
        self.to[..P].copy_from_slice(&step.to);
        self.promise = step.promise;
        self.potential = step.potential;
        self.iterations = l.add(self.iterations, l.splat(1.0));
    }
}

impl<L: Lanes> State<L> {
    /// No fits; the only place that takes memory.
    pub(super) fn new(l: L, n_samples: usize, n_factors: usize) -> Self {
        Self {
            groups: [(); WIDE].map(|()| Group::new(l, n_samples, n_factors)),
            has_later: false,
            task: vec![None; WIDE * L::LANES],
            trial: [nothing(l); WIDE],
        }
    }

    /// Makes room for weights, or gives it up.
    pub(super) fn weighted(&mut self, l: L, weighted: bool) {
        for group in &mut self.groups {
            group.weights = weighted.then(|| vec![l.splat(0.0); group.y.len()]);
        }
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
        let Self { lanes, state: State { groups, trial, .. }, evaluator } = self;
        let [a, b] = groups;
        sums::<L, P>(lanes, evaluator, [a.trial(), b.trial()], trial);
        for (group, trial) in groups.iter_mut().zip(trial) {
            group.move_on::<P>(lanes, trial);
        }
    }
}

/// The sums of all parameters at some places.
pub(super) struct SumsAt<'s, 'c, L: Lanes> {
    pub(super) lanes: L,
    pub(super) evaluator: &'s mut Evaluator<'c, L>,
    pub(super) places: [Place<'s, L>; WIDE],
}

impl<L: Lanes> NullaryFnOnce for SumsAt<'_, '_, L> {
    type Output = [Sums<L::V, MOST>; WIDE];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut all = [nothing(self.lanes); WIDE];
        sums::<L, MOST>(self.lanes, self.evaluator, self.places, &mut all);
        all
    }
}
