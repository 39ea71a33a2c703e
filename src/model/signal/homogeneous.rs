//! Whether a model's signal grows with its parameters in units of the signal, as their unit says.
//!
//! A fit divides each voxel by its largest signal, which is only allowed if the model may be divided too. A function
//! is proportional to some of its parameters together exactly if Σ θ·∂S/∂θ over them is S (Euler).

use super::{Parameter, ParameterKind, SignalModel};
use crate::model::graph::{Graph, Node};

/// Values of an axis and places between bounds that are tried.
const PLACES: [f64; 4] = [0.13, 0.37, 0.61, 0.89];
/// What f64 arithmetic may leave of an identity.
const TOLERANCE: f64 = 1e-9;

/// Says what is wrong, if it is.
pub(super) fn check(model: &SignalModel) -> Result<(), String> {
    if !model.parameters.iter().any(Parameter::is_signal) {
        return Ok(());
    }
    let mut graph = Graph::default();
    let signal = model.add_signal(&mut graph).map_err(|fault| fault.problem)?;
    let slopes: Vec<(usize, Option<Node>)> = (0..model.parameters.len())
        .filter(|&i| model.parameters[i].is_signal())
        .map(|i| (i, graph.derivative(signal, i as u32)))
        .collect();
    for (i, &place) in PLACES.iter().enumerate() {
        let axes: Vec<f64> = (0..model.axes.len()).map(|axis| 3.0 * PLACES[(i + axis) % PLACES.len()]).collect();
        let inputs: Vec<f64> = model.parameters.iter().map(|p| between_bounds(p, place)).collect();
        let values = graph.values(&axes, &inputs);
        let terms = slopes.iter().filter_map(|&(input, node)| Some(inputs[input] * values[node?.index()]));
        let (sum, signal) = (terms.sum::<f64>(), values[signal.index()]);
        if (sum - signal).abs() > TOLERANCE * signal.abs().max(sum.abs()) {
            return Err("the signal is not proportional to the parameters in units of \"signal\"".into());
        }
    }
    Ok(())
}

fn between_bounds(parameter: &Parameter, place: f64) -> f64 {
    match parameter.kind {
        ParameterKind::Fixed(value) => value,
        ParameterKind::Fitted { bounds: [low, high], scale, .. } => {
            let (low, high) = (low.max(-scale), high.min(scale));
            low + place * (high - low)
        }
    }
}
