//! The series of an examination that models are fitted to: diffusion, T2, R2* and T1.

use std::path::PathBuf;

use super::chemical_shift::fat_in_phase;
use super::contrast::plausible_hu;
use super::file::Echoes;
use super::findings::Findings;
use super::iodine;
use super::load::Case;
use crate::Result;
use crate::fit::nlls::NllsOptions;
use crate::fit::{AdcOptions, FitMethod, FitRequest};
use crate::model::SignalModel;
use crate::report::outputs::OutputOptions;
use crate::volume::axes::{AxisSource, B, FLIP_ANGLE, SeriesAxis};
use crate::volume::beside::beside;
use crate::volume::bvalues::read_bvalues;
use crate::volume::mask::MaskChoice;
use crate::volume::series::B_TOLERANCE;
use crate::volume::{Format, ReadOptions, SeriesOptions, read, read_sidecar};

const NO_B1: &str =
    "T1, and the change of R1 from it, are without a map of B1: 10 % less or more of B1 moves T1 by -19 or +21 %";

/// A fit that belongs to an examination.
#[derive(Debug, Clone)]
pub(super) struct PlannedFit {
    /// The part of the examination, such as `dwi`: the folder of its results.
    pub(super) part: &'static str,
    /// The model's name: the folder within.
    pub(super) model: String,
    /// What is fitted; folder and labels are still to be said.
    pub(super) request: FitRequest,
    /// Whether the case file asks for it by name, so that it is a fault if the samples do not allow it.
    pub(super) is_asked_for: bool,
}

impl PlannedFit {
    /// Refuses images for iodine whose values cannot be HU.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data), and those of [`read`].
    pub(super) fn check_values(&self) -> Result<()> {
        let mut inputs = self.request.inputs.iter().filter(|_| self.part == "iodine");
        inputs.try_for_each(|path| plausible_hu(&read(path, &self.request.read)?))
    }
}

/// A model of a part with what its axes are.
struct Wanted<'a> {
    part: &'static str,
    model: &'a str,
    files: &'a [PathBuf],
    axes: Vec<(&'a str, AxisSource)>,
    fixed: Vec<(String, f64)>,
    is_asked_for: bool,
}

/// All fits that a case file asks for or allows.
///
/// # Errors
/// Those of the models that come with the program.
pub(super) fn plan(
    case: &Case,
    field: Option<f64>,
    read: &ReadOptions,
    findings: &mut Findings,
) -> Result<Vec<PlannedFit>> {
    let file = &case.file;
    let mut fits = Vec::new();
    let default = ["adc".to_owned(), "ivim".to_owned()];
    if let Some(dwi) = &file.dwi {
        let b = match (&dwi.b_s_per_mm2, &dwi.bval) {
            (Some(list), _) => AxisSource::List(list.clone()),
            (None, Some(path)) => AxisSource::File(case.at(path)),
            (None, None) => AxisSource::Beside,
        };
        let is_sound = dwi.b_s_per_mm2.is_none() || dwi.bval.is_none();
        if !is_sound {
            findings.fault("dwi", "both b_s_per_mm2 and bval are given\n  remedy: give one of them");
        }
        let mut models: Vec<&str> = Vec::new();
        for model in dwi.models.as_deref().unwrap_or(&default).iter().filter(|_| is_sound) {
            if models.contains(&model.as_str()) {
                findings.warn("dwi", format!("the model {model} is named twice"));
                continue;
            }
            models.push(model);
            if !of_b_values().any(|known| known == model) {
                let known = of_b_values().collect::<Vec<_>>().join(", ");
                let text = format!(
                    "there is no model `{model}` of diffusion: it is left out\n  remedy: the models are {known}"
                );
                findings.fault("dwi", text);
                continue;
            }
            fits.push(Wanted {
                part: "dwi",
                model,
                files: &dwi.files,
                axes: vec![(B, b.clone())],
                fixed: Vec::new(),
                is_asked_for: dwi.models.is_some() || model == "adc",
            });
        }
    }
    let times = |list: &Option<Vec<f64>>| list.clone().map_or(AxisSource::Beside, AxisSource::List);
    if let Some(t2) = &file.t2 {
        let axes = vec![("te", times(&t2.echo_times_ms))];
        fits.push(Wanted { part: "t2", model: "t2", files: &t2.files, axes, fixed: Vec::new(), is_asked_for: true });
    }
    if let Some(t2star) = &file.t2star {
        let axes = vec![("te", times(&t2star.echo_times_ms))];
        let wanted = |model, fixed, is_asked_for| Wanted {
            part: "t2star",
            model,
            files: &t2star.files,
            axes: axes.clone(),
            fixed,
            is_asked_for,
        };
        fits.push(wanted("t2star", Vec::new(), true));
        match field {
            Some(tesla) if all_in_phase(case, t2star, tesla) => findings.leave_out(
                "t2star",
                format!("fat and water are left out: at {tesla} T they are in phase at all echo times, which then do not tell them apart"),
            ),
            Some(tesla) => fits.push(wanted("fat_water", vec![("B0".to_owned(), tesla)], false)),
            None => findings.leave_out(
                "t2star",
                "fat and water are left out: the field strength is not known; state field_strength_t",
            ),
        }
    }
    if let Some(t1) = &file.t1 {
        if t1.b1.is_none() {
            findings.warn("t1", NO_B1);
        }
        let tr = t1.repetition_time_ms.map_or(AxisSource::Beside, |tr| AxisSource::List(vec![tr.get()]));
        let axes = vec![(FLIP_ANGLE, times(&t1.flip_angles_deg)), ("tr", tr)];
        fits.push(Wanted {
            part: "t1",
            model: "t1_vfa",
            files: &t1.files,
            axes,
            fixed: Vec::new(),
            is_asked_for: true,
        });
    }
    if let Some(energies) = &file.energies {
        fits.push(Wanted {
            part: "iodine",
            model: iodine::MODEL,
            files: &energies.files,
            axes: iodine::axes(&energies.iodine_hu_per_mg_ml),
            fixed: Vec::new(),
            is_asked_for: true,
        });
    }
    fits.retain(|wanted| match contradiction(case, wanted) {
        None => true,
        Some(problem) => {
            findings.fault(
                wanted.part,
                format!("{problem}\n  remedy: mend the one that is wrong; {} is left out", wanted.model),
            );
            false
        }
    });
    fits.iter().map(|wanted| request(case, wanted, read)).collect()
}

