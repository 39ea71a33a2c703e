//! The fit in WGSL: what depends on the model is written out as scalars, before `shaders/nlls.wgsl`, which does not.

mod idle;
mod params;
mod results;
mod samples;
mod starts;
mod step;

use std::fmt::Write as _;
use std::ops::Range;

use super::dictionary::Dictionary;
use super::lm;
use super::output::{NllsOutput, Quantity};
use super::problem::{Effort, Problem};
use crate::device::Shader;
use crate::fit::status;
use crate::model::program::Program;
use crate::model::signal::eval::Factored;
use crate::model::wgsl;
use params::Params;

/// Bits of the shader's word of notes that tell nodes.
const BITS_OF_NODES: usize = 29;

fn node_bits(n_zones: usize) -> usize {
    BITS_OF_NODES / n_zones.max(1)
}

/// Most nodes of a zone, where there are so many zones.
pub(super) fn most_nodes(n_zones: usize) -> usize {
    (1 << node_bits(n_zones)) - 1
}

/// What is to be written, and what the model derives from its parameters.
#[derive(Debug, Clone, Copy)]
pub struct GpuOutputs<'a> {
    /// The columns, in order.
    pub columns: &'a [NllsOutput],
    /// One group: derived quantities and those of their slopes that are not 0, from the fitted parameters in the
    /// model's units as inputs.
    pub derived: &'a Program,
    /// `[derived]`: which of the group's values is the quantity.
    pub values: &'a [usize],
    /// `[derived][fitted parameter]`: which of the group's values is the slope.
    pub slopes: &'a [Vec<Option<usize>>],
}

/// All that the parts of the text are written from.
struct Fit<'a> {
    problem: &'a Problem,
    /// What is evaluated, and the factors of its sums.
    factored: Factored,
    dictionary: &'a Dictionary,
    outputs: &'a GpuOutputs<'a>,
    params: Params,
}

/// The WGSL of a fit. Of a zone of the dictionary, as many nodes are used as its share of a word of notes can tell: 127 of
/// each of four.
pub fn shader(problem: &Problem, dictionary: &Dictionary, effort: &Effort, outputs: &GpuOutputs) -> Shader {
    let params = Params::new(problem, dictionary, outputs.derived);
    let fit = Fit { problem, factored: Factored::new(&problem.program), dictionary, outputs, params };
    let body = [
        wgsl::FORMULA.into(),
        fit.constants(effort),
        fit.zones(),
        step::variables(fit.n_parameters()),
        fit.take(),
        fit.search(),
        fit.begin(),
        fit.remembered(effort.same),
        fit.idle(),
        fit.evaluate(),
        step::accept_and_reject(fit.n_parameters()),
        fit.step(),
        fit.keep(),
        fit.fail(),
        include_str!("../../../../shaders/nlls.wgsl").into(),
    ];
    let turns = fit.turns();
    Shader { body: body.join("\n"), params: fit.params.values, turns }
}

/// Steps that a fit is thought to take at most, on the average over those of a vector.
const MANY_STEPS: usize = 50;

impl Fit<'_> {
    /// Turns of loops that a voxel takes, as far as can be told: of the nodes, of the fits from its starts and from idle faces with
    /// their steps, and of the places that are tried there; where samples are not in registers, with loops over them.
    fn turns(&self) -> usize {
        let over_samples = if self.in_registers() { 0 } else { self.n_samples() };
        let n_idle = self.dictionary.idle.len();
        // Of a step: the evaluation, the rounds of solving, and its share of the loops around.
        let of_steps = MANY_STEPS * (6 + over_samples);
        // Of making room for others: samples, starts, the results with their errors.
        let of_room = 16 + 8 * over_samples;
        self.dictionary.nodes.len() * self.turns_of_node(over_samples)
            + (self.dictionary.zones.len() + n_idle) * (of_steps + of_room)
            + n_idle * self.params.n_places * of_room
    }

    fn n_parameters(&self) -> usize {
        self.problem.extents.len()
    }

    fn n_samples(&self) -> usize {
        self.problem.program.n_samples
    }

    /// How an input of the model's programs is called: a parameter where a step has led, or a factor.
    fn input(&self, input: u32) -> String {
        match (input as usize).checked_sub(self.n_parameters()) {
            None => format!("to{input}"),
            Some(factor) => format!("factor{factor}"),
        }
    }

    /// The column that holds notes while fits go on: that of the status, which is no float, if there is one.
    fn scratch(&self) -> usize {
        let is_status = |output: &NllsOutput| output.quantity == Quantity::Status;
        self.outputs.columns.iter().position(is_status).unwrap_or_default()
    }

    /// Bits that the notes have for a node of each zone.
    fn node_bits(&self) -> usize {
        node_bits(self.dictionary.zones.len())
    }

    /// The first node of each zone and the one after its last.
    fn zones(&self) -> String {
        let range = |zone: &Range<usize>| format!("vec2({}u, {}u)", zone.start, zone.end);
        let all = joined(self.dictionary.zones.iter().map(range), ", ", "");
        format!("const ZONES = array<vec2<u32>, N_ZONES>({all});\n")
    }

    fn constants(&self, effort: &Effort) -> String {
        let counts = [
            ("N_SAMPLES", self.n_samples()),
            ("N_ZONES", self.dictionary.zones.len()),
            ("NODE_BITS", self.node_bits()),
            ("N_IDLE", self.dictionary.idle.len()),
            ("N_PLACES", self.params.n_places),
            ("MAX_ITERATIONS", self.problem.max_iterations as usize),
            ("SCRATCH", self.scratch()),
            ("SAMPLES_DROPPED", status::SAMPLES_DROPPED.into()),
            ("BAD_INPUT", status::BAD_INPUT.into()),
            ("SINGULAR", status::SINGULAR.into()),
            ("NEGATIVE", status::NEGATIVE.into()),
            ("ITERATION_LIMIT", status::ITERATION_LIMIT.into()),
            ("AT_BOUND", status::AT_BOUND.into()),
        ];
        let numbers = [
            ("TOLERANCE", effort.tolerance),
            ("FLOOR", effort.floor),
            ("FIRST_DAMPING", lm::FIRST_DAMPING / lm::LESS),
            ("LESS", lm::LESS),
            ("MORE", lm::MORE),
            ("POOR", lm::POOR),
            ("POOR_MORE", lm::POOR_MORE),
            ("GOOD", lm::GOOD),
            ("LEAST_DAMPING", lm::LEAST_DAMPING),
            ("MOST_DAMPING", lm::MOST_DAMPING),
            ("LEAST_PIVOT", lm::LEAST_PIVOT * f64::from(f32::EPSILON)),
            ("TINY_PIVOT", lm::TINY_PIVOT),
        ];
        let mut text = String::new();
        for (name, count) in counts {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "const {name}: u32 = {count}u;");
        }
        for (name, number) in numbers {
            let _ = writeln!(text, "const {name}: f32 = {};", wgsl::literal(number));
        }
        text
    }
}

/// Terms joined by an operator, or what no terms make.
fn joined(terms: impl IntoIterator<Item = String>, operator: &str, none: &str) -> String {
    let terms: Vec<String> = terms.into_iter().collect();
    if terms.is_empty() { none.into() } else { terms.join(operator) }
}
