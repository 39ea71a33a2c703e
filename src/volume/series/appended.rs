//! Volumes that a scanner appends to a diffusion series: its own ADC map, or the mean over directions.
//!
//! A volume is left out only when its voxels say so, and by more than noise explains (see [`judge`]): a wrong b-value
//! file or a repeated image must not look like one. Both tests look at a sample of the foreground.

use std::fmt;

use crate::device::Row;

/// What a scanner appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// A map proportional to the ADC of the other volumes.
    AdcMap,
    /// The mean of the other volumes of one b-value.
    Mean,
}

impl fmt::Display for Appended {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::AdcMap => "an ADC map of the other volumes",
            Self::Mean => "the mean of the other volumes of one b-value",
        })
    }
}

/// Voxels looked at, before the darker ones are left out.
const SAMPLE: usize = 4 * 1024;

/// Fewest voxels that a judgement is made on.
const FEWEST: usize = 50;

/// An ADC map differs from the log-linear ADC of the others by less than this, as a spread of logarithms.
const ADC_SPREAD: f64 = 0.1;

/// A mean lies this many times closer to the group's mean than the group's own members. A further repeat would lie
/// farther than they do, never closer.
const MEAN_CLOSENESS: f64 = 4.0;

/// A volume with its b-value in s/mm².
pub(super) type Weighted<'a> = (f64, Row<'a>);

/// Whether `candidate` is derived from `others`. `b` is its b-value, where it has one.
///
/// It is an ADC map if the spread of ln(candidate / ADC) is below 0.1, below half the spread of ln(ADC) itself (so
/// there is something that it follows), and, with a b-value, below half of how far it strays from the decay of the
/// others at that b. It is a mean if it lies four times closer to the arithmetic or geometric mean of the others of
/// one b-value than these do. A spread is the median distance from the median.
pub(super) fn judge(candidate: Row, b: Option<f64>, others: &[Weighted], tolerance: f64) -> Option<Appended> {
    let voxels = foreground(others);
    let candidate = sampled(candidate, &voxels);
    let others: Vec<(f64, Vec<f64>)> = others.iter().map(|&(b, row)| (b, sampled(row, &voxels))).collect();
    if is_adc_map(&candidate, b, &others) {
        Some(Appended::AdcMap)
    } else if is_mean(&candidate, b, &others, tolerance) {
        Some(Appended::Mean)
    } else {
        None
    }
}

/// Voxels, spread evenly, that are brighter than the mean of the volume with the lowest b.
fn foreground(others: &[Weighted]) -> Vec<usize> {
    let Some((_, brightest)) = others.iter().min_by(|x, y| x.0.total_cmp(&y.0)) else {
        return Vec::new();
    };
    let n_voxels = brightest.bytes.len() / brightest.voxel_type.size();
    let step = n_voxels.div_ceil(SAMPLE).max(1);
    let voxels: Vec<usize> = (0..n_voxels).step_by(step).collect();
    let values = sampled(*brightest, &voxels);
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let bright = |&(_, value): &(usize, f64)| value > mean;
    voxels.into_iter().zip(values).filter(bright).map(|(voxel, _)| voxel).collect()
}

fn sampled(row: Row, voxels: &[usize]) -> Vec<f64> {
    voxels
        .iter()
        .map(|&voxel| {
            let mut value = [0.0];
            row.load_f64(voxel, &mut value);
            value[0]
        })
        .collect()
}

fn is_adc_map(candidate: &[f64], b: Option<f64>, others: &[(f64, Vec<f64>)]) -> bool {
    let (mut to_adc, mut to_decay, mut adcs) = (Vec::new(), Vec::new(), Vec::new());
    for (v, &value) in candidate.iter().enumerate() {
        let Some((ln_s0, adc)) = log_linear(others, v) else {
            continue;
        };
        if value > 0.0 && adc > 0.0 {
            adcs.push(adc.ln());
            to_adc.push(value.ln() - adc.ln());
            to_decay.extend(b.map(|b| value.ln() - (ln_s0 - b * adc)));
        }
    }
    if adcs.len() < FEWEST.max(candidate.len() / 2) {
        return false;
    }
    let spread_to_adc = spread(&mut to_adc);
    spread_to_adc < ADC_SPREAD
        && spread_to_adc < spread(&mut adcs) / 2.0
        && (b.is_none() || spread_to_adc < spread(&mut to_decay) / 2.0)
}

/// ln S0 and ADC (mm²/s) of one voxel by least squares on the logarithms; needs two b-values and positive signals.
fn log_linear(volumes: &[(f64, Vec<f64>)], voxel: usize) -> Option<(f64, f64)> {
    let n = volumes.len() as f64;
    let mean_b = volumes.iter().map(|(b, _)| b).sum::<f64>() / n;
    let (mut sum_y, mut sum_by, mut sum_bb) = (0.0, 0.0, 0.0);
    for (b, values) in volumes {
        let y = values[voxel].ln();
        sum_y += y;
        sum_by += (b - mean_b) * y;
        sum_bb += (b - mean_b).powi(2);
    }
    let slope = sum_by / sum_bb;
    slope.is_finite().then(|| (sum_y / n - slope * mean_b, -slope))
}

fn is_mean(candidate: &[f64], b: Option<f64>, others: &[(f64, Vec<f64>)], tolerance: f64) -> bool {
    let own_or_any = |other: f64| b.is_none_or(|b| (b - other).abs() <= tolerance);
    others.iter().filter(|(b, _)| own_or_any(*b)).any(|(group_b, _)| {
        let members: Vec<&[f64]> =
            others.iter().filter(|(b, _)| (b - group_b).abs() <= tolerance).map(|(_, values)| &values[..]).collect();
        [false, true].into_iter().any(|geometric| is_mean_of(candidate, &members, geometric))
    })
}

fn is_mean_of(candidate: &[f64], members: &[&[f64]], geometric: bool) -> bool {
    if members.len() < 2 || candidate.len() < FEWEST {
        return false;
    }
    let n = members.len() as f64;
    let ln_mean = |v: usize| {
        if geometric {
            members.iter().map(|m| m[v].ln()).sum::<f64>() / n
        } else {
            (members.iter().map(|m| m[v]).sum::<f64>() / n).ln()
        }
    };
    let means: Vec<f64> = (0..candidate.len()).map(ln_mean).collect();
    let distance = |values: &[f64]| {
        let both = values.iter().zip(&means);
        let mut distances: Vec<f64> = both.map(|(v, mean)| (v.ln() - mean).abs()).collect();
        median(&mut distances)
    };
    let mut of_members: Vec<f64> = members.iter().map(|m| distance(m)).collect();
    distance(candidate) < median(&mut of_members) / MEAN_CLOSENESS
}

/// Median distance from the median.
fn spread(values: &mut [f64]) -> f64 {
    let middle = median(values);
    values.iter_mut().for_each(|v| *v = (*v - middle).abs());
    median(values)
}

/// The upper of the two middle values where their number is even; NaN of nothing.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
