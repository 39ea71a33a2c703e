//! Parameters that are idle where fits end: see `nlls::idle`.

use std::fmt::Write as _;

use super::Fit;

impl Fit<'_> {
    /// `is_idle`: whether the best end lies on a face on which a parameter is idle; `try_place`: begins there, with the
    /// parameter at another place.
    pub(super) fn idle(&self) -> String {
        let (mut is_idle, mut change) = (String::new(), String::new());
        for (number, idle) in self.dictionary.idle.iter().enumerate() {
            let bound = if idle.is_upper { self.params.high(idle.face) } else { self.params.low(idle.face) };
            let (face, bound) = (idle.face, bound.unwrap_or("0.0"));
            // Writing to a string cannot fail.
            let _ = writeln!(is_idle, "        case {number}u: {{ return found[{face}][place] == {bound}; }}");
            let _ = writeln!(change, "        case {number}u: {{ to{} = value; }}", idle.parameter);
        }
        let mut text = format!(
            "fn is_idle(idle: u32) -> bool {{\n    switch idle {{\n{is_idle}        default: {{ return false; }}\n    }}\n}}\n\n"
        );
        text += "fn try_place(idle: u32, number: u32) {\n";
        for i in 0..self.n_parameters() {
            let _ = writeln!(text, "    to{i} = found[{i}][place];");
        }
        let _ = writeln!(text, "    let value = params[{}u + idle * N_PLACES + number];", self.params.places);
        text + &format!("    switch idle {{\n{change}        default: {{}}\n    }}\n}}\n")
    }
}
