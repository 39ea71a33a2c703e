//! Signal models: one TOML file each in `models/signal/`, or a user's own file of the same form.

mod choice;
pub mod describe;
pub mod eval;
mod file;
mod homogeneous;
pub mod noise;
mod predict;
pub mod prior;
pub mod program;
pub mod requires;
mod truth;

use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use include_dir::{Dir, include_dir};

use super::fault::suggest;
use super::map::Formula;
use crate::{Error, Result};
pub use noise::NoiseModel;
pub use requires::Requirement;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models/signal");

/// The unit of parameters that grow with the signal.
pub const SIGNAL: &str = "signal";

/// Most parameters of a model: what the solvers are compiled for.
pub const MOST_PARAMETERS: usize = 6;

/// Most fitted parameters in units of the signal: what starts are solved for.
pub const MOST_LINEAR: usize = 3;

/// What differs between the samples of a voxel, such as the b-value.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its name in the formula.
    pub name: String,
    /// Its unit on disk, on the command line and in the formula.
    pub unit: String,
    /// What it needs to be like for the model to be fitted.
    pub requires: Vec<Requirement>,
}

/// What is estimated, or given.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in the formula, and of its map.
    pub name: String,
    /// Its unit on disk, on the command line and in the formula.
    pub unit: String,
    /// What it is.
    pub doc: String,
    /// How it is found.
    pub kind: ParameterKind,
    /// What models share it as, where that is not its name.
    pub quantity: Option<String>,
}

/// How a parameter is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParameterKind {
    /// It is fitted.
    Fitted {
        /// Lowest and highest value, in the parameter's unit.
        bounds: [f64; 2],
        /// Typical size, in the parameter's unit; the solver works with values near 1. That of a parameter in units of
        /// the signal is 1: such parameters are scaled by each voxel's signal.
        scale: f64,
        /// Where a fit starts, in the parameter's unit; without it, several places over the bounds are tried.
        start: Option<f64>,
        /// How many places over the bounds are looked at for where to start; without it, as many as other parameters have.
        places: Option<usize>,
        /// Mean and standard deviation that are expected of it, in its unit: see [`prior`].
        prior: Option<[f64; 2]>,
    },
    /// It has this value, in its unit.
    Fixed(f64),
}

/// What is computed from the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The name of its map.
    pub name: String,
    /// The unit of its map.
    pub unit: String,
    /// What it is.
    pub doc: String,
    /// How it is computed.
    pub formula: Formula,
}

/// How signal depends on axes and parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalModel {
    /// The file's name without `.toml`.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Where it comes from.
    pub reference: String,
    /// The signal of a sample.
    pub signal: Formula,
    /// What differs between samples, in the file's order.
    pub axes: Vec<Axis>,
    /// What it depends on, in the file's order.
    pub parameters: Vec<Parameter>,
    /// What is computed from the parameters, in the file's order.
    pub derived: Vec<Derived>,
}

impl Parameter {
    /// The name under which models share it: parameters of one quantity and one unit estimate the same thing.
    pub fn quantity(&self) -> &str {
        self.quantity.as_deref().unwrap_or(&self.name)
    }

    /// Whether it grows with the signal.
    pub fn is_signal(&self) -> bool {
        self.unit == SIGNAL
    }
}

impl SignalModel {
    /// All models that come with hepar, by name.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<SignalModel>> =
            LazyLock::new(|| EMBEDDED.iter().map(|embedded| embedded.model().clone()).collect());
        &ALL
    }

    /// A model that comes with hepar; the others are not read for it.
    ///
    /// # Errors
    /// [`Error::Usage`], with the nearest name, if there is none.
    pub fn builtin(name: &str) -> Result<&'static Self> {
        let found = EMBEDDED.iter().find(|embedded| embedded.name == name);
        found.map(Embedded::model).ok_or_else(|| {
            let remedy = suggest(name, "models", EMBEDDED.iter().map(|embedded| embedded.name.as_str()));
            Error::Usage(format!("there is no model `{name}`\n  remedy: {remedy}"))
        })
    }

    /// A model from the text of the file at `path`, which errors name.
    ///
    /// # Errors
    /// [`Error::Data`] with the line, the problem and the remedy.
    pub fn parse(name: &str, toml_text: &str, path: &Path) -> Result<Self> {
        file::read(name, toml_text).map_err(|fault| fault.in_file(path, toml_text))
    }

    /// A model from a user's own file.
    ///
    /// # Errors
    /// Those of [`SignalModel::parse`]; [`Error::Missing`] and [`Error::Io`] for the file itself.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text, path)
    }

    /// A parameter by its name.
    ///
    /// # Errors
    /// [`Error::Usage`], with the nearest name, if there is none.
    pub fn parameter(&self, name: &str) -> Result<&Parameter> {
        let found = self.parameters.iter().find(|parameter| parameter.name == name);
        found.ok_or_else(|| {
            let remedy = suggest(name, "parameters", self.parameters.iter().map(|p| p.name.as_str()));
            Error::Usage(format!("the model `{}` has no parameter `{name}`\n  remedy: {remedy}", self.name))
        })
    }
}

/// The files that come with hepar, by name.
static EMBEDDED: LazyLock<Vec<Embedded>> = LazyLock::new(|| {
    let name = |file: &include_dir::File| file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let embedded = FILES.files().map(|file| Embedded { name: name(file), file, model: OnceLock::new() });
    let mut all: Vec<Embedded> = embedded.collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
});

/// A file that comes with hepar, and its model once it was asked for.
struct Embedded {
    name: String,
    file: &'static include_dir::File<'static>,
    model: OnceLock<SignalModel>,
}

impl Embedded {
    #[expect(clippy::panic, reason = "a test reads every embedded file, so a build that passed cannot come here")]
    fn model(&self) -> &SignalModel {
        self.model.get_or_init(|| {
            let path = Path::new("models/signal").join(self.file.path());
            let text = self.file.contents_utf8().unwrap_or_default();
            SignalModel::parse(&self.name, text, &path).unwrap_or_else(|error| panic!("{error}"))
        })
    }
}

#[cfg(test)]
mod tests;