/// The models whose samples differ in their b-value alone.
fn of_b_values() -> impl Iterator<Item = &'static str> {
    let is_of_b = |model: &&SignalModel| model.axes.iter().map(|axis| axis.name.as_str()).eq([B]);
    SignalModel::all().iter().filter(is_of_b).map(|model| model.name.as_str())
}

/// What is stated of a series and contradicts what lies beside its images.
fn contradiction(case: &Case, wanted: &Wanted) -> Option<String> {
    wanted.axes.iter().find_map(|(axis, source)| {
        let AxisSource::List(stated) = source else { return None };
        let (found, tolerance) = match *axis {
            B => match wanted.files {
                [file] => (read_bvalues(&beside(&case.at(file), ".bval")).ok()?, B_TOLERANCE),
                _ => return None,
            },
            axis => {
                let of_sidecar = |file: &PathBuf| {
                    let sidecar = read_sidecar(&case.at(file)).ok()??;
                    match axis {
                        "te" => sidecar.echo_time_s().map(|te| 1e3 * te),
                        "tr" => sidecar.repetition_time_s().map(|tr| 1e3 * tr),
                        FLIP_ANGLE => sidecar.flip_angle_deg(),
                        _ => None,
                    }
                };
                (wanted.files.iter().map(of_sidecar).collect::<Option<Vec<f64>>>()?, 1e-3)
            }
        };
        let of = |i: usize| stated.get(if stated.len() == 1 { 0 } else { i });
        let differs = |(i, found): (usize, &f64)| {
            of(i).filter(|stated| {
                (**stated - found).abs() > tolerance * if *axis == B { 1.0 } else { found.abs().max(1.0) }
            })
        };
        let (i, stated) = found.iter().enumerate().find_map(|pair| Some((pair.0, differs(pair)?)))?;
        Some(format!(
            "the case file states {axis} = {stated} for image {}, but {} lies beside it",
            i + 1,
            crate::measure::rounded(found[i], 6)
        ))
    })
}

/// Whether fat and water are nearer to in than to opposed phase in all echoes, as far as their times are known.
fn all_in_phase(case: &Case, echoes: &Echoes, tesla: f64) -> bool {
    let beside = || {
        let time = |file: &PathBuf| Some(1e3 * read_sidecar(&case.at(file)).ok()??.echo_time_s()?);
        echoes.files.iter().map(time).collect::<Option<Vec<f64>>>()
    };
    let times = echoes.echo_times_ms.clone().or_else(beside).unwrap_or_default();
    !times.is_empty() && times.iter().all(|&te_ms| fat_in_phase(te_ms, tesla) > 0.0)
}

fn request(case: &Case, wanted: &Wanted, read: &ReadOptions) -> Result<PlannedFit> {
    let (model, write) = match wanted.model {
        iodine::MODEL => (iodine::model()?, iodine::WRITTEN.map(str::to_owned).to_vec()),
        name => (SignalModel::builtin(name)?.clone(), Vec::new()),
    };
    let axis = |(name, source): &(&str, AxisSource)| {
        let unit = model.axes.iter().find(|axis| axis.name == *name).map_or(String::new(), |axis| axis.unit.clone());
        SeriesAxis { name: (*name).into(), unit, source: source.clone() }
    };
    let series = SeriesOptions { axes: wanted.axes.iter().map(axis).collect(), ..SeriesOptions::default() };
    let method = match wanted.model {
        "adc" => FitMethod::Adc(AdcOptions::default()),
        _ => {
            let options = NllsOptions { fixed: wanted.fixed.clone(), ..NllsOptions::default() };
            FitMethod::Nlls { model: Box::new(model), options, force: false }
        }
    };
    let mask = match case.file.masks().find(|(part, _)| *part == wanted.part) {
        Some((_, path)) => MaskChoice::OnGrid(case.at(path)),
        // The body of MR images; HU are no signal to tell it from, and unmixing costs little.
        None if wanted.part == "iodine" => MaskChoice::None,
        None => MaskChoice::Auto,
    };
    let b1 = case.file.t1.as_ref().filter(|_| wanted.part == "t1").and_then(|t1| t1.b1.as_ref());
    Ok(PlannedFit {
        part: wanted.part,
        model: wanted.model.to_owned(),
        is_asked_for: wanted.is_asked_for,
        request: FitRequest {
            inputs: case.all_at(wanted.files),
            read: read.clone(),
            series,
            axis_scales: b1.iter().map(|path| (FLIP_ANGLE.to_owned(), case.at(path))).collect(),
            mask,
            labels: None,
            method,
            sigma: None,
            prior: None,
            write,
            residuals: false,
            plots: Vec::new(),
            // Said when it is run.
            output: OutputOptions { dir: PathBuf::new(), format: Format::NiiGz, pictures: false, force: false },
        },
    })
}
