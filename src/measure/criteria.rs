//! What others have published about a quantity (`data/criteria`): shown beside values as what was published, for whom and
//! by which protocol; never a class, never a diagnosis.

use std::path::Path;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::model::Modality;
use crate::{Error, Result};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/criteria");
/// Not of this form: read by [`enhance::window`](crate::enhance::window).
const WINDOWS: &str = "phase_windows.toml";
/// Fields that are called the same differ by less: 2.89 and 3 T do not.
const SAME_FIELD_T: f64 = 0.15;

/// What a criterion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A value that told two groups apart.
    CutOff,
    /// What was found in one group: mean, and its standard deviation.
    ReferenceValue,
    /// A formula from this quantity to another.
    Calibration,
    /// How far two measurements of the same thing lie apart.
    Repeatability,
}

/// On which side of a cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger.
    Above,
    /// Larger or equal.
    AtLeast,
    /// Smaller.
    Below,
    /// Smaller or equal.
    AtMost,
    /// Between two values.
    Within,
}

/// One value, or both ends of a range.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// One value.
    One(f64),
    /// From one to another.
    Range([f64; 2]),
}

/// How a number was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// Against the paper's abstract.
    Abstract,
    /// Against a review that cites it.
    Review,
    /// It was chosen here.
    Own,
    /// Not at all.
    No,
}

impl Checked {
    /// What follows the source in a text; empty where it was checked.
    pub fn remark(self) -> &'static str {
        match self {
            Self::Abstract | Self::Own => "",
            Self::Review => "; taken from a review",
            Self::No => "; not checked against the source",
        }
    }
}

/// A published cut-off, reference value, calibration or repeatability.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Names of maps or parameters that it is about.
    pub quantity: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its value, in `unit`; none for a calibration.
    pub value: Option<Value>,
    /// Standard deviation of a reference value over the group, in `unit`.
    pub spread: Option<f64>,
    /// A calibration's formula of the quantity.
    pub formula: Option<String>,
    /// Side of a cut-off.
    pub direction: Option<Direction>,
    /// Unit of the value, or of a calibration's result.
    pub unit: String,
    /// Images that it holds for.
    pub modality: Modality,
    /// Magnetic fields in T that it holds at; none means any.
    pub field_strength_t: Option<Vec<f64>>,
    /// Roles of the phases that it holds in; none means that it is not about a phase.
    pub phases: Option<Vec<String>>,
    /// Who was examined.
    pub population: String,
    /// How.
    pub protocol: String,
    /// How well it told groups apart.
    pub figures: Option<String>,
    /// What to beware of.
    pub remark: Option<String>,
    /// Author, year, journal.
    pub source: String,
    /// Digital object identifier.
    pub doi: Option<String>,
    /// How the number was checked.
    pub checked: Checked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    criterion: Vec<Criterion>,
}

