//! `hepar run`, `hepar check` and `hepar init`.

use std::path::{Path, PathBuf};

use super::options::OutputArgs;
use super::{Session, console};
use crate::case::{self, Case, CaseFile, CaseOptions, CaseSummary};
use crate::device::{Precision, Progress};
use crate::report::outputs::OutputOptions;
use crate::volume::Format;
use crate::volume::atomic::write_atomically;
use crate::{Error, Result};

/// Compute everything that an examination allows, from its case file.
///
/// Each part (dynamic, ct, dwi, t2, ...) goes to a folder of its own in DIR; beside them stand tables of every map in every label
/// (values.tsv, values.csv), of each lesion (lesions.tsv), and the contact sheet. What is left out, and why, is printed and
/// stands in findings.tsv.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The case file; `hepar init FOLDER` proposes one.
    case: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Read an examination and say what can be computed of it and what is missing; compute nothing.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The case file.
    #[arg(required_unless_present = "schema")]
    case: Option<PathBuf>,
    /// Print the JSON schema of case files instead.
    #[arg(long, conflicts_with = "case")]
    schema: bool,
}

/// Propose a case file for a folder of images, as dcm2niix writes them.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The folder.
    folder: PathBuf,
    /// Where to write the case file [default: standard output]; its paths are then relative to FOLDER.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace what is there.
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn run(args: RunArgs, session: &Session) -> Result<()> {
    let case = Case::read(&args.case)?;
    let device = session.device(Precision::F32)?;
    let options = CaseOptions { read: session.read_options(), output: args.output.into() };
    let dir = options.output.dir.display().to_string();
    let show = |what: &str, n: usize| -> Box<dyn Progress> { Box::new(session.progress(what, n)) };
    let summary = case::run(&case, &options, &device, &show)?;
    if let Some(lesions) = &summary.brief {
        session.say(&lesions.to_text())?;
    }
    session.say(&format!("computed: {}; results in {dir}", summary.parts.join(", ")))?;
    conclude(&args.case, &summary, session)
}

pub(super) fn check(args: CheckArgs, session: &Session) -> Result<()> {
    let Some(path) = args.case else {
        return console::print(&schema()?);
    };
    let case = Case::read(&path)?;
    let device = session.device(Precision::F32)?;
    // Nothing is written.
    let output = OutputOptions { dir: PathBuf::new(), format: Format::NiiGz, pictures: false, force: false };
    let summary = case::check(&case, &CaseOptions { read: session.read_options(), output }, &device)?;
    session.say(&format!("can be computed: {}", summary.parts.join(", ")))?;
    conclude(&path, &summary, session)
}

/// The JSON schema of case files.
///
/// # Errors
/// [`Error::Internal`] if it is no JSON.
pub fn schema() -> Result<String> {
    let schema = schemars::schema_for!(CaseFile);
    let text = serde_json::to_string_pretty(&schema).map_err(|e| Error::Internal(format!("the schema: {e}")))?;
    Ok(text + "\n")
}

/// Prints what was found, and fails if anything that was given cannot be used.
fn conclude(case: &Path, summary: &CaseSummary, session: &Session) -> Result<()> {
    session.say(&summary.findings.to_string())?;
    session.say(crate::RESEARCH_USE_ONLY)?;
    match summary.findings.n_faults() {
        0 => Ok(()),
        n => Err(Error::data(
            case,
            format!("faults named above: {n}; nothing was computed from what they are about"),
            "mend them",
        )),
    }
}

pub(super) fn init(args: InitArgs, session: &Session) -> Result<()> {
    let text = case::propose(&args.folder)?;
    let Some(path) = args.output else {
        return console::print(&text);
    };
    if path.exists() && !args.force {
        return Err(Error::cannot_create(&path, "the file exists", "replace it with --force"));
    }
    write_atomically(&path, text.as_bytes())?;
    session.say(&format!("{} proposes what each image is: check every line", path.display()))
}
