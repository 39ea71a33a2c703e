//! Which columns a fit computes, and which of them, and of what follows from them, are written.

use serde_json::{Map, Value};

use super::describe::label;
use super::{FitRequest, Inputs};
use crate::device::{Column, Source};
use crate::fit::goodness::{CHI2, Evaluation, GoodnessMaps, LAG1, RESIDUALS, outputs as goodness_outputs};
use crate::fit::{FitMethod, FitOutput, Results, Role};
use crate::report::ColourKind;
use crate::report::outputs::{MapLabel, OpenMap, Outputs};
use crate::volume::{Average, Format};
use crate::{Error, Result};

/// The columns and maps of a run.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What the kernel computes, in its own order: what is written, what is kept or evaluated, and the status, whose
    /// counts are always said.
    pub(super) computed: Vec<FitOutput>,
    /// What of that is written.
    pub(super) of_fit: Vec<FitOutput>,
    /// Maps that follow from the fitted parameters.
    pub(super) goodness: Vec<FitOutput>,
    /// Whether residuals are written.
    pub(super) residuals: bool,
}

impl Wanted {
    /// What a request asks for; `kept` are columns that are needed beside it.
    pub(super) fn new(request: &FitRequest, kept: &[String]) -> Result<Self> {
        let FitRequest { method, residuals, .. } = request;
        let named = method.named_outputs(&request.write)?;
        let is_wanted = |output: &FitOutput| match (request.write.is_empty(), output.name.as_str()) {
            (false, _) => named.contains(output),
            (true, LAG1) => *residuals,
            (true, _) => tells_chi2(request),
        };
        let goodness: Vec<FitOutput> = goodness_outputs().into_iter().filter(is_wanted).collect();
        if !knows_sigma(request) && goodness.iter().any(|output| output.name == CHI2) {
            let problem = format!("{CHI2} needs to know the noise");
            return Err(Error::Usage(format!(
                "{problem}\n  remedy: give its standard deviation, or how it is to be estimated, with --sigma"
            )));
        }
        let evaluated = if goodness.is_empty() && !residuals { Vec::new() } else { method.fitted_names()? };
        let of_fit: Vec<FitOutput> = named.into_iter().filter(|output| !goodness.contains(output)).collect();
        let mut computed = method.outputs()?;
        computed.retain(|output| {
            let needed = evaluated.contains(&output.name) || kept.contains(&output.name);
            output.role == Role::Status || needed || of_fit.contains(output)
        });
        Ok(Self { computed, of_fit, goodness, residuals: *residuals })
    }

    /// Refuses what the fitted parameters alone do not tell, before anything is read.
    pub(super) fn check(request: &FitRequest) -> Result<()> {
        let FitRequest { method, write, plots, residuals, .. } = request;
        let names = |name: &str| write.iter().any(|written| written == name);
        let evaluates = *residuals || names(LAG1) || names(CHI2) || !plots.is_empty();
        let (problem, remedy) = match method {
            FitMethod::Spectrum(_) if evaluates => ("a spectrum has no maps of residuals", "leave them out of --write"),
            FitMethod::Robust(_) if !plots.is_empty() => {
                ("the 95 % band of a robust fit is not known", "leave --plot or --robust out")
            }
            _ if names(CHI2) && changes_noise(request) => (
                "--sigma is the noise of one image, and averages and medians have less",
                "leave chi2_reduced out, or --average and --median",
            ),
            _ => return Ok(()),
        };
        Err(Error::Usage(format!("{problem}\n  remedy: {remedy}")))
    }

    /// Which column of the fit is the status.
    pub(super) fn status_column(&self) -> Option<usize> {
        let before = self.computed.iter().position(|output| output.role == Role::Status)?;
        Some(self.computed[..before].iter().map(|output| output.n_volumes).sum())
    }

    /// All maps of one volume that are written.
    pub(super) fn maps(&self) -> impl Iterator<Item = &FitOutput> {
        self.of_fit.iter().chain(&self.goodness)
    }

    /// The files of the residuals, which have no picture.
    pub(super) fn series_files(&self, format: Format) -> impl Iterator<Item = String> {
        let files = [format!("{RESIDUALS}.{}", format.suffix()), format!("{RESIDUALS}.json")];
        files.into_iter().filter(|_| self.residuals)
    }

    /// What evaluates the fit while it runs, where that is asked for; `columns` are those of the fit.
    pub(super) fn open_goodness<'s>(
        &self,
        request: &FitRequest,
        inputs: &'s Inputs,
        source: &'s Source<'s>,
        outputs: &Outputs,
        columns: &[Column],
    ) -> Result<Option<GoodnessMaps<'s>>> {
        if self.goodness.is_empty() && !self.residuals {
            return Ok(None);
        }
        let (series, sigma) = (&inputs.series, inputs.sigma());
        let evaluation = Evaluation::new(&request.method, &series.protocol(), &self.computed, sigma)?;
        // Parameters come first.
        let like = columns.first().ok_or_else(|| Error::Internal("a fit has no columns".into()))?;
        let masked = source.picked().map(|_| f32::NAN);
        let open =
            |output: &FitOutput| Ok((output.name.clone(), outputs.open_map(&series.grid, &output.name, like, masked)?));
        let maps = self.goodness.iter().map(open).collect::<Result<_>>()?;
        let n_volumes = series.volumes.len();
        let residuals = || outputs.open_series(&series.grid, RESIDUALS, n_volumes, like);
        let residuals = self.residuals.then(residuals).transpose()?;
        Ok(Some(GoodnessMaps { evaluation, source, residuals, maps }))
    }

    /// All maps of a run that is done, with what is said of each.
    pub(super) fn labelled(
        &self,
        results: Results,
        goodness: Option<GoodnessMaps>,
        method: &FitMethod,
        meta: &Map<String, Value>,
    ) -> Vec<(OpenMap, MapLabel)> {
        let of_fit = self.computed.iter().filter(|output| self.of_fit.contains(output));
        let mut all: Vec<(OpenMap, MapLabel)> =
            results.into_maps().zip(of_fit.map(|output| label(output, method, meta))).collect();
        if let Some(GoodnessMaps { maps, residuals, .. }) = goodness {
            let labels = self.goodness.iter().map(|output| label(output, method, meta));
            all.extend(maps.into_iter().map(|(_, map)| map).zip(labels));
            let (unit, title) = ("a.u.".into(), "Residuals, a volume for each volume used".into());
            let label = MapLabel { unit, title, picture: ColourKind::Diverging.into(), meta: meta.clone() };
            all.extend(residuals.map(|series| (series, label)));
        }
        all
    }
}

/// Whether σ is asked for or needed, and so found before anything is fitted.
fn knows_sigma(request: &FitRequest) -> bool {
    request.sigma.is_some() || request.method.noise().needs_sigma()
}

/// Whether χ² is known of each voxel.
pub(super) fn tells_chi2(request: &FitRequest) -> bool {
    knows_sigma(request) && request.method.tells_samples() && !changes_noise(request)
}

/// Whether what is fitted has other noise than the images.
fn changes_noise(request: &FitRequest) -> bool {
    request.series.average != Average::None || request.series.median_3x3
}
