//! Where fits start: the best of a dictionary of signals over a grid of the parameters that the signal does not depend
//! on linearly. The dictionary is the same for all voxels, so that looking a voxel up costs a few dot products a node;
//! the linear parameters of each node are solved for.
//!
//! A sum of squares may have several minima (in D* of IVIM, for one). So the range of the last of the grid's parameters
//! is cut into zones, and a fit starts from the best node of each. Of a grid of three parameters and more, the ranges of
//! the last two are cut, at least in halves: tri-exponential fits have minima between the halves of D* and of D**.

#![expect(clippy::needless_range_loop, reason = "rows and columns of small matrices are numbers")]

use std::ops::Range;

use super::idle::{Idle, idle};
use super::problem::Effort;
use crate::model::signal::program::SampleProgram;

pub use crate::model::signal::MOST_LINEAR;

/// One node of the grid: the signals of its linear parameters span a small space, with an orthonormal basis Q. What
/// they leave of Σ y² is Σ y² − |Qᵀy|².
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// All parameters in units of their scales; those that are solved for are 0.
    pub parameters: Vec<f64>,
    /// `[vector][sample]`, Q.
    pub basis: Vec<Vec<f64>>,
    /// The coefficients of the node's own signals are this (upper triangular) times Qᵀy.
    pub triangle: [[f64; MOST_LINEAR]; MOST_LINEAR],
    /// Cosine and sine of the angle between the first two signals.
    pub angle: [f64; 2],
    /// Their directions, by their places in [`Dictionary::directions`]; of a mixture alone.
    pub directions: [usize; 2],
    /// 1 over the lengths of these signals, or 0 where they have none.
    pub per_length: [f64; 2],
}

/// How coefficients become parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linear {
    /// Each signal is that of one linear parameter, of which it is the coefficient.
    All,
    /// The signals are those of a mixing parameter f at its two ends, both times the signal parameter S: the
    /// coefficients are S·(1 − t) and S·t, with t from 0 at the lower end to 1 at the upper.
    Mixing,
}

/// The nodes of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Dictionary {
    /// The nodes, zone after zone.
    pub nodes: Vec<Node>,
    /// `[direction][sample]`: the signals of mixtures, scaled to a length of 1. Those at one end of a mixing parameter do not
    /// depend on all parameters of the grid, so that there are fewer of them than nodes.
    pub directions: Vec<Vec<f64>>,
    /// The nodes of each zone; none is empty.
    pub zones: Vec<Range<usize>>,
    /// How coefficients become parameters.
    pub linear: Linear,
    /// Which parameters the coefficients give, in order.
    pub solved: Vec<usize>,
    /// Where fits that have ended may start again.
    pub idle: Vec<Idle>,
    /// Where the second start is not needed.
    pub pass: Option<Pass>,
}

/// Between two zones of one parameter lies a pass, if the best place of one lies next to the other: its valley goes on there. A
/// fit that started in the other, and did not end near the ends of the parameter's range, has found what is in it.
///
/// Some 3 in 10,000 simulated IVIM fits miss a lower minimum by it: `cargo test --release --test promises -- second_starts`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// The nodes on both sides of the cut.
    pub nodes: Range<usize>,
    /// The parameter that is cut.
    pub parameter: usize,
    /// Its second value and its last but one, in units of its scale.
    pub inside: [f64; 2],
}

/// A fitted parameter as the dictionary sees it: bounds in units of its scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Lowest and highest value.
    pub bounds: [f64; 2],
    /// Its start, if there is one.
    pub start: Option<f64>,
    /// How many values it takes, if its model says so.
    pub places: Option<usize>,
    /// Whether it is in units of the signal.
    pub is_signal: bool,
}

/// Values of a grid's parameter: dense up to its scale, sparse beyond.
pub(super) fn places(extent: &Extent, n: usize) -> Vec<f64> {
    if let Some(start) = extent.start {
        return vec![start];
    }
    let [low, high] = extent.bounds.map(f64::asinh);
    let mut places: Vec<f64> = (0..n).map(|i| (low + (high - low) * i as f64 / (n - 1) as f64).sinh()).collect();
    // Not a rounding off: a fit that starts a hair inside its bound may end there.
    if let [first, .., last] = places.as_mut_slice() {
        [*first, *last] = extent.bounds;
    }
    places
}