impl Criterion {
    /// All that come with hepar, file by file.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Criterion>> = LazyLock::new(embedded);
        &ALL
    }

    /// Those of a file's text.
    ///
    /// # Errors
    /// [`Error::Data`] that names `path` for unknown or missing keys, and for what contradicts itself.
    pub fn parse(text: &str, path: &Path) -> Result<Vec<Self>> {
        let remedy = "see data/criteria/README.md for the keys";
        let file: File = toml::from_str(text).map_err(|e| Error::data(path, e.to_string(), remedy))?;
        if file.schema != 1 {
            return Err(Error::data(path, format!("schema {} is not known", file.schema), "write schema = 1"));
        }
        for criterion in &file.criterion {
            criterion.check().map_err(|problem| {
                Error::data(
                    path,
                    format!("{} of {}: {problem}", criterion.quantity.join(", "), criterion.source),
                    remedy,
                )
            })?;
        }
        Ok(file.criterion)
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        let calibration = self.kind == Kind::Calibration;
        let within = self.direction == Some(Direction::Within);
        match (self.value, &self.formula) {
            (None, None) | (Some(_), Some(_)) => return Err("it has either a value or a formula"),
            (None, Some(_)) if !calibration => return Err("only a calibration has a formula"),
            (Some(_), None) if calibration => return Err("a calibration has a formula and no value"),
            (Some(Value::One(_)), _) if within => return Err("`within` needs two values"),
            (Some(Value::Range([from, to])), _) if from >= to => return Err("the range ends before it begins"),
            _ => {}
        }
        if (self.kind == Kind::CutOff) != self.direction.is_some() {
            return Err("a cut-off, and nothing else, has a direction");
        }
        if self.spread.is_some() && self.kind != Kind::ReferenceValue {
            return Err("only a reference value has a spread");
        }
        let texts = [&self.unit, &self.population, &self.protocol, &self.source];
        if self.quantity.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
            return Err("quantity, unit, population, protocol and source must say something");
        }
        Ok(())
    }

    /// Whether it may stand beside a quantity of images of this kind. What holds at certain fields or in certain phases
    /// does not where these are unknown.
    fn applies(&self, quantity: &str, modality: Modality, field_strength_t: Option<f64>, phase: Option<&str>) -> bool {
        let at_field = |fields: &Vec<f64>| {
            field_strength_t.is_some_and(|field| fields.iter().any(|f| (f - field).abs() <= SAME_FIELD_T))
        };
        let in_phase = |phases: &Vec<String>| phase.is_some_and(|phase| phases.iter().any(|p| p == phase));
        self.quantity.iter().any(|name| name == quantity)
            && self.modality == modality
            && self.field_strength_t.as_ref().is_none_or(at_field)
            && self.phases.as_ref().is_none_or(in_phase)
    }

    /// One sentence for a table or a report, such as `published cut-off: below 0.001066 mm²/s (…)`.
    pub fn text(&self) -> String {
        let what = match self.kind {
            Kind::CutOff => "cut-off",
            Kind::ReferenceValue => "value",
            Kind::Calibration => "calibration",
            Kind::Repeatability => "repeatability",
        };
        let doi = self.doi.as_ref().map_or_else(String::new, |doi| format!(", doi:{doi}"));
        let source = format!("{}{doi}{}", self.source, self.checked.remark());
        let parts =
            [Some(&self.population), Some(&self.protocol), self.figures.as_ref(), self.remark.as_ref(), Some(&source)];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        format!("published {what}: {} ({})", self.amount(), parts.join("; "))
    }

    /// The value with side, spread and unit, or the formula.
    fn amount(&self) -> String {
        let unit = &self.unit;
        let side = match self.direction {
            Some(Direction::Above) => "above ",
            Some(Direction::AtLeast) => "at least ",
            Some(Direction::Below) => "below ",
            Some(Direction::AtMost) => "at most ",
            Some(Direction::Within) | None => "",
        };
        let spread = self.spread.map_or_else(String::new, |spread| format!(" ± {spread}"));
        match (self.value, &self.formula) {
            (Some(Value::One(value)), _) => format!("{side}{value}{spread} {unit}"),
            (Some(Value::Range([from, to])), _) => format!("{side}{from} to {to} {unit}"),
            (None, formula) => format!("{} {unit}", formula.as_deref().unwrap_or_default()),
        }
    }
}

/// What has been published about a quantity: a map or parameter by name, in images of `modality` made at a field (T) in a
/// phase ([`Role::name`](crate::enhance::Role::name)), as far as these are known.
pub fn applicable(
    quantity: &str,
    modality: Modality,
    field_strength_t: Option<f64>,
    phase: Option<&str>,
) -> Vec<&'static Criterion> {
    Criterion::all().iter().filter(|c| c.applies(quantity, modality, field_strength_t, phase)).collect()
}

#[expect(clippy::panic, reason = "a test reads every embedded file, so a build that passed cannot come here")]
fn embedded() -> Vec<Criterion> {
    let mut files: Vec<_> = FILES.files().filter(|file| is_criteria(file.path())).collect();
    files.sort_by_key(|file| file.path());
    let read = |file: &&include_dir::File| {
        let path = Path::new("data/criteria").join(file.path());
        let text = file.contents_utf8().unwrap_or_default();
        Criterion::parse(text, &path).unwrap_or_else(|error| panic!("{error}"))
    };
    files.iter().flat_map(read).collect()
}

fn is_criteria(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "toml") && !path.ends_with(WINDOWS)
}

#[cfg(test)]
#[path = "criteria_tests.rs"]
mod tests;
