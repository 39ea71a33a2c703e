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
    /// One a column, or as many columns as a map has volumes; `None` for a column that is not written.
    maps: Vec<Option<OpenMap>>,
    /// Which voxels are fitted, in the order of coming.
    picked: Option<&'a [u32]>,
    /// Which column the status is.
    status: Option<usize>,
    /// Of each of [`status::BITS`].
    counts: [AtomicUsize; status::BITS.len()],
}

impl<'a> Results<'a> {
    /// Results for `maps`, each of as many columns as it has volumes, `None` of one; of the column `status`, the bits are
    /// counted.
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
        // Most voxels have none of most bits.
        let any = statuses.iter().fold(0, |any, status| any | status);
        for ((bit, _), count) in status::BITS.iter().zip(&self.counts).filter(|((bit, _), _)| any & bit != 0) {
            let with = |part: &[u16]| part.iter().map(|&s| u16::from(s & bit != 0)).sum::<u16>();
            count.fetch_add(statuses.chunks(COUNTED).map(|part| usize::from(with(part))).sum(), Ordering::Relaxed);
        }
    }
}

impl Sink for Results<'_> {
    fn take(&self, first: usize, columns: &[Column]) -> Result<()> {
        let mut left = columns.iter();
        for map in &self.maps {
            for (volume, column) in left.by_ref().take(map.as_ref().map_or(1, OpenMap::n_volumes)).enumerate() {
                if let Some(map) = map {
                    map.put_volume(volume, first, self.picked, column)?;
                }
            }
        }
        if let Some(Column::U16(statuses)) = self.status.and_then(|at| columns.get(at)) {
            self.count(statuses);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_counted_over_all_parts() {
        let results = Results::new(vec![None, None], Some(1), None);
        let part = |statuses: &[u16]| [Column::F32(vec![0.0; statuses.len()]), Column::U16(statuses.to_vec())];
        let (dropped, negative) = (status::SAMPLES_DROPPED, status::NEGATIVE);
        results.take(0, &part(&[0, dropped, negative, dropped | negative])).unwrap();
        results.take(4, &part(&vec![negative; 70_000])).unwrap();
        results.take(70_004, &part(&[status::NOT_ASKED_FOR])).unwrap();
        let counts = results.status_counts();
        let of = |bit: u16| counts[bit.trailing_zeros() as usize].1;
        assert_eq!((of(dropped), of(negative), of(status::BAD_INPUT)), (2, 70_002, 0));
        assert_eq!(counts.iter().map(|(_, n)| n).sum::<usize>(), 70_004, "what was not asked for counts");
    }
}
