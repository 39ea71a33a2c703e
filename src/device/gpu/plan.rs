//! How a run is cut into chunks: arithmetic alone, no device.

use std::ops::Range;
use std::time::Duration;

use crate::device::shader::WORKGROUP;
use crate::device::{AdapterDescription, AdapterLimits, DeviceKind, VoxelKernel};

use super::upload::Upload;

/// Most bytes of the input or of the output of a chunk: large enough to hide the cost of a submission, small enough
/// that the two copies of both of all chunks under way stay within 96 MiB, and are quick to get.
const CHUNK_BYTES: u64 = 8 << 20;

/// Voxels of the first chunk, before it is known how long a voxel takes.
const FIRST_CHUNK_VOXELS: usize = 1 << 16;

/// A dispatch may take this long before it disturbs the display, and well before a driver's watchdog ends it.
const LONGEST_DISPATCH: Duration = Duration::from_millis(100);

/// A run is cut into this many chunks at least, so that they overlap and the device never holds the whole input.
const FEWEST_CHUNKS: usize = 4;

/// Workgroups that keep the largest GPUs busy (an H100 holds 4,224 of 64 invocations). More would only wait for their
/// turn; with fewer, an invocation takes voxel after voxel, and none idles while its neighbours iterate.
const MOST_WORKGROUPS: usize = 4096;

/// The same for a GPU that is a few cores in disguise, as long as its invocations do not take too many turns of loops.
const MOST_WORKGROUPS_IN_SOFTWARE: usize = 256;

/// Turns of loops that an invocation may take on Mesa's llvmpipe, all loops together: then it leaves every loop after its first
/// turn (`LP_MAX_TGSI_LOOP_ITERATIONS` of its gallivm/lp_bld_limits.h), which `finish` of batch.wgsl tells.
const MOST_TURNS_IN_SOFTWARE: usize = 65_535;

/// Voxels that a thread of the host hands on at once: their values stay in its caches until they are taken.
const PIECE_VOXELS: usize = 16 * 1024;

/// The parts of a chunk that threads of the host hand on.
pub(super) fn pieces_of(voxels: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = voxels.end;
    voxels.clone().step_by(PIECE_VOXELS).map(move |start| start..(start + PIECE_VOXELS).min(end))
}

/// What is taken for a buffer of `bytes`, so that other kernels can use it later, where a binding holds `limit`.
pub(super) fn roomy(bytes: u64, limit: u64) -> u64 {
    bytes.max(bytes.next_power_of_two().min(CHUNK_BYTES).min(limit))
}

/// How voxels are shared out among the invocations of a GPU in software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// As many for each as may take no more turns of loops than there are, as far as the kernel can tell.
    ByTurns,
    /// One for each.
    OneEach,
}

/// How many workgroups share `n_voxels` voxels, each of which takes so many turns of loops. Results do not depend on it.
pub(super) fn workgroups(n_voxels: usize, turns: usize, adapter: &AdapterDescription) -> u32 {
    let most = match adapter.device.kind {
        DeviceKind::Software => most_in_software(n_voxels, turns),
        _ => MOST_WORKGROUPS,
    };
    let wanted = n_voxels.div_ceil(WORKGROUP).min(most) as u32;
    wanted.min(adapter.limits.workgroups)
}

/// Most workgroups for a GPU in software.
fn most_in_software(n_voxels: usize, turns: usize) -> usize {
    let in_a_row = (MOST_TURNS_IN_SOFTWARE / turns.max(1)).max(1);
    MOST_WORKGROUPS_IN_SOFTWARE.max(n_voxels.div_ceil(WORKGROUP * in_a_row))
}

/// Voxels of the largest chunk of a run over `n_voxels`, where `fitting` fit.
pub(super) fn largest_chunk(n_voxels: usize, fitting: usize) -> usize {
    let share = n_voxels.div_ceil(FEWEST_CHUNKS).next_multiple_of(WORKGROUP);
    share.max(FIRST_CHUNK_VOXELS).min(fitting).min(n_voxels).max(1)
}

/// How the voxels of a chunk lie in the device's buffers, in words of 4 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) n_obs: usize,
    /// Bytes of an uploaded voxel: 1, 2 or 4.
    pub(super) voxel_bytes: usize,
    pub(super) n_columns: usize,
}

impl Layout {
    pub(super) fn new(kernel: &dyn VoxelKernel, upload: &Upload) -> Self {
        Self { n_obs: upload.n_obs(), voxel_bytes: upload.voxel_type().size(), n_columns: kernel.columns().len() }
    }

    /// Words from one row to the next: a row starts on a whole word, so that chunks may start at any voxel.
    pub(super) fn input_stride(&self, n_voxels: usize) -> usize {
        (n_voxels * self.voxel_bytes).div_ceil(4)
    }

    pub(super) fn input_bytes(&self, n_voxels: usize) -> u64 {
        4 * (self.n_obs * self.input_stride(n_voxels)) as u64
    }

    pub(super) fn output_bytes(&self, n_voxels: usize) -> u64 {
        4 * (self.n_columns * n_voxels) as u64
    }

    /// Most voxels of a chunk whose input and output each fit in a binding.
    pub(super) fn most_voxels(&self, limits: &AdapterLimits) -> usize {
        let bytes = CHUNK_BYTES.min(limits.binding_bytes).min(limits.buffer_bytes) as usize;
        let widest = (self.n_obs * self.voxel_bytes).max(self.n_columns * 4).max(1);
        // Whole workgroups are whole words too, so no row needs more than this.
        let fitting = (bytes / widest) / WORKGROUP * WORKGROUP;
        fitting.max(WORKGROUP)
    }
}

