//! Value and slopes of every operator, at and near its edges, on every evaluator of bound models: against 50 digits of
//! mpmath (`data/reference/operators/make.py`, which also says what slopes are at edges).

use super::super::eval::{Evaluator, SampleCode, WIDE, Wide};
use super::super::program::{Choice, SampleProgram};
use super::super::{Axis, Parameter, ParameterKind, SignalModel};
use crate::lanes::{Element, LaneWork, Lanes, run_f32, run_f64};
use crate::model::map::Formula;
use crate::model::parser::parse;

const REFERENCE: &str = include_str!("../../../../data/reference/operators/operators.csv");

#[derive(Debug, Clone)]
struct Case {
    op: String,
    arguments: Vec<f64>,
    value: f64,
    slopes: Vec<f64>,
}

fn cases() -> Vec<Case> {
    let case = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |text: &&str| (!text.is_empty()).then(|| text.parse::<f64>().unwrap());
        let [x, y, value, dx, dy] = std::array::from_fn(|i| number(&fields[i + 1]));
        Case {
            op: fields[0].into(),
            arguments: [x, y].into_iter().flatten().collect(),
            value: value.unwrap(),
            slopes: [dx, dy].into_iter().flatten().collect(),
        }
    };
    REFERENCE.lines().skip(1).map(case).collect()
}

/// An operator between two things; in `x^n` the exponent is a number of the formula.
fn formula(op: &str, x: &str, arguments: &[f64], y: &str) -> String {
    match op {
        "neg" => format!("-{x}"),
        "^n" => format!("{x}^({})", arguments[1]),
        "min" | "max" => format!("{op}({x}, {y})"),
        "+" | "-" | "*" | "/" | "^" => format!("{x} {op} {y}"),
        function => format!("{function}({x})"),
    }
}

/// A model of one sample, with an axis `one` and the parameters x and y. Times `one` an argument differs between
/// samples, so that the operator is a step of a sample and not of a voxel.
fn program(formula: &str, n_parameters: usize) -> SampleProgram {
    let parameter = |name: &str| Parameter {
        name: name.into(),
        unit: "1".into(),
        doc: String::new(),
        kind: ParameterKind::Fitted { bounds: [-1.0, 1.0], scale: 1.0, start: None, places: None, prior: None },
        quantity: None,
    };
    let model = SignalModel {
        name: "operator".into(),
        title: String::new(),
        reference: String::new(),
        signal: Formula { text: formula.into(), expr: parse(formula).unwrap() },
        axes: vec![Axis { name: "one".into(), unit: "1".into(), requires: Vec::new() }],
        parameters: ["x", "y"][..n_parameters].iter().map(|name| parameter(name)).collect(),
        derived: Vec::new(),
    };
    SampleProgram::new(&model, &Choice::of(&model), &[vec![1.0]], &[1.0, 1.0][..n_parameters]).unwrap()
}

/// Signal and slopes on lanes; of the last lane of the last vector.
struct OnLanes<'a> {
    program: &'a SampleProgram,
    parameters: &'a [f64],
}

impl LaneWork for OnLanes<'_> {
    type Output = (f64, Vec<f64>);

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> (f64, Vec<f64>) {
        let code = SampleCode::new(self.program);
        let mut evaluator = Evaluator::new(lanes, &code);
        let parameters: Vec<L::V> = self.parameters.iter().map(|&x| lanes.splat(x)).collect();
        evaluator.set([&parameters; WIDE], [&[]; WIDE]);
        evaluator.run(0, 1);
        let last = |(values, factor): (&[Wide<L>], Option<Wide<L>>)| {
            let factor = factor.map_or(lanes.splat(1.0), |factor| factor[WIDE - 1]);
            lanes.lane(&lanes.mul(values[0][WIDE - 1], factor), L::LANES - 1).to_f64()
        };
        let slopes = (0..code.n_parameters()).map(|i| last(evaluator.slope(i))).collect();
        (last(evaluator.signal()), slopes)
    }
}

/// An evaluator and its arithmetic.
#[derive(Debug)]
struct Target {
    name: &'static str,
    run: fn(&SampleProgram, &[f64]) -> (f64, Vec<f64>),
    epsilon: f64,
    smallest: f64,
    largest: f64,
}

const F64: Target = Target {
    name: "lanes of f64",
    run: |program, parameters| run_f64(OnLanes { program, parameters }),
    epsilon: f64::EPSILON,
    smallest: f64::MIN_POSITIVE,
    largest: f64::MAX,
};

const TARGETS: [Target; 3] = [
    Target { name: "host", run: |program, parameters| program.at(parameters, 0), ..F64 },
    F64,
    Target {
        name: "lanes of f32",
        run: |program, parameters| run_f32(OnLanes { program, parameters }),
        epsilon: f32::EPSILON as f64,
        smallest: f32::MIN_POSITIVE as f64,
        largest: f32::MAX as f64,
    },
];

