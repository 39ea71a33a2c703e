//! The maps of an examination: which formula over which phases, under which name.

use crate::Result;
use crate::device::{Column, Device, Progress, Source};
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

    fn model(self) -> Result<&'static MapModel> {
        MapModel::builtin(match self {
            Self::Subtraction => "subtraction",
            Self::Relative => "relative_enhancement",
            Self::NoiseScaled => "noise_scaled_enhancement",
        })
    }
}

impl PlannedMap {
    /// A difference between the rows `post` and `pre`. `phase` (its label) is part of the name where there are several.
    pub fn difference(
        difference: Difference,
        phase: Option<&str>,
        [post, pre]: [usize; 2],
        modality: Modality,
        sigma: f64,
    ) -> Result<Self> {
        let model = difference.model()?;
        model.check_modality(modality)?;
        let parts = [Some(model.name.as_str()), phase, Some(UNALIGNED)];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join("_");
        let bound = BoundMap::new(&name, model).image("post", post).image("pre", pre);
        Ok(Self {
            phase: phase.map(str::to_owned),
            title: titled(difference.title(), phase),
            unit: match difference {
                Difference::Subtraction => signal_unit(modality).into(),
                Difference::Relative => model.unit.clone(),
                Difference::NoiseScaled => String::new(),
            },
            bound: match difference {
                Difference::NoiseScaled => bound.number("sigma", sigma),
                _ => bound,
            },
            name,
            model,
        })
    }

    /// The two losses of signal from the arterial to a later phase, of rows `[unenhanced, arterial, later]`.
    pub fn signal_loss(phase: &str, rows: [usize; 3], sigma: f64) -> Result<[Self; 2]> {
        let [unenhanced, arterial, later] = rows;
        let loss = |model: &str, title: &str| -> Result<Self> {
            let model = MapModel::builtin(model)?;
            let name = format!("{}_{phase}", model.name);
            let bound = BoundMap::new(&name, model)
                .image("unenhanced", unenhanced)
                .image("arterial", arterial)
                .image("later", later)
                .number("sigma", sigma);
            Ok(Self {
                phase: Some(phase.to_owned()),
                title: titled(title, Some(phase)),
                unit: model.unit.clone(),
                name,
                model,
                bound,
            })
        };
        Ok([
            loss("signal_loss_absolute", "Absolute signal loss")?,
            loss("signal_loss_relative", "Relative signal loss")?,
        ])
    }
}

/// Short enough for a picture; the model's own title is longer.
fn titled(what: &str, phase: Option<&str>) -> String {
    let phase = phase.map_or_else(String::new, |phase| format!(", {}", phase.replace('_', " ")));
    format!("{what}{phase}, {UNALIGNED_NOTE}")
}

/// Unit of an image's values; those of MR are arbitrary.
pub fn signal_unit(modality: Modality) -> &'static str {
    match modality {
        Modality::Ct => "HU",
        _ => "a.u.",
    }
}

/// A computed map, one value a voxel of the grid.
#[derive(Debug, Clone)]
pub struct ComputedMap {
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
    /// The values.
    pub values: Column,
}

/// Computes all maps in one pass; also the status of each voxel.
pub fn compute(
    planned: &[PlannedMap],
    source: &Source,
    device: &Device,
    progress: &dyn Progress,
) -> Result<(Vec<ComputedMap>, Vec<u16>)> {
    if planned.is_empty() {
        return Ok((Vec::new(), vec![0; source.n_voxels()]));
    }
    let bound: Vec<BoundMap> = planned.iter().map(|map| map.bound.clone()).collect();
    let mut columns = device.run(&MapKernel::new(&bound)?, source, progress)?;
    let status = match columns.pop() {
        Some(Column::U16(status)) => status,
        _ => return Err(crate::Error::Internal("maps came without a status".into())),
    };
    let computed = |(map, values): (&PlannedMap, Column)| ComputedMap {
        name: map.name.clone(),
        phase: map.phase.clone(),
        title: map.title.clone(),
        unit: map.unit.clone(),
        model: Some(map.model),
        values,
    };
    Ok((planned.iter().zip(columns).map(computed).collect(), status))
}
