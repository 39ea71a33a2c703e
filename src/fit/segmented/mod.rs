//! Intravoxel incoherent motion, S(b) = S0·(f·exp(−b·D*) + (1 − f)·exp(−b·D)), one part after the other.
//!
//! 1. S0 is the mean of the usable signals at the lowest b-value.
//! 2. A line through the log-signals at b ≥ threshold, where perfusion no longer shows, weighted by the squared signal that
//!    it predicts itself (IWLLS, see `fit::line`): D is its slope, and f = 1 − exp(intercept)/S0 with the intercept of that
//!    slope, each clipped to its bounds afterwards.
//! 3. D* by least squares over all signals, with S0, D and f held: the minimum that lies downhill from 10·D, within the
//!    bounds. Where f is 0 every D* fits as well, and 10·D within the bounds is given; f·D* is 0 there.
//!
//! A voxel where D, f or D* lies at one of its bounds has the status bit [`status::AT_BOUND`](super::status::AT_BOUND).
//!
//! Sources: Sigmund EE et al. Magn Reson Med 2011;65:1437 (doi:10.1002/mrm.22740); Barbieri S et al. Magn Reson Med
//! 2016;75:2175 (doi:10.1002/mrm.25765), who compare such fits. In noise the residual sum over D* may have two minima. Which
//! one is found is decided by 10·D, where published programs start too, and by nothing else: slopes on a grid of D* bracket
//! it, and Newton's step never leaves the bracket.

mod cpu;
mod dstar;
mod gpu;
mod options;
#[cfg(test)]
mod tests;

use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
use crate::{Error, Result, lanes, units};

pub use options::{SegmentedOptions, SegmentedOutput};

/// Largest lowest b-value whose signal is taken for S0, s/mm²: perfusion takes a few per cent of it at most.
const MOST_LOWEST_B: f64 = 10.0;

/// Parameters in Akaike's criterion: S0, D, f, D* and the noise's σ.
const N_PARAMETERS: f64 = 5.0;

/// Intervals of the grid of D*, each longer than the last by the same factor: 1.17 for the usual bounds. With 16 of them one
/// of 10,500 noisy fits had a minimum and the maximum behind it within one interval, and went past both.
const GRID_INTERVALS: usize = 24;

/// The segmented IVIM fit as a kernel. Diffusivities leave it in mm²/s.
#[derive(Debug, Clone)]
pub struct SegmentedKernel {
    options: SegmentedOptions,
    outputs: Vec<SegmentedOutput>,
    /// Which image each observation of the fit is: those of the line in ascending order of b, then those at
    /// the lowest b, then the others.
    rows: Vec<usize>,
    /// b-values in ms/µm², in that order.
    b: Vec<f64>,
    /// Observations of the line.
    n_line: usize,
    /// Observations at the lowest b-value.
    n_lowest: usize,
    grid: Grid,
}

/// Decays of D* are no smaller than e⁻⁴⁰ = 4e-18: that is nothing beside the other signals, and neither it nor its square is
/// subnormal in f32, which would make the processor many times slower.
const LEAST_EXPONENT: f64 = -40.0;

/// Values of D* with their decays, which all voxels share.
#[derive(Debug, Clone)]
struct Grid {
    /// µm²/ms, from one bound to the other.
    dstar: Vec<f64>,
    /// exp(−b·D*): `[dstar][obs]`.
    decay: Vec<f64>,
}

impl Grid {
    fn new([low, high]: [f64; 2], b: &[f64]) -> Self {
        let ratio = (high / low).powf(1.0 / GRID_INTERVALS as f64);
        let inner = (1..GRID_INTERVALS).map(|i| low * ratio.powi(i as i32));
        let dstar: Vec<f64> = [low].into_iter().chain(inner).chain([high]).collect();
        let decay =
            dstar.iter().flat_map(|dstar| b.iter().map(move |b| (-b * dstar).max(LEAST_EXPONENT).exp())).collect();
        Self { dstar, decay }
    }
}

