//! What formulas mean, and what is said of those that mean nothing.

use super::*;

/// With every pair of parentheses written out.
fn full(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number(value) => value.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Unary(op, x) => format!("{op:?}({})", full(x)),
        ExprKind::Binary(op, a, b) => format!("{op:?}({}, {})", full(a), full(b)),
    }
}

#[test]
fn precedence_and_grouping() {
    for (text, meaning) in [
        ("-x^2", "Neg(Pow(x, 2))"),
        ("(-x)^2", "Pow(Neg(x), 2)"),
        ("a^b^c", "Pow(a, Pow(b, c))"),
        ("x^-2", "Pow(x, Neg(2))"),
        ("-x^-y^2", "Neg(Pow(x, Neg(Pow(y, 2))))"),
        ("a - b - c", "Sub(Sub(a, b), c)"),
        ("a / b * c", "Mul(Div(a, b), c)"),
        ("a + b * c", "Add(a, Mul(b, c))"),
        ("2 * -x", "Mul(2, Neg(x))"),
        ("--x", "Neg(Neg(x))"),
        ("min(a, b + 1)", "Min(a, Add(b, 1))"),
        ("exp(-b*D) * log(pi)", "Mul(Exp(Mul(Neg(b), D)), Log(3.141592653589793))"),
    ] {
        assert_eq!(full(&parse(text).unwrap()), meaning, "{text}");
    }
}

#[test]
fn an_expression_knows_where_it_stands() {
    let expr = parse("a * (b - c)").unwrap();
    assert_eq!(expr.at, 0..11);
    let ExprKind::Binary(Binary::Mul, _, right) = expr.kind else {
        panic!("not a product");
    };
    assert_eq!(right.at, 4..11);
}

#[test]
fn mistakes_are_placed_and_explained() {
    for (text, at, problem, remedy) in [
        ("", 0..0, "found the end", "complete"),
        ("a +", 3..3, "found the end", "complete"),
        ("2 x", 2..3, "found the name `x`", "write *"),
        ("a (b)", 0..1, "unknown function `a`", "functions"),
        ("(a) (b)", 4..5, "found `(`", "write *"),
        ("(a + b", 0..1, "never closed", "add a `)`"),
        ("exp(a", 3..4, "never closed", "add a `)`"),
        ("a + b)", 5..6, "found `)`", "remove"),
        ("a * / b", 4..5, "found `/`", "remove"),
        ("+a", 0..1, "found `+`", "remove"),
        ("exp + 1", 0..3, "no argument", "exp(...)"),
        ("exp()", 4..5, "found `)`", "remove"),
        ("min(a)", 0..6, "`min` is given 1 argument", "write min(x, y)"),
        ("exp(a, b)", 0..9, "given 2 arguments", "write exp(x)"),
        ("max(a, b, c)", 0..12, "given 3 arguments", "max(x, y)"),
        ("ln(a)", 0..2, "unknown function `ln`", "log"),
        ("log10(a)", 0..5, "unknown function", "log(x) / log(10)"),
        ("sqr(a)", 0..3, "unknown function", "did you mean `sqrt`?"),
    ] {
        let fault = parse(text).unwrap_err();
        assert_eq!(fault.at, at, "{text}: {fault:?}");
        assert!(fault.problem.contains(problem), "{text}: {fault:?}");
        assert!(fault.remedy.contains(remedy), "{text}: {fault:?}");
    }
}

#[test]
fn hostile_text_is_refused_before_the_stack_ends() {
    for text in ["(".repeat(4000), "-".repeat(4000) + "1", "2^".repeat(2000) + "2"] {
        let fault = parse(&text).unwrap_err();
        assert!(fault.problem.contains("nested deeper than 64"), "{fault:?}");
    }
    let fault = parse(&"1+".repeat(3000)).unwrap_err();
    assert!(fault.problem.contains("the limit is 4096"), "{fault:?}");
    assert!(parse(&("1+".repeat(2047) + "1")).is_ok());
}
