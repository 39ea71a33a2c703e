//! The form of a map's TOML file, and the checks that it means something.

use serde::Deserialize;
use toml::Spanned;

use super::fault::Fault;
use super::graph::Graph;
use super::map::{Formula, InputSpec, MapModel, Modality, Reference};
use super::operator::{CONSTANTS, FUNCTIONS};
use super::parser::{Expr, ExprKind, parse};

/// The version of the form.
const SCHEMA: i64 = 1;

const KEYS_REMEDY: &str = "a map file has schema, title, reference, modality, formula, unit and [[inputs]], and may \
                           have positive and valid: see models/maps/signal_loss_absolute.toml";

#[derive(Deserialize)]
struct SchemaOnly {
    schema: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: i64,
    title: String,
    reference: Reference,
    modality: Spanned<Vec<Modality>>,
    formula: Spanned<String>,
    unit: String,
    inputs: Vec<FileInput>,
    #[serde(default)]
    positive: Vec<Spanned<String>>,
    valid: Option<Spanned<[f64; 2]>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileInput {
    name: Spanned<String>,
    doc: String,
    unit: Option<String>,
}

/// Reads a map file; `name` is that of the file.
pub(super) fn read(name: &str, text: &str) -> Result<MapModel, Fault> {
    check_schema(text)?;
    let file: File = toml::from_str(text).map_err(toml_fault)?;
    if !is_name(name) {
        let problem = format!("the file's name `{name}` cannot be a map's name");
        return Err(Fault::new(0..0, problem, NAME_REMEDY));
    }
    check_names(&file.inputs)?;
    check_modality(&file.modality)?;
    check_valid(file.valid.as_ref())?;
    let formula = formula(text, &file.formula, &file.inputs)?;
    let guards = file.positive.iter();
    let positive: Vec<Formula> =
        guards.map(|guard| self::formula(text, guard, &file.inputs)).collect::<Result<_, _>>()?;
    check_use(&file.inputs, &formula, &positive)?;
    Ok(MapModel {
        name: name.into(),
        title: file.title,
        reference: file.reference,
        modality: file.modality.into_inner(),
        formula,
        unit: file.unit,
        inputs: file.inputs.into_iter().map(InputSpec::from).collect(),
        positive,
        valid: file.valid.map(Spanned::into_inner),
    })
}

impl From<FileInput> for InputSpec {
    fn from(input: FileInput) -> Self {
        Self { name: input.name.into_inner(), doc: input.doc, unit: input.unit }
    }
}

fn toml_fault(error: toml::de::Error) -> Fault {
    Fault::new(error.span().unwrap_or(0..0), error.message(), KEYS_REMEDY)
}

/// Before anything else, so that a later form is named as such.
fn check_schema(text: &str) -> Result<(), Fault> {
    let schema = toml::from_str::<SchemaOnly>(text).map_err(toml_fault)?.schema;
    match *schema.get_ref() {
        SCHEMA => Ok(()),
        other => Err(Fault::new(
            schema.span(),
            format!("schema {other} is not known; this hepar knows schema {SCHEMA}"),
            "use the version of hepar that the file was written for",
        )),
    }
}

const NAME_REMEDY: &str =
    "a name starts with a letter and goes on with letters, digits and _; functions and pi are taken";

/// Whether formulas can use a name.
fn is_name(name: &str) -> bool {
    let taken = FUNCTIONS.iter().any(|(known, _)| *known == name) || CONSTANTS.iter().any(|(known, _)| *known == name);
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !taken && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn check_names(inputs: &[FileInput]) -> Result<(), Fault> {
    if inputs.is_empty() {
        return Err(Fault::new(0..0, "no input is declared", KEYS_REMEDY));
    }
    for (i, input) in inputs.iter().enumerate() {
        let name = input.name.get_ref();
        if !is_name(name) {
            let problem = format!("`{name}` cannot be an input's name");
            return Err(Fault::new(input.name.span(), problem, NAME_REMEDY));
        }
        if inputs[..i].iter().any(|other| other.name.get_ref() == name) {
            let problem = format!("the input `{name}` is declared twice");
            return Err(Fault::new(input.name.span(), problem, "remove one"));
        }
    }
    Ok(())
}

fn check_modality(modality: &Spanned<Vec<Modality>>) -> Result<(), Fault> {
    match modality.get_ref().is_empty() {
        false => Ok(()),
        true => Err(Fault::new(
            modality.span(),
            "no modality is named",
            "name the images that the map is defined for, such as modality = [\"MR\"]",
        )),
    }
}

fn check_valid(valid: Option<&Spanned<[f64; 2]>>) -> Result<(), Fault> {
    let Some(valid) = valid else { return Ok(()) };
    let [low, high] = *valid.get_ref();
    // False for NaN too.
    if low < high && [low, high].iter().all(|x| (*x as f32).is_finite()) {
        return Ok(());
    }
    Err(Fault::new(
        valid.span(),
        format!("[{low}, {high}] is no range"),
        "write valid = [lowest, highest] with two finite numbers, the smaller one first",
    ))
}

/// Reads a formula that stands in `text`, and tries it with the names of the inputs.
fn formula(text: &str, written: &Spanned<String>, inputs: &[FileInput]) -> Result<Formula, Fault> {
    let formula = written.get_ref().as_str();
    // Behind the quotes; with escapes the file's bytes are not the formula's, and the place is only near.
    let quoted = &text[written.span()];
    let start = written.span().start + quoted.find(formula).unwrap_or(0);
    let mut graph = Graph::default();
    let names: Vec<_> =
        (0..).zip(inputs).map(|(row, input)| (input.name.get_ref().as_str(), graph.image(row))).collect();
    let checked = parse(formula).and_then(|expr| graph.add(&expr, &names).map(|_| expr));
    Ok(Formula { expr: checked.map_err(|fault| fault.shifted(start))?, text: formula.into() })
}

/// What is declared must be used.
fn check_use(inputs: &[FileInput], formula: &Formula, positive: &[Formula]) -> Result<(), Fault> {
    let formulas = || positive.iter().chain([formula]);
    let unused = |input: &&FileInput| {
        let name = input.name.get_ref();
        !formulas().any(|formula| uses(&formula.expr, name))
    };
    match inputs.iter().find(unused) {
        None => Ok(()),
        Some(input) => Err(Fault::new(
            input.name.span(),
            format!("the input `{}` is not used", input.name.get_ref()),
            "use it in the formula or in a guard, or remove it",
        )),
    }
}

fn uses(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => false,
        ExprKind::Name(used) => used == name,
        ExprKind::Unary(_, x) => uses(x, name),
        ExprKind::Binary(_, a, b) => uses(a, name) || uses(b, name),
    }
}

#[cfg(test)]
mod tests;
