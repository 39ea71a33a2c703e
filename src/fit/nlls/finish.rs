//! From the parameters that fits have found to what is written: units, standard errors, how well the model fits.

use super::block::BLOCK;
use super::covariance::{Group, covariance};
use super::found::Found;
use super::kernel::NllsKernel;
use super::output::{NllsOutput, Quantity};
use super::samples::Samples;
use super::sums::Place;
use crate::device::ColumnMut;
use crate::fit::status;
use crate::lanes::{Element, Lanes};
use crate::model::eval::Machine;
use crate::model::signal::eval::{Evaluator, WIDE, Wide};

/// Writes blocks of fits.
pub(super) struct Finish<'k, L: Lanes> {
    n_parameters: usize,
    lanes: L,
    kernel: &'k NllsKernel,
    evaluator: Evaluator<'k, L>,
    machine: Machine<'k, L>,
    /// `[parameter][voxel]`, in the model's units.
    parameters: Vec<Vec<L::T>>,
    /// `[wanted value][voxel]` of derived quantities and their slopes.
    derived: Vec<Vec<L::T>>,
    /// `[i · (i + 1) / 2 + j][voxel]`: the parameters' covariance, in the model's units; NaN at a bound.
    covariance: Vec<Vec<L::T>>,
}

impl<'k, L: Lanes> Finish<'k, L> {
    pub(super) fn new(lanes: L, kernel: &'k NllsKernel) -> Self {
        let zeros = vec![L::T::of(0.0); BLOCK];
        let n_parameters = kernel.problem.extents.len();
        let n_derived = kernel.derived.groups.first().map_or(0, |group| group.wanted.len());
        Self {
            n_parameters,
            lanes,
            kernel,
            evaluator: Evaluator::new(lanes, &kernel.problem.code),
            machine: Machine::new(lanes, &kernel.derived_code),
            parameters: vec![zeros.clone(); n_parameters],
            derived: vec![zeros.clone(); n_derived],
            covariance: vec![zeros; n_parameters * (n_parameters + 1) / 2],
        }
    }

    /// Writes `n` voxels to the columns from `first` on.
    pub(super) fn write(
        &mut self,
        samples: &Samples<L::T>,
        found: &Found<L::T>,
        first: usize,
        n: usize,
        out: &mut [ColumnMut],
    ) {
        self.scale_parameters(samples, found, n);
        let outputs = &self.kernel.outputs;
        if outputs.iter().any(NllsOutput::needs_covariance) {
            self.compute_covariance(samples, found, n);
        }
        if outputs.iter().any(NllsOutput::needs_derived) {
            self.compute_derived(n);
        }
        let mut row = vec![L::T::of(0.0); BLOCK];
        for (output, column) in outputs.iter().zip(out) {
            match column {
                ColumnMut::F32(to) => {
                    self.quantity(output.quantity, samples, found, n, &mut row);
                    to[first..first + n].iter_mut().zip(&row).for_each(|(to, from)| *to = from.to_f32());
                }
                ColumnMut::F64(to) => {
                    self.quantity(output.quantity, samples, found, n, &mut row);
                    to[first..first + n].iter_mut().zip(&row).for_each(|(to, from)| *to = from.to_f64());
                }
                ColumnMut::U16(to) => {
                    let to = to[first..first + n].iter_mut().enumerate();
                    match output.quantity {
                        Quantity::Iterations => to.for_each(|(v, to)| *to = iterations(found, v)),
                        _ => to.for_each(|(v, to)| *to = self.status(samples, found, v)),
                    }
                }
            }
        }
    }

    /// Parameters in the model's units; NaN where none were found.
    fn scale_parameters(&mut self, samples: &Samples<L::T>, found: &Found<L::T>, n: usize) {
        let problem = &self.kernel.problem;
        for (p, row) in self.parameters.iter_mut().enumerate() {
            let scale = L::T::of(problem.scales[p]);
            let is_signal = problem.extents[p].is_signal;
            for (v, to) in row[..n].iter_mut().enumerate() {
                let size = if is_signal { samples.largest[v] * scale } else { scale };
                let value = found.parameters[p][v] * size;
                *to = if found.squares[v].is_finite() { value } else { L::T::of(f64::NAN) };
            }
        }
    }