impl Target {
    /// What this arithmetic makes of a number: infinite above its range.
    fn held(&self, exact: f64) -> f64 {
        if exact.abs() > self.largest { exact.signum() * f64::INFINITY } else { exact }
    }

    /// Whether a value is the exact one, within so many distances between 1 and the next number; what is nearer to 0
    /// than the smallest normal number may be 0.
    fn agrees(&self, got: f64, exact: f64, slack: f64) -> bool {
        let exact = self.held(exact);
        let near = (got - exact).abs() <= (slack * self.epsilon * exact.abs()).max(self.smallest);
        got == exact || got.is_nan() && exact.is_nan() || near
    }
}

/// Roundings that an operator and its slopes may take. The few operations of a slope have half an epsilon each, and
/// functions up to 1.2. A power is exp(y·ln x), which multiplies what ln and the product leave, 1.7, by y·ln x; products
/// multiply by their number.
fn slack(case: &Case) -> f64 {
    match (case.op.as_str(), case.arguments.as_slice()) {
        ("^", &[x, y]) if x > 0.0 && y.is_finite() => 4.0 + 2.0 * (y * x.ln()).abs(),
        ("^n", &[_, n]) => 4.0 + n.abs(),
        _ => 4.0,
    }
}

/// Whether operator.rs takes slopes of x^y otherwise than the reference: at x = 0 nothing is known of them, even if y is
/// just then 0, where the reference has no slope by y, or 1, where it has 1 by x; and x^y with y = 0 keeps NaN.
fn is_unknown(case: &Case, target: &Target) -> bool {
    match (case.op.as_str(), case.arguments.as_slice()) {
        ("^", &[x, 0.0]) => x == 0.0 || x.is_nan(),
        // The smallest normal number is exp of what is just too low for it.
        ("^", &[x, 1.0]) => x.abs() <= target.smallest,
        _ => false,
    }
}

/// Says what is wrong, if it is.
fn check(case: &Case, target: &Target, formula: &str) -> Result<(), String> {
    let parameters = &case.arguments[..case.slopes.len()];
    let (value, slopes) = (target.run)(&program(formula, parameters.len()), parameters);
    if !target.agrees(value, case.value, slack(case)) {
        return Err(format!("{formula} of {parameters:?} on {}: {value:e}, not {:e}", target.name, case.value));
    }
    // Nobody asks for a slope where there is no value.
    if case.value.is_nan() || is_unknown(case, target) {
        return Ok(());
    }
    for (i, (got, want)) in slopes.into_iter().zip(&case.slopes).enumerate() {
        if !target.agrees(got, *want, slack(case)) {
            let by = ["x", "y"][i];
            return Err(format!(
                "slope of {formula} of {parameters:?} by {by} on {}: {got:e}, not {want:e}",
                target.name
            ));
        }
    }
    Ok(())
}

/// As a step of a voxel, and as a step of a sample.
const FORMS: [[&str; 2]; 2] = [["x", "y"], ["(x * one)", "(y * one)"]];

#[test]
fn every_operator_has_its_value_and_slopes_on_every_evaluator() {
    let cases = cases();
    assert!(cases.len() > 240);
    let mut wrong = Vec::new();
    for case in &cases {
        for target in &TARGETS {
            for [x, y] in FORMS {
                wrong.extend(check(case, target, &formula(&case.op, x, &case.arguments, y)).err());
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Another operator must be noticed on each evaluator, and so must a slope alone that is wrong.
#[test]
fn another_operator_is_noticed() {
    let cases = cases();
    for target in &TARGETS {
        for (op, formula) in [
            ("neg", "x"),
            ("exp", "exp(x) + 1e-5 * x"),
            ("expm1", "exp(x) - 1"),
            ("log", "log(x) * 1.00001"),
            ("sqrt", "sqrt(abs(x))"),
            ("sin", "x"),
            ("cos", "sin(x)"),
            ("abs", "x"),
            ("+", "x + y + 1e-6"),
            ("-", "y - x"),
            ("*", "x * y * 1.00001"),
            ("/", "x / (1.00001 * y)"),
            ("^", "exp(y * log(x)) * 1.00001"),
            ("min", "max(x, y)"),
            ("max", "x + 0 * y"),
        ] {
            let noticed = cases.iter().filter(|case| case.op == op).any(|case| check(case, target, formula).is_err());
            assert!(noticed, "{formula} for {op} on {}", target.name);
        }
        // The value of |x| at 0 is right, its slope is not.
        let abs = cases.iter().find(|case| case.op == "abs" && case.value == 0.0).unwrap();
        assert!(check(abs, target, "x").unwrap_err().starts_with("slope"));
    }
}
