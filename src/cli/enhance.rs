//! `hepar enhance`.

use std::path::PathBuf;

use super::Session;
use super::exam::ExamArgs;
use super::options::OutputArgs;
use crate::device::Precision;
use crate::enhance::exam::{AUC_END_S, Exam, ExamOptions, LATE_CHANGE_PERCENT};
use crate::enhance::run::enhance;
use crate::enhance::series::SeriesInput;
use crate::enhance::{Agent, PhaseArg, Phases};
use crate::volume::read_labels;
use crate::{Error, Result};

/// Enhancement maps and curves from the phases of a contrast examination.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A phase, SECONDS after injection. Roles: unenhanced, early_arterial, arterial (may be repeated), portal, delayed,
    /// transitional, equilibrium, hepatobiliary.
    #[arg(long = "phase", value_name = "ROLE=FILE[@SECONDS]", conflicts_with = "series")]
    phases: Vec<PhaseArg>,
    /// What was injected. It decides which phases tell wash-out and shape the curve; iodinated means CT.
    #[arg(long, value_enum)]
    agent: Agent,
    /// A 4D image instead of phases.
    #[arg(long, value_name = "FILE", requires = "times")]
    series: Option<PathBuf>,
    /// Its times in seconds after injection, one a volume, in a text file.
    #[arg(long, value_name = "FILE", requires = "series")]
    times: Option<PathBuf>,
    /// Volumes of the series before contrast arrives [default: those up to time 0].
    #[arg(long, value_name = "N", requires = "series")]
    baseline: Option<usize>,
    /// Where the late part of a series' curve begins, in s.
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, requires = "series")]
    late_from: f64,
    /// Frames from here on stay out of the curve, in s [default: gadoxetate 120, gadobenate 3600, others none].
    #[arg(long, value_name = "SECONDS", requires = "series")]
    curve_end: Option<f64>,
    /// End of the area under the enhancement, in s after injection.
    #[arg(long, value_name = "SECONDS", default_value_t = AUC_END_S, value_parser = positive)]
    auc_end: f64,
    /// Late change, in percent of the peak, that makes a curve persistent or wash-out.
    #[arg(long, value_name = "PERCENT", default_value_t = LATE_CHANGE_PERCENT, value_parser = positive)]
    late_change: f64,
    #[command(flatten)]
    exam: ExamArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && f64::is_finite(value) => Ok(value),
        _ => Err("give a number above 0".into()),
    }
}

pub(super) fn run(args: Args, session: &Session) -> Result<()> {
    let options = ExamOptions {
        auc_end_s: args.auc_end,
        late_change: args.late_change / 100.0,
        sigma: args.exam.sigma(),
        gather: args.exam.gather(session),
    };
    let phases = match &args.series {
        None => Some(Phases::new(args.agent, args.phases)?),
        Some(_) => None,
    };
    let device = session.device(Precision::F32)?;
    let exam = match (phases, args.series, args.times) {
        (Some(phases), ..) => Exam::of_phases(&phases, &options, &device)?,
        (None, Some(path), Some(times)) => {
            let series = SeriesInput {
                agent: args.agent,
                path,
                times,
                n_baseline: args.baseline,
                late_from_s: args.late_from,
                curve_end_s: args.curve_end,
            };
            Exam::of_series(&series, &options, &device)?
        }
        _ => return Err(Error::Usage("a series needs --times FILE".into())),
    };
    exam.warn_of_left_out();
    let labels = args.exam.labels.map(|path| read_labels(&path, &exam.image().grid, &session.read_options()));
    let labels = labels.transpose()?;
    let progress = session.progress("enhancement", exam.n_work_voxels());
    let written = enhance(&exam, labels.as_ref(), &device, args.output.into(), &progress)?;
    drop(progress);
    session.say(&written.to_string())
}
