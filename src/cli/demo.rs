//! `hepar demo`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Session;
use crate::device::{Device, Precision};
use crate::enhance::exam::{AUC_END_S, Exam, ExamOptions, LATE_CHANGE_PERCENT};
use crate::enhance::gather::GatherOptions;
use crate::enhance::run::enhance;
use crate::enhance::sigma::Sigma;
use crate::enhance::subtract::{SubtractOptions, subtract};
use crate::enhance::{Agent, PhaseArg, Phases};
use crate::fit::{AdcOptions, FitMethod, FitRequest, run as fit};
use crate::report::ColourKind;
use crate::report::outputs::{MapOutput, OutputOptions, Outputs, RunRecord};
use crate::simulate::demo::{self, Content, DemoContent, Folders};
use crate::simulate::{Phantom, Spec, TruthMap, liver_phantom};
use crate::volume::atomic::write_atomically;
use crate::volume::mask::MaskChoice;
use crate::volume::{Format, ReadOptions, SeriesOptions, read, read_labels, write_nifti};
use crate::{Error, RESEARCH_USE_ONLY, Result};

/// Make a phantom examination and run the whole main job on it.
///
/// A liver with vessels and six lesions, with diffusion and dynamic series of either agent and Rician noise, is written to DIR/input and
/// what its maps should be to DIR/truth. fit, subtract and enhance then make DIR/maps and DIR/pictures from the input
/// alone, and each region's mean is compared with truth.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder to fill: input, truth, maps and pictures.
    #[arg(long, short, default_value = "hepar-demo", value_name = "DIR")]
    output: PathBuf,
    /// Replace what is in the folder.
    #[arg(long)]
    force: bool,
    /// Seed of the noise.
    #[arg(long, default_value_t = demo::DEFAULT_SEED, value_name = "N")]
    seed: u64,
    /// Contrast agent of the dynamic series.
    #[arg(long, value_parser = agents(), default_value = Agent::Extracellular.name(), value_name = "AGENT")]
    agent: Agent,
    /// Write in-phase and opposed-phase images, T2 and T2* echoes and T1 flip angles to DIR/input too.
    #[arg(long)]
    whole: bool,
}

/// Of the agents that `enhance` knows, those that the phantom has.
fn agents() -> impl TypedValueParser<Value = Agent> {
    let names = demo::AGENTS.map(Agent::name);
    PossibleValuesParser::new(names).try_map(|name| Agent::from_str(&name, false))
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let device = session.device(Precision::F32)?;
    let phantom = liver_phantom(&Spec::liver()?, args.agent, args.seed)?;
    let content = if args.whole { DemoContent::Whole } else { DemoContent::Plain };
    let folders = Folders::make(&args.output, args.force)?;
    write_input(&folders, &phantom, content)?;
    write_truth(&folders, &phantom, content)?;
    session.say(&format!("phantom in {}, its truth in {}", folders.input.display(), folders.truth.display()))?;

    in_turn(&folders, "fit", |output| fit(&fit_request(&folders, output), &device, |_| Box::new(())).map(drop))?;
    in_turn(&folders, "subtract", |output| {
        subtract(&subtract_options(&folders, &phantom), &device, output, &()).map(drop)
    })?;
    in_turn(&folders, "enhance", |output| run_enhance(&folders, &phantom, &device, output))?;

    let rows = demo::compare_maps(&phantom, |name| read_map(&folders, name))?;
    session.say(&demo::summary(&rows))?;
    let description = device.description();
    session.say(&format!("computed on {} ({})", description.name, description.backend))?;
    session.say(&format!("maps in {}, pictures in {}", folders.maps.display(), folders.pictures.display()))?;
    session.say(RESEARCH_USE_ONLY)
}

fn write_input(folders: &Folders, phantom: &Phantom, content: DemoContent) -> Result<()> {
    for file in demo::input_files(phantom, content) {
        let path = folders.input.join(file.name);
        match file.content {
            Content::Volumes(voxels) => {
                write_nifti(&path, &phantom.grid, voxels.len() / phantom.grid.n_voxels(), voxels)?;
            }
            Content::Text(text) => write_atomically(&path, text.as_bytes())?,
        }
    }
    Ok(())
}

