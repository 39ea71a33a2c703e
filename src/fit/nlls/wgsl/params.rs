//! The numbers that a fit's shader reads from `params`, and how it calls them.

use crate::fit::nlls::dictionary::{Dictionary, Linear, Node};
use crate::fit::nlls::problem::Problem;
use crate::model::program::Program;
use crate::model::signal::program::SampleProgram;
use crate::model::wgsl::literal;

/// What is read, in this order: the program's uniforms, those of derived quantities, bounds, `[sample][table]`,
/// `[idle parameter][place]` to try, and of the dictionary `[node]`: the places on the grid, the triangle's rows, and
/// `[vector][sample]` of the basis. Of mixtures `[direction][sample]`, `[node]`: cosine and 1/sin² of the angle between its
/// directions, and `[node]`: the places on the grid, 1 over both lengths, and where both directions stand.
pub(super) struct Params {
    pub(super) values: Vec<f32>,
    uniforms: Vec<String>,
    derived: Vec<String>,
    bounds: Vec<[Option<String>; 2]>,
    tables: usize,
    n_tables: usize,
    /// Where the places of idle parameters begin.
    pub(super) places: usize,
    /// Places of each.
    pub(super) n_places: usize,
    /// Where the directions of mixtures begin.
    pub(super) directions: usize,
    /// Where the angles of mixtures begin.
    pub(super) angles: usize,
    /// Where the nodes begin.
    pub(super) nodes: usize,
    /// Numbers a node.
    pub(super) node: usize,
    /// Which parameters the grid has a place for.
    pub(super) grid: Vec<usize>,
    /// Vectors of a basis.
    pub(super) n_linear: usize,
}

impl Params {
    pub(super) fn new(problem: &Problem, dictionary: &Dictionary, derived: &Program) -> Self {
        let mut values = Vec::new();
        let program = &problem.program;
        let uniforms = program.uniforms.iter().map(|&(value, known)| named(&mut values, value, known)).collect();
        let derived = derived.uniforms.iter().map(|u| named(&mut values, u.value, u.literal)).collect();
        let bounds = problem.extents.iter().map(|extent| {
            extent.bounds.map(|bound| {
                // A bound of 0 is one in any unit; no bound is none.
                bound.is_finite().then(|| match named(&mut values, bound, bound == 0.0) {
                    name if extent.is_signal && bound != 0.0 => format!("({name} / largest)"),
                    name => name,
                })
            })
        });
        let bounds = bounds.collect();
        let tables = values.len();
        add_tables(program, &mut values);
        let places = values.len();
        let n_places = dictionary.idle.first().map_or(0, |idle| idle.places.len());
        values.extend(dictionary.idle.iter().flat_map(|idle| &idle.places).map(|&place| place as f32));
        let directions = values.len();
        values.extend(dictionary.directions.iter().flatten().map(|&value| value as f32));
        let angles = values.len();
        if dictionary.linear == Linear::Mixing {
            values.extend(dictionary.nodes.iter().flat_map(|node| node.between()).map(|value| value as f32));
        }
        let nodes = values.len();
        let grid: Vec<usize> = (0..problem.extents.len()).filter(|i| !dictionary.solved.contains(i)).collect();
        let n_linear = dictionary.nodes.first().map_or(0, |node| node.basis.len());
        for node in &dictionary.nodes {
            values.extend(grid.iter().map(|&i| node.parameters[i] as f32));
            match dictionary.linear {
                Linear::All => add_basis(node, &mut values),
                Linear::Mixing => {
                    values.extend(node.per_length.map(|value| value as f32));
                    let n_samples = program.n_samples;
                    values.extend(node.directions.map(|direction| (directions + direction * n_samples) as f32));
                }
            }
        }
        let node = (values.len() - nodes) / dictionary.nodes.len().max(1);
        let n_tables = program.tables.len();
        Self {
            values,
            uniforms,
            derived,
            bounds,
            tables,
            n_tables,
            places,
            n_places,
            directions,
            angles,
            nodes,
            node,
            grid,
            n_linear,
        }
    }

    pub(super) fn uniform(&self, i: usize) -> String {
        self.uniforms[i].clone()
    }

    /// A uniform of the derived quantities' program.
    pub(super) fn of_derived(&self, i: usize) -> String {
        self.derived[i].clone()
    }

    /// A table's value for a sample that is known before a run, or whose number is in the variable `k`.
    pub(super) fn table(&self, table: usize, sample: Option<usize>) -> String {
        let (first, n) = (self.tables + table, self.n_tables);
        match sample {
            Some(sample) => number(first + sample * n),
            None => format!("params[{first}u + k * {n}u]"),
        }
    }

    /// A parameter's lowest value in units of its scale; one in units of the signal is relative to the voxel's largest.
    pub(super) fn low(&self, parameter: usize) -> Option<&str> {
        self.bounds[parameter][0].as_deref()
    }

    /// Its highest value.
    pub(super) fn high(&self, parameter: usize) -> Option<&str> {
        self.bounds[parameter][1].as_deref()
    }

    /// A value brought between the bounds of a parameter.
    pub(super) fn clamped(&self, parameter: usize, value: &str) -> String {
        match (self.low(parameter), self.high(parameter)) {
            (Some(low), Some(high)) => format!("min(max({value}, {low}), {high})"),
            (Some(low), None) => format!("max({value}, {low})"),
            (None, Some(high)) => format!("min({value}, {high})"),
            (None, None) => value.into(),
        }
    }

    /// Whether a value lies at or beyond a bound of a parameter, or beyond it.
    pub(super) fn outside(&self, parameter: usize, value: &str, or_at: bool) -> String {
        let or_at = if or_at { "=" } else { "" };
        let low = self.low(parameter).map(|low| format!("{value} <{or_at} {low}"));
        let high = self.high(parameter).map(|high| format!("{value} >{or_at} {high}"));
        super::joined(low.into_iter().chain(high), " || ", "false")
    }
}

/// How a number is called: itself if it never changes between runs, else its place in `params`.
fn named(values: &mut Vec<f32>, value: f64, known: bool) -> String {
    match known {
        true => literal(value),
        false => {
            values.push(value as f32);
            number(values.len() - 1)
        }
    }
}

/// A number at a known place.
pub(super) fn number(place: usize) -> String {
    format!("params[{place}]")
}

fn add_tables(program: &SampleProgram, to: &mut Vec<f32>) {
    for sample in 0..program.n_samples {
        to.extend(program.tables.iter().map(|table| table[sample] as f32));
    }
}

fn add_basis(node: &Node, to: &mut Vec<f32>) {
    let mut add = |value: f64| to.push(value as f32);
    let n = node.basis.len();
    for (i, row) in node.triangle[..n].iter().enumerate() {
        row[i..n].iter().for_each(|&value| add(value));
    }
    node.basis.iter().flatten().for_each(|&value| add(value));
}
