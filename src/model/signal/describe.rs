//! A signal model in words, for people.

use std::fmt::{Display, Formatter, Result as Written};

use super::program::{Choice, SampleProgram};
use super::{Axis, Parameter, ParameterKind, SignalModel};
use crate::model::Fault;
use crate::model::graph::{Graph, Node};

/// The signal's slope by a fitted parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slope {
    /// The parameter.
    pub parameter: String,
    /// ∂S/∂parameter as a formula. Functions that the grammar lacks are explained in [`SLOPE_FUNCTIONS`].
    pub formula: String,
    /// Whether the signal is linear in the parameter, so that the slope does not depend on it.
    pub is_linear: bool,
}

/// Functions of slopes that no formula can call, and what they are.
pub const SLOPE_FUNCTIONS: [(&str, &str); 3] = [
    ("sign", "sign(x) is -1, 0 or 1"),
    ("inverse_or_0", "inverse_or_0(x) is 1 / x, and 0 for x = 0: where a slope is infinite, a sample tells nothing"),
    ("log_or_0", "log_or_0(x) is log(x), and 0 for x = 0"),
];

impl SignalModel {
    /// The names of the fitted parameters, in the file's order.
    pub fn fitted_names(&self) -> impl Iterator<Item = &str> {
        let is_fitted = |p: &&Parameter| matches!(p.kind, ParameterKind::Fitted { .. });
        self.parameters.iter().filter(is_fitted).map(|p| p.name.as_str())
    }

    /// The exact slopes of the signal by the fitted parameters, as formulas.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn slopes(&self) -> Result<Vec<Slope>, Fault> {
        let choice = Choice::of(self);
        let mut graph = Graph::default();
        let signal = self.signal_node(&mut graph, &choice)?;
        let fixed = self.parameters.iter().filter(|p| matches!(p.kind, ParameterKind::Fixed(_)));
        let constants: Vec<&str> =
            self.axes.iter().map(|a| a.name.as_str()).chain(fixed.map(|p| p.name.as_str())).collect();
        let inputs: Vec<&str> = self.fitted_names().collect();
        let slope = |(input, parameter): (u32, &&str)| {
            let slope = graph.derivative(signal, input);
            let curvature = slope.and_then(|slope| graph.derivative(slope, input));
            let written = |node: Node| graph.written(node, &constants, &inputs);
            Slope {
                parameter: (*parameter).into(),
                formula: slope.map_or_else(|| "0".into(), written),
                is_linear: curvature.is_none(),
            }
        };
        Ok((0..).zip(&inputs).map(slope).collect())
    }

    /// Arithmetic operations of a signal with all its slopes: once a voxel, and once a sample.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn operations(&self) -> Result<(usize, usize), Fault> {
        // What is computed does not depend on the values.
        let axes = vec![vec![1.0]; self.axes.len()];
        let scale = |p: &Parameter| match p.kind {
            ParameterKind::Fitted { scale, .. } => Some(scale),
            ParameterKind::Fixed(_) => None,
        };
        let scales: Vec<f64> = self.parameters.iter().filter_map(scale).collect();
        SampleProgram::new(self, &Choice::of(self), &axes, &scales).map(|program| program.operations())
    }
}

impl Display for SignalModel {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        writeln!(f, "{}: {}", self.name, self.title)?;
        writeln!(f, "  signal     {}", self.signal)?;
        for Axis { name, unit, requires } in &self.axes {
            writeln!(f, "  axis       {name} [{unit}]")?;
            for requirement in requires {
                writeln!(f, "             needs {}", requirement.in_words(name))?;
            }
        }
        let slopes = self.slopes().unwrap_or_default();
        for parameter in &self.parameters {
            let is_linear = slopes.iter().any(|slope| slope.parameter == parameter.name && slope.is_linear);
            write_parameter(f, parameter, is_linear)?;
        }
        for derived in &self.derived {
            let (name, unit, formula) = (&derived.name, &derived.unit, &derived.formula);
            write!(f, "  derived    {name} [{unit}] = {formula}")?;
            match derived.doc.as_str() {
                "" => writeln!(f)?,
                doc => writeln!(f, ": {doc}")?,
            }
        }
        for Slope { parameter, formula, .. } in &slopes {
            writeln!(f, "  slope      dS/d{parameter} = {formula}")?;
        }
        for (function, meaning) in SLOPE_FUNCTIONS {
            if slopes.iter().any(|slope| slope.formula.contains(&format!("{function}("))) {
                writeln!(f, "             {meaning}")?;
            }
        }
        if let Ok((of_voxel, of_sample)) = self.operations() {
            writeln!(f, "  cost       {of_sample} operations a sample and {of_voxel} a voxel, slopes included")?;
        }
        write!(f, "  source     {}", self.reference)
    }
}

fn write_parameter(f: &mut Formatter<'_>, parameter: &Parameter, is_linear: bool) -> Written {
    let Parameter { name, unit, doc, kind } = parameter;
    write!(f, "  parameter  {name} [{unit}]: {doc}\n             ")?;
    match kind {
        ParameterKind::Fixed(value) => write!(f, "fixed at {value}")?,
        ParameterKind::Fitted { bounds: [low, high], scale, start, .. } => {
            write!(f, "from {low} to {high}")?;
            match parameter.is_signal() {
                true => write!(f, ", scaled by each voxel's signal")?,
                false => write!(f, ", typically {scale}")?,
            }
            if let Some(start) = start {
                write!(f, ", starts at {start}")?;
            }
            if is_linear {
                write!(f, "; the signal is linear in it")?;
            }
        }
    }
    writeln!(f)
}
