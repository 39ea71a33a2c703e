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
    Streamed(NiftiStream),
    /// In memory until all are there, for those that need the whole: compression, pictures.
    Held(Mutex<Column>),
}

impl Outputs {
    /// Begins a map of `n_volumes` volumes, which is streamed if it has one. `elsewhere` holds one value, that of the voxels that are never put; without it all
    /// must be, and `like`, which may be empty, gives their type.
    ///
    /// # Errors
    /// Those of [`NiftiStream::create`]; [`Error::Internal`] for a map that was not planned.
    pub fn open_map(
        &self,
        grid: &Grid,
        name: &str,
        n_volumes: usize,
        like: &Column,
        elsewhere: Option<f32>,
    ) -> Result<OpenMap> {
        let path = self.planned_path(&image_name(name, self.options.format))?;
        let whole = self.options.pictures || elsewhere.is_some() || n_volumes != 1;
        let stream = self.options.format == Format::Nii && !whole;
        let values = if stream {
            Values::Streamed(NiftiStream::create(&path, grid, like.into())?)
        } else {
            Values::Held(Mutex::new(like.filled_like(elsewhere.unwrap_or(0.0), n_volumes * grid.n_voxels())))
        };
        Ok(OpenMap { name: name.to_owned(), n_volumes, values })
    }

    /// Ends a map: its image, its sidecar and, where wanted, its picture appear.
    ///
    /// # Errors
    /// Those of [`NiftiStream::finish`] and [`Outputs::write_map`].
    pub fn close_map(&self, grid: &Grid, map: OpenMap, label: MapLabel) -> Result<()> {
        let MapLabel { unit, title, picture, meta } = label;
        match map.values {
            Values::Streamed(stream) => {
                stream.finish()?;
                self.note(&image_name(&map.name, self.options.format));
                self.write_file(&format!("{}.json", map.name), &pretty(&sidecar(&title, &unit, &meta))?)?;
            }
            Values::Held(column) => {
                let column = column.into_inner().unwrap_or_else(PoisonError::into_inner);
                let data = MapData::from(&column);
                self.write_map(grid, &MapOutput { name: &map.name, data, unit: &unit, title: &title, picture, meta })?;
            }
        }
        Ok(())
    }
}

impl OpenMap {
    /// How many volumes it has.
    pub fn n_volumes(&self) -> usize {
        self.n_volumes
    }

    /// Puts values of a volume: of the voxels from `first` on, or of those of `picked` from there on.
    ///
    /// # Errors
    /// Those of [`NiftiStream::put`]; [`Error::Internal`] for values of another type.
    pub fn put(&self, volume: usize, first: usize, picked: Option<&[u32]>, part: &Column) -> Result<()> {
        match &self.values {
            Values::Streamed(stream) => stream.put(first, part.into()),
            Values::Held(column) => {
                let mut column = column.lock().unwrap_or_else(PoisonError::into_inner);
                let done = match (&mut *column, part) {
                    (Column::F32(all), Column::F32(part)) => place(self.volume(volume, all), first, picked, part),
                    (Column::F64(all), Column::F64(part)) => place(self.volume(volume, all), first, picked, part),
                    (Column::U16(all), Column::U16(part)) => place(self.volume(volume, all), first, picked, part),
                    _ => None,
                };
                done.ok_or_else(|| Error::Internal(format!("{}: values of another type or place", self.name)))
            }
        }
    }
}

impl OpenMap {
    fn volume<'a, T>(&self, volume: usize, all: &'a mut [T]) -> &'a mut [T] {
        let n_voxels = all.len() / self.n_volumes;
        &mut all[volume * n_voxels..][..n_voxels]
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
