//! One step of Levenberg–Marquardt, written out: the twin of `lm::step`.

use std::fmt::Write as _;

use super::{Fit, joined};

/// The names of the half gradient and the normal matrix.
fn sums(p: usize) -> impl Iterator<Item = String> {
    (0..p).flat_map(|i| std::iter::once(format!("downhill{i}")).chain((0..=i).map(move |j| format!("normal{i}{j}"))))
}

/// Where a fit is, where its step leads, and the sums there. Those of where it is wait in the workgroup's memory while
/// those of where the step leads are added up: registers are few.
pub(super) fn variables(p: usize) -> String {
    let mut text = String::new();
    for i in 0..p {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "var<private> at{i}: f32;\nvar<private> to{i}: f32;");
    }
    for name in sums(p) {
        let _ = writeln!(text, "var<private> {name}: f32;");
    }
    let _ = writeln!(text, "var<workgroup> kept: array<array<f32, SEATS>, {}>;", sums(p).count());
    text
}

/// `accept`: the fit goes where its step has led, whose sums stand; `reject`: it stays where it is; `arrive`: it goes where
/// the next step leads, whose sums nobody asks for.
pub(super) fn accept_and_reject(p: usize) -> String {
    let mut text = String::from("fn accept() {\n    squares = trial_squares;\n");
    for i in 0..p {
        let _ = writeln!(text, "    at{i} = to{i};");
    }
    for (k, name) in sums(p).enumerate() {
        let _ = writeln!(text, "    kept[{k}][place] = {name};");
    }
    text += "}\n\nfn reject() {\n";
    for (k, name) in sums(p).enumerate() {
        let _ = writeln!(text, "    {name} = kept[{k}][place];");
    }
    text += "}\n\nfn arrive() {\n";
    for i in 0..p {
        let _ = writeln!(text, "    at{i} = to{i};");
    }
    text + "}\n"
}

/// The statements of LDLᵀ of a matrix `a{i}{j}`, of which the lower half is given: `l{i}{j}` below the diagonal, and
/// the inverse pivots `inverse{i}`. A pivot that rounding has made too small is replaced.
pub(super) fn factors(p: usize, indent: &str) -> String {
    let mut text = String::new();
    for i in 0..p {
        for j in 0..i {
            let products = (0..j).map(|k| format!(" - u{i}{k} * l{j}{k}"));
            let _ = writeln!(text, "{indent}let u{i}{j} = a{i}{j}{};", joined(products, "", ""));
            let _ = writeln!(text, "{indent}let l{i}{j} = u{i}{j} * inverse{j};");
        }
        let products = (0..i).map(|k| format!(" - u{i}{k} * l{i}{k}"));
        let pivot = format!("a{i}{i}{}", joined(products, "", ""));
        let least = format!("max(a{i}{i} * LEAST_PIVOT, TINY_PIVOT)");
        let _ = writeln!(text, "{indent}let inverse{i} = 1.0 / max({pivot}, {least});");
    }
    text
}

impl Fit<'_> {
    /// `step`: from `at` to `to`, and what that promises.
    pub(super) fn step(&self) -> String {
        let p = self.n_parameters();
        let mut text = String::from("fn step() {\n");
        for i in 0..p {
            // A parameter that lies at a bound and would be driven out of it is held.
            let mut held = Vec::new();
            if let Some(low) = self.params.low(i) {
                held.push(format!("(at{i} <= {low} && downhill{i} < 0.0)"));
            }
            if let Some(high) = self.params.high(i) {
                held.push(format!("(at{i} >= {high} && downhill{i} > 0.0)"));
            }
            let _ = writeln!(text, "    var out{i} = {};", joined(held, " || ", "false"));
            let _ = writeln!(text, "    var given{i} = 0.0;\n    to{i} = at{i};");
        }
        text += "    // Parameters that would leave the box end at its face, and the others make the best of it.\n";
        text += "    for (var round = 0u; round < 2u; round++) {\n";
        text += &self.system();
        text += &factors(p, "        ");
        text += &self.solution();
        text += "    }\n";
        text += &self.promise();
        text + "}\n"
    }

    /// The damped normal equations of what is not taken out.
    fn system(&self) -> String {
        let mut text = String::new();
        for i in 0..self.n_parameters() {
            for j in 0..i {
                let _ = writeln!(text, "        let a{i}{j} = select(normal{i}{j}, 0.0, out{i} || out{j});");
            }
            let _ =
                writeln!(text, "        let a{i}{i} = select(fma(normal{i}{i}, damping, normal{i}{i}), 1.0, out{i});");
            let others = (0..self.n_parameters()).filter(|&j| j != i);
            let product = |j: usize| format!(" - normal{}{} * given{j}", i.max(j), i.min(j));
            let side = format!("downhill{i}{}", joined(others.map(product), "", ""));
            let _ = writeln!(text, "        let b{i} = select({side}, 0.0, out{i});");
        }
        text
    }

    /// Solves and takes the step; leaves the loop if no parameter leaves the box.
    fn solution(&self) -> String {
        let p = self.n_parameters();
        let mut text = String::new();
        for i in 0..p {
            let products = (0..i).map(|j| format!(" - l{i}{j} * z{j}"));
            let _ = writeln!(text, "        let z{i} = b{i}{};", joined(products, "", ""));
        }
        let potential = joined((0..p).map(|i| format!("z{i} * z{i} * inverse{i}")), " + ", "0.0");
        let _ = writeln!(text, "        if round == 0u {{\n            potential = {potential};\n        }}");
        for i in (0..p).rev() {
            let products = (i + 1..p).map(|j| format!(" - l{j}{i} * x{j}"));
            let _ = writeln!(text, "        let x{i} = z{i} * inverse{i}{};", joined(products, "", ""));
        }
        for i in 0..p {
            let _ = writeln!(text, "        let free{i} = select(at{i} + x{i}, to{i}, out{i});");
            let outside = self.params.outside(i, &format!("free{i}"), false);
            let _ = writeln!(text, "        let cut{i} = {outside};");
            let _ = writeln!(text, "        to{i} = {};", self.params.clamped(i, &format!("free{i}")));
        }
        let any = joined((0..p).map(|i| format!("cut{i}")), " || ", "false");
        let _ = writeln!(text, "        if !({any}) {{\n            break;\n        }}");
        for i in 0..p {
            let _ = writeln!(text, "        given{i} = select(0.0, to{i} - at{i}, cut{i});");
            let _ = writeln!(text, "        out{i} = out{i} || cut{i};");
        }
        text
    }

    /// What the quadratic model says that the step reduces the sum of squares by.
    fn promise(&self) -> String {
        let mut text = String::from("    promise = 0.0;\n");
        for i in 0..self.n_parameters() {
            let _ = writeln!(text, "    let change{i} = to{i} - at{i};");
            let products = (0..i).map(|j| format!(" - normal{i}{j} * change{j}"));
            let slope = format!("2.0 * (downhill{i}{}) - normal{i}{i} * change{i}", joined(products, "", ""));
            let _ = writeln!(text, "    promise = fma(change{i}, {slope}, promise);");
        }
        text
    }
}
