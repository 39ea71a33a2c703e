//! The evaluator against an interpreter of expression trees that knows nothing of graphs, and every operator against
//! the standard library at its edges.

use proptest::prelude::*;

use super::super::graph::Graph;
use super::super::parser::{Expr, ExprKind, parse};
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
    let images = [0, 1, 2].map(|row| graph.image(row));
    let names: Vec<_> = names.into_iter().zip(images).collect();
    let node = graph.add(expr, &names)?;
    Ok((graph, node))
}

fn evaluate(expr: &Expr, voxels: &[[f64; 3]]) -> Result<Both, super::super::Fault> {
    let (graph, node) = graph_of(expr)?;
    let code = Code::new(&Program::new(&graph, &[vec![node]], &[]));
    let code = &code;
    Ok(Both {
        f32: run_f32(Evaluate { code, voxels }),
        f64: run_f64(Evaluate { code, voxels }),
    })
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

/// Rounding of one f32 operation, and of the exponential of a rounded product of size up to 10.
const ROUNDING: f64 = 1.2e-7;
const POWER: f64 = 1e-6;

#[test]
fn operators_have_the_values_that_are_defined_for_them() {
    // a, b, value; 5e-324 is subnormal in f64, and 0 in f32.
    let cases: &[(&str, f64, &[[f64; 3]])] = &[
        (
            "a + b",
            ROUNDING,
            &[[1.5, 2.25, 3.75], [INF, 1.0, INF], [NAN, 1.0, NAN]],
        ),
        (
            "a - b",
            ROUNDING,
            &[[1.5, 2.25, -0.75], [INF, INF, NAN], [1.0, NAN, NAN]],
        ),
        (
            "a * b",
            ROUNDING,
            &[[1.5, -2.0, -3.0], [0.0, INF, NAN], [NAN, 0.0, NAN]],
        ),
        (
            "a / b",
            ROUNDING,
            &[
                [1.0, 3.0, 1.0 / 3.0],
                [1.0, 0.0, NAN],
                [1.0, -0.0, NAN],
                [0.0, 0.0, NAN],
                [-1.0, 5e-324, NAN],
                [1.0, INF, 0.0],
                [INF, 2.0, INF],
                [INF, INF, NAN],
                [NAN, 2.0, NAN],
                [2.0, NAN, NAN],
            ],
        ),
        (
            "a ^ b",
            POWER,
            &[
                [2.0, 0.3, 2f64.powf(0.3)],
                [7.5, -1.25, 7.5f64.powf(-1.25)],
                [0.0, 2.5, 0.0],
                [5e-324, 2.5, 0.0],
                [0.0, -1.0, NAN],
                [0.0, 0.0, 1.0],
                [NAN, 0.0, 1.0],
                [-2.0, 0.0, 1.0],
                [-2.0, 2.0, NAN],
                [-2.0, 0.5, NAN],
                [2.0, NAN, NAN],
                [0.0, NAN, NAN],
                [NAN, 2.0, NAN],
                [INF, 2.0, INF],
                [INF, -2.0, 0.0],
                [1.0, 100.0, 1.0],
            ],
        ),
        (
            "a ^ 3",
            ROUNDING * 2.0,
            &[
                [-1.1, 0.0, -1.1 * 1.1 * 1.1],
                [0.0, 0.0, 0.0],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "a ^ -2",
            ROUNDING * 2.0,
            &[[-4.0, 0.0, 0.0625], [0.0, 0.0, NAN], [NAN, 0.0, NAN]],
        ),
        (
            "min(a, b)",
            0.0,
            &[
                [1.0, 2.0, 1.0],
                [2.0, 1.0, 1.0],
                [3.0, 3.0, 3.0],
                [0.0, -0.0, 0.0],
                [-INF, 1.0, -INF],
                [NAN, 1.0, NAN],
                [1.0, NAN, NAN],
            ],
        ),
        (
            "max(a, b)",
            0.0,
            &[
                [1.0, 2.0, 2.0],
                [2.0, 1.0, 2.0],
                [3.0, 3.0, 3.0],
                [0.0, -0.0, 0.0],
                [-INF, 1.0, 1.0],
                [NAN, 1.0, NAN],
                [1.0, NAN, NAN],
            ],
        ),
        (
            "-a",
            0.0,
            &[[1.5, 0.0, -1.5], [-INF, 0.0, INF], [NAN, 0.0, NAN]],
        ),
        (
            "abs(a)",
            0.0,
            &[
                [-1.5, 0.0, 1.5],
                [0.0, 0.0, 0.0],
                [-INF, 0.0, INF],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "exp(a)",
            ROUNDING * 2.0,
            &[
                [1.0, 0.0, std::f64::consts::E],
                [0.0, 0.0, 1.0],
                [-80.0, 0.0, (-80f64).exp()],
                [-745.0, 0.0, 0.0],
                [1000.0, 0.0, INF],
                [-INF, 0.0, 0.0],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "log(a)",
            ROUNDING,
            &[
                [10.0, 0.0, std::f64::consts::LN_10],
                [1.0, 0.0, 0.0],
                [0.0, 0.0, NAN],
                [-0.0, 0.0, NAN],
                [5e-324, 0.0, NAN],
                [-1.0, 0.0, NAN],
                [-INF, 0.0, NAN],
                [INF, 0.0, INF],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "sqrt(a)",
            ROUNDING,
            &[
                [2.0, 0.0, std::f64::consts::SQRT_2],
                [0.0, 0.0, 0.0],
                [-0.0, 0.0, 0.0],
                [-1.0, 0.0, NAN],
                [INF, 0.0, INF],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "sin(a)",
            ROUNDING,
            &[
                [0.5, 0.0, 0.479_425_538_604_203],
                [0.0, 0.0, 0.0],
                [INF, 0.0, NAN],
                [NAN, 0.0, NAN],
            ],
        ),
        (
            "cos(a)",
            ROUNDING,
            &[
                [0.5, 0.0, 0.877_582_561_890_372_8],
                [0.0, 0.0, 1.0],
                [-INF, 0.0, NAN],
                [NAN, 0.0, NAN],
            ],
        ),
    ];
    for (text, tolerance, cases) in cases {
        let pairs: Vec<_> = cases.iter().map(|&[a, b, _]| [a, b]).collect();
        let got = at(text, &pairs);
        for (i, &[a, b, want]) in cases.iter().enumerate() {
            let (single, double) = (got.f32[i], got.f64[i]);
            assert!(
                agree(single, want, *tolerance),
                "{text} of {a}, {b} in f32: {single}"
            );
            // The definition in f64 is met to the last bits.
            assert!(
                agree(double, want, 1e-14),
                "{text} of {a}, {b} in f64: {double}"
            );
        }
    }
    assert!(!agree(1.000_001, 1.0, ROUNDING) && !agree(1.0, NAN, ROUNDING));
    assert!(!agree(NAN, 1.0, ROUNDING) && !agree(-1.0, 1.0, ROUNDING));
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
    let (a, b) = (graph.image(0), graph.image(1));
    let names = [("a", a), ("b", b)];
    let mut node = |text: &str| graph.add(&parse(text).unwrap(), &names).unwrap();
    let groups = [
        vec![node("a + b"), a],
        vec![node("(a + b) * 2"), node("b - 1")],
    ];
    let code = Code::new(&Program::new(&graph, &groups, &[]));

    struct Groups<'a>(&'a Code);
    impl LaneWork for Groups<'_> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Vec<f64> {
            let mut machine = Machine::new(lanes, self.0);
            let mut found = Vec::new();
            for group in 0..2 {
                machine.run(group, |image, to| {
                    to.fill(L::T::of([3.0, 5.0][image as usize]))
                });
                for i in 0..2 {
                    let mut lane = vec![L::T::of(0.0); L::LANES];
                    lanes.store(machine.wanted(group, i)[VECTORS - 1], &mut lane);
                    found.push(lanes.to_f64(lane[L::LANES - 1]));
                }
            }
            found
        }
    }
    assert_eq!(run_f32(Groups(&code)), [8.0, 3.0, 16.0, 4.0]);
    assert_eq!(run_f64(Groups(&code)), [8.0, 3.0, 16.0, 4.0]);
}

/// What `operator.rs` promises, written again for trees: no graph, no folding, no sharing.
fn naive(expr: &Expr, voxel: [f64; 3]) -> f64 {
    let zero = |x: f64| x.abs() < f64::MIN_POSITIVE;
    let log = |x: f64| {
        if x < f64::MIN_POSITIVE { NAN } else { x.ln() }
    };
    let exp = |x: f64| {
        if x.exp() < f64::MIN_POSITIVE {
            0.0
        } else {
            x.exp()
        }
    };
    let div = |a: f64, b: f64| if zero(b) { NAN } else { a / b };
    match &expr.kind {
        ExprKind::Number(value) => *value,
        ExprKind::Name(name) => voxel["abc".find(name.as_str()).unwrap()],
        ExprKind::Unary(op, x) => {
            let x = naive(x, voxel);
            match op {
                Unary::Neg => 0.0 - x,
                Unary::Exp => exp(x),
                Unary::Log => log(x),
                Unary::Sqrt => x.powf(1.0).sqrt(),
                Unary::Sin => x.sin(),
                Unary::Cos => x.cos(),
                Unary::Abs => x.max(-x),
            }
        }
        ExprKind::Binary(op, left, right) => {
            let (a, b) = (naive(left, voxel), naive(right, voxel));
            match op {
                Binary::Add => a + b,
                Binary::Sub => a - b,
                Binary::Mul => a * b,
                Binary::Div => div(a, b),
                Binary::Min if a.is_nan() || b.is_nan() => NAN,
                Binary::Max if a.is_nan() || b.is_nan() => NAN,
                Binary::Min => a.min(b),
                Binary::Max => a.max(b),
                Binary::Pow => match constant(right) {
                    Some(0.0) => 1.0,
                    Some(0.5) => a.sqrt(),
                    Some(1.0) => a,
                    Some(2.0) => a * a,
                    Some(3.0) => a * (a * a),
                    Some(-1.0) => div(1.0, a),
                    Some(-2.0) => div(1.0, a * a),
                    Some(y) if y == y.round() => panic!("the generator makes no power {y}"),
                    _ if b == 0.0 => 1.0,
                    _ if zero(a) && b > 0.0 => 0.0,
                    _ if zero(a) => NAN,
                    _ => exp(b * log(a)),
                },
            }
        }
    }
}

/// The value of what has no name in it, or is a power of 0.
fn constant(expr: &Expr) -> Option<f64> {
    let known = match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Name(_) => false,
        ExprKind::Unary(_, x) => constant(x).is_some(),
        ExprKind::Binary(Binary::Pow, _, y) if constant(y) == Some(0.0) => return Some(1.0),
        ExprKind::Binary(_, a, b) => constant(a).is_some() && constant(b).is_some(),
    };
    known.then(|| naive(expr, [NAN; 3]))
}

/// Formulas as text: names, numbers, and what can be made of them.
fn formulas() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c"]).prop_map(String::from),
        1 => prop::sample::select(vec!["0", "1", "2", "0.5", "3.25", "pi"]).prop_map(String::from),
    ];
    leaf.prop_recursive(6, 48, 2, |inner| {
        let functions = prop::sample::select(vec!["-", "exp", "log", "sqrt", "sin", "cos", "abs"]);
        let operators = prop::sample::select(vec!["+", "-", "*", "/", "^", "min", "max"]);
        let powers = prop::sample::select(vec!["0", "0.5", "1", "2", "3", "(-1)", "(-2)", "2.5"]);
        prop_oneof![
            2 => (functions, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            1 => (inner.clone(), powers).prop_map(|(x, n)| format!("({x})^{n}")),
            4 => (operators, inner.clone(), inner).prop_map(|(op, a, b)| match op {
                "min" | "max" => format!("{op}({a}, {b})"),
                // An exponent with a name in it, so that it is no integer constant.
                "^" => format!("({a})^(c*({b}))"),
                _ => format!("({a}) {op} ({b})"),
            }),
        ]
    })
}

fn voxels() -> impl Strategy<Value = Vec<[f64; 3]>> {
    let value = prop_oneof![
        6 => -10.0..10.0f64,
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 2.0, 0.5]),
        1 => prop::sample::select(vec![NAN, INF, -INF, 5e-324, 1e300, -1e-300]),
    ];
    prop::collection::vec([value.clone(), value.clone(), value], 1..9)
}

