//! A graph's wanted values as a list of steps, each used after it is made: what both emitters walk.

use std::collections::HashMap;
use std::ops::Range;

use super::graph::{Entry, Graph, Node, Operation};

/// Something that a step uses or that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// The result of a step.
    Step(usize),
    /// A number that is the same for all voxels.
    Uniform(usize),
}

/// A number that is the same for all voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    /// Its value, computed in f64.
    pub value: f64,
    /// Whether it stands in the formulas, so that it never changes between runs.
    pub literal: bool,
}

/// Values that are wanted together, as soon as all of them are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The steps that this group adds to those before it.
    pub steps: Range<usize>,
    /// What is wanted, in the order asked for.
    pub wanted: Vec<Value>,
}

/// The steps of one voxel.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// In an order in which each step's operands come before it.
    pub steps: Vec<Operation<Value>>,
    /// What does not depend on the voxel: computed here, once.
    pub uniforms: Vec<Uniform>,
    /// What is wanted, group after group.
    pub groups: Vec<Group>,
}

impl Program {
    /// The steps that compute `groups` of nodes, with the values of the constants by index.
    pub fn new(graph: &Graph, groups: &[Vec<Node>], constants: &[f64]) -> Self {
        let mut builder = Builder {
            graph,
            values: graph.values(constants, &[]),
            varying: graph.varying(),
            made: HashMap::new(),
            program: Self { steps: Vec::new(), uniforms: Vec::new(), groups: Vec::new() },
        };
        for nodes in groups {
            let start = builder.program.steps.len();
            let wanted = nodes.iter().map(|&node| builder.value(node)).collect();
            let steps = start..builder.program.steps.len();
            builder.program.groups.push(Group { steps, wanted });
        }
        builder.program
    }

    /// Steps a voxel, without those that only load a voxel.
    pub fn operations(&self) -> usize {
        let is_load = |op: &&Operation<Value>| matches!(op, Operation::Input(_));
        self.steps.len() - self.steps.iter().filter(is_load).count()
    }

    /// The uniforms that may change between runs: a shader's `params`, in order.
    pub fn params(&self) -> impl Iterator<Item = f64> {
        self.uniforms.iter().filter(|uniform| !uniform.literal).map(|uniform| uniform.value)
    }
}

struct Builder<'g> {
    graph: &'g Graph,
    values: Vec<f64>,
    varying: Vec<bool>,
    made: HashMap<Node, Value>,
    program: Program,
}

impl Builder<'_> {
    /// Where the value of a node is found; adds the steps that are missing, operands first.
    fn value(&mut self, node: Node) -> Value {
        if let Some(&value) = self.made.get(&node) {
            return value;
        }
        let value = match self.graph.entry(node) {
            Entry::Operation(operation) if self.varying[node.index()] => {
                let step = operation.map(|operand| self.value(operand));
                self.program.steps.push(step);
                Value::Step(self.program.steps.len() - 1)
            }
            entry => {
                self.program
                    .uniforms
                    .push(Uniform { value: self.values[node.index()], literal: matches!(entry, Entry::Number(_)) });
                Value::Uniform(self.program.uniforms.len() - 1)
            }
        };
        self.made.insert(node, value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::super::operator::{Binary, Unary};
    use super::super::parser::parse;
    use super::*;

    /// The nodes of formulas over images `a`, `b` and the constant `s`.
    fn nodes(graph: &mut Graph, formulas: &[&str]) -> Vec<Node> {
        let names = [("a", graph.input(0)), ("b", graph.input(1)), ("s", graph.constant(0))];
        let add = |text: &&str| graph.add(&parse(text).unwrap(), &names).unwrap();
        formulas.iter().map(add).collect()
    }

    #[test]
    fn shared_work_is_done_once_and_the_host_does_its_part() {
        let mut graph = Graph::default();
        let wanted = nodes(&mut graph, &["a - b", "(a - b) / (s * sqrt(2))", "s + 1"]);
        let groups: Vec<_> = wanted.into_iter().map(|node| vec![node]).collect();
        let program = Program::new(&graph, &groups, &[3.0]);
        let [a, b] = [0, 1].map(Operation::Input);
        let difference = Operation::Binary(Binary::Sub, Value::Step(0), Value::Step(1));
        let scaled = Operation::Binary(Binary::Div, Value::Step(2), Value::Uniform(0));
        assert_eq!(program.steps, [a, b, difference, scaled]);
        assert_eq!(program.operations(), 2);
        let params: Vec<f64> = program.params().collect();
        assert_eq!(params, [3.0 * 2f64.sqrt(), 4.0]);
        let steps: Vec<_> = program.groups.iter().map(|g| g.steps.clone()).collect();
        assert_eq!(steps, [0..3, 3..4, 4..4]);
        assert_eq!(program.groups[2].wanted, [Value::Uniform(1)]);
    }

    #[test]
    fn numbers_of_the_formula_are_no_params() {
        let mut graph = Graph::default();
        let wanted = nodes(&mut graph, &["100 * exp(a)"]);
        let program = Program::new(&graph, &[wanted], &[3.0]);
        assert_eq!(program.params().count(), 0);
        let literal = Uniform { value: 100.0, literal: true };
        assert_eq!(program.uniforms, [literal]);
        let uses_exp = |op: &Operation<Value>| matches!(op, Operation::Unary(Unary::Exp, _));
        assert!(program.steps.iter().any(uses_exp));
    }

    #[test]
    fn a_power_of_two_to_the_thirty_is_thirty_steps() {
        let mut graph = Graph::default();
        let wanted = nodes(&mut graph, &["a ^ 1073741824"]);
        assert_eq!(Program::new(&graph, &[wanted], &[0.0]).operations(), 30);
    }
}
