//! Which parameters of a model are fitted, and what its names mean in a graph.

use super::{Parameter, ParameterKind, SignalModel};
use crate::model::fault::Fault;
use crate::model::graph::{Graph, Node};
use crate::model::operator::Binary;

/// Which parameters of a model are fitted, and what the others are.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// A parameter, by its index in the model, is fitted (`None`) or has a value.
    pub fixed: Vec<Option<f64>>,
}

impl Choice {
    /// The model's own.
    pub fn of(model: &SignalModel) -> Self {
        let fixed = |parameter: &Parameter| match parameter.kind {
            ParameterKind::Fixed(value) => Some(value),
            ParameterKind::Fitted { .. } => None,
        };
        Self { fixed: model.parameters.iter().map(fixed).collect() }
    }

    /// The model's own, with more parameters fixed.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a parameter that there is not.
    pub fn with(model: &SignalModel, fixed: &[(String, f64)]) -> crate::Result<Self> {
        let mut choice = Self::of(model);
        for (name, value) in fixed {
            model.parameter(name)?;
            let parameters = model.parameters.iter().zip(&mut choice.fixed);
            parameters.filter(|(parameter, _)| parameter.name == *name).for_each(|(_, fixed)| *fixed = Some(*value));
        }
        Ok(choice)
    }

    /// The fitted parameters, by their indices in the model.
    pub fn fitted(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.fixed.len()).filter(|&i| self.fixed[i].is_none())
    }
}

impl SignalModel {
    /// The signal, with the axes as constants and all parameters as inputs, in the model's order.
    pub(super) fn add_signal(&self, graph: &mut Graph) -> Result<Node, Fault> {
        self.signal_node(graph, &Choice { fixed: vec![None; self.parameters.len()] })
    }

    /// The signal, with the axes as the first constants, the fixed parameters as the others, and the fitted parameters
    /// as inputs.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn signal_node(&self, graph: &mut Graph, choice: &Choice) -> Result<Node, Fault> {
        let names = self.names(graph, choice);
        graph.add(&self.signal.expr, &names)
    }

    /// As [`Self::names`], with axes, by their indices in the model, that a factor of each voxel multiplies: such factors
    /// are the inputs after the parameters.
    pub(super) fn names_scaled(&self, graph: &mut Graph, choice: &Choice, scaled: &[usize]) -> Vec<(&str, Node)> {
        let mut names = self.names(graph, choice);
        let n_fitted = choice.fitted().count() as u32;
        for (factor, &axis) in (n_fitted..).zip(scaled) {
            let factor = graph.input(factor);
            names[axis].1 = graph.binary(Binary::Mul, names[axis].1, factor);
        }
        names
    }

    /// Axes are the first constants, fixed parameters the others; fitted parameters are the inputs.
    fn names(&self, graph: &mut Graph, choice: &Choice) -> Vec<(&str, Node)> {
        let axes = (0..).zip(&self.axes).map(|(i, axis)| (axis.name.as_str(), graph.constant(i)));
        let mut names: Vec<_> = axes.collect();
        let (mut constants, mut inputs) = (self.axes.len() as u32.., 0..);
        for (parameter, fixed) in self.parameters.iter().zip(&choice.fixed) {
            let node = match fixed {
                Some(_) => constants.next().map(|i| graph.constant(i)),
                None => inputs.next().map(|i| graph.input(i)),
            };
            names.extend(node.map(|node| (parameter.name.as_str(), node)));
        }
        names
    }

    /// Derived quantities of one voxel's parameters and their slopes by the fitted parameters, as nodes of a graph
    /// whose inputs are the fitted parameters in their units: `[quantity][value, slope by the first, ...]`.
    ///
    /// # Errors
    /// A fault of a formula that was not tried when it was read; there is none.
    pub fn derived_nodes(&self, graph: &mut Graph, choice: &Choice) -> Result<Vec<Vec<Option<Node>>>, Fault> {
        let n_fitted = choice.fitted().count() as u32;
        let names = self.names(graph, choice);
        let mut all = Vec::new();
        for derived in &self.derived {
            let value = graph.add(&derived.formula.expr, &names)?;
            let slopes = (0..n_fitted).map(|input| graph.derivative(value, input));
            all.push([Some(value)].into_iter().chain(slopes).collect());
        }
        Ok(all)
    }

    /// The constants of [`SignalModel::derived_nodes`].
    pub fn derived_constants(&self, choice: &Choice) -> Vec<f64> {
        let axes = self.axes.iter().map(|_| f64::NAN);
        axes.chain(choice.fixed.iter().copied().flatten()).collect()
    }
}
