//! The case file: which file of an examination is what, and what is known of it. Its JSON schema is generated from these types.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::ClockTime;
use crate::enhance::{Agent, Role};

/// The version of the format that this program reads.
pub const SCHEMA: u32 = 1;

/// An examination of the liver for `hepar run`: which file is what. Paths are relative to the case file. What is not stated
/// here is read from the JSON sidecars that dcm2niix writes beside images.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Magnetic field in T.
    pub field_strength_t: Option<Positive>,
    /// Label images: organs, vessels and lesions, each on any grid. Where several overlap, the later one counts.
    #[serde(default)]
    pub labels: Vec<LabelFile>,
    /// T1-weighted MR before and after contrast.
    pub dynamic: Option<Contrast>,
    /// CT in HU, before and after contrast.
    pub ct: Option<Contrast>,
    /// Diffusion-weighted MR.
    pub dwi: Option<Diffusion>,
    /// In-phase and opposed-phase gradient echoes.
    pub chemical_shift: Option<ChemicalShift>,
    /// Spin echoes at two or more echo times, for T2.
    pub t2: Option<Echoes>,
    /// Gradient echoes at two or more echo times, for R2* and, of four and more, fat and water.
    pub t2star: Option<Echoes>,
    /// Spoiled gradient echoes before contrast at two or more flip angles, for T1 and the change of R1 by contrast.
    pub t1: Option<FlipAngles>,
    /// CT at two energies, for iodine.
    pub energies: Option<Energies>,
}

impl CaseFile {
    /// The masks of the parts that models are fitted to.
    pub(super) fn masks(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let masks = [
            ("dwi", self.dwi.as_ref().and_then(|dwi| dwi.mask.as_ref())),
            ("t2", self.t2.as_ref().and_then(|t2| t2.mask.as_ref())),
            ("t2star", self.t2star.as_ref().and_then(|t2star| t2star.mask.as_ref())),
            ("t1", self.t1.as_ref().and_then(|t1| t1.mask.as_ref())),
            ("iodine", self.energies.as_ref().and_then(|energies| energies.mask.as_ref())),
        ];
        masks.into_iter().filter_map(|(part, mask)| Some((part, mask?)))
    }
}

/// A label image, and what its labels are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelFile {
    /// The image; names come from `<stem>_dseg.tsv` or `<stem>.tsv` beside it (columns index, name, color).
    pub file: PathBuf,
    /// What the numbers mean.
    #[serde(default)]
    pub numbering: Numbering,
    /// Which labels are lesions: true for all, or their numbers.
    #[serde(default)]
    pub lesions: Lesions,
}

/// What the numbers of a label image mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Numbering {
    /// Told by the names in the table beside the image.
    #[default]
    Names,
    /// The task `total` of TotalSegmentator v2 (CT).
    TotalsegmentatorV2,
    /// The task `total_mr` of TotalSegmentator v2.
    TotalsegmentatorV2Mr,
}

/// Which labels are lesions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Lesions {
    /// All of them, or none.
    All(bool),
    /// Those of these numbers.
    Numbers(Vec<u16>),
}

impl Default for Lesions {
    fn default() -> Self {
        Self::All(false)
    }
}

/// The phases of an examination with contrast agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// What was injected; needed for MR, iodinated for CT.
    pub agent: Option<Agent>,
    /// The phases, in any order.
    #[serde(rename = "phase")]
    pub phases: Vec<PhaseEntry>,
    /// When the injection began, by the clock that acquisition times are from.
    pub injection_time: Option<ClockTime>,
    /// Repetition time of all phases in ms.
    pub repetition_time_ms: Option<Positive>,
    /// Echo time of all phases in ms.
    pub echo_time_ms: Option<Positive>,
    /// Flip angle of all phases in degrees.
    pub flip_angle_deg: Option<Positive>,
    /// The noise of one image: its standard deviation in image units, or "background". By default the background of MR is tried.
    pub sigma: Option<SigmaEntry>,
    /// A second image like the unenhanced one, to take the noise from.
    pub repeat: Option<PathBuf>,
    /// End of the area under the enhancement in s after injection [default: 180].
    pub auc_end_s: Option<Positive>,
    /// Late change that makes a curve persistent or wash-out, in percent of the peak [default: 10].
    pub late_change_percent: Option<Positive>,
    /// Resample phases that are on another grid.
    #[serde(default)]
    pub resample: bool,
    /// Take phases whose TR, TE, flip angle or scaling differ from those of the unenhanced phase.
    #[serde(default)]
    pub allow_mismatch: bool,
    /// Take phases whose values seem to be stored on another scale than those of the unenhanced phase.
    #[serde(default)]
    pub trust_scale: bool,
    /// Take phases whose images do not look like their roles.
    #[serde(default)]
    pub trust_roles: bool,
}

