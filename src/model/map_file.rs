//! The form of a map's TOML file, and the checks that it means something.

use serde::Deserialize;
use toml::Spanned;

use super::fault::Fault;
use super::file;
use super::map::{Formula, InputSpec, MapModel, Modality, Reference};

const KEYS_REMEDY: &str = "a map file has schema, title, reference, modality, formula, unit and [[inputs]], and may \
                           have positive, valid and field_strength_t: see models/maps/signal_loss_absolute.toml";

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
    field_strength_t: Option<Spanned<Vec<f64>>>,
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
    let file: File = file::read(text, KEYS_REMEDY)?;
    file::check_file_name(name, "a map")?;
    if file.inputs.is_empty() {
        return Err(Fault::new(0..0, "no input is declared", KEYS_REMEDY));
    }
    file::check_names(file.inputs.iter().map(|input| &input.name), "an input")?;
    check_modality(&file.modality)?;
    check_valid(file.valid.as_ref())?;
    check_fields(file.field_strength_t.as_ref())?;
    let names: Vec<&str> = file.inputs.iter().map(|input| input.name.get_ref().as_str()).collect();
    let formula = file::formula(text, &file.formula, &names)?;
    let guards = file.positive.iter();
    let positive: Vec<Formula> = guards.map(|guard| file::formula(text, guard, &names)).collect::<Result<_, _>>()?;
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
        field_strength_t: file.field_strength_t.map(Spanned::into_inner),
    })
}

impl From<FileInput> for InputSpec {
    fn from(input: FileInput) -> Self {
        Self { name: input.name.into_inner(), doc: input.doc, unit: input.unit }
    }
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

fn check_fields(fields: Option<&Spanned<Vec<f64>>>) -> Result<(), Fault> {
    let Some(fields) = fields else { return Ok(()) };
    let is_field = |t: &f64| t.is_finite() && *t > 0.0;
    match !fields.get_ref().is_empty() && fields.get_ref().iter().all(is_field) {
        true => Ok(()),
        false => Err(Fault::new(
            fields.span(),
            format!("{:?} are no field strengths", fields.get_ref()),
            "list those that the map is defined for, in tesla, such as field_strength_t = [1.5]; leave the key out \
             where any will do",
        )),
    }
}

/// What is declared must be used.
fn check_use(inputs: &[FileInput], formula: &Formula, positive: &[Formula]) -> Result<(), Fault> {
    let formulas = || positive.iter().chain([formula]);
    let unused = |input: &&FileInput| {
        let name = input.name.get_ref();
        !formulas().any(|formula| file::uses(&formula.expr, name))
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

#[cfg(test)]
mod tests;
