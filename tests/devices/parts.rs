//! Results come in parts, each voxel once, and whoever takes them may refuse.

use std::sync::Mutex;

use hepar::Error;
use hepar::device::{Column, Sink};
use hepar::volume::VoxelType;
use libtest_mimic::Failed;

use super::echo::{Echo, SCALINGS, differing, expected, rows_of, source};
use crate::support::TestDevice;

const N: usize = 300_007;

/// Keeps what it is given; refuses the voxel `refused` and those after it.
struct Keep {
    parts: Mutex<Vec<(usize, Vec<Column>)>>,
    refused: usize,
}

impl Keep {
    fn until(refused: usize) -> Self {
        Self { parts: Mutex::default(), refused }
    }
}

impl Sink for Keep {
    fn take(&self, first: usize, columns: &[Column]) -> hepar::Result<()> {
        if first + columns[0].len() > self.refused {
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
        let mut parts = keep.parts.into_inner()?;
        parts.sort_by_key(|(first, _)| *first);
        let mut next = 0;
        for (first, columns) in parts {
            assert_eq!(first, next, "batches of {batch}");
            next += columns[0].len();
            let places: Vec<usize> = (first..next).collect();
            let want: Vec<Column> = want.iter().map(|column| column.at(&places)).collect();
            assert_eq!(differing(&columns, &want), [0usize; 0], "batches of {batch}, from {first}");
        }
        assert_eq!(next, N, "batches of {batch}");
    }
    Ok(())
}

pub fn a_refusal_ends_the_run(device: &TestDevice) -> Result<(), Failed> {
    let rows = rows_of(1, N, |z| z as i16);
    let device = device.open_with_batches_of(30_000);
    let source = source(&rows, VoxelType::I16, SCALINGS[0], None);
    for refused in [0, N / 2, N - 1] {
        let keep = Keep::until(refused);
        let error = device
            .run_into(&Echo { n_obs: 1 }, &source, &keep, &())
            .expect_err("it is refused");
        assert_eq!(error.exit_status(), 2, "not tried again, and said as it was: {error}");
        let taken: usize = keep.parts.into_inner()?.iter().map(|(_, part)| part[0].len()).sum();
        assert!(taken <= refused, "{taken} of {refused}");
    }
    let keep = Keep::until(N);
    device.run_into(&Echo { n_obs: 1 }, &source, &keep, &())?;
    let taken: usize = keep.parts.into_inner()?.iter().map(|(_, part)| part[0].len()).sum();
    assert_eq!(taken, N, "the device works on");
    Ok(())
}
