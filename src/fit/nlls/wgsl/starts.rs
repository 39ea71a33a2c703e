//! The dictionary: what a node explains of a voxel, and the fit that starts from it.

use std::fmt::Write as _;
use std::ops::Range;

use super::Fit;
use crate::fit::nlls::dictionary::Linear;
use crate::model::wgsl::literal;

impl Fit<'_> {
    fn is_mixing(&self) -> bool {
        self.dictionary.linear == Linear::Mixing
    }

    /// Where the triangle of a node begins, from the node's first number.
    fn triangle(&self) -> usize {
        self.params.grid.len()
    }

    fn angle(&self) -> usize {
        self.triangle() + self.params.n_linear * (self.params.n_linear + 1) / 2
    }

    fn basis(&self) -> usize {
        self.angle() + if self.is_mixing() { 2 } else { 0 }
    }

    /// `explained`: projects the voxel's samples on a node's basis.
    pub(super) fn explained(&self) -> String {
        let n_linear = self.params.n_linear;
        let mut text = String::new();
        for m in 0..n_linear {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "var<private> projection{m}: f32;");
        }
        let at = format!("{}u + node * {}u", self.params.nodes, self.params.node);
        let _ = writeln!(text, "\nfn explained(node: u32, voxel: u32) -> f32 {{\n    let at = {at};");
        let _ = writeln!(text, "    let basis = at + {}u;", self.basis());
        if self.in_registers() {
            for m in 0..n_linear {
                let first = format!("basis + {}u", m * self.n_samples());
                let _ = writeln!(text, "    projection{m} = {};", self.dot(&first));
            }
        } else {
            for m in 0..n_linear {
                let _ = writeln!(text, "    projection{m} = 0.0;");
            }
            text +=
                "    for (var k = 0u; k < N_SAMPLES; k++) {\n        let y = usable(load(k, voxel)) * per_largest;\n";
            for m in 0..n_linear {
                let first = m * self.n_samples();
                let _ = writeln!(text, "        projection{m} = fma(params[basis + {first}u + k], y, projection{m});");
            }
            text += "    }\n";
        }
        if self.is_mixing() {
            let _ = writeln!(text, "    let cos = params[at + {}u];", self.angle());
            let _ = writeln!(text, "    let sin = params[at + {}u];", self.angle() + 1);
            text += MIXED;
        }
        let squares = (0..n_linear).map(|m| format!("projection{m} * projection{m}"));
        let _ = writeln!(text, "    return {};\n}}", super::joined(squares, " + ", "0.0"));
        text
    }

    /// `remember`: notes where the best fit has ended, in the workgroup's memory; `is_remembered`: another is there too;
    /// `has_been_here`: it has been through the valley that a node lies in.
    pub(super) fn remembered(&self, near: f64) -> String {
        let p = self.n_parameters();
        let mut text = format!("var<workgroup> found: array<array<f32, WORKGROUP>, {p}>;\n\nfn remember() {{\n");
        for i in 0..p {
            let _ = writeln!(text, "    found[{i}][place] = at{i};");
        }
        let near = literal(near);
        let is_near = |i: usize| {
            let known = format!("found[{i}][place]");
            format!("abs(at{i} - {known}) <= {near} * max(abs({known}), 0.5)")
        };
        let all = super::joined((0..p).map(is_near), "\n        && ", "false");
        text += &format!("}}\n\nfn is_remembered() -> bool {{\n    return {all};\n}}\n");
        let has_been_here = self.dictionary.pass.as_ref().map_or("false".into(), |pass| {
            let Range { start, end } = &pass.nodes;
            let (end_of_fit, [low, high]) = (format!("found[{}][place]", pass.parameter), pass.inside.map(literal));
            format!("node >= {start}u && node < {end}u && {end_of_fit} >= {low} && {end_of_fit} <= {high}")
        });
        text + &format!("\n// See `Pass`.\nfn has_been_here(node: u32) -> bool {{\n    return {has_been_here};\n}}\n")
    }

    /// `begin`: where the fit from a node starts.
    pub(super) fn begin(&self) -> String {
        let params = &self.params;
        let at = format!("{}u + node * {}u", params.nodes, params.node);
        let mut text = format!("fn begin(node: u32, voxel: u32) {{\n    let at = {at};\n");
        for (place, &i) in params.grid.iter().enumerate() {
            let value = params.clamped(i, &format!("params[at + {place}u]"));
            let _ = writeln!(text, "    to{i} = {value};");
        }
        if !self.dictionary.solved.is_empty() {
            text += "    _ = explained(node, voxel);\n";
        }
        let mut row = self.triangle();
        for i in 0..params.n_linear {
            let terms = (i..params.n_linear).map(|j| format!("params[at + {}u] * projection{j}", row + j - i));
            let _ = writeln!(text, "    let coefficient{i} = {};", super::joined(terms, " + ", "0.0"));
            row += params.n_linear - i;
        }
        match (self.dictionary.linear, self.dictionary.solved.as_slice()) {
            (Linear::Mixing, &[s, f]) => {
                let bound = |bound: Option<&str>| bound.unwrap_or("0.0").to_owned();
                let (low, high) = (bound(params.low(f)), bound(params.high(f)));
                text += "    let at_low = max(coefficient0, 0.0);\n    let at_high = max(coefficient1, 0.0);\n";
                text += "    let both = at_low + at_high;\n";
                let _ = writeln!(text, "    to{s} = {};", params.clamped(s, "both"));
                text += "    let share = select(0.0, at_high / both, both > 0.0);\n";
                let _ = writeln!(
                    text,
                    "    to{f} = {};",
                    params.clamped(f, &format!("({low} + share * ({high} - {low}))"))
                );
            }
            (_, solved) => {
                for (i, &parameter) in solved.iter().enumerate() {
                    let value = params.clamped(parameter, &format!("coefficient{i}"));
                    let _ = writeln!(text, "    to{parameter} = {value};");
                }
            }
        }
        text + "}\n"
    }
}

/// A mixture's shares are 0 or more: see `Lookup::mixed`.
const MIXED: &str = "    let inside = projection1 >= 0.0 && projection1 * cos <= projection0 * sin;
    let along0 = max(projection0, 0.0);
    let along1 = max(projection0 * cos + projection1 * sin, 0.0);
    let nearer0 = along0 > along1;
    projection0 = select(select(along1 * cos, along0, nearer0), projection0, inside);
    projection1 = select(select(along1 * sin, 0.0, nearer0), projection1, inside);
";
