//! Nodes as formulas for people: products and sums are flattened, equal factors become powers, signs come first, and
//! only parentheses that are needed stand. What is written can be read again; it has the same value but for rounding.

use super::{Entry, Graph, Node, Operation};
use crate::model::operator::{Binary, Unary};

use Binary::{Add, Div, Max, Min, Mul, Pow, Sub};

impl Graph {
    /// A node as a formula, with the names of the constants and the inputs by index.
    ///
    /// Three functions of derivatives, which no formula can call, are written `sign`, `inverse_or_0` and `log_or_0`.
    pub fn written(&self, node: Node, constants: &[&str], inputs: &[&str]) -> String {
        Writing { graph: self, constants, inputs }.sum(node)
    }
}

struct Writing<'g> {
    graph: &'g Graph,
    constants: &'g [&'g str],
    inputs: &'g [&'g str],
}

/// A term of a sum: a number, then powers of other factors above and below the line.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    number: f64,
    divisor: f64,
    above: Vec<(Node, u32)>,
    below: Vec<(Node, u32)>,
}

impl Writing<'_> {
    fn operation(&self, node: Node) -> Option<Operation<Node>> {
        match self.graph.entry(node) {
            Entry::Operation(operation) => Some(operation),
            Entry::Number(_) | Entry::Constant(_) => None,
        }
    }

    /// A node as terms with + and − between them; one that is added comes first, if there is one.
    fn sum(&self, node: Node) -> String {
        let mut terms = Vec::new();
        self.collect_terms(node, 1.0, &mut terms);
        if let Some(first) = terms.iter().position(|term: &Term| term.number >= 0.0) {
            terms[..=first].rotate_right(1);
        }
        let mut text = String::new();
        for (i, term) in terms.iter().enumerate() {
            text += match (i, term.number < 0.0) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            text += &self.without_sign(term);
        }
        text
    }

    /// Adds the terms of a node times ±1; those of the same factors become one.
    fn collect_terms(&self, node: Node, sign: f64, terms: &mut Vec<Term>) {
        match self.operation(node) {
            Some(Operation::Binary(op @ (Add | Sub), a, b)) => {
                self.collect_terms(a, sign, terms);
                self.collect_terms(b, if op == Sub { -sign } else { sign }, terms);
            }
            Some(Operation::Unary(Unary::Neg, x)) => self.collect_terms(x, -sign, terms),
            _ => {
                let mut new = Term { number: sign, divisor: 1.0, above: Vec::new(), below: Vec::new() };
                self.collect_factors(node, true, &mut new);
                new.number *= new.divisor.signum();
                new.divisor = new.divisor.abs();
                new.above.sort_unstable();
                new.below.sort_unstable();
                let same = |old: &&mut Term| Term { number: new.number, ..(**old).clone() } == new;
                match terms.iter_mut().find(same) {
                    Some(old) => old.number += new.number,
                    None => terms.push(new),
                }
            }
        }
    }

    /// A term as factors with * and / between them.
    fn without_sign(&self, term: &Term) -> String {
        let mut over = self.powers(&term.above);
        if term.number.abs() != 1.0 || over.is_empty() {
            over.insert(0, number(term.number.abs()));
        }
        let mut under = self.powers(&term.below);
        if term.divisor != 1.0 {
            under.insert(0, number(term.divisor));
        }
        match under.as_slice() {
            [] => over.join(" * "),
            [only] => format!("{} / {only}", over.join(" * ")),
            _ => format!("{} / ({})", over.join(" * "), under.join(" * ")),
        }
    }

    fn collect_factors(&self, node: Node, is_above: bool, term: &mut Term) {
        if let Some(value) = self.graph.number_of(node) {
            let number = if is_above { &mut term.number } else { &mut term.divisor };
            *number *= value;
            return;
        }
        match self.operation(node) {
            Some(Operation::Unary(Unary::Neg, x)) => {
                term.number = -term.number;
                self.collect_factors(x, is_above, term);
            }
            Some(Operation::Binary(op @ (Mul | Div), a, b)) => {
                self.collect_factors(a, is_above, term);
                self.collect_factors(b, is_above == (op == Mul), term);
            }
            _ => {
                let factors = if is_above { &mut term.above } else { &mut term.below };
                match factors.iter_mut().find(|(known, _)| *known == node) {
                    Some((_, power)) => *power += 1,
                    None => factors.push((node, 1)),
                }
            }
        }
    }

    fn powers(&self, factors: &[(Node, u32)]) -> Vec<String> {
        let power = |&(node, power): &(Node, u32)| match power {
            1 => self.factor(node),
            _ => format!("{}^{power}", self.atom(node)),
        };
        factors.iter().map(power).collect()
    }

    /// A factor: a power, or what stands alone.
    fn factor(&self, node: Node) -> String {
        match self.operation(node) {
            Some(Operation::Binary(Pow, a, b)) => format!("{}^{}", self.atom(a), self.atom(b)),
            _ => self.atom(node),
        }
    }

    /// What needs no parentheses anywhere.
    fn atom(&self, node: Node) -> String {
        let name = |names: &[&str], i: u32| names.get(i as usize).map_or_else(|| "?".into(), |name| (*name).into());
        match self.graph.entry(node) {
            Entry::Number(bits) if f64::from_bits(bits) >= 0.0 => number(f64::from_bits(bits)),
            Entry::Constant(i) => name(self.constants, i),
            Entry::Operation(Operation::Input(i)) => name(self.inputs, i),
            Entry::Operation(Operation::Unary(op, x)) if op != Unary::Neg => {
                format!("{}({})", function_name(op), self.sum(x))
            }
            Entry::Operation(Operation::Binary(op @ (Min | Max), a, b)) => {
                let name = if op == Min { "min" } else { "max" };
                format!("{name}({}, {})", self.sum(a), self.sum(b))
            }
            _ => format!("({})", self.sum(node)),
        }
    }
}