/// How many values each of `n` parameters takes, if each of two takes `of_two`.
fn places_each(n: usize, of_two: usize) -> usize {
    match n {
        0 | 1 => 3 * of_two,
        2 => of_two,
        3 => of_two / 2 + 1,
        4 => of_two / 3 + 1,
        _ => of_two / 4 + 1,
    }
}

/// Into how many parts the range of each of `n` parameters is cut, if that of one is cut into `of_one`.
fn cuts(n: usize, of_one: usize) -> Vec<usize> {
    let mut cuts = vec![1; n];
    match (n, cuts.as_mut_slice()) {
        (3.., [.., before, last]) if of_one > 1 => {
            *before = of_one.isqrt().max(2);
            *last = (of_one / *before).max(2);
        }
        (_, [.., last]) => *last = of_one.max(1),
        _ => {}
    }
    cuts
}

impl Dictionary {
    /// Arithmetic operations of looking a voxel of so many samples up.
    pub fn flops(&self, n_samples: f64) -> f64 {
        match self.linear {
            // Of each vector of the basis its product with the samples, and its square; of each node a comparison.
            Linear::All => self.nodes.iter().map(|node| node.basis.len() as f64 * (2.0 * n_samples + 2.0) + 1.0).sum(),
            // Of each direction the same, and of each node what `Lookup::best_mixture` does.
            Linear::Mixing => self.directions.len() as f64 * (2.0 * n_samples + 2.0) + self.nodes.len() as f64 * 9.0,
        }
    }

    /// A dictionary for a program, whose fitted parameters have these extents.
    pub fn new(program: &SampleProgram, extents: &[Extent], mixing: Option<usize>, effort: &Effort) -> Self {
        let signal: Vec<usize> = (0..extents.len()).filter(|&i| extents[i].is_signal).take(MOST_LINEAR).collect();
        let (linear, solved) = match (signal.as_slice(), mixing) {
            (&[s], Some(f)) => (Linear::Mixing, vec![s, f]),
            _ => (Linear::All, signal),
        };
        let grid: Vec<usize> = (0..extents.len()).filter(|i| !solved.contains(i)).collect();
        let n_each = places_each(grid.iter().filter(|&&i| extents[i].start.is_none()).count(), effort.places);
        let values: Vec<Vec<f64>> =
            grid.iter().map(|&i| places(&extents[i], extents[i].places.unwrap_or(n_each))).collect();
        let n_nodes = values.iter().map(Vec::len).product();
        let cuts = cuts(grid.len(), effort.starts);
        let mut cut: Vec<Vec<Node>> = vec![Vec::new(); cuts.iter().product()];
        let mut directions = Vec::new();
        for index in 0..n_nodes {
            let mut parameters = vec![0.0; extents.len()];
            let (mut rest, mut zone, mut stride) = (index, 0, 1);
            for ((values, &parameter), n) in values.iter().zip(&grid).zip(&cuts) {
                let i = rest % values.len();
                parameters[parameter] = values[i];
                rest /= values.len();
                zone += i * n / values.len() * stride;
                stride *= n;
            }
            cut[zone].push(Node::new(program, parameters, linear, &solved, extents, &mut directions));
        }
        let mut nodes = Vec::new();
        let mut zones = Vec::new();
        for zone in cut.into_iter().filter(|zone| !zone.is_empty()) {
            zones.push(nodes.len()..nodes.len() + zone.len());
            nodes.extend(zone);
        }
        let pass = match (zones.as_slice(), grid.last(), values.last()) {
            // A file that asks for places of it says that there are more minima than zones.
            ([lower, upper], Some(&parameter), Some(values))
                if extents[parameter].places.is_none() && cuts.iter().product::<usize>() == 2 && values.len() > 3 =>
            {
                let of_a_value = n_nodes / values.len();
                let inside = [values[1], values[values.len() - 2]];
                Some(Pass { nodes: lower.end - of_a_value..upper.start + of_a_value, parameter, inside })
            }
            _ => None,
        };
        Self { nodes, directions, zones, linear, solved, idle: idle(program, extents, effort.places_of_idle), pass }
    }
}

