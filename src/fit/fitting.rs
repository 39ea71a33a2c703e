//! A method bound to a protocol and its outputs, ready to run: one kernel, or a loop around it.

use super::robust::Robust;
use super::{FitMethod, FitOutput};
use crate::Result;
use crate::device::{Column, ColumnSpec, Device, Progress, Sink, Source, VoxelKernel, Whole};
use crate::volume::Protocol;

/// A fit ready to run.
pub enum Fitting {
    /// One kernel.
    Once(Box<dyn VoxelKernel>),
    /// The same over and over.
    Robust(Box<Robust>),
}

impl Fitting {
    /// A fit whose columns are `outputs`.
    ///
    /// # Errors
    /// Those of [`FitMethod::kernel`].
    pub fn new(method: &FitMethod, protocol: &Protocol, outputs: &[FitOutput]) -> Result<Self> {
        Ok(match method {
            FitMethod::Robust(method) => Self::Robust(Box::new(Robust::new(method, protocol, outputs)?)),
            method => Self::Once(method.kernel(protocol, outputs)?),
        })
    }

    /// What it writes, in the order of its columns.
    pub fn columns(&self) -> Vec<ColumnSpec> {
        match self {
            Self::Once(kernel) => kernel.columns(),
            Self::Robust(robust) => robust.columns(),
        }
    }

    /// Columns as this device will fill them, of `n_voxels` zeros.
    pub fn empty_columns(&self, device: &Device, n_voxels: usize) -> Vec<Column> {
        device.empty_columns(&self.columns(), n_voxels)
    }

    /// Fits all wanted voxels and hands the results on as they come.
    ///
    /// # Errors
    /// Those of [`Device::run_into`].
    pub fn run_into(&self, device: &Device, source: &Source, sink: &dyn Sink, progress: &dyn Progress) -> Result<()> {
        match self {
            Self::Once(kernel) => device.run_into(&**kernel, source, sink, progress),
            Self::Robust(robust) => robust.run_into(device, source, sink, progress),
        }
    }

    /// Fits all wanted voxels; columns are in the order of [`Source::picked`].
    ///
    /// # Errors
    /// Those of [`Device::run`].
    pub fn run(&self, device: &Device, source: &Source) -> Result<Vec<Column>> {
        if let Self::Once(kernel) = self {
            return device.run(&**kernel, source, &());
        }
        let mut columns = self.empty_columns(device, source.n_voxels());
        self.run_into(device, source, &Whole::new(&mut columns), &())?;
        Ok(columns)
    }
}
