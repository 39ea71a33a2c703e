//! The maps of an examination: which formula over which phases, under which name.

use std::borrow::Cow;

use crate::Result;
use crate::device::{Column, ColumnType};
use crate::model::{BoundMap, MapKernel, MapModel, Modality};

/// What a difference of two images that were not aligned carries in its name.
pub const UNALIGNED: &str = "unaligned";
/// What the title of every map of such images says.
pub const UNALIGNED_NOTE: &str = "unaligned: misregistration can mimic or hide enhancement";

/// A formula over rows of a source, and what its result is called.
#[derive(Debug, Clone)]
pub struct PlannedMap {
    /// The file's name without suffix.
    pub name: String,
    /// The phase that it is of, where an examination has several.
    pub phase: Option<String>,
    /// For people.
    pub title: String,
    /// Unit of the result; empty for a pure number.
    pub unit: String,
    /// The formula.
    pub model: &'static MapModel,
    bound: BoundMap<'static>,
}

/// A map of differences between two phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// post − pre.
    Subtraction,
    /// In per cent of pre; not for CT.
    Relative,
    /// In units of the noise of a difference.
    NoiseScaled,
}

impl Difference {
    fn title(self) -> &'static str {
        match self {
            Self::Subtraction => "Subtraction",
            Self::Relative => "Relative enhancement",
            Self::NoiseScaled => "Noise-scaled enhancement",
        }
    }

    fn model(self) -> &'static str {
        match self {
            Self::Subtraction => "subtraction",
            Self::Relative => "relative_enhancement",
            Self::NoiseScaled => "noise_scaled_enhancement",
        }
    }
}

impl PlannedMap {
    /// A map by the built-in formula `model` over images (rows of the source) and numbers. `phase` (its label) is part of the
    /// name where there are several; `aligned` says whether all images are one, so that no motion comes between them.
    ///
    /// # Errors
    /// Those of [`MapModel::builtin`] and of [`MapModel::check_modality`].
    pub fn new(what: Formula, title: &str, phase: Option<&str>, aligned: bool, modality: Modality) -> Result<Self> {
        let model = MapModel::builtin(what.model)?;
        model.check_modality(modality)?;
        let parts = [Some(model.name.as_str()), phase, (!aligned).then_some(UNALIGNED)];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join("_");
        let images = what.images.iter().fold(BoundMap::new(&name, model), |map, &(input, row)| map.image(input, row));
        let bound = what.numbers.iter().fold(images, |map, &(input, number)| map.number(input, number));
        let unit = match model.unit.as_str() {
            unit if unit.starts_with("signal") => signal_unit(modality).into(),
            "1" => String::new(),
            unit => unit.to_owned(),
        };
        let note = if aligned { String::new() } else { format!(", {UNALIGNED_NOTE}") };
        let of_phase = phase.map_or_else(String::new, |phase| format!(", {}", phase.replace('_', " ")));
        Ok(Self {
            phase: phase.map(str::to_owned),
            title: format!("{title}{of_phase}{note}"),
            unit,
            name,
            model,
            bound,
        })
    }

    /// A difference between the rows `post` and `pre`.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn difference(
        difference: Difference,
        phase: Option<&str>,
        [post, pre]: [usize; 2],
        modality: Modality,
        sigma: f64,
    ) -> Result<Self> {
        let noise = [("sigma", sigma)];
        let numbers = if difference == Difference::NoiseScaled { &noise[..] } else { &[] };
        let formula = Formula { model: difference.model(), images: &[("post", post), ("pre", pre)], numbers };
        Self::new(formula, difference.title(), phase, false, modality)
    }
}

/// A built-in formula, the rows of the images that it takes, and its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Formula<'a> {
    /// The name of the map's file.
    pub model: &'a str,
    /// Inputs that are images, each with its row of the source.
    pub images: &'a [(&'a str, usize)],
    /// Inputs that are numbers.
    pub numbers: &'a [(&'a str, f64)],
}

/// Unit of an image's values; those of MR are arbitrary.
pub fn signal_unit(modality: Modality) -> &'static str {
    match modality {
        Modality::Ct => "HU",
        _ => "a.u.",
    }
}

/// A map of an examination, one value a voxel of the grid.
#[derive(Debug, Clone)]
pub struct ExamMap {
    /// The file's name without suffix.
    pub name: String,
    /// The phase that it is of, if it is of one.
    pub phase: Option<String>,
    /// For people.
    pub title: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// The formula, where the map has one.
    pub model: Option<&'static MapModel>,
    /// How it is stored: codes are counts.
    pub kind: ColumnType,
    /// The values, where they were kept.
    pub values: Option<Column>,
}

impl ExamMap {
    /// The values, where they were kept; `None` for codes, too.
    pub fn numbers(&self) -> Option<Cow<'_, [f32]>> {
        self.values.as_ref()?.as_f32()
    }

    /// The same, taken out.
    pub fn into_numbers(self) -> Option<Vec<f32>> {
        self.values?.into_f32()
    }
}

impl From<&PlannedMap> for ExamMap {
    fn from(map: &PlannedMap) -> Self {
        Self {
            name: map.name.clone(),
            phase: map.phase.clone(),
            title: map.title.clone(),
            unit: map.unit.clone(),
            model: Some(map.model),
            kind: ColumnType::F32,
            values: None,
        }
    }
}

/// The kernel that computes all of the maps in one pass, in their order, and the status of each voxel after them.
///
/// # Errors
/// Those of [`MapKernel::new`].
pub fn kernel(planned: &[PlannedMap]) -> Result<MapKernel> {
    let bound: Vec<BoundMap> = planned.iter().map(|map| map.bound.clone()).collect();
    MapKernel::new(&bound)
}
