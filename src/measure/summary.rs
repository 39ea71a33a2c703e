//! First-order statistics of a set of values, as the image biomarker standardisation initiative defines them (IBSI;
//! Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145), but for the sample's standard deviation and for percentiles
//! between order statistics.

use serde::Serialize;

use super::Cell;

/// First-order statistics of a set of values, in the unit of the values. Without a finite value all but the counts are
/// NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Finite values, which all the statistics are of.
    pub n: usize,
    /// NaN and infinite values: counted, otherwise left out.
    pub n_nonfinite: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1; NaN for one value.
    pub sd: f64,
    /// Median.
    pub median: f64,
    /// First quartile, linearly interpolated ([`quantile`]).
    pub q1: f64,
    /// Third quartile, linearly interpolated ([`quantile`]).
    pub q3: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// 5th percentile, linearly interpolated ([`quantile`]).
    pub p5: f64,
    /// 95th percentile, linearly interpolated ([`quantile`]).
    pub p95: f64,
    /// m₃ / m₂^1.5 of the population's central moments, without a unit; 0 where all values are the same (IBSI).
    pub skewness: f64,
    /// m₄ / m₂² − 3 of the population's central moments, which is 0 of a Gaussian; 0 where all values are the same (IBSI).
    pub excess_kurtosis: f64,
}

impl Summary {
    /// Headings of [`Self::cells`].
    pub const COLUMNS: [&str; 13] = [
        "n",
        "n_nonfinite",
        "mean",
        "sd",
        "median",
        "q1",
        "q3",
        "min",
        "max",
        "p5",
        "p95",
        "skewness",
        "excess_kurtosis",
    ];

    /// The values, one a column of [`Self::COLUMNS`].
    pub fn cells(&self) -> [Cell; 13] {
        [
            self.n.into(),
            self.n_nonfinite.into(),
            self.mean.into(),
            self.sd.into(),
            self.median.into(),
            self.q1.into(),
            self.q3.into(),
            self.min.into(),
            self.max.into(),
            self.p5.into(),
            self.p95.into(),
            self.skewness.into(),
            self.excess_kurtosis.into(),
        ]
    }

    /// Whether a column has the unit of the values; the others are counts and ratios.
    pub fn has_unit(column: &str) -> bool {
        !matches!(column, "n" | "n_nonfinite" | "skewness" | "excess_kurtosis")
    }
}

/// Summarises `values`. Sums are compensated (Neumaier 1974, doi:10.1002/zamm.19740540106) and run in the order given,
/// so the same values give the same bits on any machine.
pub fn summarise(values: impl Iterator<Item = f64>) -> Summary {
    let mut n_nonfinite = 0;
    let mut finite: Vec<f64> = values
        .filter(|value| {
            n_nonfinite += usize::from(!value.is_finite());
            value.is_finite()
        })
        .collect();
    let n = finite.len();
    let mut total = Sum::default();
    let (mut min, mut max) = (f64::NAN, f64::NAN);
    for &value in &finite {
        total.add(value);
        min = min.min(value);
        max = max.max(value);
    }
    let mean = total.value() / n as f64;
    let [squares, cubes, fourths] = central_sums(&finite, mean);
    let m2 = squares / n as f64;
    let shape = |standardised: f64| if min == max { 0.0 } else { standardised };
    let [p5, q1, median, q3, p95] = quantiles(&mut finite, [0.05, 0.25, 0.5, 0.75, 0.95]);
    Summary {
        n,
        n_nonfinite,
        mean,
        sd: match n {
            0 | 1 => f64::NAN,
            _ => (squares / (n - 1) as f64).sqrt(),
        },
        median,
        q1,
        q3,
        min,
        max,
        p5,
        p95,
        skewness: shape(cubes / n as f64 / (m2 * m2.sqrt())),
        excess_kurtosis: shape(fourths / n as f64 / (m2 * m2) - 3.0),
    }
}

/// Sums of the 2nd, 3rd and 4th powers of the distances from `mean`.
fn central_sums(values: &[f64], mean: f64) -> [f64; 3] {
    let [mut squares, mut cubes, mut fourths] = [Sum::default(); 3];
    for value in values {
        let distance = value - mean;
        let square = distance * distance;
        squares.add(square);
        cubes.add(square * distance);
        fourths.add(square * square);
    }
    [squares, cubes, fourths].map(|sum| sum.value())
}

/// The `p` quantile (0 to 1) of finite values by linear interpolation between order statistics: definition 7 of Hyndman
/// and Fan 1996 (doi:10.2307/2684934), numpy's default. Reorders `values`; NaN where there are none.
pub fn quantile(values: &mut [f64], p: f64) -> f64 {
    quantiles(values, [p])[0]
}

/// Several quantiles, each as [`quantile`] has it, for little more than the work of one.
pub fn quantiles<const N: usize>(values: &mut [f64], p: [f64; N]) -> [f64; N] {
    let Some(last) = values.len().checked_sub(1) else { return [f64::NAN; N] };
    let places = p.map(|p| p.clamp(0.0, 1.0) * last as f64);
    let mut ranks: Vec<usize> =
        places.iter().flat_map(|place| [place.floor() as usize, place.ceil() as usize]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    order(values, 0, &ranks);
    places.map(|place| {
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        match place.fract() {
            0.0 => below,
            fraction => below + fraction * (above - below),
        }
    })
}

/// Brings the order statistics of `ranks`, which rise, to their places; `values` starts at rank `first`.
fn order(values: &mut [f64], first: usize, ranks: &[usize]) {
    // From the middle outwards, so that each selection works on what the last one has left on its side.
    let middle = ranks.len() / 2;
    let Some(&rank) = ranks.get(middle) else { return };
    let (below, _, above) = values.select_nth_unstable_by(rank - first, f64::total_cmp);
    order(below, first, &ranks[..middle]);
    order(above, rank + 1, &ranks[middle + 1..]);
}

/// Neumaier's compensated sum.
#[derive(Default, Clone, Copy)]
struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, value: f64) {
        let next = self.total + value;
        self.lost +=
            if self.total.abs() >= value.abs() { (self.total - next) + value } else { (value - next) + self.total };
        self.total = next;
    }

    fn value(self) -> f64 {
        self.total + self.lost
    }
}

#[cfg(test)]
mod tests;
