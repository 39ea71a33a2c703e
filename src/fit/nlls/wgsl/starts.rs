//! The dictionary: what a node explains of a voxel, and the fit that starts from it.

use std::fmt::Write as _;
use std::ops::Range;

use super::Fit;
use super::params::number;
use crate::fit::nlls::dictionary::Linear;
use crate::model::wgsl::literal;

/// Most directions of mixtures that are held side by side: registers are few.
const MOST_DIRECTIONS: usize = 64;

impl Fit<'_> {
    /// Whether the nodes of mixtures have so few directions between them that they are written out.
    fn has_few_directions(&self) -> bool {
        self.dictionary.directions.len() <= MOST_DIRECTIONS
    }

    /// Turns of loops that looking at a node takes at most.
    pub(super) fn turns_of_node(&self, over_samples: usize) -> usize {
        if self.is_mixing() { 1 + 2 * over_samples } else { 1 + over_samples }
    }

    fn is_mixing(&self) -> bool {
        self.dictionary.linear == Linear::Mixing
    }

    /// `search`: looks at all nodes.
    pub(super) fn search(&self) -> String {
        match self.dictionary.linear {
            Linear::All => self.explained() + SEARCH,
            Linear::Mixing if self.has_few_directions() => self.along() + MIXTURE + &self.search_of_mixtures(),
            Linear::Mixing => self.along() + MIXTURE + &self.explained_by_mixture() + SEARCH,
        }
    }

    /// Where a voxel's best mixtures are. Written out, since the nodes have few directions between them, which are the
    /// nearest memory that there is then.
    fn search_of_mixtures(&self) -> String {
        let (params, n) = (&self.params, self.n_samples());
        let mut text = String::from("\nfn search(voxel: u32) {\n");
        let directions = 0..self.dictionary.directions.len();
        if self.in_registers() {
            for d in directions {
                let dot = self.dot(|k| number(params.directions + d * n + k));
                // Writing to a string cannot fail.
                let _ = writeln!(text, "    let along{d} = max({dot}, 0.0);");
            }
        } else {
            directions.clone().for_each(|d| text += &format!("    var along{d} = 0.0;\n"));
            text += EACH_SAMPLE;
            for d in directions.clone() {
                let factor = format!("params[{}u + k]", params.directions + d * n);
                let _ = writeln!(text, "        along{d} = fma({factor}, y, along{d});");
            }
            text += "    }\n";
            directions.for_each(|d| text += &format!("    along{d} = max(along{d}, 0.0);\n"));
        }
        for (zone, nodes) in self.dictionary.zones.iter().enumerate() {
            for (count, node) in (1..).zip(nodes.clone()) {
                let [first, second] = self.dictionary.nodes[node].directions;
                let [cos, per_sin_squared] = [0, 1].map(|i| number(params.angles + 2 * node + i));
                let explained = format!("mixture(along{first}, along{second}, {cos}, {per_sin_squared})");
                let _ = writeln!(text, "    consider({count}u, {explained});");
            }
            let _ = writeln!(text, "    choose({zone}u);");
        }
        text + "}\n"
    }

    /// `explained`: the same for one node.
    fn explained_by_mixture(&self) -> String {
        let at = format!("{}u + node * {}u", self.params.nodes, self.params.node);
        let node = self.along_both();
        format!(
            "\nfn explained(node: u32, voxel: u32) -> f32 {{\n    let at = {at};\n{node}    \
             return mixture(first, second, cos, per_sin_squared);\n}}\n"
        )
    }

    /// What lies along both directions of a node, whose numbers begin `at`, and the angle between them.
    fn along_both(&self) -> String {
        let (angles, n) = (self.params.angles, self.params.grid.len());
        format!(
            "    let first = along(u32(params[at + {}u]), voxel);\n    \
             let second = along(u32(params[at + {}u]), voxel);\n    \
             let cos = params[{angles}u + 2u * node];\n    \
             let per_sin_squared = params[{}u + 2u * node];\n",
            n + 2,
            n + 3,
            angles + 1,
        )
    }

    /// `along`: what lies along a direction, or 0 where that is below 0. In software all of them are computed, which takes less than
    /// to read one lane by lane.
    fn along(&self) -> String {
        let mut text = String::from("fn along(direction: u32, voxel: u32) -> f32 {\n");
        if self.in_registers() {
            let few = if self.has_few_directions() { self.dictionary.directions.len() } else { 0 };
            let _ = writeln!(text, "    var sum = 0.0;\n    if IN_SOFTWARE && {} {{", few > 0);
            for d in 0..few {
                let place = self.params.directions + d * self.n_samples();
                let dot = self.dot(|k| number(place + k));
                let _ = writeln!(text, "        sum = select(sum, {dot}, direction == {place}u);");
            }
            let dot = self.dot(|k| format!("params[direction + {k}u]"));
            let _ = writeln!(text, "    }} else {{\n        sum = {dot};\n    }}");
        } else {
            text += "    var sum = 0.0;\n";
            text += EACH_SAMPLE;
            text += "        sum = fma(params[direction + k], y, sum);\n    }\n";
        }
        text + "    return max(sum, 0.0);\n}\n"
    }

    /// `explained`: projects the voxel's samples on a node's basis.
    fn explained(&self) -> String {
        let n_linear = self.params.n_linear;
        let mut text = String::new();
        for m in 0..n_linear {
            let _ = writeln!(text, "var<private> projection{m}: f32;");
        }
        let basis = self.params.grid.len() + n_linear * (n_linear + 1) / 2;
        let first = format!("{}u + node * {}u", self.params.nodes + basis, self.params.node);
        let _ = writeln!(text, "\nfn explained(node: u32, voxel: u32) -> f32 {{\n    let basis = {first};");
        if self.in_registers() {
            for m in 0..n_linear {
                let dot = self.dot(|k| format!("params[basis + {}u]", m * self.n_samples() + k));
                let _ = writeln!(text, "    projection{m} = {dot};");
            }
        } else {
            for m in 0..n_linear {
                let _ = writeln!(text, "    projection{m} = 0.0;");
            }
            text += EACH_SAMPLE;
            for m in 0..n_linear {
                let first = m * self.n_samples();
                let _ = writeln!(text, "        projection{m} = fma(params[basis + {first}u + k], y, projection{m});");
            }
            text += "    }\n";
        }
        let squares = (0..n_linear).map(|m| format!("projection{m} * projection{m}"));
        let _ = writeln!(text, "    return {};\n}}", super::joined(squares, " + ", "0.0"));
        text
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
        text += &match self.dictionary.solved.as_slice() {
            &[s, f] if self.is_mixing() => self.shares(s, f),
            solved => self.coefficients(solved),
        };
        text + "}\n"
    }

    /// Parameters that the signal is linear in: see `Lookup::parameters`.
    fn coefficients(&self, solved: &[usize]) -> String {
        let n = self.params.n_linear;
        let mut text = String::new();
        if !solved.is_empty() {
            text += "    _ = explained(node, voxel);\n";
        }
        let mut row = self.params.grid.len();
        for (i, &parameter) in solved.iter().enumerate() {
            let terms = (i..n).map(|j| format!("params[at + {}u] * projection{j}", row + j - i));
            let value = self.params.clamped(parameter, &format!("({})", super::joined(terms, " + ", "0.0")));
            let _ = writeln!(text, "    to{parameter} = {value};");
            row += n - i;
        }
        text
    }

    /// The signal and the share of a mixture.
    fn shares(&self, s: usize, f: usize) -> String {
        let (params, n) = (&self.params, self.params.grid.len());
        let bound = |bound: Option<&str>| bound.unwrap_or("0.0").to_owned();
        let (low, high) = (bound(params.low(f)), bound(params.high(f)));
        let to_s = params.clamped(s, "both");
        let to_f = params.clamped(f, &format!("({low} + share * ({high} - {low}))"));
        format!(
            "{}{SHARES}    let at_low = share_low * params[at + {n}u];\n    \
             let at_high = share_high * params[at + {}u];\n    \
             let both = at_low + at_high;\n    to{s} = {to_s};\n    \
             let share = select(0.0, at_high / both, both > 0.0);\n    to{f} = {to_f};\n",
            self.along_both(),
            n + 1,
        )
    }

    /// `remember`: notes where the best fit has ended, in the workgroup's memory; `is_remembered`: another is there too;
    /// `has_been_here`: it has been through the valley that a node lies in.
    pub(super) fn remembered(&self, near: f64) -> String {
        let p = self.n_parameters();
        let mut text = format!("var<workgroup> found: array<array<f32, SEATS>, {p}>;\n\nfn remember() {{\n");
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
}

/// Begins a loop over samples that are too many for registers.
const EACH_SAMPLE: &str =
    "    for (var k = 0u; k < N_SAMPLES; k++) {\n        let y = usable(load(k, voxel)) * per_largest;\n";

/// All nodes of all zones, one after the other.
const SEARCH: &str = "
fn search(voxel: u32) {
    for (var zone = 0u; zone < N_ZONES; zone++) {
        let nodes = ZONES[zone];
        for (var node = nodes.x; node < nodes.y; node++) {
            consider(node - nodes.x + 1u, explained(node, voxel));
        }
        choose(zone);
    }
}
";

/// What a mixture of two directions explains: see `Lookup::best_mixture`.
const MIXTURE: &str = "
fn mixture(first: f32, second: f32, cos: f32, per_sin_squared: f32) -> f32 {
    let added = max(second - cos * first, 0.0);
    let both = fma(added * added, per_sin_squared, first * first);
    return select(both, second * second, first < cos * second);
}
";

/// The shares of the two directions.
const SHARES: &str = "    let added = max(second - cos * first, 0.0) * per_sin_squared;
    let second_alone = first < cos * second;
    let share_low = select(max(first - cos * added, 0.0), 0.0, second_alone);
    let share_high = select(added, second, second_alone);
";
