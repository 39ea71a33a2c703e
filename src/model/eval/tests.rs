//! The evaluator: what registers hold and for how long; in [`operators`] and [`random`], what comes out.

mod operators;
mod random;

use super::super::graph::Graph;
use super::super::parser::{Expr, parse};
use super::*;
use crate::lanes::{Element, LaneWork, run_f32, run_f64};

/// A formula over images `a`, `b`, `c`, evaluated on lanes: one result for each `[a, b, c]`.
struct Evaluate<'a> {
    code: &'a Code,
    voxels: &'a [[f64; 3]],
}

impl LaneWork for Evaluate<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<f64> {
        let mut machine = Machine::new(lanes, self.code);
        let mut results = Vec::new();
        for block in self.voxels.chunks(Machine::<L>::BLOCK) {
            machine.run(0, |image, to| {
                for (to, voxel) in to.iter_mut().zip(block) {
                    *to = L::T::of(voxel[image as usize]);
                }
            });
            let mut values = vec![L::T::of(0.0); Machine::<L>::BLOCK];
            for (v, to) in machine.wanted(0, 0).iter().zip(values.chunks_mut(L::LANES)) {
                lanes.store(*v, to);
            }
            results.extend(values[..block.len()].iter().map(|&v| v.to_f64()));
        }
        results
    }
}

struct Both {
    f32: Vec<f64>,
    f64: Vec<f64>,
}

fn graph_of(expr: &Expr) -> Result<(Graph, super::super::graph::Node), super::super::Fault> {
    let mut graph = Graph::default();
    let names = ["a", "b", "c"];
    let images = [0, 1, 2].map(|row| graph.input(row));
    let names: Vec<_> = names.into_iter().zip(images).collect();
    let node = graph.add(expr, &names)?;
    Ok((graph, node))
}

fn evaluate(expr: &Expr, voxels: &[[f64; 3]]) -> Result<Both, super::super::Fault> {
    let (graph, node) = graph_of(expr)?;
    let code = Code::new(&Program::new(&graph, &[vec![node]], &[]));
    let code = &code;
    Ok(Both { f32: run_f32(Evaluate { code, voxels }), f64: run_f64(Evaluate { code, voxels }) })
}

/// Results of a formula of `a` and `b` at pairs of values.
fn at(text: &str, pairs: &[[f64; 2]]) -> Both {
    let voxels: Vec<_> = pairs.iter().map(|&[a, b]| [a, b, 0.0]).collect();
    evaluate(&parse(text).unwrap(), &voxels).unwrap()
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Equal, or both NaN; with a tolerance relative to what is wanted.
fn agree(got: f64, want: f64, tolerance: f64) -> bool {
    got == want || got.is_nan() && want.is_nan() || (got - want).abs() <= tolerance * want.abs()
}

#[test]
fn a_value_does_not_depend_on_where_it_lies() {
    let pairs: Vec<_> = (0..5000).map(|i| [1.0 + (i % 7) as f64, 3.3]).collect();
    let got = at("log(a) ^ 1.5 / b + sin(a)", &pairs);
    for values in [got.f32, got.f64] {
        assert_eq!(values.len(), pairs.len());
        for (i, value) in values.iter().enumerate() {
            assert_eq!(*value, values[i % 7]);
        }
        assert_ne!(values[0], values[1]);
    }
}

#[test]
fn registers_are_used_again() {
    let long = "a*b + a*c + b*c + a/b + a/c + b/c + exp(a) + exp(b) + exp(c)";
    let (graph, node) = graph_of(&parse(long).unwrap()).unwrap();
    let program = Program::new(&graph, &[vec![node]], &[]);
    assert_eq!(program.steps.len(), 20);
    // Three images, the sum so far and the next term.
    assert_eq!(Code::new(&program).n_registers(), 5);
}

#[test]
fn what_a_group_wants_outlives_the_group_alone() {
    let mut graph = Graph::default();
    let (a, b) = (graph.input(0), graph.input(1));
    let names = [("a", a), ("b", b)];
    let mut node = |text: &str| graph.add(&parse(text).unwrap(), &names).unwrap();
    let groups = [vec![node("a + b"), a], vec![node("(a + b) * 2"), node("b - 1")]];
    let code = Code::new(&Program::new(&graph, &groups, &[]));

    struct Groups<'a>(&'a Code);
    impl LaneWork for Groups<'_> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f64> {
            let mut machine = Machine::new(lanes, self.0);
            let mut found = Vec::new();
            for group in 0..2 {
                machine.run(group, |image, to| to.fill(L::T::of([3.0, 5.0][image as usize])));
                for i in 0..2 {
                    let mut lane = vec![L::T::of(0.0); L::LANES];
                    lanes.store(machine.wanted(group, i)[VECTORS - 1], &mut lane);
                    found.push(lane[L::LANES - 1].to_f64());
                }
            }
            found
        }
    }
    assert_eq!(run_f32(Groups(&code)), [8.0, 3.0, 16.0, 4.0]);
    assert_eq!(run_f64(Groups(&code)), [8.0, 3.0, 16.0, 4.0]);
}
