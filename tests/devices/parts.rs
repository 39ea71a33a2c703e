//! Results come in parts, each voxel once, and whoever takes them may refuse.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hepar::Error;
use hepar::device::{Column, Row, Sink, Source};
use hepar::volume::{Scaling, VoxelType};
use libtest_mimic::Failed;

use super::echo::{Echo, SCALINGS, differing, expected, rows_of, source};
use crate::support::TestDevice;

const N: usize = 300_007;

/// Keeps what it is given; refuses the voxel `refused` and those after it.
pub struct Keep {
    parts: Mutex<Vec<(usize, Vec<Column>)>>,
    refused: usize,
    refusals: AtomicUsize,
}

impl Keep {
    pub fn until(refused: usize) -> Self {
        Self { parts: Mutex::default(), refused, refusals: AtomicUsize::new(0) }
    }

    /// The parts, if they make up the whole of `n_voxels`, each voxel once: in their order, with their first voxels.
    pub fn into_parts(self, n_voxels: usize) -> Result<Vec<(usize, Vec<Column>)>, Failed> {
        let mut parts = self.parts.into_inner()?;
        parts.sort_by_key(|(first, _)| *first);
        let mut next = 0;
        for (first, columns) in &parts {
            assert_eq!(*first, next, "a part is missing or came twice");
            next += columns[0].len();
        }
        assert_eq!(next, n_voxels, "the last part is missing");
        Ok(parts)
    }
}

impl Sink for Keep {
    fn take(&self, first: usize, columns: &[Column]) -> hepar::Result<()> {
        if first + columns[0].len() > self.refused {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Usage("refused".into()));
        }
        self.parts
            .lock()
            .expect("no thread panics")
            .push((first, columns.to_vec()));
        Ok(())
    }
}

pub fn parts_make_up_the_whole(device: &TestDevice) -> Result<(), Failed> {
    let rows = rows_of(2, N, |z| z as i16);
    let want = expected(&rows, f32::from, SCALINGS[0], None);
    for batch in [N, 100_001, 20_000] {
        let keep = Keep::until(usize::MAX);
        let source = source(&rows, VoxelType::I16, SCALINGS[0], None);
        let device = device.open_with_batches_of(batch);
        device.run_into(&Echo { n_obs: 2 }, &source, &keep, &())?;
        for (first, columns) in keep.into_parts(N)? {
            let places: Vec<usize> = (first..first + columns[0].len()).collect();
            let want: Vec<Column> = want.iter().map(|column| column.at(&places)).collect();
            assert_eq!(differing(&columns, &want), [0usize; 0], "batches of {batch}, from {first}");
        }
    }
    Ok(())
}

/// Rows that the host converts, of picked voxels, in batches that are whole numbers of the pieces that it copies.
pub fn converted_parts_arrive(device: &TestDevice) -> Result<(), Failed> {
    let (whole, real) = (rows_of(1, N, |z| z as i16), rows_of(1, N, |z| f32::from(z as i16) / 8.0));
    let row = |bytes, voxel_type| Row { bytes, voxel_type, scaling: Scaling::IDENTITY };
    let rows = vec![
        row(bytemuck::cast_slice(&whole[0]), VoxelType::I16),
        row(bytemuck::cast_slice(&real[0]), VoxelType::F32),
    ];
    let picked: Vec<u32> = (0..N as u32).rev().collect();
    let source = Source::new(rows, N, Some(picked.clone()));
    let same = Scaling::IDENTITY;
    let of_first = expected(&whole, f32::from, same, Some(&picked));
    let values: Vec<f32> = picked.iter().map(|&voxel| real[0][voxel as usize]).collect();
    let want = [of_first[0].clone(), Column::F32(values), Column::U16(vec![2; N])];
    for batch in [N, 65_536, 8192] {
        let got = device.open_with_batches_of(batch).run(&Echo { n_obs: 2 }, &source, &())?;
        assert_eq!(differing(&got, &want), [0usize; 0], "batches of {batch}");
    }
    Ok(())
}

pub fn a_refusal_ends_the_run(device: &TestDevice) -> Result<(), Failed> {
    let rows = rows_of(1, N, |z| z as i16);
    let device = device.open_with_batches_of(10_000);
    let source = source(&rows, VoxelType::I16, SCALINGS[0], None);
    for refused in [0, N / 2, N - 1] {
        let keep = Keep::until(refused);
        let error = device
            .run_into(&Echo { n_obs: 1 }, &source, &keep, &())
            .expect_err("it is refused");
        assert_eq!(error.exit_status(), 2, "not tried again, and said as it was: {error}");
        // What other threads have in hand may come yet, one part each; the test has two.
        let refusals = keep.refusals.load(Ordering::Relaxed);
        assert!((1..=2).contains(&refusals), "{refusals} of some {} parts were refused", N / 10_000);
    }
    let keep = Keep::until(N);
    device.run_into(&Echo { n_obs: 1 }, &source, &keep, &())?;
    // The device works on.
    keep.into_parts(N).map(drop)
}