/// One phase.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseEntry {
    /// What it is to the examination.
    pub role: Role,
    /// The image.
    pub file: PathBuf,
    /// Seconds after the injection began.
    pub seconds: Option<f64>,
    /// When it was acquired, if the injection has a time: read from the sidecar where it is not given.
    pub acquisition_time: Option<ClockTime>,
}

/// Diffusion-weighted images.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diffusion {
    /// One 4D image, or several 3D images in order.
    pub files: Vec<PathBuf>,
    /// b-values in s/mm², one a volume; else those of `bval` or of the files beside the images.
    pub b_s_per_mm2: Option<Vec<f64>>,
    /// A file of b-values.
    pub bval: Option<PathBuf>,
    /// The models to fit [default: adc, and ivim where the b-values allow it].
    pub models: Option<Vec<String>>,
    /// Which voxels are fitted: those of this image that are not 0, on the grid of the images [default: the body].
    pub mask: Option<PathBuf>,
}

/// In- and opposed-phase images.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChemicalShift {
    /// Water and fat in phase.
    pub in_phase: PathBuf,
    /// Water and fat in opposed phase.
    pub opposed_phase: PathBuf,
    /// Whether both are echoes of one acquisition; else each is divided by the spleen's reference in it.
    #[serde(default)]
    pub same_acquisition: bool,
}

/// Images at several echo times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Echoes {
    /// One 4D image, or several 3D images in order.
    pub files: Vec<PathBuf>,
    /// Echo times in ms, one a volume; else those of the sidecars.
    pub echo_times_ms: Option<Vec<f64>>,
    /// Which voxels are fitted: those of this image that are not 0, on the grid of the images [default: the body].
    pub mask: Option<PathBuf>,
}

/// Images at several flip angles.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlipAngles {
    /// One 4D image, or several 3D images in order.
    pub files: Vec<PathBuf>,
    /// Flip angles in degrees, one a volume; else those of the sidecars.
    pub flip_angles_deg: Option<Vec<f64>>,
    /// Repetition time in ms; else that of the sidecars.
    pub repetition_time_ms: Option<Positive>,
    /// B1 relative to the nominal one, on the grid of the images.
    pub b1: Option<PathBuf>,
    /// Which voxels are fitted: those of this image that are not 0, on the grid of the images [default: the body].
    pub mask: Option<PathBuf>,
}

/// CT at two energies.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Energies {
    /// One image an energy, in HU.
    pub files: Vec<PathBuf>,
    /// HU of 1 mg/ml of iodine in water, one an energy.
    pub iodine_hu_per_mg_ml: Vec<f64>,
    /// Which voxels are fitted: those of this image that are not 0, on the grid of the images [default: all].
    pub mask: Option<PathBuf>,
}

/// What is known of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SigmaEntry {
    /// Standard deviation in image units.
    Value(Positive),
    /// To be found.
    From(SigmaOrigin),
}

/// Where the noise is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SigmaOrigin {
    /// In the air around the body, of single-channel images without parallel imaging.
    Background,
}

/// A finite number above 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(extend("exclusiveMinimum" = 0))]
pub struct Positive(f64);

impl Positive {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Positive {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        match value.is_finite() && value > 0.0 {
            true => Ok(Self(value)),
            false => Err(format!("{value} is not a number above 0")),
        }
    }
}
