//! Whole models: the arranged program against the plain formula, its slopes against differences, and both against
//! closed forms written by hand.

use super::super::program::{Choice, SampleProgram};
use super::super::{Parameter, ParameterKind, SignalModel};
use crate::model::graph::{Graph, Node};
use crate::simulate::Rng;

/// Points that are tried for each model.
const POINTS: u64 = 200;

/// b-values in s/mm²; for axes in other units, places near 1.
fn axes(model: &SignalModel) -> Vec<Vec<f64>> {
    let of = |unit: &str| match unit {
        "s/mm^2" => vec![0.0, 1.0, 7.0, 20.0, 55.0, 150.0, 400.0, 800.0, 1500.0],
        _ => vec![0.1, 0.3, 0.5, 0.8, 1.0, 1.4, 1.9, 2.5, 3.1],
    };
    model.axes.iter().map(|axis| of(&axis.unit)).collect()
}

/// Fitted parameters between their bounds, in their units, and their scales.
fn point(model: &SignalModel, rng: Rng, index: u64) -> (Vec<f64>, Vec<f64>) {
    let fitted = model.parameters.iter().filter_map(|p: &Parameter| match p.kind {
        ParameterKind::Fitted { bounds: [low, high], scale, .. } => {
            Some((low.max(-3.0 * scale), high.min(3.0 * scale), scale))
        }
        ParameterKind::Fixed(_) => None,
    });
    let one = |(i, (low, high, scale)): (u64, (f64, f64, f64))| {
        (low + (high - low) * rng.uniforms(100 * index + i)[0], scale)
    };
    (0..).zip(fitted).map(one).unzip()
}

/// The formula as it stands.
struct Plain {
    graph: Graph,
    signal: Node,
    constants: Vec<Vec<f64>>,
}

impl Plain {
    fn new(model: &SignalModel, axes: &[Vec<f64>]) -> Self {
        let (mut graph, choice) = (Graph::default(), Choice::of(model));
        let signal = model.signal_node(&mut graph, &choice).unwrap();
        let fixed: Vec<f64> = choice.fixed.iter().flatten().copied().collect();
        let of_sample = |k: usize| axes.iter().map(|axis| axis[k]).chain(fixed.iter().copied()).collect();
        Self { graph, signal, constants: (0..axes[0].len()).map(of_sample).collect() }
    }

    fn signal(&self, parameters: &[f64], sample: usize) -> f64 {
        self.graph.values(&self.constants[sample], parameters)[self.signal.index()]
    }
}

/// All points of all models: the model, parameters in their units and in scales, and the program.
fn everywhere(mut look: impl FnMut(&SignalModel, &[f64], &[f64], &SampleProgram, &Plain, usize)) {
    assert!(SignalModel::all().len() >= 7);
    for (stream, model) in (0..).zip(SignalModel::all()) {
        let axes = axes(model);
        let plain = Plain::new(model, &axes);
        for index in 0..POINTS {
            let (parameters, scales) = point(model, Rng::new(42).stream(stream), index);
            let program = SampleProgram::new(model, &Choice::of(model), &axes, &scales).unwrap();
            (0..axes[0].len()).for_each(|sample| look(model, &parameters, &scales, &program, &plain, sample));
        }
    }
}

fn in_scales(parameters: &[f64], scales: &[f64]) -> Vec<f64> {
    parameters.iter().zip(scales).map(|(p, scale)| p / scale).collect()
}

/// S0 sets the size of the terms, which may cancel.
fn size(signal: f64, parameters: &[f64]) -> f64 {
    signal.abs().max(parameters[0])
}

#[test]
fn arranging_changes_rounding_alone() {
    everywhere(|model, parameters, scales, program, plain, sample| {
        let (got, want) = (program.at(&in_scales(parameters, scales), sample).0, plain.signal(parameters, sample));
        let agrees = |got: f64| (got - want).abs() <= 1e-12 * size(want, parameters);
        assert!(agrees(got), "{} of {parameters:?}, sample {sample}: {got}, not {want}", model.name);
        assert!(!agrees(got + 3e-12 * size(want, parameters)), "the comparison cannot fail");
    });
}

