//! Maps of an examination that are written while they are computed.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde_json::Value;

use super::maps::{self, ExamMap, PlannedMap, UNALIGNED};
use super::output::{Run, STATUS, Written, label, status_output};
use crate::device::{Column, Progress, Sink, Source, VoxelKernel};
use crate::report::outputs::{OpenMap, Outputs, RunRecord};
use crate::volume::Grid;
use crate::{Error, Result};

/// Which values of maps stay in memory after they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// None.
    Nothing,
    /// Those of some voxels, by their place on the grid, in rising order.
    Voxels(Vec<u32>),
    /// Whole maps.
    All,
}

/// Maps that are written while they are computed, by one kernel after another.
#[derive(Debug)]
#[must_use = "maps appear when they are finished: call Self::close"]
pub struct Writing<'a> {
    outputs: Outputs,
    run: Run<'a>,
    grid: &'a Grid,
    keep: Keep,
    open: Vec<(ExamMap, OpenMap)>,
    status: Mutex<Vec<u16>>,
}

impl<'a> Writing<'a> {
    /// Begins to write maps over a grid; [`Self::close`] gives back the values that are to be kept.
    pub fn new(outputs: Outputs, run: Run<'a>, grid: &'a Grid, keep: Keep) -> Self {
        Self { outputs, run, grid, keep, open: Vec::new(), status: Mutex::new(vec![0; grid.n_voxels()]) }
    }

    /// Runs a kernel over the whole grid. Its columns are the `maps`, then a status whose bits join those of the kernels before.
    ///
    /// # Errors
    /// Those of [`Outputs::open_map`] and of [`Device::run_into`](crate::device::Device::run_into).
    pub fn compute(
        &mut self,
        maps: impl IntoIterator<Item = ExamMap>,
        kernel: &dyn VoxelKernel,
        source: &Source,
        progress: &dyn Progress,
    ) -> Result<()> {
        let columns = self.run.device.empty_columns(&kernel.columns(), 0);
        let maps: Vec<ExamMap> = maps.into_iter().collect();
        let open = |(map, column): (&ExamMap, &Column)| match self.keep {
            Keep::All => self.outputs.hold_map(self.grid, &map.name, column, 0.0),
            _ => self.outputs.open_map(self.grid, &map.name, column, None),
        };
        let open: Vec<OpenMap> = maps.iter().zip(&columns).map(open).collect::<Result<_>>()?;
        let kept = match &self.keep {
            Keep::Voxels(voxels) => {
                let column = |(_, column): (_, &Column)| Mutex::new(column.filled_like(0.0, voxels.len()));
                Some((voxels.as_slice(), maps.iter().zip(&columns).map(column).collect::<Vec<_>>()))
            }
            _ => None,
        };
        let sink = Parts { maps: &open, kept: kept.as_ref(), status: &self.status };
        self.run.device.run_into(kernel, source, &sink, progress)?;
        let mut kept = kept.into_iter().flat_map(|(_, columns)| columns);
        let mut values = || kept.next().map(|column| column.into_inner().unwrap_or_else(PoisonError::into_inner));
        let maps = maps.into_iter().map(|map| ExamMap { values: values(), ..map });
        self.open.extend(maps.zip(open));
        Ok(())
    }

    /// Computes maps by formula.
    ///
    /// # Errors
    /// Those of [`maps::kernel`] and [`Self::compute`].
    pub fn formulas(&mut self, planned: &[PlannedMap], source: &Source, progress: &dyn Progress) -> Result<()> {
        match planned {
            [] => Ok(()),
            _ => self.compute(planned.iter().map(ExamMap::from), &maps::kernel(planned)?, source, progress),
        }
    }

    /// Ends the maps and their status.
    ///
    /// # Errors
    /// Those of [`Outputs::close_map`].
    pub fn close(self) -> Result<Closed<'a>> {
        let Self { outputs, run, grid, keep, open, status } = self;
        let status = status.into_inner().unwrap_or_else(PoisonError::into_inner);
        let device = described(&run)?;
        let is_unaligned = open.iter().any(|(map, _)| map.name.ends_with(UNALIGNED));
        let close = |(map, open): (ExamMap, OpenMap)| {
            let whole = outputs.close_map(grid, open, label(&map, &run, &device))?;
            let values = if keep == Keep::All { whole } else { map.values };
            Ok(ExamMap { values, ..map })
        };
        let (maps, status_written) = rayon::join(
            || open.into_par_iter().map(close).collect::<Result<Vec<_>>>(),
            || outputs.write_map(grid, &status_output(&status, is_unaligned, &run, &device)),
        );
        status_written?;
        Ok(Closed { maps: maps?, status, outputs, run, shape: grid.shape })
    }
}

/// Takes the columns of one kernel.
struct Parts<'s> {
    maps: &'s [OpenMap],
    /// The voxels whose values are kept, and where.
    kept: Option<&'s (&'s [u32], Vec<Mutex<Column>>)>,
    status: &'s Mutex<Vec<u16>>,
}