/// Sizes chunks by how long the last ones took. Results do not depend on it.
#[derive(Debug)]
pub(super) struct Pace {
    voxels: usize,
    most: usize,
}

impl Pace {
    /// Starts small, and never takes more than `most` voxels.
    pub(super) fn new(most: usize) -> Self {
        Self { voxels: FIRST_CHUNK_VOXELS.min(most).max(1), most }
    }

    /// Size of the next chunk.
    pub(super) fn voxels(&self) -> usize {
        self.voxels
    }

    /// Learns that a chunk took `elapsed` at most, of which the host waited for `wait`: had it not to wait, the time was its
    /// own.
    pub(super) fn took(&mut self, elapsed: Duration, wait: Duration) {
        if elapsed > LONGEST_DISPATCH && wait > elapsed / 2 {
            self.voxels = (self.voxels / 2).max(WORKGROUP.min(self.most));
        } else if elapsed < LONGEST_DISPATCH / 4 {
            self.voxels = (self.voxels * 2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Shader;

    fn limits(binding_bytes: u64) -> AdapterLimits {
        AdapterLimits { binding_bytes, buffer_bytes: 1 << 30, workgroups: 65_535, subgroup_min: 8, subgroup_max: 8 }
    }

    #[test]
    fn rows_start_on_whole_words() {
        for (voxel_bytes, n_voxels, words) in [(1, 1, 1), (1, 4, 1), (1, 5, 2), (2, 65, 33), (4, 3, 3)] {
            let layout = Layout { n_obs: 3, voxel_bytes, n_columns: 2 };
            assert_eq!(layout.input_stride(n_voxels), words);
            assert_eq!(layout.input_bytes(n_voxels), 12 * words as u64);
            assert_eq!(layout.output_bytes(n_voxels), 8 * n_voxels as u64);
        }
    }

    #[test]
    fn a_chunk_fits_in_a_binding_and_is_as_large_as_it_can_be() {
        for binding in [4096, 65_536, 1 << 20, 1 << 27] {
            for (n_obs, voxel_bytes, n_columns) in [(4, 2, 1), (1, 1, 7), (30, 4, 3), (0, 4, 1)] {
                let layout = Layout { n_obs, voxel_bytes, n_columns };
                let n = layout.most_voxels(&limits(binding));
                let larger = n + WORKGROUP;
                let bytes = |n| layout.input_bytes(n).max(layout.output_bytes(n));
                let limit = binding.min(CHUNK_BYTES);
                assert!(bytes(larger) > limit, "{binding} {layout:?} {n}");
                assert!(bytes(n) <= limit || n == WORKGROUP, "{binding} {layout:?} {n}");
            }
        }
    }

    #[test]
    fn buffers_are_as_large_as_is_asked_and_no_chunk_larger() {
        for (bytes, room) in [(0, 1), (100, 128), (CHUNK_BYTES - 1, CHUNK_BYTES), (CHUNK_BYTES + 4, CHUNK_BYTES + 4)] {
            assert_eq!(roomy(bytes, 1 << 30), room);
        }
        assert_eq!(roomy(100, 120), 120);
    }

    #[test]
    fn a_run_has_chunks_enough_to_overlap() {
        for (n_voxels, fitting, chunk) in [
            (0, 1 << 20, 1),
            (65, 1 << 20, 65),
            (100_000, 1 << 20, 65_536),
            (1_474_560, 1 << 20, 368_640),
            (1_474_560, 100_032, 100_032),
        ] {
            assert_eq!(largest_chunk(n_voxels, fitting), chunk);
        }
    }

    #[test]
    fn no_invocation_takes_more_turns_than_software_counts() {
        for n_voxels in [1, 1000, 65_536, 100_000, 1 << 21] {
            for turns in [1, 400, 10_800, 40_000, Shader::ANY] {
                let workgroups = most_in_software(n_voxels, turns);
                let in_a_row = n_voxels.div_ceil(workgroups * WORKGROUP);
                assert!(in_a_row == 1 || in_a_row * turns <= MOST_TURNS_IN_SOFTWARE, "{n_voxels} voxels of {turns}");
                assert!(workgroups == MOST_WORKGROUPS_IN_SOFTWARE || workgroups <= n_voxels.div_ceil(WORKGROUP));
            }
        }
    }

    #[test]
    fn chunks_grow_while_quick_and_shrink_when_slow() {
        let mut pace = Pace::new(300_000);
        assert_eq!(pace.voxels(), 65_536);
        for _ in 0..5 {
            pace.took(Duration::from_millis(1), Duration::ZERO);
        }
        assert_eq!(pace.voxels(), 300_000);
        pace.took(Duration::from_millis(50), Duration::from_millis(50));
        assert_eq!(pace.voxels(), 300_000);
        pace.took(Duration::from_secs(1), Duration::from_millis(1));
        assert_eq!(pace.voxels(), 300_000, "the host was slow");
        for _ in 0..30 {
            pace.took(Duration::from_secs(1), Duration::from_secs(1));
        }
        assert_eq!(pace.voxels(), WORKGROUP);
        assert_eq!(Pace::new(10).voxels(), 10);
    }
}
