//! Simplification: what becomes one node, and what must not.

use super::super::parser::parse;
use super::*;

/// The node of a formula over images `a` and `b` and the constant `s`.
fn node(graph: &mut Graph, text: &str) -> Node {
    let names = [("a", graph.input(0)), ("b", graph.input(1)), ("s", graph.constant(0))];
    graph.add(&parse(text).unwrap(), &names).unwrap()
}

fn same(left: &str, right: &str) -> bool {
    let mut graph = Graph::default();
    node(&mut graph, left) == node(&mut graph, right)
}

#[test]
fn equal_values_are_one_node() {
    for (left, right) in [
        ("a + b", "b + a"),
        ("a * b", "b * a"),
        ("min(a, b)", "min(b, a)"),
        ("max(a, b)", "max(b, a)"),
        ("a + 0", "a"),
        ("0 + a", "a"),
        ("a - 0", "a"),
        ("0 - a", "-a"),
        ("a * 1", "a"),
        ("1 * a", "a"),
        ("a / 1", "a"),
        ("a * -1", "-a"),
        ("-1 * a", "-a"),
        ("a / -1", "-a"),
        ("--a", "a"),
        ("a + -b", "a - b"),
        ("-a + b", "b - a"),
        ("a - -b", "a + b"),
        ("-(a - b)", "b - a"),
        ("-a * -b", "a * b"),
        ("-a / -b", "a / b"),
        ("abs(-a)", "abs(a)"),
        ("abs(abs(a))", "abs(a)"),
        ("min(a, a)", "a"),
        ("a^1", "a"),
        ("a^0", "1"),
        ("a^2", "a * a"),
        ("a^3", "a * (a * a)"),
        ("a^-2", "1 / (a * a)"),
        ("a^(1 + 1)", "a * a"),
        ("a^0.5", "sqrt(a)"),
        ("2 * pi", "6.283185307179586"),
        ("exp(0) + sin(0) + cos(0)", "2"),
        ("(-2)^3", "-8"),
        ("4^0.5", "2"),
        ("s + a", "a + s"),
    ] {
        assert!(same(left, right), "{left} and {right}");
    }
}

#[test]
fn what_may_differ_stays_apart() {
    for (left, right) in [
        ("a - b", "b - a"),
        ("a / b", "b / a"),
        ("a^b", "b^a"),
        ("0 * a", "0"),
        ("a - a", "0"),
        ("a / a", "1"),
        ("(a + b) - b", "a"),
        ("exp(log(a))", "a"),
        ("sqrt(a^2)", "abs(a)"),
        ("a * (b + s)", "a * b + a * s"),
        ("a / 3", "a * (1/3)"),
        ("min(a, b)", "max(a, b)"),
    ] {
        assert!(!same(left, right), "{left} and {right}");
    }
}

#[test]
fn numbers_that_f32_cannot_hold_are_refused_where_they_stand() {
    let mut graph = Graph::default();
    let a = graph.input(0);
    for (text, at) in [
        ("a + 1/0", 4..7),
        ("a * log(0)", 4..10),
        ("sqrt(-1) - a", 0..8),
        ("a + 1e300", 4..9),
        ("a + 1e-60", 4..9),
        ("a * (1e30 * 1e30)", 4..17),
        ("a * 1e30^2", 4..10),
        ("a + 0^-1", 4..8),
        ("a + (-8)^(1/3)", 4..14),
    ] {
        let fault = graph.add(&parse(text).unwrap(), &[("a", a)]).unwrap_err();
        assert_eq!(fault.at, at, "{text}");
        assert!(fault.problem.contains("no value"), "{fault:?}");
    }
    let fine = parse("a + 3.4e38 + 1.2e-38 + 0").unwrap();
    assert!(graph.add(&fine, &[("a", a)]).is_ok());
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let mut graph = Graph::default();
    let names = [("post", graph.input(0)), ("pre", graph.input(1))];
    let fault = graph.add(&parse("post - per").unwrap(), &names).unwrap_err();
    assert_eq!(fault.at, 7..10);
    assert_eq!(fault.problem, "unknown name `per`");
    assert_eq!(fault.remedy, "did you mean `pre`? names: post, pre");
}

#[test]
fn values_come_from_constants_and_images() {
    let mut graph = Graph::default();
    let wanted = node(&mut graph, "(a - b) / s");
    let values = graph.values(&[4.0], &[7.0, 5.0]);
    assert_eq!(values[wanted.index()], 0.5);
    assert!(graph.values(&[], &[7.0, 5.0])[wanted.index()].is_nan());
    let varying = graph.varying();
    assert!(varying[wanted.index()]);
    let uniform = node(&mut graph, "sqrt(s) * 2");
    assert!(!graph.varying()[uniform.index()]);
}

#[test]
fn integer_powers_are_products() {
    for n in 0..40 {
        let power = by_squaring(2.0, n, |a, b| a * b).unwrap_or(1.0);
        assert_eq!(power, 2f64.powi(n as i32));
    }
    // The largest exponent, and the smallest.
    let mut products = 0;
    by_squaring((), u32::MAX, |(), ()| products += 1);
    assert_eq!(products, 62);
    assert_eq!(integer(-2_147_483_648.0), Some(i32::MIN));
    assert_eq!(integer(2_147_483_648.0), None);
    assert_eq!(integer(1.5), None);
    assert_eq!(integer(f64::NAN), None);
}