/// The first voxel at which a formula's graph, or its lanes in f64, differ from the tree in a single bit; the sign of
/// zero is no difference.
fn difference(graph: &Expr, tree: &Expr, voxels: &[[f64; 3]]) -> Option<String> {
    let (nodes, node) = graph_of(graph).ok()?;
    let lanes = evaluate(graph, voxels).ok()?.f64;
    voxels.iter().zip(lanes).find_map(|(&voxel, lane)| {
        let want = naive(tree, voxel);
        let host = nodes.values(&[], &voxel)[node.index()];
        let differs = !agree(lane, want, 0.0) || !agree(host, want, 0.0);
        differs.then(|| format!("at {voxel:?}: tree {want:e}, graph {host:e}, lanes {lane:e}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_formulas_have_the_value_of_their_tree(text in formulas(), voxels in voxels()) {
        let expr = parse(&text).unwrap();
        // A number that f32 cannot hold is refused; that is tested with the graph.
        prop_assume!(graph_of(&expr).is_ok());
        prop_assert_eq!(difference(&expr, &expr, &voxels), None, "{}", text);
    }
}

#[test]
fn a_wrong_graph_is_noticed() {
    let voxels = [[1.25, 3.5, -2.0], [NAN, 1.0, 0.0]];
    for (graph, tree) in [
        ("a - b", "b - a"),
        ("a * b + 1e-15", "a * b"),
        ("max(a, b)", "min(a, b)"),
        ("a", "a^0"),
        ("sqrt(c)", "c^2"),
    ] {
        let (graph, tree) = (parse(graph).unwrap(), parse(tree).unwrap());
        assert!(difference(&graph, &tree, &voxels).is_some());
        assert!(difference(&graph, &graph, &voxels).is_none());
    }
}
