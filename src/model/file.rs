//! What the TOML files of maps and of signal models have in common.

use serde::Deserialize;
use toml::Spanned;

use super::fault::Fault;
use super::graph::Graph;
use super::map::Formula;
use super::operator::{CONSTANTS, FUNCTIONS};
use super::parser::{Expr, ExprKind, parse};

/// The version of both forms.
const SCHEMA: i64 = 1;

/// What can be a name.
pub(super) const NAME_REMEDY: &str =
    "a name starts with a letter and goes on with letters, digits and _; functions and pi are taken";

#[derive(Deserialize)]
struct SchemaOnly {
    schema: Spanned<i64>,
}

/// Reads a file's form, after a look at its version, so that a later form is named as such. `remedy` says what the
/// form is.
pub(super) fn read<F: serde::de::DeserializeOwned>(text: &str, remedy: &str) -> Result<F, Fault> {
    let fault = |error: toml::de::Error| Fault::new(error.span().unwrap_or(0..0), error.message(), remedy);
    let schema = toml::from_str::<SchemaOnly>(text).map_err(fault)?.schema;
    match *schema.get_ref() {
        SCHEMA => toml::from_str(text).map_err(fault),
        other => Err(Fault::new(
            schema.span(),
            format!("schema {other} is not known; this hepar knows schema {SCHEMA}"),
            "use the version of hepar that the file was written for",
        )),
    }
}

/// Refuses a file whose name cannot be used in formulas and for files.
pub(super) fn check_file_name(name: &str, what: &str) -> Result<(), Fault> {
    if is_name(name) {
        return Ok(());
    }
    let problem = format!("the file's name `{name}` cannot be {what}'s name");
    Err(Fault::new(0..0, problem, NAME_REMEDY))
}

/// Whether formulas can use a name.
pub(super) fn is_name(name: &str) -> bool {
    let taken = FUNCTIONS.iter().any(|(known, _)| *known == name) || CONSTANTS.iter().any(|(known, _)| *known == name);
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !taken && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Refuses names that formulas cannot use, or that stand twice; `what` they are, such as `an input`.
pub(super) fn check_names<'n>(names: impl Iterator<Item = &'n Spanned<String>>, what: &str) -> Result<(), Fault> {
    let mut before: Vec<&str> = Vec::new();
    for written in names {
        let name = written.get_ref();
        if !is_name(name) {
            return Err(Fault::new(written.span(), format!("`{name}` cannot be {what}'s name"), NAME_REMEDY));
        }
        if before.contains(&name.as_str()) {
            let problem = format!("`{name}` is declared twice");
            return Err(Fault::new(written.span(), problem, "remove or rename one"));
        }
        before.push(name);
    }
    Ok(())
}

/// Reads a formula that stands in `text`, and tries it with the names that it may use.
pub(super) fn formula(text: &str, written: &Spanned<String>, names: &[&str]) -> Result<Formula, Fault> {
    let formula = written.get_ref().as_str();
    // Behind the quotes; with escapes the file's bytes are not the formula's, and the place is only near.
    let quoted = &text[written.span()];
    let start = written.span().start + quoted.find(formula).unwrap_or(0);
    let mut graph = Graph::default();
    let names: Vec<_> = (0..).zip(names).map(|(index, &name)| (name, graph.input(index))).collect();
    let checked = parse(formula).and_then(|expr| graph.add(&expr, &names).map(|_| expr));
    Ok(Formula { expr: checked.map_err(|fault| fault.shifted(start))?, text: formula.into() })
}

/// Whether a formula names something.
pub(super) fn uses(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => false,
        ExprKind::Name(used) => used == name,
        ExprKind::Unary(_, x) => uses(x, name),
        ExprKind::Binary(_, a, b) => uses(a, name) || uses(b, name),
    }
}