impl Node {
    /// Cosine of the angle between the directions, and 1/sin², or 0 where they are the same.
    pub fn between(&self) -> [f64; 2] {
        let [cos, sin] = self.angle;
        [cos, if sin > 0.0 { 1.0 / (sin * sin) } else { 0.0 }]
    }

    fn new(
        program: &SampleProgram,
        parameters: Vec<f64>,
        linear: Linear,
        solved: &[usize],
        extents: &[Extent],
        known: &mut Vec<Vec<f64>>,
    ) -> Self {
        let with = |values: &[(usize, f64)]| {
            let mut parameters = parameters.clone();
            values.iter().for_each(|&(i, value)| parameters[i] = value);
            program.signals(&parameters)
        };
        let signals: Vec<Vec<f64>> = match (linear, solved) {
            (Linear::Mixing, &[s, f]) => extents[f].bounds.iter().map(|&end| with(&[(s, 1.0), (f, end)])).collect(),
            // Without a linear parameter, the signal's size is taken as free to find the place.
            (_, []) => vec![with(&[])],
            _ => solved.iter().map(|&i| with(&[(i, 1.0)])).collect(),
        };
        let (basis, triangle) = orthonormal(&signals);
        let second = [triangle[0][1], triangle[1][1]];
        let length = second[0].hypot(second[1]);
        let angle = if length > 0.0 { second.map(|x| x / length) } else { [1.0, 0.0] };
        let (mut directions, mut per_length) = ([0; 2], [0.0; 2]);
        if linear == Linear::Mixing {
            for (i, signal) in signals.iter().take(2).enumerate() {
                let length = signal.iter().map(|x| x * x).sum::<f64>().sqrt();
                per_length[i] = if length > 0.0 && length.is_finite() { 1.0 / length } else { 0.0 };
                let scaled = |x: &f64| if per_length[i] > 0.0 { x * per_length[i] } else { 0.0 };
                directions[i] = place_of(signal.iter().map(scaled).collect(), known);
            }
        }
        Self { parameters, basis, triangle: inverse(&triangle, signals.len()), angle, directions, per_length }
    }
}

/// Where a direction stands among those that are known, which it joins if it is new.
fn place_of(direction: Vec<f64>, known: &mut Vec<Vec<f64>>) -> usize {
    let place = known.iter().position(|known| *known == direction);
    place.unwrap_or_else(|| {
        known.push(direction);
        known.len() - 1
    })
}

/// Vectors that are shorter than this share of what they were are taken to depend on those before them.
const DEPENDENT: f64 = 1e-6;

/// Gram–Schmidt: an orthonormal basis Q of some signals A and the upper triangular R with A = QR. The vector of a signal
/// that depends on those before it, or is not finite, is 0.
fn orthonormal(signals: &[Vec<f64>]) -> (Vec<Vec<f64>>, [[f64; MOST_LINEAR]; MOST_LINEAR]) {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut triangle = [[0.0; MOST_LINEAR]; MOST_LINEAR];
    for (j, signal) in signals.iter().enumerate() {
        let mut rest = signal.clone();
        for (i, q) in basis.iter().enumerate() {
            let along = dot(q, &rest);
            triangle[i][j] += along;
            rest.iter_mut().zip(q).for_each(|(r, q)| *r -= along * q);
        }
        let length = dot(&rest, &rest).sqrt();
        if length > DEPENDENT * dot(signal, signal).sqrt() && length.is_finite() {
            triangle[j][j] = length;
            rest.iter_mut().for_each(|r| *r /= length);
        } else {
            rest.fill(0.0);
        }
        basis.push(rest);
    }
    (basis, triangle)
}

/// The inverse of the first `n` rows and columns of an upper triangular matrix; 0 for what is not determined.
fn inverse(r: &[[f64; MOST_LINEAR]; MOST_LINEAR], n: usize) -> [[f64; MOST_LINEAR]; MOST_LINEAR] {
    let mut inverse = [[0.0; MOST_LINEAR]; MOST_LINEAR];
    for j in 0..n {
        for i in (0..=j).rev() {
            let one = if i == j { 1.0 } else { 0.0 };
            let sum: f64 = (i + 1..=j).map(|k| r[i][k] * inverse[k][j]).sum();
            inverse[i][j] = if r[i][i] > 0.0 { (one - sum) / r[i][i] } else { 0.0 };
        }
    }
    inverse
}

#[cfg(test)]
mod tests;
