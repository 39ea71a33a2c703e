//! A program as WGSL: one scalar, unrolled statement a step, after the helper functions of `shaders/common/formula.wgsl`.

use std::fmt::Write;
use std::ops::Range;

use super::graph::Operation;
use super::language::Language;
use super::program::{Program, Value};

/// The operators with their edges; stands on `batch.wgsl` and `math.wgsl`.
pub const FORMULA: &str = include_str!("../../shaders/common/formula.wgsl");

/// Writes the steps of a program and names its values.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'p> {
    program: &'p Program,
    indent: &'static str,
}

impl<'p> Writer<'p> {
    /// A writer of lines that start with `indent`.
    pub fn new(program: &'p Program, indent: &'static str) -> Self {
        Self { program, indent }
    }

    /// The statements of some steps, in a function that has the variable `voxel`.
    pub fn steps(self, steps: Range<usize>) -> String {
        let mut text = String::new();
        for i in steps {
            let expression = self.expression(self.program.steps[i]);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}let v{i} = {expression};", self.indent);
        }
        text
    }

    /// How a value is called.
    pub fn value(self, value: Value) -> String {
        match value {
            Value::Step(step) => format!("v{step}"),
            Value::Uniform(i) => {
                let uniforms = &self.program.uniforms;
                match uniforms[i].literal {
                    true => literal(uniforms[i].value),
                    false => {
                        let before = uniforms[..i].iter().filter(|u| !u.literal).count();
                        format!("params[{before}]")
                    }
                }
            }
        }
    }

    fn expression(self, step: Operation<Value>) -> String {
        Language::Wgsl.expression(step, |row| format!("load({row}u, voxel)"), |value| self.value(value))
    }
}

/// A number that is finite in f32, as WGSL that means exactly that f32: the shortest digits that do.
pub fn literal(value: f64) -> String {
    let digits = format!("{:?}f", value as f32);
    match value < 0.0 {
        true => format!("({digits})"),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Graph;
    use super::super::parser::parse;
    use super::*;

    #[test]
    fn literals_are_exact() {
        for value in [0.0, 1.0, 100.0, -0.1, std::f64::consts::PI, 1e-37, 3.4e38, 16_777_217.0, 1.0 / 3.0] {
            let text = literal(value);
            let digits = text.trim_matches(['(', ')']).trim_end_matches('f');
            assert_eq!(digits.parse::<f32>().unwrap(), value as f32, "{text}");
        }
        assert_eq!(literal(-2.5), "(-2.5f)");
        assert_eq!(literal(1e-20), "1e-20f");
    }

    #[test]
    fn steps_are_unrolled_scalars() {
        let mut graph = Graph::default();
        let names = [("a", graph.input(4)), ("s", graph.constant(0))];
        let formula = parse("100 * (a - s*2) / a").unwrap();
        let node = graph.add(&formula, &names).unwrap();
        let program = Program::new(&graph, &[vec![node]], &[3.0]);
        let writer = Writer::new(&program, "  ");
        assert_eq!(
            writer.steps(0..program.steps.len()),
            "  let v0 = load(4u, voxel);\n  let v1 = v0 - params[0];\n  \
             let v2 = 100.0f * v1;\n  let v3 = op_div(v2, v0);\n"
        );
        assert_eq!(writer.value(program.groups[0].wanted[0]), "v3");
    }
}
