//! The flow of chunks through a device: while it works on one, the host fills the next and hands on the last.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::failure::Failure;
use super::plan::{Pace, pieces_of};
use super::slot::{Flight, Landed, Slot};
use super::work::Work;
use crate::Error;
use crate::device::{Column, ColumnSpec, ColumnType, Progress, Sink};

/// Chunks that the device has at once: one that it works on, and the next, so that it never waits for the host.
const IN_FLIGHT: usize = 2;

/// Why a run stopped.
pub(super) enum Stop {
    /// Something went wrong on the device.
    Device(Failure),
    /// The results were refused.
    Sink(Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Device(failure)
    }
}

/// Who gets what, and how far a run has come.
pub(super) struct Results<'a> {
    pub(super) columns: &'a [ColumnSpec],
    pub(super) sink: &'a dyn Sink,
    pub(super) progress: &'a dyn Progress,
    /// The sink has all voxels before this one.
    pub(super) done: usize,
}

/// Works on all voxels that are not done yet, in chunks of at most `most`.
pub(super) fn run_chunks(work: &Work, most: usize, results: &mut Results) -> Result<(), Stop> {
    let n_voxels = work.upload.n_voxels();
    let mut pace = Pace::new(most);
    let mut next = results.done;
    let mut idle: Vec<Slot> = Vec::new();
    let mut flights: VecDeque<Flight> = VecDeque::new();
    let (mut waited, mut copied, mut n_chunks) = (Duration::ZERO, Duration::ZERO, 0);
    // Chunks run one after the other: one takes no longer than from the end of the last to its own.
    let mut last_landing = Instant::now();
    while next < n_voxels || !flights.is_empty() {
        let is_full = flights.len() == IN_FLIGHT || next == n_voxels;
        let first = if is_full { flights.pop_front() } else { None };
        let start = Instant::now();
        let landed = first.map(|flight| flight.wait(work)).transpose()?;
        let wait = start.elapsed();
        waited += wait;
        if let Some(landed) = &landed {
            pace.took(landed.at - last_landing.max(landed.launched), wait);
            last_landing = landed.at;
        }
        let filled = (next < n_voxels).then(|| {
            let slot = idle.pop().map_or_else(|| Slot::new(work, most), Ok)?;
            Ok::<_, Failure>((slot, work.chunk(next, pace.voxels())))
        });
        let filled = filled.transpose()?;
        let start = Instant::now();
        let (handed_on, filling) = work.host.install(|| {
            rayon::join(
                || landed.as_ref().map_or(Ok(()), |landed| hand_on(work, landed, results)),
                || filled.as_ref().map_or(Ok(()), |(slot, voxels)| work.fill(slot, voxels)),
            )
        });
        copied += start.elapsed();
        handed_on?;
        // Said before anything else can fail: what was handed on must not come again.
        if let Some(landed) = landed {
            results.done = landed.voxels.end;
            results.progress.advance(landed.voxels.len());
            idle.push(landed.leave());
        }
        filling?;
        if let Some((slot, voxels)) = filled {
            next = voxels.end;
            n_chunks += 1;
            slot.close(work, &voxels)?;
            flights.push_back(slot.launch(work, voxels)?);
        }
    }
    idle.into_iter().for_each(|slot| slot.leave(work));
    let [waited, copied] = [waited, copied].map(|time| 1e3 * time.as_secs_f64());
    tracing::debug!("{n_chunks} chunks: {waited:.1} ms waited for the device, {copied:.1} ms filled and handed on");
    Ok(())
}

/// Gives the results of a chunk to the sink, on all threads.
fn hand_on(work: &Work, landed: &Landed, results: &Results) -> Result<(), Stop> {
    let Some(words) = landed.results(work)? else { return Ok(()) };
    let (n_voxels, first) = (landed.voxels.len(), landed.voxels.start);
    let pieces: Vec<Range<usize>> = pieces_of(&landed.voxels).collect();
    let piece = |voxels: Range<usize>| {
        let place = 4 * (voxels.start - first)..4 * (voxels.end - first);
        let of_columns = results.columns.iter().zip(words.chunks_exact(4 * n_voxels));
        let columns: Vec<Column> = of_columns.map(|(spec, all)| column(spec.kind, &all[place.clone()])).collect();
        results.sink.take(voxels.start, &columns).map_err(Stop::Sink)
    };
    pieces.into_par_iter().try_for_each(piece)
}

/// One word a voxel, as `store_f32` and `store_u16` of batch.wgsl leave them.
fn column(kind: ColumnType, words: &[u8]) -> Column {
    match kind {
        ColumnType::F32 => Column::F32(bytemuck::pod_collect_to_vec(words)),
        ColumnType::U16 => {
            let low = |word: &[u8]| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]) as u16;
            Column::U16(words.chunks_exact(4).map(low).collect())
        }
    }
}
