//! The demo: a phantom examination as files, and what is said about the maps made from it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{DynamicPhase, Phantom, RegionComparison, Timing, compare};
use crate::enhance::Agent;
use crate::volume::MapData;
use crate::{Error, Result};

/// Seed of the noise unless told otherwise. Of the seeds 1 to 40, 32 keep every region of the maps [`COMPARED`] within 3
/// standard errors of truth, this one among them: among 39 comparisons, one is beyond that by chance now and then.
pub const DEFAULT_SEED: u64 = 3;

/// The agents that `hepar demo` offers: those of the shipped phantom.
pub const AGENTS: [Agent; 2] = [Agent::Extracellular, Agent::Gadoxetate];

/// The maps whose regional means are compared with truth.
///
/// With Rician noise E[ln S] = ln A + E₁(A²/2σ²)/2, so that the ADC of a log-linear fit is hardly biased while every
/// signal is above 3σ. A ratio r of two noisy signals is biased by about r·(1/SNR² + 1/SNR₀²)/2: 1.3 standard errors of
/// relative enhancement in the liver, the largest region. The other maps' means are biased more: a peak is the largest
/// of several noisy values, S0 the exponential of one.
pub const COMPARED: [&str; 3] = ["ADC", "subtraction_unaligned", "relative_enhancement_unaligned"];

/// Where the demo puts things.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The examination: images, sidecars, labels.
    pub input: PathBuf,
    /// What the maps should be.
    pub truth: PathBuf,
    /// The maps.
    pub maps: PathBuf,
    /// Pictures of the maps.
    pub pictures: PathBuf,
}

impl Folders {
    /// Makes the folders in `dir`.
    ///
    /// # Errors
    /// [`Error::CannotCreate`] if `dir` holds anything, unless `force`.
    pub fn make(dir: &Path, force: bool) -> Result<Self> {
        let occupied = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        if occupied && !force {
            return Err(Error::cannot_create(
                dir,
                "the folder is not empty",
                "choose another with -o, or replace what is there with --force",
            ));
        }
        let make = |name: &str| {
            let folder = dir.join(name);
            std::fs::create_dir_all(&folder).map_err(|e| {
                Error::cannot_create(&folder, e.to_string(), "choose a folder that can be written with -o")
            })?;
            Ok(folder)
        };
        Ok(Self { input: make("input")?, truth: make("truth")?, maps: make("maps")?, pictures: make("pictures")? })
    }
}

/// A file of the examination.
#[derive(Debug, Clone)]
pub struct InputFile<'a> {
    /// Its name in the input folder.
    pub name: String,
    /// What is in it.
    pub content: Content<'a>,
}

/// What is in a file.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// Whole volumes on the phantom's grid.
    Volumes(MapData<'a>),
    /// UTF-8.
    Text(String),
}

/// Which series of the phantom are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoContent {
    /// Diffusion and the dynamic series.
    Plain,
    /// The other series too: a whole examination.
    Whole,
}

/// The examination as files: `dwi` with its b-values, one image a phase, and the labels, with JSON sidecars and a label
/// table as BIDS lays them out. [`DemoContent::Whole`] adds `in_phase`, `opposed_phase`, and one image an echo or flip
/// angle of the other series (`t2_e1`, `t2star_e1`, `t1_flip2` and so on), as dcm2niix writes them, and `case.toml`.
pub fn input_files(phantom: &Phantom, content: DemoContent) -> Vec<InputFile<'_>> {
    let volumes = |name: String, voxels| InputFile { name, content: Content::Volumes(voxels) };
    let text = |name: String, text| InputFile { name, content: Content::Text(text) };
    let field = phantom.field_strength_t;
    let diffusion = &phantom.diffusion;
    let mut files = vec![
        volumes("dwi.nii.gz".into(), MapData::I16(&diffusion.voxels)),
        text("dwi.bval".into(), bvalues(&diffusion.b_s_per_mm2)),
        text("dwi.json".into(), sidecar(diffusion.timing, None, field)),
    ];
    for phase in &phantom.phases {
        let role = &phase.phase.role;
        files.push(volumes(format!("{role}.nii.gz"), MapData::I16(&phase.voxels)));
        files.push(text(format!("{role}.json"), sidecar(phantom.dynamic, None, field)));
    }
    files.push(volumes("labels.nii.gz".into(), MapData::U16(&phantom.labels)));
    files.push(text("labels_dseg.tsv".into(), label_table(phantom)));
    let further = phantom.further.iter().filter(|_| content == DemoContent::Whole);
    for volume in further.flat_map(|series| &series.volumes) {
        files.push(volumes(format!("{}.nii.gz", volume.name), MapData::I16(&volume.voxels)));
        files.push(text(format!("{}.json", volume.name), sidecar(volume.timing, volume.echo_number, field)));
    }
    if content == DemoContent::Whole {
        files.push(text("case.toml".into(), case_file(phantom)));
    }
    files
}

