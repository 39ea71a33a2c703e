use super::*;
use crate::device::Precision;
use crate::fit::nlls::{Effort, NllsOptions, Problem};
use crate::lanes::{LaneWork, Twice, run_f64};
use crate::model::SignalModel;
use crate::simulate::Rng;

const B: [f64; 10] = [0.0, 10.0, 20.0, 40.0, 80.0, 110.0, 140.0, 200.0, 400.0, 800.0];
const N_VOXELS: usize = 200;

fn problem(model: &str) -> Problem {
    Problem::new(SignalModel::builtin(model).unwrap(), &[B.to_vec()], &NllsOptions::default()).unwrap()
}

/// What a start explains, its node, and the parameters there.
type Found = (f64, usize, Vec<f64>);

/// Every voxel's best start, each in the last lane of a vector.
struct Best<'a> {
    problem: &'a Problem,
    dictionary: &'a Dictionary,
    voxels: &'a [Vec<f64>],
}

impl LaneWork for Best<'_> {
    type Output = Vec<Found>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<Found> {
        let l = Twice(lanes);
        let last = Twice::<L>::LANES - 1;
        let mut lookup = Lookup::new(l, self.dictionary, &self.problem.extents);
        let mut starts = vec![Start::none(l); self.dictionary.zones.len()];
        let mut found = Vec::new();
        for y in self.voxels {
            let y: Vec<_> = y.iter().map(|&y| l.splat(y)).collect();
            lookup.starts(&y, &mut starts);
            let best = starts[0];
            let at = |v| l.lane(v, last).to_f64();
            let parameters = lookup.parameters(&best);
            let parameters = parameters[..self.problem.extents.len()].iter().map(at).collect();
            found.push((at(&best.explained), at(&best.node) as usize, parameters));
        }
        found
    }
}

/// Samples of all signs, so that mixtures end at their bounds, too.
fn voxels() -> Vec<Vec<f64>> {
    let rng = Rng::new(5);
    let sample = |v: usize, k: usize| {
        let [decay, noise] = rng.stream(k as u32).normals(v as u64);
        (-B[k] * 1e-3 * (1.0 + 0.3 * decay)).exp() * if v.is_multiple_of(4) { noise } else { 1.0 } + 0.1 * noise
    };
    (0..N_VOXELS).map(|v| (0..B.len()).map(|k| sample(v, k)).collect()).collect()
}

fn explained_by(y: &[f64], signals: &[f64]) -> f64 {
    let rest: f64 = y.iter().zip(signals).map(|(y, s)| (y - s) * (y - s)).sum();
    y.iter().map(|y| y * y).sum::<f64>() - rest
}

/// The best node is the one from which least squares with a share of 0 or more each leaves least, and the start is that.
fn check(model: &str) {
    let problem = problem(model);
    let dictionary = problem.dictionary(&Effort::of(Precision::F32));
    let voxels = voxels();
    let found = run_f64(Best { problem: &problem, dictionary: &dictionary, voxels: &voxels });
    let mut outside = 0;
    for (y, (explained, node, parameters)) in voxels.iter().zip(found) {
        let whole: f64 = y.iter().map(|y| y * y).sum();
        let at_start = explained_by(y, &problem.program.signals(&parameters));
        assert!((at_start - explained).abs() < 1e-9 * whole, "{model}: {explained} at node {node}, {at_start} there");
        let of_node = |node: &super::super::dictionary::Node| -> f64 {
            let along = |q: &Vec<f64>| q.iter().zip(y).map(|(q, y)| q * y).sum::<f64>();
            let projections: Vec<f64> = node.basis.iter().map(along).collect();
            let free: f64 = projections.iter().map(|p| p * p).sum();
            if dictionary.linear == Linear::All {
                return free;
            }
            let [cos, sin] = node.angle;
            let [first, second] = [projections[0], projections[0] * cos + projections[1] * sin];
            let is_inside = first >= 0.0 && projections[1] >= 0.0 && first >= cos * second;
            if is_inside { free } else { first.max(second).max(0.0).powi(2) }
        };
        let most = dictionary.nodes.iter().map(of_node).fold(0.0, f64::max);
        assert!((most - explained).abs() < 1e-9 * whole, "{model}: {explained} of {most}");
        outside += usize::from(parameters.iter().zip(&problem.extents).any(|(p, e)| e.bounds.contains(p)));
    }
    let expected = if dictionary.linear == Linear::All { 0..N_VOXELS } else { N_VOXELS / 10..N_VOXELS };
    assert!(expected.contains(&outside), "{outside} mixtures end at a bound");
}

#[test]
fn the_best_node_is_found_of_mixtures() {
    check("ivim");
    check("ivim_kurtosis");
}

#[test]
fn the_best_node_is_found_of_linear_parameters() {
    check("kurtosis");
}
