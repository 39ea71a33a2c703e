//! Maps without fitted parameters: one TOML file each in `models/maps/`, or a user's own file of the same form.

use std::path::Path;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use super::fault::suggest;
use super::map_file;
use super::parser::Expr;
use crate::{Error, Result};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models/maps");

/// What kind of scanner made an image; the names are those of DICOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Modality {
    /// Magnetic resonance.
    Mr,
    /// Computed tomography, in Hounsfield units.
    Ct,
    /// Positron emission tomography.
    Pt,
}

impl Modality {
    /// DICOM's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mr => "MR",
            Self::Ct => "CT",
            Self::Pt => "PT",
        }
    }
}

/// Where a formula comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Authors, journal, year.
    pub source: String,
    /// Digital object identifier.
    pub doi: Option<String>,
}

/// An image or a number that a formula needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// Its name in the formula.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// Its unit; none means the image's own.
    pub unit: Option<String>,
}

/// A formula that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// As written.
    pub text: String,
    pub(super) expr: Expr,
}

impl std::fmt::Display for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A map without fitted parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct MapModel {
    /// The file's name without `.toml`.
    pub name: String,
    /// What it shows, in a line.
    pub title: String,
    /// Where it comes from.
    pub reference: Reference,
    /// The kinds of images that it is defined for.
    pub modality: Vec<Modality>,
    /// What is computed in every voxel.
    pub formula: Formula,
    /// The unit of the result.
    pub unit: String,
    /// What the formula and the guards name.
    pub inputs: Vec<InputSpec>,
    /// Guards: where one of these is not above 0, the map is NaN.
    pub positive: Vec<Formula>,
    /// Plausible results; others are flagged, never altered.
    pub valid: Option<[f64; 2]>,
    /// The only field strengths in T that it is defined for; none: any.
    pub field_strength_t: Option<Vec<f64>>,
}

/// How far from its nominal field a magnet may be, in T: one of 1.5 T may be recorded as 1.494, and 2.89 T is not 3 T.
const FIELD_TOLERANCE_T: f64 = 0.05;

impl MapModel {
    /// All maps that come with hepar, by name.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<MapModel>> = LazyLock::new(embedded);
        &ALL
    }

    /// A map that comes with hepar.
    pub fn builtin(name: &str) -> Result<&'static Self> {
        let found = Self::all().iter().find(|map| map.name == name);
        found.ok_or_else(|| {
            let known = Self::all().iter().map(|map| map.name.as_str());
            let remedy = suggest(name, "maps", known);
            Error::Usage(format!("there is no map `{name}`\n  remedy: {remedy}"))
        })
    }

    /// A map from the text of the file at `path`, which errors name.
    pub fn parse(name: &str, toml_text: &str, path: &Path) -> Result<Self> {
        map_file::read(name, toml_text).map_err(|fault| fault.in_file(path, toml_text))
    }

    /// Refuses images that the map is not defined for.
    pub fn check_modality(&self, modality: Modality) -> Result<()> {
        if self.modality.contains(&modality) {
            return Ok(());
        }
        let allowed: Vec<_> = self.modality.iter().map(|m| m.name()).collect();
        Err(Error::Usage(format!(
            "the map `{}` is defined for {} images, not for {}\n  remedy: leave it out",
            self.name,
            allowed.join(" and "),
            modality.name()
        )))
    }

    /// Refuses a field strength, in T, that the map is not defined for, and an unknown one where that matters.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check_field_strength(&self, field_strength_t: Option<f64>) -> Result<()> {
        let Some(allowed) = &self.field_strength_t else { return Ok(()) };
        if field_strength_t.is_some_and(|t| allowed.iter().any(|nominal| (t - nominal).abs() <= FIELD_TOLERANCE_T)) {
            return Ok(());
        }
        let (found, remedy) = match field_strength_t {
            Some(t) => (format!("{t} T"), "leave it out: its coefficients are those of that field"),
            None => ("an unknown field".into(), "give the field strength, or a sidecar with MagneticFieldStrength"),
        };
        let name = &self.name;
        let fields = self.fields().unwrap_or_default();
        Err(Error::Usage(format!("the map `{name}` is defined at {fields} only, not at {found}\n  remedy: {remedy}")))
    }

    /// The field strengths that it is defined for, in words.
    pub(super) fn fields(&self) -> Option<String> {
        let fields = self.field_strength_t.as_ref()?;
        Some(fields.iter().map(|t| format!("{t} T")).collect::<Vec<_>>().join(" and "))
    }
}

#[expect(clippy::panic, reason = "a test reads every embedded file, so a build that passed cannot come here")]
fn embedded() -> Vec<MapModel> {
    let read = |file: &include_dir::File| {
        let path = Path::new("models/maps").join(file.path());
        let name = file.path().file_stem().unwrap_or_default();
        let text = file.contents_utf8().unwrap_or_default();
        MapModel::parse(&name.to_string_lossy(), text, &path).unwrap_or_else(|error| panic!("{error}"))
    };
    let mut maps: Vec<MapModel> = FILES.files().map(read).collect();
    maps.sort_by(|a, b| a.name.cmp(&b.name));
    maps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_map_can_be_read() {
        assert!(MapModel::all().len() >= 10);
        for map in MapModel::all() {
            assert_eq!(MapModel::builtin(&map.name).unwrap(), map);
        }
    }

    #[test]
    fn an_unknown_map_is_answered_with_the_nearest() {
        let error = MapModel::builtin("substraction").unwrap_err();
        assert_eq!(error.exit_status(), 2);
        let message = error.to_string();
        assert!(message.contains("did you mean `subtraction`?"), "{message}");
    }

    #[test]
    fn relative_enhancement_is_refused_for_ct() {
        let map = MapModel::builtin("relative_enhancement").unwrap();
        assert!(map.check_modality(Modality::Mr).is_ok());
        let message = map.check_modality(Modality::Ct).unwrap_err().to_string();
        assert!(message.contains("for MR images, not for CT"), "{message}");
        let both = MapModel::builtin("subtraction").unwrap();
        assert!(both.check_modality(Modality::Ct).is_ok());
    }

    #[test]
    fn iron_is_refused_at_another_field_and_at_an_unknown_one() {
        for name in ["liver_iron_wood", "liver_iron_2022"] {
            let map = MapModel::builtin(name).unwrap();
            assert!(map.check_field_strength(Some(1.5)).is_ok() && map.check_field_strength(Some(1.494)).is_ok());
            for (field, words) in
                [(Some(3.0), "at 1.5 T only, not at 3 T"), (None, "an unknown field"), (Some(f64::NAN), "NaN T")]
            {
                let message = map.check_field_strength(field).unwrap_err().to_string();
                assert!(message.contains(words) && message.contains("remedy"), "{message}");
            }
        }
        assert!(MapModel::builtin("subtraction").unwrap().check_field_strength(None).is_ok());
    }
}
