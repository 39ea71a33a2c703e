//! Reductions over an enhancement curve: peak, time to peak, wash-in slope, area and curve type.
//!
//! With S0 the mean of the baseline and E = S − S0, over the samples after contrast in the order of time:
//! - peak enhancement is max E, and time to peak is when it is first reached;
//! - wash-in slope is the largest (S(i+1) − S(i))/(t(i+1) − t(i)), with S0 held from t = 0 to the first sample;
//! - the area is that of E from t = 0 to a given end, by the trapezoid rule, interpolated linearly at the end;
//! - the curve type compares the last sample with the peak, and with the peak of the early part: wash-out where
//!   E(last) − max E < −c·max E, else persistent where E(last) − max E(early) > c·max E, else plateau, with c = 10 %
//!   unless told otherwise. The three types are those of Kuhl 1999, doi:10.1148/radiology.211.1.r99ap38101, who drew
//!   them for the breast and by eye.
//!
//! A voxel with a non-finite sample has no value. One whose peak does not exceed the threshold (3σ√2 where the noise is
//! known, else 0) has no time to peak and no type.

use super::describe::{Constants, describe};
use super::descriptor::{BAD_INPUT, Descriptor, NOT_ENHANCED, PERSISTENT, PLATEAU, WASH_OUT};
use super::timeline::{Timeline, area_weights};
use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
use crate::lanes::{Element, LaneWork, Lanes, run_f32, run_f64};

/// Choices that change a number.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct CurveOptions {
    /// End of the area under the enhancement, in s after injection.
    pub auc_end_s: f64,
    /// Late change that counts, as a fraction of the peak.
    pub late_change: f64,
    /// Peak enhancement up to which a voxel counts as not enhanced, in image units.
    pub enhancement_threshold: f64,
}

/// Numbers of one sample after the baseline, from its time alone; 0 where times are not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Step {
    pub(super) seconds: f64,
    pub(super) per_second: f64,
    pub(super) area_weight: f64,
}

/// Reduces each voxel's curve. Rows: the baseline's samples, then the others in the order of time. Columns: the
/// descriptors asked for, then a `curve_status` of [`BAD_INPUT`] and [`NOT_ENHANCED`].
#[derive(Debug, Clone)]
pub struct CurveKernel {
    wanted: Vec<Descriptor>,
    pub(super) n_baseline: usize,
    pub(super) n_early: usize,
    pub(super) options: CurveOptions,
    pub(super) steps: Vec<Step>,
}

impl CurveKernel {
    /// Computes those of `wanted` that [`Timeline::obstacle`] does not exclude.
    pub fn new(wanted: &[Descriptor], timeline: &Timeline, options: CurveOptions) -> Self {
        let possible = |d: &Descriptor| timeline.obstacle(*d, options.auc_end_s).is_none();
        Self {
            wanted: wanted.iter().copied().filter(possible).collect(),
            n_baseline: timeline.n_baseline,
            n_early: timeline.n_early,
            options,
            steps: steps(timeline, options.auc_end_s),
        }
    }

    /// The descriptors computed, in the order of the columns.
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.wanted
    }
}

fn steps(timeline: &Timeline, auc_end: f64) -> Vec<Step> {
    let Some(seconds) = timeline.seconds() else {
        return vec![Step::default(); timeline.samples.len()];
    };
    let weights = area_weights(timeline.held_until, &seconds, auc_end);
    let mut before = timeline.held_until;
    let step = |(&seconds, area_weight): (&f64, f64)| {
        let per_second = 1.0 / (seconds - before);
        before = seconds;
        Step { seconds, per_second, area_weight }
    };
    seconds.iter().zip(weights).map(step).collect()
}

