//! Maps of goodness, written while a fit runs.

use rayon::prelude::*;

use super::{CHI2, Evaluated, Evaluation, LAG1};
use crate::Result;
use crate::device::{Column, Sink, Source};
use crate::report::outputs::OpenMap;

/// Voxels evaluated at a time: their residuals are all that is held.
const CHUNK: usize = 4096;

/// Takes the columns of a fit and writes what follows from them.
#[derive(Debug)]
pub(in crate::fit) struct GoodnessMaps<'a> {
    pub(in crate::fit) evaluation: Evaluation<'a>,
    pub(in crate::fit) source: &'a Source<'a>,
    /// One volume a sample.
    pub(in crate::fit) residuals: Option<OpenMap>,
    /// Maps by their names.
    pub(in crate::fit) maps: Vec<(String, OpenMap)>,
}

impl GoodnessMaps<'_> {
    fn put(&self, at: usize, found: &Evaluated, like: &Column) -> Result<()> {
        let picked = self.source.picked();
        let column = |values: &[f64]| match like {
            Column::F64(_) => Column::F64(values.to_vec()),
            _ => Column::F32(values.iter().map(|&value| value as f32).collect()),
        };
        for (name, map) in &self.maps {
            let values = match name.as_str() {
                LAG1 => &found.lag1,
                CHI2 => &found.chi2,
                _ => continue,
            };
            map.put(at, picked, &column(values))?;
        }
        let Some(series) = &self.residuals else { return Ok(()) };
        let mut volumes = found.residuals.iter().enumerate();
        volumes.try_for_each(|(volume, values)| series.put_volume(volume, at, picked, &column(values)))
    }
}

impl Sink for GoodnessMaps<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        let Some(like) = columns.first() else { return Ok(()) };
        let n = like.len();
        // Whoever hands over many voxels at once has threads to spare.
        (0..n.div_ceil(CHUNK)).into_par_iter().try_for_each(|chunk| {
            let part = chunk * CHUNK..((chunk + 1) * CHUNK).min(n);
            let found = self.evaluation.of(self.source, first, columns, part.clone());
            self.put(first + part.start, &found, like)
        })
    }
}