/// Central differences of relative step h leave h²/6 of the third derivative, which in b·D up to 75 reaches 1e-7, and
/// 1e-16/h of rounding.
#[test]
fn slopes_are_those_of_differences() {
    const STEP: f64 = 1e-5;
    let mut largest: f64 = 0.0;
    everywhere(|model, parameters, scales, program, plain, sample| {
        let (signal, slopes) = program.at(&in_scales(parameters, scales), sample);
        for (i, slope) in slopes.into_iter().enumerate() {
            let at = |factor: f64| {
                let mut moved = parameters.to_vec();
                moved[i] *= factor;
                plain.signal(&moved, sample)
            };
            let want = (at(1.0 + STEP) - at(1.0 - STEP)) / (2.0 * STEP);
            let got = slope * parameters[i] / scales[i];
            let agrees = |got: f64| (got - want).abs() <= 1e-7 * size(signal, parameters).max(want.abs());
            assert!(agrees(got), "{} of {parameters:?} by {i}, sample {sample}: {got}, not {want}", model.name);
            assert!(!agrees(got + 3e-7 * size(signal, parameters).max(want.abs())), "the comparison cannot fail");
            largest = largest.max(want.abs() / size(signal, parameters));
        }
    });
    assert!(largest > 0.1, "no slope was large enough to see");
}

/// Signal and slopes by [S0, D, f, Dstar], worked out by hand.
fn ivim(b: f64, p: &[f64]) -> (f64, Vec<f64>) {
    let &[s0, d, f, d_star] = p else { panic!("four parameters") };
    let (slow, fast) = ((-b * d).exp(), (-b * d_star).exp());
    let relative = (1.0 - f) * slow + f * fast;
    (s0 * relative, vec![relative, -s0 * (1.0 - f) * b * slow, s0 * (fast - slow), -s0 * f * b * fast])
}

/// Signal and slopes by [S0, D, K], worked out by hand.
fn kurtosis(b: f64, p: &[f64]) -> (f64, Vec<f64>) {
    let &[s0, d, k] = p else { panic!("three parameters") };
    let decay = (-b * d + b * b * d * d * k / 6.0).exp();
    (s0 * decay, vec![decay, s0 * decay * (b * b * d * k / 3.0 - b), s0 * decay * b * b * d * d / 6.0])
}

#[test]
fn ivim_and_kurtosis_are_their_closed_forms() {
    type ClosedForm = fn(f64, &[f64]) -> (f64, Vec<f64>);
    let forms: [(&str, ClosedForm); 2] = [("ivim", ivim), ("kurtosis", kurtosis)];
    for (name, form) in forms {
        let mut compared = 0;
        everywhere(|model, parameters, scales, program, _, sample| {
            if model.name != name {
                return;
            }
            let b = axes(model)[0][sample];
            let (signal, slopes) = program.at(&in_scales(parameters, scales), sample);
            let (want, want_slopes) = form(b, parameters);
            let agrees = |got: f64, want: f64, size: f64| (got - want).abs() <= 1e-12 * size;
            let size = size(want, parameters);
            assert!(agrees(signal, want, size), "{name} of {parameters:?} at b = {b}: {signal}, not {want}");
            assert!(!agrees(signal * 1.000_000_1 + 1e-9, want, size), "the comparison cannot fail");
            for ((slope, scale), want) in slopes.into_iter().zip(scales).zip(want_slopes) {
                let (slope, size) = (slope / scale, want.abs().max(parameters[0]));
                assert!(agrees(slope, want, size), "slope of {name} of {parameters:?} at b = {b}: {slope}, not {want}");
            }
            compared += 1;
        });
        assert_eq!(compared, 9 * POINTS);
    }
}
