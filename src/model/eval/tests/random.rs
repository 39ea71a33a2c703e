//! Random formulas against an interpreter of expression trees that knows nothing of graphs.

use proptest::prelude::*;

use super::super::super::operator::{Binary, Unary};
use super::super::super::parser::{Expr, ExprKind, parse};
use super::{INF, NAN, agree, evaluate, graph_of};

/// What `operator.rs` promises, written again for trees: no graph, no folding, no sharing.
fn naive(expr: &Expr, voxel: [f64; 3]) -> f64 {
    let zero = |x: f64| x.abs() < f64::MIN_POSITIVE;
    let log = |x: f64| {
        if x < f64::MIN_POSITIVE { NAN } else { x.ln() }
    };
    let exp = |x: f64| {
        if x.exp() < f64::MIN_POSITIVE { 0.0 } else { x.exp() }
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
                Unary::Expm1 => (x / 2.0).exp() * 2.0 * (x / 2.0).sinh(),
                Unary::Log => log(x),
                Unary::Sqrt => x.powf(1.0).sqrt(),
                Unary::Sin => x.sin(),
                Unary::Cos => x.cos(),
                Unary::Abs => x.max(-x),
                Unary::Sign | Unary::InverseOr0 | Unary::LogOr0 => panic!("no formula can call it"),
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
    for (graph, tree) in
        [("a - b", "b - a"), ("a * b + 1e-15", "a * b"), ("max(a, b)", "min(a, b)"), ("a", "a^0"), ("sqrt(c)", "c^2")]
    {
        let (graph, tree) = (parse(graph).unwrap(), parse(tree).unwrap());
        assert!(difference(&graph, &tree, &voxels).is_some());
        assert!(difference(&graph, &graph, &voxels).is_none());
    }
}
