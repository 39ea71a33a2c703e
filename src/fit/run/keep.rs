//! A run whose maps are needed afterwards, with labels that depend on the grid of the series.

use super::describe::note_perfusion;
use super::wanted::Wanted;
use super::{FitRequest, FitSummary, Inputs, Kept, fit};
use crate::Result;
use crate::device::{Device, Progress};
use crate::fit::{FitOutput, Fitting, Role};
use crate::volume::{Grid, Labels};

/// The estimates of a run.
#[derive(Debug)]
pub struct KeptMaps {
    /// Where their voxels lie.
    pub grid: Grid,
    /// Estimates that were written, one value a voxel of the grid; NaN where nothing was fitted.
    pub maps: Vec<(FitOutput, Vec<f32>)>,
    /// sha256 of the inputs.
    pub inputs_sha256: Vec<String>,
    /// What a person is told.
    pub summary: FitSummary,
}

/// [`run`](super::run()) with labels that `labels` finds for the grid of the series, which gives back the estimates, too.
///
/// # Errors
/// Those of [`run`](super::run()) and of `labels`.
pub fn run_keeping(
    request: &FitRequest,
    labels: impl FnOnce(&Grid) -> Result<Option<Labels>>,
    device: &Device,
    progress: impl FnOnce(usize) -> Box<dyn Progress>,
) -> Result<KeptMaps> {
    Wanted::check(request)?;
    let mut inputs = Inputs::read(request)?;
    inputs.labels = labels(&inputs.series.grid)?;
    inputs.find_noise(request, &request.method, device)?;
    let is_kept = |output: &FitOutput| matches!(output.role, Role::Signal | Role::Estimate) && output.n_volumes == 1;
    let written = request.method.named_outputs(&request.write)?;
    let outputs: Vec<FitOutput> = written.into_iter().filter(is_kept).collect();
    let kept = Kept::new(outputs.iter().map(|output| output.name.clone()).collect());
    let unfinished = fit(request, &inputs, &kept, device, progress)?;
    let inputs_sha256 = unfinished.inputs_sha256.clone();
    let summary = unfinished.finish()?;
    let source = inputs.source();
    let (grid, picked) = (inputs.series.grid.clone(), source.picked());
    let whole = |values: Vec<f32>| match picked {
        None => values,
        Some(picked) => {
            let mut whole = vec![f32::NAN; grid.n_voxels()];
            picked.iter().zip(values).for_each(|(&voxel, value)| whole[voxel as usize] = value);
            whole
        }
    };
    let maps = outputs.into_iter().zip(kept.into_values().into_iter().map(whole)).collect();
    Ok(KeptMaps { maps, grid, inputs_sha256, summary })
}

/// Reads all that a request names and makes sure that it can be fitted, without fitting; gives back the grid.
///
/// # Errors
/// Those of [`run`](super::run()) that come up before anything is computed.
pub fn check(request: &FitRequest) -> Result<Grid> {
    Wanted::check(request)?;
    let inputs = Inputs::read(request)?;
    let wanted = Wanted::new(request, &[])?;
    Fitting::new(&request.method, &inputs.series.protocol(), &wanted.computed)?;
    note_perfusion(request, &inputs.series)?;
    Ok(inputs.series.grid)
}