impl Sink for Parts<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        let Some((Column::U16(bits), columns)) = columns.split_last() else {
            return Err(Error::Internal("maps came without a status".into()));
        };
        self.maps.iter().zip(columns).try_for_each(|(map, column)| map.put(first, None, column))?;
        if let Some((voxels, kept)) = self.kept {
            let [start, end] = [first, first + bits.len()].map(|at| voxels.partition_point(|&v| (v as usize) < at));
            let places: Vec<usize> = voxels[start..end].iter().map(|&voxel| voxel as usize - first).collect();
            for (kept, column) in kept.iter().zip(columns) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).put(start, &column.at(&places));
            }
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status[first..].iter_mut().zip(bits).for_each(|(all, bits)| *all |= bits);
        Ok(())
    }
}

/// Maps that are computed, of a run that is not finished yet.
#[derive(Debug)]
#[must_use = "a run is done only when its record is written: call finish"]
pub struct Closed<'a> {
    /// The maps, with their values if they were kept.
    pub maps: Vec<ExamMap>,
    status: Vec<u16>,
    outputs: Outputs,
    run: Run<'a>,
    shape: [usize; 3],
}

impl Closed<'_> {
    /// Writes files and the record; gives back the maps.
    ///
    /// # Errors
    /// Those of [`Outputs::write_file`] and [`Outputs::finish`].
    pub fn finish(self, files: &[(&str, Vec<u8>)]) -> Result<(Written, Vec<ExamMap>)> {
        let Self { maps, status, outputs, run, shape } = self;
        for (name, bytes) in files {
            outputs.write_file(name, bytes)?;
        }
        let dir = outputs.dir().to_owned();
        let device = described(&run)?;
        outputs.finish(&RunRecord {
            command: run.command,
            options: run.options,
            inputs_sha256: &run.inputs_sha256,
            device,
        })?;
        let written = Written {
            dir,
            names: maps.iter().map(|map| map.name.clone()).chain([STATUS.to_owned()]).collect(),
            files: files.iter().map(|(name, _)| (*name).to_owned()).collect(),
            shape,
            device: run.device.description().name,
            n_flagged: status.iter().filter(|&&bits| bits != 0).count(),
        };
        Ok((written, maps))
    }
}

fn described(run: &Run) -> Result<Value> {
    serde_json::to_value(run.device.description())
        .map_err(|e| Error::Internal(format!("the device cannot be recorded: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Cpu, Device, Precision};
    use crate::enhance::maps::Difference;
    use crate::enhance::output;
    use crate::model::Modality;
    use crate::report::outputs::OutputOptions;
    use crate::volume::{Format, Image, VoxelType};

    const N: usize = 1000;

    /// A subtraction of a thousand voxels in parts of 64, of which the last voxel is not finite.
    fn subtracted(format: Format, keep: Keep) -> (Written, Vec<ExamMap>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let grid = crate::simulate::centred_grid([N, 1, 1], [1.0; 3]);
        let mut post: Vec<f32> = (0..N).map(|i| (i * i) as f32).collect();
        post[N - 1] = f32::NAN;
        let post = Image::from_values("post", grid.clone(), VoxelType::F32, &post);
        let pre = Image::from_values("pre", grid.clone(), VoxelType::F32, &vec![7.0f32; N]);
        let planned = [PlannedMap::difference(Difference::Subtraction, None, [1, 0], Modality::Mr, 0.0).unwrap()];
        let options = OutputOptions { dir: folder.path().into(), format, pictures: false, force: false };
        let outputs = output::plan(options, &[&planned[0].name], &[]).unwrap();
        let device = Device::Cpu(Cpu::new(3, Precision::F32).unwrap().with_batch_voxels(64));
        let run = Run { command: "test", options: serde_json::Map::new(), inputs_sha256: Vec::new(), device: &device };
        let mut writing = Writing::new(outputs, run, &grid, keep);
        writing.formulas(&planned, &Source::new(vec![pre.row(0), post.row(0)], N, None), &()).unwrap();
        let (written, maps) = writing.close().unwrap().finish(&[]).unwrap();
        for name in [&planned[0].name, STATUS] {
            let sidecar = std::fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap();
            assert!(sidecar.contains("misregistration"), "{sidecar}");
        }
        let file = folder.path().join(format!("{}.{}", planned[0].name, format.suffix()));
        (written, maps, std::fs::read(file).unwrap())
    }

    #[test]
    fn what_is_kept_changes_no_file() {
        let voxels = vec![0, 63, 64, 65, 500, 998];
        for format in [Format::Nii, Format::NiiGz] {
            let (written, whole, file) = subtracted(format, Keep::All);
            assert_eq!(written.n_flagged, 1);
            let whole = whole[0].numbers().unwrap();
            assert_eq!((whole.len(), whole[3]), (N, 2.0));
            let (_, some, same) = subtracted(format, Keep::Voxels(voxels.clone()));
            let at: Vec<f32> = voxels.iter().map(|&voxel| whole[voxel as usize]).collect();
            assert_eq!(some[0].numbers().unwrap(), at);
            assert!(same == file);
            let (_, none, same) = subtracted(format, Keep::Nothing);
            assert!(none[0].values.is_none() && same == file);
        }
    }
}
