//! What a fit reads.

use std::path::PathBuf;

use super::FitRequest;
use crate::Result;
use crate::device::Source;
use crate::volume::labels::read_labels;
use crate::volume::mask::Mask;
use crate::volume::{Labels, Series, read};

/// A series with the labels and the mask of its voxels.
#[derive(Debug)]
pub(in crate::fit) struct Inputs {
    pub(in crate::fit) series: Series,
    pub(in crate::fit) labels: Option<Labels>,
    mask: Option<Mask>,
}

impl Inputs {
    /// Reads all that a request names.
    pub(in crate::fit) fn read(request: &FitRequest) -> Result<Self> {
        let images = request.inputs.iter().map(|path| read(path, &request.read)).collect::<Result<Vec<_>>>()?;
        let mut series = Series::new(images, &request.series)?;
        for (axis, path) in &request.axis_scales {
            series.scale(axis, read(path, &request.read)?)?;
        }
        let labels = request.labels.as_ref().map(|path| read_labels(path, &series.grid, &request.read)).transpose()?;
        let name = request.inputs.first().map(PathBuf::as_path).unwrap_or_else(|| "".as_ref());
        let mask = request.mask.mask(&series.grid, name, || series.brightest(), &request.read)?;
        Ok(Self { series, labels, mask })
    }

    /// The voxels that are fitted.
    pub(in crate::fit) fn source(&self) -> Source<'_> {
        Source::new(self.series.rows(), self.series.grid.n_voxels(), self.mask.as_ref().map(Mask::picked))
    }
}
