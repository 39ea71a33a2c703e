//! Maps that are written while they are computed.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::{MapOutput, Outputs, Picture, image_name, pretty, sidecar};
use crate::device::Column;
use crate::volume::{Format, Grid, MapData, NiftiStream};
use crate::{Error, Result};

/// What is said of a map beside its name and values: see [`MapOutput`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "MapOutput says it")]
pub struct MapLabel {
    pub unit: String,
    pub title: String,
    pub picture: Picture,
    pub meta: Map<String, Value>,
}

/// A map whose values come in parts, in any order and from any thread.
#[derive(Debug)]
#[must_use = "a map appears when it is closed: call Outputs::close_map"]
pub struct OpenMap {
    name: String,
    n_volumes: usize,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// On their way to the disk: no memory is taken.
    Streamed(Streamed),
    /// In memory until all are there, for those that need the whole: compression, pictures.
    Held(Mutex<Column>),
}

#[derive(Debug)]
struct Streamed {
    file: NiftiStream,
    /// Voxels of a volume.
    n_voxels: usize,
    /// What voxels hold that are never put.
    elsewhere: f32,
}

impl Outputs {
    /// Begins a map of one volume. `elsewhere` holds one value, that of the voxels that are never put; without it all
    /// must be, and `like`, which may be empty, gives their type.
    ///
    /// # Errors
    /// Those of [`NiftiStream::create`]; [`Error::Internal`] for a map that was not planned.
    pub fn open_map(&self, grid: &Grid, name: &str, like: &Column, elsewhere: Option<f32>) -> Result<OpenMap> {
        if self.options.format != Format::Nii || self.options.pictures || elsewhere.is_some() {
            return self.hold_map(grid, name, like, elsewhere.unwrap_or(0.0));
        }
        let path = self.planned_path(&image_name(name, self.options.format))?;
        let file = NiftiStream::create(&path, grid, 1, like.into())?;
        let streamed = Streamed { file, n_voxels: grid.n_voxels(), elsewhere: 0.0 };
        Ok(OpenMap { name: name.to_owned(), n_volumes: 1, values: Values::Streamed(streamed) })
    }

    /// Begins a map of one volume that stays in memory until [`Self::close_map`] gives it back; voxels that are never put
    /// hold `elsewhere`.
    ///
    /// # Errors
    /// [`Error::Internal`] for a map that was not planned.
    pub fn hold_map(&self, grid: &Grid, name: &str, like: &Column, elsewhere: f32) -> Result<OpenMap> {
        self.planned_path(&image_name(name, self.options.format))?;
        let values = Values::Held(Mutex::new(like.filled_like(elsewhere, grid.n_voxels())));
        Ok(OpenMap { name: name.to_owned(), n_volumes: 1, values })
    }

    /// Begins a map of `n_volumes`, which has no picture and takes no memory; NaN where nothing is put.
    ///
    /// # Errors
    /// Those of [`Self::open_map`].
    pub fn open_series(&self, grid: &Grid, name: &str, n_volumes: usize, like: &Column) -> Result<OpenMap> {
        let path = self.planned_path(&image_name(name, self.options.format))?;
        let file = NiftiStream::create(&path, grid, n_volumes, like.into())?;
        let streamed = Streamed { file, n_voxels: grid.n_voxels(), elsewhere: f32::NAN };
        Ok(OpenMap { name: name.to_owned(), n_volumes, values: Values::Streamed(streamed) })
    }

    /// Ends a map: its image, its sidecar and, where wanted, its picture are written. Gives back the values of a map that was
    /// held in memory.
    ///
    /// # Errors
    /// Those of [`NiftiStream::finish`] and [`Outputs::write_map`].
    pub fn close_map(&self, grid: &Grid, map: OpenMap, label: MapLabel) -> Result<Option<Column>> {
        let MapLabel { unit, title, picture, meta } = label;
        match map.values {
            Values::Streamed(streamed) => {
                self.keep(&image_name(&map.name, self.options.format), streamed.file.finish()?);
                self.write_file(&format!("{}.json", map.name), &pretty(&sidecar(&title, &unit, &meta))?)?;
                Ok(None)
            }
            Values::Held(column) => {
                let column = column.into_inner().unwrap_or_else(PoisonError::into_inner);
                let data = MapData::from(&column);
                self.write_map(grid, &MapOutput { name: &map.name, data, unit: &unit, title: &title, picture, meta })?;
                Ok(Some(column))
            }
        }
    }
}

impl OpenMap {
    /// How many volumes it has.
    pub fn n_volumes(&self) -> usize {
        self.n_volumes
    }

    /// Puts values of the voxels from `first` on, or of those of `picked` from there on.
    ///
    /// # Errors
    /// Those of [`NiftiStream::put`]; [`Error::Internal`] for values of another type.
    pub fn put(&self, first: usize, picked: Option<&[u32]>, part: &Column) -> Result<()> {
        self.put_volume(0, first, picked, part)
    }

    /// The same for one of several volumes.
    ///
    /// # Errors
    /// Those of [`Self::put`].
    pub fn put_volume(&self, volume: usize, first: usize, picked: Option<&[u32]>, part: &Column) -> Result<()> {
        match (&self.values, picked) {
            (Values::Streamed(Streamed { file, n_voxels, .. }), None) => {
                file.put(volume * n_voxels + first, part.into())
            }
            (Values::Streamed(Streamed { file, n_voxels, elsewhere }), Some(picked)) => {
                // From the first of these voxels to the first of the next part: all parts together are the volume.
                let start = if first == 0 { 0 } else { picked[first] as usize };
                let end = picked.get(first + part.len()).map_or(*n_voxels, |&voxel| voxel as usize);
                let mut all = part.filled_like(*elsewhere, end - start);
                let places: Vec<u32> = picked[first..first + part.len()].iter().map(|v| v - start as u32).collect();
                put_into(&mut all, 0, Some(&places), part).ok_or_else(|| self.wrong())?;
                file.put(volume * n_voxels + start, (&all).into())
            }
            (Values::Held(column), _) => {
                let mut column = column.lock().unwrap_or_else(PoisonError::into_inner);
                put_into(&mut column, first, picked, part).ok_or_else(|| self.wrong())
            }
        }
    }

    fn wrong(&self) -> Error {
        Error::Internal(format!("{}: values of another type or place", self.name))
    }
}

/// `None` if the types differ or there are not as many places.
fn put_into(all: &mut Column, first: usize, picked: Option<&[u32]>, part: &Column) -> Option<()> {
    match (all, part) {
        (Column::F32(all), Column::F32(part)) => place(all, first, picked, part),
        (Column::F64(all), Column::F64(part)) => place(all, first, picked, part),
        (Column::U16(all), Column::U16(part)) => place(all, first, picked, part),
        _ => None,
    }
}

/// `None` if there are not as many places.
fn place<T: Copy>(all: &mut [T], first: usize, picked: Option<&[u32]>, part: &[T]) -> Option<()> {
    let voxels = first..first + part.len();
    match picked {
        None => all.get_mut(voxels)?.copy_from_slice(part),
        Some(picked) => picked.get(voxels)?.iter().zip(part).for_each(|(&at, &value)| all[at as usize] = value),
    }
    Some(())
}