impl VoxelKernel for CurveKernel {
    fn label(&self) -> String {
        "enhancement curve".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let wanted = self.wanted.iter().map(|d| (d.name(), d.column_type()));
        wanted
            .chain([("curve_status", ColumnType::U16)])
            .map(|(name, kind)| ColumnSpec { name: name.into(), kind })
            .collect()
    }

    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]) {
        match precision {
            Precision::F32 => run_f32(Work { kernel: self, batch, out }),
            Precision::F64 => run_f64(Work { kernel: self, batch, out }),
        }
    }

    fn shader(&self, n_obs: usize) -> Option<Shader> {
        debug_assert_eq!(n_obs, self.n_baseline + self.steps.len());
        let mut params = vec![
            self.n_baseline as f32,
            (1.0 / self.n_baseline as f64) as f32,
            self.n_early as f32,
            self.options.late_change as f32,
            self.options.enhancement_threshold as f32,
        ];
        for step in &self.steps {
            params.extend([step.seconds, step.per_second, step.area_weight].map(|x| x as f32));
        }
        let body = [wgsl_constants(), include_str!("../../shaders/curve.wgsl").into(), self.wgsl_main()].join("\n");
        Some(Shader { body, params, turns: Shader::ANY })
    }
}

/// The codes that both devices write.
fn wgsl_constants() -> String {
    [
        ("BAD_INPUT", BAD_INPUT),
        ("NOT_ENHANCED", NOT_ENHANCED),
        ("PERSISTENT", PERSISTENT),
        ("PLATEAU", PLATEAU),
        ("WASH_OUT", WASH_OUT),
    ]
    .map(|(name, value)| format!("const {name}: u32 = {value}u;\n"))
    .concat()
}

impl CurveKernel {
    /// The entry point, which stores the columns that were asked for.
    fn wgsl_main(&self) -> String {
        let store = |(column, d): (usize, &Descriptor)| {
            let value = match d {
                Descriptor::PeakEnhancement => "peak",
                Descriptor::TimeToPeak => "time_to_peak",
                Descriptor::WashInSlope => "slope",
                Descriptor::AreaUnderEnhancement => "area",
                Descriptor::CurveType => {
                    return format!("        store_u16({column}u, v, curve.curve_type);\n");
                }
            };
            format!(
                "        if (curve.status & {}u) != 0u {{ store_nan({column}u, v); }} \
                 else {{ store_f32({column}u, v, curve.{value}); }}\n",
                d.undefined_at()
            )
        };
        let stores: String = self.wanted.iter().enumerate().map(store).collect();
        let status = self.wanted.len();
        format!(
            "@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{
    for (var v = id.x; v < batch.n_voxels; v += groups.x * WORKGROUP) {{
        let curve = describe(v);
{stores}        store_u16({status}u, v, curve.status);
    }}
    finish();
}}
"
        )
    }
}

/// One batch on lanes.
struct Work<'a, 'b, 'c> {
    kernel: &'a CurveKernel,
    batch: &'a Batch<'b>,
    out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Work<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { kernel, batch, out } = self;
        let constants = Constants::<L::T>::new(kernel);
        let n_columns = kernel.wanted.len() + 1;
        let mut samples = vec![L::T::of(0.0); batch.n_obs() * BLOCK];
        let mut values = vec![L::T::of(0.0); n_columns * BLOCK];
        for first in (0..batch.n_voxels()).step_by(BLOCK) {
            let n = BLOCK.min(batch.n_voxels() - first);
            for (obs, row) in samples.chunks_exact_mut(BLOCK).enumerate() {
                batch.row(obs).load(first, &mut row[..n]);
            }
            for at in (0..n).step_by(L::LANES) {
                let curves = describe(lanes, &constants, &samples[at..], BLOCK);
                for (column, &descriptor) in kernel.wanted.iter().enumerate() {
                    lanes.store(curves.value(descriptor), &mut values[column * BLOCK + at..]);
                }
                lanes.store(curves.status(), &mut values[(n_columns - 1) * BLOCK + at..]);
            }
            for (column, values) in out.iter_mut().zip(values.chunks_exact(BLOCK)) {
                column.store(first, &values[..n]);
            }
        }
    }
}

/// Voxels whose samples are loaded at once: hundreds of frames of them fit a core's second-level cache.
const BLOCK: usize = 256;

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