fn write_truth(folders: &Folders, phantom: &Phantom, content: DemoContent) -> Result<()> {
    let further = phantom.further.iter().filter(|_| content == DemoContent::Whole);
    let maps: Vec<&TruthMap> = phantom.truth.iter().chain(further.flat_map(|series| &series.truth)).collect();
    let names: Vec<&str> = maps.iter().map(|map| map.name.as_str()).collect();
    let outputs = Outputs::plan(options(&folders.truth, false), &names, &[])?;
    for map in maps {
        let column = phantom.truth_column(map);
        outputs.write_map(
            &phantom.grid,
            &MapOutput {
                name: &map.name,
                data: (&column).into(),
                unit: map.unit,
                title: &map.title,
                picture: ColourKind::Sequential.into(),
                meta: serde_json::Map::new(),
            },
        )?;
    }
    let (options, device) = (serde_json::Map::new(), serde_json::Value::Null);
    outputs.finish(&RunRecord { command: "demo", options, inputs_sha256: &[], device }).map(drop)
}

fn options(dir: &Path, pictures: bool) -> OutputOptions {
    OutputOptions { dir: dir.into(), format: Format::NiiGz, pictures, force: true }
}

/// Runs one command into a folder of its own, then puts its pictures with the pictures and the rest with the maps; what
/// every command writes under the same name gets the command's before it.
fn in_turn(folders: &Folders, command: &str, work: impl FnOnce(OutputOptions) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir_in(&folders.maps).map_err(|e| Error::io(&folders.maps, e))?;
    work(options(folder.path(), true))?;
    for entry in fs::read_dir(folder.path()).map_err(|e| Error::io(folder.path(), e))? {
        let from = entry.map_err(|e| Error::io(folder.path(), e))?.path();
        let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shared = ["status.", "regions.", "hepar."].iter().any(|start| name.starts_with(start));
        let name = if shared { format!("{command}_{name}") } else { name };
        let to = if name.ends_with(".png") { &folders.pictures } else { &folders.maps }.join(name);
        fs::rename(&from, &to).map_err(|e| Error::io(&to, e))?;
    }
    Ok(())
}

fn fit_request(folders: &Folders, output: OutputOptions) -> FitRequest {
    FitRequest {
        inputs: vec![folders.input.join("dwi.nii.gz")],
        read: ReadOptions::default(),
        series: SeriesOptions::default(),
        axis_scales: Vec::new(),
        mask: MaskChoice::Auto,
        labels: Some(folders.input.join("labels.nii.gz")),
        method: FitMethod::Adc(AdcOptions::default()),
        prior: None,
        sigma: None,
        write: Vec::new(),
        residuals: false,
        plots: Vec::new(),
        output,
    }
}

fn gather() -> GatherOptions {
    GatherOptions { read: ReadOptions::default(), resample: false, allow_mismatch: false }
}

fn sigma(phantom: &Phantom) -> Sigma {
    Sigma::Value(phantom.sigma)
}

fn subtract_options(folders: &Folders, phantom: &Phantom) -> SubtractOptions {
    SubtractOptions {
        post: folders.input.join("arterial.nii.gz"),
        pre: folders.input.join("unenhanced.nii.gz"),
        modality: None,
        sigma: sigma(phantom),
        gather: gather(),
        labels: Some(folders.input.join("labels.nii.gz")),
    }
}

fn run_enhance(folders: &Folders, phantom: &Phantom, device: &Device, output: OutputOptions) -> Result<()> {
    let as_argument = |phase: &crate::simulate::DynamicPhase| -> Result<PhaseArg> {
        let role = &phase.phase.role;
        let file = folders.input.join(format!("{role}.nii.gz"));
        let PhaseArg { role, path, .. } = format!("{role}={}", file.display()).parse().map_err(Error::Internal)?;
        Ok(PhaseArg { role, path, seconds: phase.phase.time_s })
    };
    let phases = phantom.phases.iter().map(as_argument).collect::<Result<Vec<_>>>()?;
    let phases = Phases::new(phantom.agent, phases)?;
    let options = ExamOptions {
        sigma: sigma(phantom),
        gather: gather(),
        auc_end_s: AUC_END_S,
        late_change: LATE_CHANGE_PERCENT / 100.0,
    };
    let exam = Exam::of_phases(&phases, &options, device)?;
    exam.warn_of_left_out();
    let labels = folders.input.join("labels.nii.gz");
    let labels = read_labels(&labels, &exam.image().grid, &ReadOptions::default())?;
    enhance(&exam, Some(&labels), device, output, &()).map(drop)
}

fn read_map(folders: &Folders, name: &str) -> Result<Vec<f32>> {
    let image = read(&folders.maps.join(format!("{name}.nii.gz")), &ReadOptions::default())?;
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(0).load_f32(0, &mut values);
    Ok(values)
}
