//! What a run writes beside its maps: tables of regions, and plots.

use super::wanted::tells_chi2;
use super::{FitRequest, Inputs};
use crate::Result;
use crate::device::Device;
use crate::fit::goodness::quality::{self, quality_table};
use crate::fit::plot::Plot;
use crate::fit::regions::region_table;
use crate::fit::{FitMethod, Role};
use crate::measure::Table;
use crate::report::outputs::Outputs;

/// The tables and plots of a run.
#[derive(Debug)]
pub(super) struct Beside {
    plots: Vec<Plot>,
    /// The name of the table of regions.
    regions: Option<String>,
    /// That of the fit's quality.
    quality: Option<&'static str>,
}

impl Beside {
    /// What a request asks for.
    pub(super) fn new(request: &FitRequest, inputs: &Inputs) -> Result<Self> {
        let labels = inputs.labels.as_ref();
        let plots = request.plots.iter().map(|place| place.find(&inputs.series, labels)).collect::<Result<_>>()?;
        let quality = labels.filter(|_| request.method.tells_samples()).map(|_| quality::FILE);
        Ok(Self { plots, regions: labels.map(|_| table_name(&request.method)).transpose()?, quality })
    }

    /// The names of all files.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        let tables = self.regions.iter().cloned().chain(self.quality.map(String::from));
        tables.chain(self.plots.iter().map(|plot| plot.file.clone()))
    }

    /// Makes and writes all; gives back the table of regions.
    pub(super) fn write(
        &self,
        request: &FitRequest,
        inputs: &Inputs,
        device: &Device,
        outputs: &Outputs,
    ) -> Result<Option<Table>> {
        let FitRequest { method, .. } = request;
        let Inputs { series, labels, .. } = inputs;
        for plot in &self.plots {
            outputs.write_file(&plot.file, &plot.draw(series, method)?)?;
        }
        let (Some(labels), Some(name)) = (labels, &self.regions) else { return Ok(None) };
        let regions = region_table(series, labels, method, device)?;
        outputs.write_file(name, &regions.to_tsv()?)?;
        if let Some(file) = self.quality {
            let sigma = inputs.sigma().filter(|_| tells_chi2(request));
            let quality = quality_table(series, labels, method, sigma, device)?;
            outputs.write_file(file, &quality.to_tsv()?)?;
        }
        Ok(Some(regions))
    }
}

/// The table that labels give is named after the first estimate.
fn table_name(method: &FitMethod) -> Result<String> {
    Ok(match method.outputs()?.iter().find(|output| output.role == Role::Estimate) {
        Some(output) if method.model() == "adc" => format!("{}_regions.tsv", output.name),
        _ => format!("{}_regions.tsv", method.model()),
    })
}