fn function_name(op: Unary) -> &'static str {
    match op {
        Unary::Neg => "-",
        Unary::Exp => "exp",
        Unary::Expm1 => "expm1",
        Unary::Log => "log",
        Unary::Sqrt => "sqrt",
        Unary::Sin => "sin",
        Unary::Cos => "cos",
        Unary::Abs => "abs",
        Unary::Sign => "sign",
        Unary::InverseOr0 => "inverse_or_0",
        Unary::LogOr0 => "log_or_0",
    }
}

/// A number as it would be written by hand.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        _ if (1e-4..1e6).contains(&value.abs()) => value.to_string(),
        _ => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parser::parse;
    use super::*;

    const INPUTS: [&str; 3] = ["x", "y", "z"];

    fn read(graph: &mut Graph, text: &str) -> Node {
        let mut names = vec![("b", graph.constant(0))];
        names.extend((0..).zip(INPUTS).map(|(i, name)| (name, graph.input(i))));
        graph.add(&parse(text).unwrap(), &names).unwrap()
    }

    fn written(text: &str) -> String {
        let mut graph = Graph::default();
        let node = read(&mut graph, text);
        graph.written(node, &["b"], &INPUTS)
    }

    #[test]
    fn only_needed_parentheses_stand() {
        for (from, to) in [
            ("x + (y - z)", "x + y - z"),
            ("x - (y - z)", "x - y + z"),
            ("x - (y + z)", "x - y - z"),
            ("-x - y", "-x - y"),
            ("x * (y * z)", "x * y * z"),
            ("x * (y / z)", "x * y / z"),
            ("x / (y / z)", "x * z / y"),
            ("x / y / z", "x / (y * z)"),
            ("1 / x", "1 / x"),
            ("(x + y) * z", "z * (x + y)"),
            ("-(x * y)", "-x * y"),
            ("x * -y", "-x * y"),
            ("-(x / -y)", "x / y"),
            ("x - y * -z", "x + y * z"),
            ("2 * x * 3", "6 * x"),
            ("x / 2 / 3", "x / 6"),
            ("x * y * x", "x^2 * y"),
            ("(x + y)^3", "(x + y)^3"),
            ("x^-2", "1 / x^2"),
            ("x^(-y)", "x^(-y)"),
            ("(-x)^y", "(-x)^y"),
            ("-x^y", "-x^y"),
            ("(x^y)^z", "(x^y)^z"),
            ("x^(y^z)", "x^(y^z)"),
            ("x^0.3", "x^0.3"),
            ("x^-0.3", "x^(-0.3)"),
            ("(x*y)^z", "(x * y)^z"),
            ("x^y * x^y", "(x^y)^2"),
            ("x * y + z + y * x", "2 * x * y + z"),
            ("x / 6 - y + x / 6", "2 * x / 6 - y"),
            ("x - z - x", "0 * x - z"),
            ("exp(-b * x)", "exp(-b * x)"),
            ("exp(-(x + y))", "exp(-x - y)"),
            ("max(0, 1 - x)", "max(0, 1 - x)"),
            ("min(x, -y)", "min(x, -y)"),
            ("sqrt(abs(x))", "sqrt(abs(x))"),
            ("1e-7 * x + 1e9", "1e-7 * x + 1e9"),
            ("-0.5", "-0.5"),
            ("0", "0"),
        ] {
            assert_eq!(written(from), to, "{from}");
        }
    }

    /// What is written is read as the same value, for formulas and their derivatives.
    #[test]
    fn what_is_written_has_the_same_value() {
        let mut compared = 0;
        for text in [
            "x - (y - (z - x * y)) / -z",
            "-(x / (y * -z)) * (b - x)^3 / x^2",
            "x * exp(-(b * z)^2 / 6) - (x - y) * -exp(-b * x)",
            "(x + z)^y^2 - -x^(y - z)",
            "min(x * y, -z) / max(b, x) - sqrt(x + z) * cos(x - -y) + log(x)",
        ] {
            let mut graph = Graph::default();
            let formula = read(&mut graph, text);
            let slopes = [0, 1, 2].map(|input| graph.derivative(formula, input));
            for node in [Some(formula)].into_iter().chain(slopes).flatten() {
                let again = graph.written(node, &["b"], &INPUTS);
                if again.contains("sign(") {
                    continue;
                }
                // Away from edges these, which cannot be read, are what their names say.
                let readable = again.replace("inverse_or_0(", "1/(").replace("log_or_0(", "log(");
                let second = read(&mut graph, &readable);
                let values = graph.values(&[0.8], &[1.7, -0.6, 0.9]);
                let (want, got) = (values[node.index()], values[second.index()]);
                let agrees = |got: f64| (got - want).abs() <= 1e-13 * want.abs();
                assert!(agrees(got), "{text}: {again}: {got}, not {want}");
                assert!(!agrees(got * (1.0 + 1e-12)), "the comparison cannot fail");
                compared += 1;
            }
        }
        assert!(compared > 12, "{compared}");
    }
}
