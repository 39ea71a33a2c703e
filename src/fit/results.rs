//! Where the columns of a fit go as they come: into maps, and into counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::status;
use crate::Result;
use crate::device::{Column, Sink};
use crate::report::outputs::OpenMap;

/// Statuses counted at a time: as many as the number that counts them can hold, so that it is as short as they are.
const COUNTED: usize = u16::MAX as usize;

/// Takes the columns of a fit. What is not written takes no memory.
#[derive(Debug)]
pub struct Results<'a> {
    /// One a column; `None` for those that are not written.
    maps: Vec<Option<OpenMap>>,
    /// Which voxels are fitted, in the order of coming.
    picked: Option<&'a [u32]>,
    /// Which column the status is.
    status: Option<usize>,
    /// Of each of [`status::BITS`].
    counts: [AtomicUsize; status::BITS.len()],
}

impl<'a> Results<'a> {
    /// Results for `maps`, one a column; of the column `status`, the bits are counted.
    pub fn new(maps: Vec<Option<OpenMap>>, status: Option<usize>, picked: Option<&'a [u32]>) -> Self {
        Self { maps, picked, status, counts: std::array::from_fn(|_| AtomicUsize::new(0)) }
    }

    /// The maps that are written, all parts put.
    pub fn into_maps(self) -> impl Iterator<Item = OpenMap> {
        self.maps.into_iter().flatten()
    }

    /// How many voxels have each status bit, with its meaning; voxels that were not asked for do not count.
    pub fn status_counts(&self) -> Vec<(&'static str, usize)> {
        let counted = status::BITS.iter().zip(&self.counts).filter(|((bit, _), _)| *bit != status::NOT_ASKED_FOR);
        counted.map(|(&(_, meaning), count)| (meaning, count.load(Ordering::Relaxed))).collect()
    }

    fn count(&self, statuses: &[u16]) {
        for ((bit, _), count) in status::BITS.iter().zip(&self.counts) {
            let with = |part: &[u16]| part.iter().map(|&s| u16::from(s & bit != 0)).sum::<u16>();
            count.fetch_add(statuses.chunks(COUNTED).map(|part| usize::from(with(part))).sum(), Ordering::Relaxed);
        }
    }
}

impl Sink for Results<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        for (map, column) in self.maps.iter().zip(columns) {
            if let Some(map) = map {
                map.put(first, self.picked, column)?;
            }
        }
        if let Some(Column::U16(statuses)) = self.status.and_then(|at| columns.get(at)) {
            self.count(statuses);
        }
        Ok(())
    }
}