    /// A fitted parameter's bounds for a voxel, in units of its scale and the voxel's largest signal.
    fn bounds(&self, p: usize, largest: L::T) -> [L::T; 2] {
        let extent = &self.kernel.problem.extents[p];
        let by = if extent.is_signal { 1.0 / largest.to_f64() } else { 1.0 };
        extent.bounds.map(|bound| L::T::of(bound * by))
    }

    fn is_at_bound(&self, p: usize, samples: &Samples<L::T>, found: &Found<L::T>, v: usize) -> bool {
        let [low, high] = self.bounds(p, samples.largest[v]);
        let value = found.parameters[p][v];
        value <= low || value >= high
    }

    fn status(&self, samples: &Samples<L::T>, found: &Found<L::T>, v: usize) -> u16 {
        let n_samples = samples.y.len();
        let mut status = if usize::from(samples.n_used[v]) < n_samples { status::SAMPLES_DROPPED } else { 0 };
        if !found.squares[v].is_finite() {
            let fittable = samples.largest[v].to_f64() > 0.0;
            return status | if fittable { status::SINGULAR } else { status::BAD_INPUT };
        }
        for p in 0..self.n_parameters {
            if self.is_at_bound(p, samples, found, v) {
                status |= status::AT_BOUND;
            }
            if found.parameters[p][v].to_f64() < 0.0 {
                status |= status::NEGATIVE;
            }
        }
        if u32::from(found.iterations[v]) >= self.kernel.problem.max_iterations {
            status |= status::ITERATION_LIMIT;
        }
        status
    }

    /// Fills `covariance`.
    fn compute_covariance(&mut self, samples: &Samples<L::T>, found: &Found<L::T>, n: usize) {
        let l = self.lanes;
        for first in (0..n).step_by(WIDE * L::LANES) {
            let at = |row: &[L::T]| wide(l, &row[first..]);
            let gather = |rows: &mut dyn Iterator<Item = &[L::T]>| {
                let mut all = [const { Vec::new() }; WIDE];
                rows.for_each(|row| all.iter_mut().zip(at(row)).for_each(|(all, vector)| all.push(vector)));
                all
            };
            let parameters = gather(&mut found.parameters.iter());
            let factors = gather(&mut samples.factors.iter().map(Vec::as_slice));
            let y = gather(&mut samples.y.iter());
            let weights = samples.weights.as_ref().map(|weights| gather(&mut weights.iter().map(Vec::as_slice)));
            let place = |w: usize| Place {
                parameters: &parameters[w],
                factors: &factors[w],
                y: &y[w],
                weights: weights.as_ref().map(|weights| weights[w].as_slice()),
            };
            let used = |v: usize| samples.n_used.get(v).map_or(0.0, |&n| f64::from(n));
            let mut freedom = [l.splat(0.0); WIDE];
            for (lane, v) in (first..first + WIDE * L::LANES).enumerate() {
                let free = L::T::of(used(v) - self.n_parameters as f64);
                l.set_lane(&mut freedom[lane / L::LANES], lane % L::LANES, free);
            }
            let group = Group {
                places: std::array::from_fn(place),
                largest: at(&samples.largest),
                squares: at(&found.squares),
                freedom,
            };
            let (problem, evaluator, to) = (&self.kernel.problem, &mut self.evaluator, &mut self.covariance);
            covariance(l, problem, evaluator, &group, to, first);
        }
    }

    /// Fills `derived`.
    fn compute_derived(&mut self, n: usize) {
        let (machine, parameters, derived) = (&mut self.machine, &self.parameters, &mut self.derived);
        self.lanes.call(Derive { lanes: self.lanes, machine, parameters, derived, n });
    }

    /// A float quantity of all voxels; NaN where nothing was found.
    fn quantity(&self, quantity: Quantity, samples: &Samples<L::T>, found: &Found<L::T>, n: usize, row: &mut [L::T]) {
        match quantity {
            Quantity::Parameter(p) => row[..n].copy_from_slice(&self.parameters[p][..n]),
            Quantity::Derived(d) => row[..n].copy_from_slice(&self.derived[self.kernel.values[d]][..n]),
            Quantity::ParameterSe(p) => self.root(&self.covariance[p * (p + 1) / 2 + p], n, row),
            Quantity::DerivedSe(d) => self.derived_variance(d, n, row),
            _ => {
                for (v, to) in row[..n].iter_mut().enumerate() {
                    *to = L::T::of(self.goodness(quantity, samples, found, v));
                }
            }
        }
        for (to, squares) in row[..n].iter_mut().zip(&found.squares) {
            *to = if squares.is_finite() { *to } else { L::T::of(f64::NAN) };
        }
    }