impl SegmentedKernel {
    /// A fit of images at `b_values` (s/mm², in the order of the rows) that computes `outputs` alone.
    ///
    /// # Errors
    /// [`Error::Usage`] where the b-values do not carry the fit: it needs one of at most 10 s/mm² below the threshold, and
    /// two different ones at or above it; or where bounds are not in order.
    pub fn new(options: SegmentedOptions, b_values: &[f64], outputs: &[SegmentedOutput]) -> Result<Self> {
        options.check()?;
        let lowest = check_b_values(b_values, options.threshold_s_per_mm2)?;
        let in_line = |&row: &usize| b_values[row] >= options.threshold_s_per_mm2;
        let at_lowest = |&row: &usize| b_values[row] == lowest;
        let all = 0..b_values.len();
        let mut rows: Vec<usize> = all.clone().filter(in_line).collect();
        rows.sort_by(|&i, &j| b_values[i].total_cmp(&b_values[j]));
        let n_line = rows.len();
        rows.extend(all.clone().filter(at_lowest));
        let n_lowest = rows.len() - n_line;
        rows.extend(all.filter(|row| !in_line(row) && !at_lowest(row)));
        let b: Vec<f64> = rows.iter().map(|&row| units::b_inside(b_values[row])).collect();
        let grid = Grid::new(options.dstar_bounds_inside(), &b);
        Ok(Self { options, outputs: outputs.to_vec(), rows, b, n_line, n_lowest, grid })
    }

    /// The b-values of the line, ms/µm².
    fn line_b(&self) -> &[f64] {
        &self.b[..self.n_line]
    }

    fn wants(&self, output: SegmentedOutput) -> bool {
        self.outputs.contains(&output)
    }

    /// Whether anything asked for depends on D*.
    fn wants_dstar(&self) -> bool {
        use SegmentedOutput::{D, F, S0};
        self.outputs.iter().any(|output| ![S0, D, F].contains(output))
    }
}

/// The lowest b-value, in s/mm², of those that carry the fit.
fn check_b_values(b_values: &[f64], threshold: f64) -> Result<f64> {
    let refuse = |problem: String| {
        let remedy = "give a series with such images, or another threshold, or fit the ADC";
        Err(Error::Usage(format!("no segmented IVIM fit of these b-values: {problem}\n  remedy: {remedy}")))
    };
    if b_values.is_empty() {
        return refuse("there are none".into());
    }
    if let Some(b) = b_values.iter().find(|b| !b.is_finite() || **b < 0.0) {
        return refuse(format!("{b} s/mm² is none"));
    }
    let lowest = b_values.iter().copied().fold(f64::INFINITY, f64::min);
    if lowest > MOST_LOWEST_B {
        return refuse(format!("the lowest is {lowest} s/mm², but S0 needs one of at most {MOST_LOWEST_B} s/mm²"));
    }
    if lowest >= threshold {
        return refuse(format!("none lies below the threshold of {threshold} s/mm²"));
    }
    let mut above: Vec<f64> = b_values.iter().copied().filter(|&b| b >= threshold).collect();
    above.sort_by(f64::total_cmp);
    above.dedup();
    if above.len() < 2 {
        return refuse(format!("{} at or above {threshold} s/mm², but D and f need two different ones", above.len()));
    }
    Ok(lowest)
}

impl VoxelKernel for SegmentedKernel {
    fn label(&self) -> String {
        "ivim segmented".into()
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        self.outputs.iter().map(|o| ColumnSpec { name: o.name().into(), kind: o.kind() }).collect()
    }

    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]) {
        let work = cpu::Fit { kernel: self, batch, out };
        match precision {
            Precision::F32 => lanes::run_f32(work),
            Precision::F64 => lanes::run_f64(work),
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        Some(gpu::shader(self))
    }
}

impl SegmentedOutput {
    /// How it is stored.
    pub fn kind(self) -> ColumnType {
        match self {
            Self::Iterations | Self::Status => ColumnType::U16,
            _ => ColumnType::F32,
        }
    }
}
