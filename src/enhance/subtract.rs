//! One image less another: absolute, relative and noise-scaled enhancement.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::gather::{GatherOptions, Member, gather};
use super::maps::{Difference, PlannedMap};
use super::output::{self, Run, Written};
use super::sigma::{self, Sigma, Unenhanced};
use super::table;
use super::writing::{Keep, Writing};
use crate::Result;
use crate::device::{Device, Progress, Source};
use crate::measure::Noise;
use crate::model::Modality;
use crate::report::outputs::OutputOptions;
use crate::volume::{Image, Labels, read_labels};

/// Air is below this in CT, and no magnitude image is.
const AIR_BELOW_HU: f32 = -500.0;
/// Least part of the voxels that must be air for an image to be CT.
const LEAST_AIR: f64 = 0.01;

/// What to subtract, and how.
#[derive(Debug, Clone)]
pub struct SubtractOptions {
    /// The image after contrast.
    pub post: PathBuf,
    /// The image before contrast, whose grid the results are on.
    pub pre: PathBuf,
    /// What made the images; `None`: told from the voxels.
    pub modality: Option<Modality>,
    /// Where the noise comes from.
    pub sigma: Sigma,
    /// What may differ between the images.
    pub gather: GatherOptions,
    /// Labels to tabulate.
    pub labels: Option<PathBuf>,
}

/// Subtracts, and writes maps, tables and the record.
pub fn subtract(
    options: &SubtractOptions,
    device: &Device,
    outputs: OutputOptions,
    progress: &dyn Progress,
) -> Result<Written> {
    let members = gather(&[&options.pre, &options.post], &options.gather, device)?;
    let [pre, post] = [&members[0].image, &members[1].image];
    let modality = options.modality.unwrap_or_else(|| detect(pre));
    let unenhanced = Unenhanced { image: pre, n_volumes: 1 };
    let noise = sigma::resolve(&options.sigma, modality, unenhanced, &options.gather, device)?;
    let planned = planned(modality, noise.as_ref(), &options.pre)?;
    let labels = options.labels.as_deref().map(|path| read_labels(path, &pre.grid, &options.gather.read));
    let labels = labels.transpose()?;

    let names: Vec<&str> = planned.iter().map(|map| map.name.as_str()).collect();
    let files: &[&str] = if labels.is_some() { &[table::REGIONS] } else { &[] };
    let outputs = output::plan(outputs, &names, files)?;
    let run = Run {
        command: "subtract",
        options: recorded(options, modality, noise.as_ref(), &members),
        inputs_sha256: members.iter().map(|m| m.sha256.clone()).collect(),
        device,
    };
    let labelled = labels.as_ref().map(Labels::without_background);
    let keep = labelled.as_ref().map_or(Keep::Nothing, |(voxels, _)| Keep::Voxels(voxels.clone()));
    let mut writing = Writing::new(outputs, run, &pre.grid, keep);
    let source = Source::new(vec![pre.row(0), post.row(0)], pre.grid.n_voxels(), None);
    writing.formulas(&planned, &source, progress)?;
    let closed = writing.close()?;
    let files = match &labelled {
        Some((_, labels)) => vec![(table::REGIONS, table::regions(labels, &closed.maps)?)],
        None => Vec::new(),
    };
    closed.finish(&files).map(|(written, _)| written)
}

/// The maps that can be made, with a warning for each that cannot.
fn planned(modality: Modality, noise: Option<&Noise>, pre: &Path) -> Result<Vec<PlannedMap>> {
    let mut wanted = vec![Difference::Subtraction];
    match modality {
        Modality::Mr => wanted.push(Difference::Relative),
        _ => tracing::warn!(
            "relative enhancement is left out: {} is {}, and a percentage of HU has no meaning",
            pre.display(),
            modality.name()
        ),
    }
    match noise {
        Some(_) => wanted.push(Difference::NoiseScaled),
        None => tracing::warn!("noise-scaled enhancement is left out: it needs the noise"),
    }
    let sigma = noise.map_or(0.0, |noise| noise.sigma);
    let planned = wanted.into_iter().map(|d| PlannedMap::difference(d, None, [1, 0], modality, sigma));
    planned.collect()
}

/// CT where at least 1 % of the voxels are below −500, as air is in HU, else MR.
fn detect(image: &Image) -> Modality {
    let values = sigma::values(image, 0);
    let air = values.iter().filter(|&&value| value < AIR_BELOW_HU).count();
    let modality = match air as f64 >= LEAST_AIR * values.len() as f64 {
        true => Modality::Ct,
        false => Modality::Mr,
    };
    tracing::info!(
        "{}: taken for {}, since {air} of {} voxels are below {AIR_BELOW_HU}; --modality says otherwise",
        image.path.display(),
        modality.name(),
        values.len()
    );
    modality
}

fn recorded(
    options: &SubtractOptions,
    modality: Modality,
    noise: Option<&Noise>,
    members: &[Member],
) -> Map<String, Value> {
    Map::from_iter([
        ("modality".into(), json!(modality)),
        ("aligned".into(), json!(false)),
        ("noise".into(), json!(noise)),
        ("resampled".into(), json!({ "pre": members[0].resampled, "post": members[1].resampled })),
        ("allow_mismatch".into(), json!(options.gather.allow_mismatch)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Grid, VoxelType};

    #[test]
    fn air_in_hu_tells_ct_from_mr() {
        let mut affine = [[0.0; 4]; 4];
        (0..4).for_each(|i| affine[i][i] = 1.0);
        let grid = Grid { shape: [100, 1, 1], affine };
        let of = |values: &[i16]| detect(&Image::from_values("x", grid.clone(), VoxelType::I16, values));
        let mut values = [40i16; 100];
        assert_eq!(of(&values), Modality::Mr);
        values[7] = -600;
        assert_eq!(of(&values), Modality::Ct);
        values[7] = -499;
        assert_eq!(of(&values), Modality::Mr);
    }

    #[test]
    fn what_can_be_made_depends_on_modality_and_noise() {
        let names = |modality, noise: Option<&Noise>| -> Vec<String> {
            let planned = planned(modality, noise, Path::new("pre.nii")).unwrap();
            planned.into_iter().map(|map| map.name).collect()
        };
        let noise = Noise::given(2.0).unwrap();
        assert_eq!(
            names(Modality::Mr, Some(&noise)),
            ["subtraction_unaligned", "relative_enhancement_unaligned", "noise_scaled_enhancement_unaligned"]
        );
        assert_eq!(names(Modality::Ct, None), ["subtraction_unaligned"]);
    }
}