    fn root(&self, variance: &[L::T], n: usize, row: &mut [L::T]) {
        row[..n].iter_mut().zip(variance).for_each(|(to, variance)| *to = L::T::of(variance.to_f64().sqrt()));
    }

    /// The standard error of a derived quantity: √(gᵀCg) with its slopes g.
    fn derived_variance(&self, derived: usize, n: usize, row: &mut [L::T]) {
        let slopes = &self.kernel.slopes[derived];
        let mut variance = vec![L::T::of(0.0); BLOCK];
        for (i, a) in slopes.iter().enumerate() {
            for (j, b) in slopes.iter().enumerate() {
                let (Some(a), Some(b)) = (a, b) else { continue };
                let covariance = &self.covariance[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
                for (v, sum) in variance[..n].iter_mut().enumerate() {
                    *sum += self.derived[*a][v] * self.derived[*b][v] * covariance[v];
                }
            }
        }
        self.root(&variance, n, row);
    }

    /// How well the model fits a voxel.
    fn goodness(&self, quantity: Quantity, samples: &Samples<L::T>, found: &Found<L::T>, v: usize) -> f64 {
        let used = f64::from(samples.n_used[v]);
        let (largest, squares) = (samples.largest[v].to_f64(), found.squares[v].to_f64());
        match quantity {
            Quantity::Rmse => largest * (squares / used).sqrt(),
            Quantity::Aicc => {
                let k = self.n_parameters as f64 + 1.0;
                let rest = used - k - 1.0;
                match rest > 0.0 && squares > 0.0 {
                    true => {
                        let logarithm = (squares * largest * largest / used).ln();
                        used * logarithm + 2.0 * k + 2.0 * k * (k + 1.0) / rest
                    }
                    false => f64::NAN,
                }
            }
            _ => {
                let weight = |k: usize| samples.weights.as_ref().map_or(1.0, |weights| weights[k][v].to_f64());
                let y = || samples.y.iter().enumerate().map(|(k, row)| (row[v].to_f64(), weight(k)));
                let mean = y().map(|(y, w)| y * w).sum::<f64>() / used;
                let spread: f64 = y().map(|(y, w)| w * (y - mean).powi(2)).sum();
                let mut counted = y().filter(|(_, w)| *w > 0.0).map(|(y, _)| y);
                // Equal samples need not be their own mean.
                let varies = counted.next().is_some_and(|first| counted.any(|y| y != first));
                if varies && spread > 0.0 { 1.0 - squares / spread } else { f64::NAN }
            }
        }
    }
}

/// Derived quantities and their slopes, block by block.
struct Derive<'d, 'k, L: Lanes> {
    lanes: L,
    machine: &'d mut Machine<'k, L>,
    parameters: &'d [Vec<L::T>],
    derived: &'d mut [Vec<L::T>],
    n: usize,
}

impl<L: Lanes> pulp::NullaryFnOnce for Derive<'_, '_, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lanes: l, machine, parameters, derived, n } = self;
        let block = Machine::<L>::BLOCK;
        for first in (0..n).step_by(block) {
            machine.run(0, |row, to| to.copy_from_slice(&parameters[row as usize][first..first + block]));
            for (i, row) in derived.iter_mut().enumerate() {
                for (at, &value) in machine.wanted(0, i).iter().enumerate() {
                    l.store(value, &mut row[first + at * L::LANES..]);
                }
            }
        }
    }
}

fn iterations<T: Element>(found: &Found<T>, v: usize) -> u16 {
    if found.squares[v].is_finite() { found.iterations[v] } else { 0 }
}

/// The first values of a row, as wide as an evaluator takes them.
#[inline(always)]
fn wide<L: Lanes>(l: L, row: &[L::T]) -> Wide<L> {
    let mut all = [l.splat(0.0); WIDE];
    for (w, to) in all.iter_mut().enumerate() {
        *to = l.load(&row[w * L::LANES..]);
    }
    all
}