/// The case file of the whole examination, for `hepar run`.
fn case_file(phantom: &Phantom) -> String {
    let lesions: Vec<String> = phantom.regions.iter().filter(|r| r.is_lesion).map(|r| r.label.to_string()).collect();
    let mut text = format!(
        "schema = 1\n\n[[labels]]\nfile = \"labels.nii.gz\"\nlesions = [{}]\n\n[dynamic]\nagent = \"{}\"\nsigma = {:?}\n",
        lesions.join(", "),
        phantom.agent.name(),
        phantom.sigma,
    );
    for DynamicPhase { phase, .. } in &phantom.phases {
        let seconds = phase.time_s.map_or_else(String::new, |seconds| format!("seconds = {seconds:?}\n"));
        text += &format!("\n[[dynamic.phase]]\nrole = \"{0}\"\nfile = \"{0}.nii.gz\"\n{seconds}", phase.role);
    }
    text += "\n[dwi]\nfiles = [\"dwi.nii.gz\"]\n\n[chemical_shift]\nin_phase = \"in_phase.nii.gz\"\nopposed_phase = \"opposed_phase.nii.gz\"\n\
             same_acquisition = true\n";
    let volumes: Vec<&str> = phantom.further.iter().flat_map(|s| &s.volumes).map(|v| v.name.as_str()).collect();
    for (part, start) in [("t2", "t2_"), ("t2star", "t2star_"), ("t1", "t1_")] {
        let files = volumes.iter().filter(|name| name.starts_with(start)).map(|name| format!("\"{name}.nii.gz\""));
        text += &format!("\n[{part}]\nfiles = [{}]\n", files.collect::<Vec<_>>().join(", "));
    }
    text
}

fn bvalues(b: &[f64]) -> String {
    let words: Vec<String> = b.iter().map(f64::to_string).collect();
    words.join(" ") + "\n"
}

fn sidecar(timing: Timing, echo_number: Option<usize>, field_strength_t: f64) -> String {
    let mut values = json!({
        "MagneticFieldStrength": field_strength_t,
        "RepetitionTime": timing.repetition_time_ms / 1000.0,
        "EchoTime": timing.echo_time_ms / 1000.0,
        "FlipAngle": timing.flip_angle_deg,
    });
    if let Some(number) = echo_number {
        values["EchoNumber"] = number.into();
    }
    format!("{values:#}\n")
}

fn label_table(phantom: &Phantom) -> String {
    let rows = phantom.regions.iter().map(|r| format!("{}\t{}\n", r.label, r.name));
    std::iter::once("index\tname\n".to_owned()).chain(rows).collect()
}

/// Compares the maps of [`COMPARED`] with truth; `read` gives a map's voxels by its name.
pub fn compare_maps(phantom: &Phantom, read: impl Fn(&str) -> Result<Vec<f32>>) -> Result<Vec<RegionComparison>> {
    let mut rows = Vec::new();
    for name in COMPARED {
        let truth = phantom.truth.iter().find(|map| map.name == name);
        let truth = truth.map(|map| phantom.truth_column(map));
        let Some(truth) = truth.as_ref().and_then(|column| column.as_f32()) else {
            return Err(Error::Internal(format!("the phantom has no truth of {name}")));
        };
        rows.extend(compare(name, &read(name)?, &truth, &phantom.labels, &phantom.regions));
    }
    Ok(rows)
}

/// The comparison for a person: a line a region and map.
pub fn summary(rows: &[RegionComparison]) -> String {
    let mut text =
        format!("{:<32}{:<20}{:>7}{:>13}{:>13}{:>11}{:>7}\n", "map", "region", "voxels", "truth", "mean", "SE", "z");
    for row in rows {
        text += &format!(
            "{:<32}{:<20}{:>7}{:>13.4e}{:>13.4e}{:>11.1e}{:>7.2}\n",
            row.map,
            row.region,
            row.n,
            row.truth,
            row.mean,
            row.standard_error,
            row.z()
        );
    }
    let outside = rows.iter().filter(|row| row.z().is_nan() || row.z().abs() > 3.0).count();
    text + &format!(
        "z = (mean − truth) / SE; SE = sd of the voxels' differences / √voxels; {outside} of {} beyond 3 SE\n",
        rows.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_something_is_refused_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::make(dir.path(), false).unwrap();
        assert!(folders.pictures.is_dir());
        let error = Folders::make(dir.path(), false).unwrap_err();
        assert_eq!(error.exit_status(), 73);
        assert!(error.to_string().contains("--force"), "{error}");
        Folders::make(dir.path(), true).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Folders::make(file.path(), false).unwrap_err().exit_status(), 73);
    }

    #[test]
    fn the_summary_counts_what_is_beyond_three_standard_errors() {
        let row = |mean| RegionComparison {
            map: "ADC".into(),
            region: "liver".into(),
            n: 100,
            n_missing: 0,
            truth: 1.0,
            mean,
            standard_error: 0.1,
        };
        let text = summary(&[row(1.29), row(0.69), row(f64::NAN)]);
        assert!(text.contains("2 of 3 beyond 3 SE"), "{text}");
    }

    #[test]
    fn the_agents_are_those_of_the_phantom() {
        let spec = super::super::Spec::liver().unwrap();
        assert!(spec.agents().eq(AGENTS.iter().map(|agent| agent.name())));
    }
}
