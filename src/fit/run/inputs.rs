//! What a fit reads.

use std::path::PathBuf;

use serde_json::Value;

use super::FitRequest;
use crate::device::{Device, Row, Source};
use crate::fit::{FitMethod, Sigma, sigma};
use crate::volume::labels::read_labels;
use crate::volume::mask::Mask;
use crate::volume::{Average, Image, Labels, Series, read, read_in_place};
use crate::{Error, Result};

/// A series with the labels and the mask of its voxels.
#[derive(Debug)]
pub(in crate::fit) struct Inputs {
    pub(in crate::fit) series: Series,
    pub(in crate::fit) labels: Option<Labels>,
    /// What a sidecar says of the noise, where it was asked for or is needed.
    pub(in crate::fit) noise: Option<Value>,
    /// σ of each voxel, where the fit itself does not need it, and the series has none.
    sigma: Option<Image>,
    mask: Option<Mask>,
}

impl Inputs {
    /// Reads all that a request names. What it says of the noise is left to [`Self::find_noise`].
    pub(in crate::fit) fn read(request: &FitRequest) -> Result<Self> {
        let images =
            request.inputs.iter().map(|path| read_in_place(path, &request.read)).collect::<Result<Vec<_>>>()?;
        let mut series = Series::new(images, &request.series)?;
        for (axis, path) in &request.axis_scales {
            series.scale(axis, read(path, &request.read)?)?;
        }
        let labels = request.labels.as_ref().map(|path| read_labels(path, &series.grid, &request.read)).transpose()?;
        let name = request.inputs.first().map(PathBuf::as_path).unwrap_or_else(|| "".as_ref());
        let mask = request.mask.mask(&series.grid, name, || series.brightest(), &request.read)?;
        Ok(Self { series, labels, noise: None, sigma: None, mask })
    }

    /// Finds the noise for `method`, if it is asked for or needed; see [`sigma::resolve`].
    pub(in crate::fit) fn find_noise(
        &mut self,
        request: &FitRequest,
        method: &FitMethod,
        device: &Device,
    ) -> Result<()> {
        if matches!(method, FitMethod::Robust(_)) && request.series.average != Average::None {
            let problem = "--robust looks for outlying repeats, which --average hides in means";
            return Err(Error::Usage(format!("{problem}\n  remedy: leave one of them out")));
        }
        let default = method.noise().needs_sigma().then(Sigma::default);
        if let Some(asked) = request.sigma.clone().or(default) {
            let picked = self.mask.as_ref().map(Mask::picked);
            let (said, image) = sigma::resolve(&asked, method, &self.series, picked.as_deref(), device, &request.read)?;
            self.noise = Some(said);
            if method.noise().needs_sigma() {
                self.series.set_sigma(image)?;
            } else {
                self.series.check_sigma(&image)?;
                self.sigma = Some(image);
            }
        }
        Ok(())
    }

    /// The noise's σ of each voxel of the grid, where it is known.
    pub(in crate::fit) fn sigma(&self) -> Option<Row<'_>> {
        self.series.sigma().or(self.sigma.as_ref()).map(|image| image.row(0))
    }

    /// The voxels that are fitted.
    pub(in crate::fit) fn source(&self) -> Source<'_> {
        Source::new(self.series.rows(), self.series.grid.n_voxels(), self.mask.as_ref().map(Mask::picked))
    }
}
