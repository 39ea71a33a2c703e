//! What is written of a fit: the twin of `finish.rs`.

use std::fmt::Write as _;

use super::{Fit, joined, step};
use crate::device::ColumnType;
use crate::fit::nlls::output::{NllsOutput, Quantity};
use crate::model::language::Language;
use crate::model::program::Value;
use crate::model::wgsl::literal;

impl Fit<'_> {
    /// `keep`: writes what the fit has found, in the model's units.
    pub(super) fn keep(&self) -> String {
        let columns = self.outputs.columns;
        let mut text = String::from("fn keep(voxel: u32, remarks: u32) {\n    let n = f32(n_used());\n");
        for i in 0..self.n_parameters() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    let size{i} = {};\n    let u{i} = at{i} * size{i};", self.size(i));
        }
        if columns.iter().any(NllsOutput::needs_derived) {
            text += &self.derived();
        }
        if columns.iter().any(NllsOutput::needs_covariance) {
            // The last step was not looked at.
            (0..self.n_parameters()).for_each(|i| text += &format!("    to{i} = at{i};\n"));
            text += "    evaluate(voxel);\n";
            text += &self.errors();
        }
        if columns.iter().any(|output| output.quantity == Quantity::R2) {
            text += &self.sum("total", "y");
            text += "    let mean = total / n;\n";
            text += &self.range();
            text += &self.sum("spread", "(y - mean) * (y - mean)");
        }
        for (column, output) in columns.iter().enumerate() {
            text += &self.store(column, output.quantity);
        }
        text + "}\n"
    }

    /// A parameter's unit in the model's.
    fn size(&self, i: usize) -> String {
        let scale = literal(self.problem.scales[i]);
        match self.problem.extents[i].is_signal {
            true => format!("{scale} * largest"),
            false => scale,
        }
    }

    fn store(&self, column: usize, quantity: Quantity) -> String {
        let store = |value: &str| format!("    store_finite({column}u, voxel, {value});\n");
        let count = |value: &str| format!("    store_u16({column}u, voxel, {value});\n");
        match quantity {
            Quantity::Parameter(i) => store(&format!("u{i}")),
            Quantity::Derived(d) => store(&self.derived_value(self.outputs.values[d])),
            Quantity::ParameterSe(i) => self.parameter_error(i) + &store(&format!("error{i}")),
            Quantity::DerivedSe(d) => self.derived_error(d) + &store(&format!("derived_error{d}")),
            Quantity::Rmse => store("largest * sqrt(squares / n)"),
            Quantity::R2 => {
                format!(
                    "    if lowest < highest {{\n    {}    }} else {{\n        store_nan({column}u, voxel);\n    }}\n",
                    store("1.0 - squares / spread")
                )
            }
            Quantity::Aicc => self.aicc(column),
            Quantity::Iterations => count("steps - 1u"),
            Quantity::Status => self.status() + &count("status"),
        }
    }

    fn status(&self) -> String {
        let p = self.n_parameters();
        let at_bound = joined((0..p).map(|i| self.params.outside(i, &format!("at{i}"), true)), " || ", "false");
        let negative = joined((0..p).map(|i| format!("at{i} < 0.0")), " || ", "false");
        format!(
            "    var status = remarks;\n    status |= select(0u, AT_BOUND, {at_bound});\n    \
             status |= select(0u, NEGATIVE, {negative});\n    \
             status |= select(0u, ITERATION_LIMIT, steps > MAX_ITERATIONS);\n"
        )
    }

    fn aicc(&self, column: usize) -> String {
        let k = literal(self.n_parameters() as f64 + 1.0);
        // n·ln(rss/n), with the largest signal apart: its square may leave the range of f32.
        format!(
            "    let rest = n - {k} - 1.0;\n    if rest > 0.0 && squares > 0.0 {{\n        \
             let logarithm = ln_accurate(squares / n) + 2.0 * ln_accurate(largest);\n        \
             store_finite({column}u, voxel, n * logarithm + 2.0 * {k} + 2.0 * {k} * ({k} + 1.0) / rest);\n    \
             }} else {{\n        store_nan({column}u, voxel);\n    }}\n"
        )
    }

    /// Derived quantities and their slopes.
    fn derived(&self) -> String {
        let mut text = String::new();
        for (i, &step) in self.outputs.derived.steps.iter().enumerate() {
            let step = Language::Wgsl.expression(step, |input| format!("u{input}"), |value| self.derived_name(value));
            let _ = writeln!(text, "    let d{i} = {step};");
        }
        text
    }

    fn derived_name(&self, value: Value) -> String {
        match value {
            Value::Step(i) => format!("d{i}"),
            Value::Uniform(i) => self.params.of_derived(i),
        }
    }

    fn derived_value(&self, wanted: usize) -> String {
        self.outputs.derived.groups.first().map_or("0.0".into(), |group| self.derived_name(group.wanted[wanted]))
    }

    /// Factors of the normal matrix of what lies at no bound, and the variance of a sample.
    fn errors(&self) -> String {
        let p = self.n_parameters();
        let mut text = String::new();
        for i in 0..p {
            let outside = self.params.outside(i, &format!("at{i}"), true);
            let _ = writeln!(text, "    let held{i} = {outside} || normal{i}{i} <= 0.0;");
            for j in 0..i {
                let _ = writeln!(text, "    let a{i}{j} = select(normal{i}{j}, 0.0, held{i} || held{j});");
            }
            let _ = writeln!(text, "    let a{i}{i} = select(normal{i}{i}, 1.0, held{i});");
        }
        text += &step::factors(p, "    ");
        let _ = writeln!(text, "    let freedom = n - {};", literal(p as f64));
        text + "    let sigma = nan_where(freedom <= 0.0, sqrt(squares / freedom));\n"
    }

    fn parameter_error(&self, parameter: usize) -> String {
        let side = |i: usize| (i == parameter).then(|| "1.0".to_owned());
        let (text, root) = self.root_of_variance(&format!("e{parameter}_"), side);
        format!("{text}    let error{parameter} = nan_where(held{parameter}, sigma * size{parameter} * {root});\n")
    }

    /// √(gᵀCg) with the slopes g; NaN where one of them is that by a parameter at a bound.
    fn derived_error(&self, derived: usize) -> String {
        let slopes = &self.outputs.slopes[derived];
        let side = |i: usize| slopes[i].map(|wanted| format!("{} * size{i}", self.derived_value(wanted)));
        let (text, root) = self.root_of_variance(&format!("g{derived}_"), side);
        let held = (0..slopes.len()).filter(|&i| slopes[i].is_some()).map(|i| format!("held{i}"));
        let held = joined(held, " || ", "false");
        format!("{text}    let derived_error{derived} = nan_where({held}, sigma * {root});\n")
    }

    /// √(gᵀ·(LDLᵀ)⁻¹·g): solving L·z = g is enough.
    fn root_of_variance(&self, z: &str, side: impl Fn(usize) -> Option<String>) -> (String, String) {
        let mut text = String::new();
        let mut known: Vec<usize> = Vec::new();
        for i in 0..self.n_parameters() {
            let products = known.iter().map(|j| format!(" - l{i}{j} * {z}{j}"));
            let products = joined(products, "", "");
            let side = side(i);
            if side.is_none() && known.is_empty() {
                continue;
            }
            let _ = writeln!(text, "    let {z}{i} = {}{products};", side.unwrap_or("0.0".into()));
            known.push(i);
        }
        let squares = known.iter().map(|i| format!("{z}{i} * {z}{i} * inverse{i}"));
        (text, format!("sqrt({})", joined(squares, " + ", "0.0")))
    }

    /// `fail` and `fail_in_scratch`: what is written where nothing was found.
    pub(super) fn fail(&self) -> String {
        let scratch = self.scratch();
        let mut text = String::from("fn fail(voxel: u32, status: u32) {\n");
        for (column, output) in self.outputs.columns.iter().enumerate() {
            text += &match (output.column().kind, output.quantity) {
                (_, Quantity::Status) => format!("    store_u16({column}u, voxel, status);\n"),
                (ColumnType::F32, _) if column != scratch => format!("    store_nan({column}u, voxel);\n"),
                _ => format!("    store_u16({column}u, voxel, 0u);\n"),
            };
        }
        text += "}\n\n// Column SCRATCH may hold a note that there is no start.\nfn fail_in_scratch(voxel: u32) {\n";
        let is_float = |output: &NllsOutput| output.column().kind == ColumnType::F32;
        if self.outputs.columns.get(scratch).is_some_and(is_float) {
            text += "    store_nan(SCRATCH, voxel);\n";
        }
        text + "}\n"
    }
}
