//! Who takes the columns of a fit.

use std::sync::{Mutex, PoisonError};

use crate::device::{Column, Sink};
use crate::fit::goodness::GoodnessMaps;
use crate::fit::{FitOutput, Results};
use crate::{Error, Result};

/// All that take the columns of one fit.
pub(super) struct Sinks<'s> {
    pub(super) results: &'s Results<'s>,
    pub(super) goodness: Option<&'s GoodnessMaps<'s>>,
    pub(super) kept: &'s Kept,
}

impl Sink for Sinks<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        self.results.take(first, columns)?;
        self.kept.take(first, columns);
        self.goodness.map_or(Ok(()), |goodness| goodness.take(first, columns))
    }
}

/// Columns that are needed after a fit: those of these names, in f32.
#[derive(Debug, Default)]
pub(in crate::fit) struct Kept {
    names: Vec<String>,
    columns: Mutex<Vec<KeptColumn>>,
}

#[derive(Debug)]
struct KeptColumn {
    /// Its place among those of the fit.
    at: usize,
    values: Vec<f32>,
}

impl Kept {
    pub(in crate::fit) fn new(names: Vec<String>) -> Self {
        Self { names, columns: Mutex::default() }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes room for `n_voxels` of the columns `computed`, each of one volume, of which those asked for must be some.
    pub(super) fn bind(&self, computed: &[FitOutput], n_voxels: usize) -> Result<()> {
        let column = |name: &String| {
            let at = computed.iter().position(|output| output.name == *name);
            let at = at.ok_or_else(|| Error::Internal(format!("no column `{name}` to keep")))?;
            Ok(KeptColumn { at, values: vec![f32::NAN; n_voxels] })
        };
        *self.lock() = self.names.iter().map(column).collect::<Result<_>>()?;
        Ok(())
    }

    fn take(&self, first: usize, columns: &[Column]) {
        for column in self.lock().iter_mut() {
            if let Some(values) = columns[column.at].as_f32() {
                column.values[first..first + values.len()].copy_from_slice(&values);
            }
        }
    }

    /// `[name][voxel]`, voxels in the order of the fit.
    pub(in crate::fit) fn into_values(self) -> Vec<Vec<f32>> {
        let columns = self.columns.into_inner().unwrap_or_else(PoisonError::into_inner);
        columns.into_iter().map(|column| column.values).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<KeptColumn>> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
