//! The samples of a voxel, and one evaluation: signal, slopes and normal matrix at once.

use std::fmt::Write as _;

use super::{Fit, joined};
use crate::model::graph::Operation;
use crate::model::language::Language;
use crate::model::signal::program::Value;

/// More samples than these are read again for each evaluation: registers are few.
pub(super) const MOST_IN_REGISTERS: usize = 16;

impl Fit<'_> {
    pub(super) fn in_registers(&self) -> bool {
        self.n_samples() <= MOST_IN_REGISTERS
    }

    /// `take`: reads a voxel's samples.
    pub(super) fn take(&self) -> String {
        let n = self.n_samples();
        let mut text = String::new();
        let factors = 0..self.problem.n_factors();
        // Writing to a string cannot fail.
        for factor in factors.clone() {
            let _ = writeln!(text, "var<private> factor{factor}: f32;");
        }
        let mut load_factors: String =
            factors.clone().map(|f| format!("    factor{f} = load({}u, voxel);\n", n + f)).collect();
        if let Some(sigma) = factors.clone().last().filter(|_| self.problem.noise.needs_sigma()) {
            let _ = writeln!(load_factors, "    factor{sigma} *= per_largest;");
        }
        if self.in_registers() {
            for k in 0..n {
                let _ = writeln!(text, "var<private> y{k}: f32;");
            }
            text += "// A bit for each sample that is finite.\nvar<private> used: u32;\n\n";
            text += "fn take(voxel: u32) {\n    largest = 0.0;\n    used = 0u;\n";
            for k in 0..n {
                let bit = 1u32 << k;
                let _ =
                    writeln!(text, "    y{k} = load({k}u, voxel);\n    used |= select(0u, {bit}u, is_finite(y{k}));");
                let _ = writeln!(text, "    y{k} = usable(y{k});");
            }
            text += "    let per_largest = 1.0 / largest;\n";
            for k in 0..n {
                let _ = writeln!(text, "    y{k} *= per_largest;");
            }
            text += &load_factors;
            text += "}\n\nfn n_used() -> u32 {\n    return select(N_SAMPLES, countOneBits(used), MAY_MISS);\n}\n";
        } else {
            text += &IN_MEMORY.replace("    // The factors of the voxel's axes.\n", &load_factors);
        }
        let p = self.n_parameters();
        let good_factors: String = factors.map(|f| format!(" && is_positive(factor{f})")).collect();
        let _ = writeln!(
            text,
            "\nfn is_fittable() -> bool {{\n    \
             return largest > 0.0 && n_used() >= {p}u && N_SAMPLES >= {p}u{good_factors};\n}}"
        );
        text
    }

    /// `evaluate`: the sums where the step has led.
    pub(super) fn evaluate(&self) -> String {
        let p = self.n_parameters();
        let mut text = String::from("fn evaluate(voxel: u32) {\n    trial_squares = 0.0;\n");
        for i in 0..p {
            let _ = writeln!(text, "    downhill{i} = 0.0;");
            for j in 0..=i {
                let _ = writeln!(text, "    normal{i}{j} = 0.0;");
            }
        }
        for (i, &step) in self.factored.program.voxel.iter().enumerate() {
            let step = Language::Wgsl.expression(step, |input| self.input(input), |value| self.value(value, None));
            let _ = writeln!(text, "    let v{i} = {step};");
        }
        if self.in_registers() {
            for k in 0..self.n_samples() {
                let _ = writeln!(text, "    {{\n        let y = y{k};");
                let _ = writeln!(text, "        let weight = f32((used >> {k}u) & 1u);");
                text += &self.sample(Some(k));
                text += "    }\n";
            }
        } else {
            text += "    for (var k = 0u; k < N_SAMPLES; k++) {\n        let loaded = load(k, voxel);\n";
            text += "        let weight = select(0.0, 1.0, is_finite(loaded));\n";
            text += "        let y = select(0.0, loaded, weight > 0.0) * per_largest;\n";
            text += &self.sample(None);
            text += "    }\n";
        }
        text + &self.multiplied() + "}\n"
    }

    /// The sums of slopes by the factors that were left out of these.
    fn multiplied(&self) -> String {
        let mut text = String::new();
        let factor = |i: usize| self.factored.gradient[i].map(|factor| self.value(factor, None));
        for i in 0..self.n_parameters() {
            if let Some(factor) = factor(i) {
                let _ = writeln!(text, "    downhill{i} *= {factor};");
            }
            for j in 0..=i {
                let factors: Vec<String> = [factor(i), factor(j)].into_iter().flatten().collect();
                if !factors.is_empty() {
                    let _ = writeln!(text, "    normal{i}{j} *= {};", factors.join(" * "));
                }
            }
        }
        text
    }

    /// Adds a sample to the sums, without the factors; `y` and `weight` are the sample's.
    fn sample(&self, k: Option<usize>) -> String {
        let program = &self.factored.program;
        let mut text = String::new();
        for (i, step) in program.sample.iter().enumerate() {
            let step = self.step_of_sample(*step, k);
            let _ = writeln!(text, "        let s{i} = {step};");
        }
        let factor = self.factored.signal.map(|factor| format!(" * {}", self.value(factor, None))).unwrap_or_default();
        let _ = writeln!(text, "        var residual = y - {}{factor};", self.value(program.signal, k));
        let slopes = || program.gradient.iter().enumerate();
        for (i, &slope) in slopes() {
            let _ = writeln!(text, "        var slope{i} = {};", self.value(slope, k));
        }
        text += "        if MAY_MISS {\n            residual *= weight;\n";
        for (i, _) in slopes() {
            let _ = writeln!(text, "            slope{i} *= weight;");
        }
        text += "        }\n        trial_squares = fma(residual, residual, trial_squares);\n";
        for (i, _) in slopes() {
            let _ = writeln!(text, "        downhill{i} = fma(residual, slope{i}, downhill{i});");
            for j in 0..=i {
                let _ = writeln!(text, "        normal{i}{j} = fma(slope{i}, slope{j}, normal{i}{j});");
            }
        }
        text
    }

    fn step_of_sample(&self, step: Operation<Value>, k: Option<usize>) -> String {
        // Inputs are steps of the voxel.
        Language::Wgsl.expression(step, |input| self.input(input), |value| self.value(value, k))
    }

    /// How a value of the program is called.
    fn value(&self, value: Value, k: Option<usize>) -> String {
        match value {
            Value::Uniform(i) => self.params.uniform(i),
            Value::Table(i) => self.params.table(i, k),
            Value::Voxel(i) => format!("v{i}"),
            Value::Sample(i) => format!("s{i}"),
        }
    }

    /// Σ of `term` (WGSL of the sample `y`) over the samples that count, as a variable.
    pub(super) fn sum(&self, name: &str, term: &str) -> String {
        format!("    var {name} = 0.0;\n") + &self.each(&format!("{name} += weight * {term};"))
    }

    /// The least and the greatest of the samples that count, as variables.
    pub(super) fn range(&self) -> String {
        let sides = [
            "lowest = select(lowest, min(lowest, y), weight > 0.0);",
            "highest = select(highest, max(highest, y), weight > 0.0);",
        ];
        "    var lowest = NOTHING;\n    var highest = -NOTHING;\n".to_owned() + &self.each(&sides.join(" "))
    }

    /// Statements of the sample `y` and its `weight`, 0 or 1, for each sample.
    fn each(&self, statements: &str) -> String {
        if !self.in_registers() {
            return format!(
                "    for (var k = 0u; k < N_SAMPLES; k++) {{\n        let loaded = load(k, voxel);\n        \
                 let weight = select(0.0, 1.0, is_finite(loaded));\n        \
                 let y = select(0.0, loaded, weight > 0.0) * per_largest;\n        {statements}\n    }}\n"
            );
        }
        let mut text = String::new();
        for k in 0..self.n_samples() {
            let weight = format!("select(1.0, f32((used >> {k}u) & 1u), MAY_MISS)");
            let _ = writeln!(
                text,
                "    {{\n        let y = y{k};\n        let weight = {weight};\n        {statements}\n    }}"
            );
        }
        text
    }

    /// Σ over samples of `y` times what `factor` (WGSL) gives for each.
    pub(super) fn dot(&self, factor: impl Fn(usize) -> String) -> String {
        joined((0..self.n_samples()).map(|k| format!("{} * y{k}", factor(k))), " + ", "0.0")
    }
}

/// The samples of a voxel, where they are too many for registers.
const IN_MEMORY: &str = "var<private> per_largest: f32;
// Samples that are finite.
var<private> used: u32;

fn take(voxel: u32) {
    largest = 0.0;
    used = 0u;
    for (var k = 0u; k < N_SAMPLES; k++) {
        let y = load(k, voxel);
        used += select(0u, 1u, is_finite(y));
        largest = max(largest, usable(y));
    }
    per_largest = 1.0 / largest;
    // The factors of the voxel's axes.
}

fn n_used() -> u32 {
    return select(N_SAMPLES, used, MAY_MISS);
}
";
