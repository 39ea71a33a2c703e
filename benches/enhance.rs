//! All enhancement maps of five phases beside reading the same images and writing the same maps without computing:
//! `cargo bench --bench enhance`. Whole runs of both in turn; the medians and their ratio are printed.

#![allow(clippy::expect_used, clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hepar::device::{Device, DeviceChoice, Precision};
use hepar::enhance::exam::{AUC_END_S, Exam, ExamOptions, LATE_CHANGE_PERCENT};
use hepar::enhance::gather::{GatherOptions, gather};
use hepar::enhance::maps::ExamMap;
use hepar::enhance::output::{self, STATUS};
use hepar::enhance::run::{enhance, enhance_keeping};
use hepar::enhance::sigma::Sigma;
use hepar::enhance::{Agent, PhaseArg, Phases};
use hepar::measure::{Organ, Reference};
use hepar::report::ColourKind;
use hepar::report::outputs::{MapOutput, OutputOptions, RunRecord};
use hepar::simulate::{Noise, Rng, add_noise_from, centred_grid};
use hepar::volume::{Format, MapData, ReadOptions, write_nifti};

const SHAPE: [usize; 3] = [320, 260, 80];
const PHASES: [(&str, Option<f64>, f32); 5] = [
    ("unenhanced", None, 1000.0),
    ("arterial", Some(32.0), 1200.0),
    ("portal", Some(68.0), 1800.0),
    ("delayed", Some(180.0), 1600.0),
    ("equilibrium", Some(600.0), 1400.0),
];
const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let grid = centred_grid(SHAPE, [1.2, 1.2, 2.5]);
    for (k, (role, _, signal)) in PHASES.iter().enumerate() {
        let mut values = vec![*signal; grid.n_voxels()];
        add_noise_from(Rng::new(k as u64), &mut values, 20.0, Noise::Gaussian);
        let stored: Vec<i16> = values.iter().map(|v| v.round() as i16).collect();
        for suffix in ["nii", "nii.gz"] {
            let path = folder.path().join(format!("{role}.{suffix}"));
            write_nifti(&path, &grid, 1, MapData::I16(&stored)).expect("a phase is written");
        }
    }
    let device = Device::open(&DeviceChoice::Cpu, 0, Precision::F32).expect("the CPU");
    println!("{SHAPE:?} x {} int16, {}", PHASES.len(), device.description().name);
    for (format, suffix) in [(Format::Nii, "nii"), (Format::NiiGz, "nii.gz")] {
        let exam = exam(folder.path(), suffix, &device);
        let maps = enhance_keeping(&exam, None, &device, outputs(folder.path(), format), &()).expect("maps");
        drop(exam);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            with.push(timed(|| computed(folder.path(), suffix, format, &device)));
            without.push(timed(|| copied(folder.path(), suffix, format, &device, &maps)));
        }
        let (with, without) = (median(with), median(without));
        println!(
            "{suffix}: {} maps in {with:.2} s; read and written without computing in {without:.2} s: ratio {:.2}",
            maps.len(),
            with / without
        );
    }
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn outputs(folder: &Path, format: Format) -> OutputOptions {
    OutputOptions { dir: folder.join("out"), format, pictures: false, force: true }
}

fn path(folder: &Path, role: &str, suffix: &str) -> PathBuf {
    folder.join(format!("{role}.{suffix}"))
}

fn options() -> ExamOptions {
    ExamOptions {
        auc_end_s: AUC_END_S,
        late_change: LATE_CHANGE_PERCENT / 100.0,
        sigma: Sigma::Value(20.0),
        gather: GatherOptions { read: ReadOptions::default(), resample: false, allow_mismatch: false },
    }
}

/// Reads the phases, computes every map that they allow, and writes them.
fn computed(folder: &Path, suffix: &str, format: Format, device: &Device) {
    enhance(&exam(folder, suffix, device), None, device, outputs(folder, format), &()).expect("maps are written");
}

/// The phases with all maps that they allow.
fn exam(folder: &Path, suffix: &str, device: &Device) -> Exam {
    let argument = |(role, seconds, _): &(&str, Option<f64>, f32)| {
        let PhaseArg { role, .. } = format!("{role}=x").parse().expect("a role");
        PhaseArg { role, path: path(folder, role.name(), suffix), seconds: *seconds }
    };
    let phases = Phases::new(Agent::Extracellular, PHASES.iter().map(argument).collect()).expect("phases");
    let mut exam = Exam::of_phases(&phases, &options(), device).expect("an examination");
    let noise = exam.noise.clone();
    let liver = |value: f64| Reference { n: 1000, n_left_out: 0, value, sd: 20.0, standard_error: 0.8 };
    let references: Vec<_> =
        PHASES.iter().map(|phase| BTreeMap::from([(Organ::Liver, liver(f64::from(phase.2)))])).collect();
    let rises: Vec<_> = PHASES.iter().map(|phase| Some(liver(f64::from(phase.2 - 1000.0)))).collect();
    exam.plan_noise_scaled(&phases, noise.as_ref()).expect("maps");
    exam.plan_enhancement_ratios(&phases, noise.as_ref()).expect("maps");
    exam.plan_comparisons(&phases, &references, &rises).expect("maps");
    exam
}

/// Reads the phases and writes maps that are there already.
fn copied(folder: &Path, suffix: &str, format: Format, device: &Device, maps: &[ExamMap]) {
    let paths: Vec<PathBuf> = PHASES.iter().map(|phase| path(folder, phase.0, suffix)).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let members = gather(&paths, &options().gather, device).expect("images");
    let names: Vec<&str> = maps.iter().map(|map| map.name.as_str()).collect();
    let planned = output::plan(outputs(folder, format), &names, &[]).expect("outputs");
    let (grid, status) = (&members[0].image.grid, vec![0u16; members[0].image.grid.n_voxels()]);
    let mut all: Vec<MapOutput> = Vec::new();
    for map in maps {
        all.push(written(&map.name, map.values.as_ref().expect("the values were kept").into()));
    }
    all.push(written(STATUS, MapData::U16(&status)));
    planned.write_maps(grid, &all).expect("maps are written");
    let inputs_sha256: Vec<String> = members.iter().map(|member| member.sha256.clone()).collect();
    let device = serde_json::Value::Null;
    let record =
        RunRecord { command: "enhance", options: serde_json::Map::new(), inputs_sha256: &inputs_sha256, device };
    planned.finish(&record).expect("the record is written");
}

fn written<'a>(name: &'a str, data: MapData<'a>) -> MapOutput<'a> {
    let picture = ColourKind::Diverging.into();
    MapOutput { name, data, unit: "", title: "", picture, meta: serde_json::Map::new() }
}
