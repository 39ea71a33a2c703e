//! What a spectrum says: areas and positions within ranges, and how many peaks there are.

use super::SpectrumOptions;
use super::options::PeakRange;

/// Ranges as bins, and the logarithms of the bins' diffusivities.
#[derive(Debug, Clone)]
pub(super) struct Ranges {
    bins: Vec<[usize; 2]>,
    ln_d: Vec<f64>,
    least_peak: f64,
}

/// Area and position of what lies in a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Of the spectrum's area, 0 to 1.
    pub(super) fraction: f64,
    /// Mean of the diffusivity, geometric, weighted by the spectrum, mm²/s; NaN where there is nothing.
    pub(super) position: f64,
}

impl Ranges {
    pub(super) fn new(options: &SpectrumOptions, d: &[f64]) -> Self {
        let bins = |PeakRange { range: [from, to], .. }: &PeakRange| {
            let before = |end: f64| d.partition_point(|&d| d < end);
            // The last bin has no next one to end before.
            [before(*from), if d.last().is_some_and(|last| to >= last) { d.len() } else { before(*to) }]
        };
        Self {
            bins: options.peaks.iter().map(bins).collect(),
            ln_d: d.iter().map(|d| d.ln()).collect(),
            least_peak: options.least_peak,
        }
    }

    /// What lies in a range of a spectrum of that area.
    pub(super) fn part(&self, range: usize, x: &[f64], area: f64) -> Part {
        let [from, to] = self.bins[range];
        let (mut own, mut moment) = (0.0, 0.0);
        for (x, ln_d) in x[from..to].iter().zip(&self.ln_d[from..to]) {
            own += x;
            moment += x * ln_d;
        }
        Part { fraction: own / area, position: (moment / own).exp() }
    }

    /// Maxima, each from the minimum before it to the one after, that hold the least share of the area or more.
    pub(super) fn count(&self, x: &[f64], area: f64) -> usize {
        let least = self.least_peak * area;
        let (mut n, mut own, mut last, mut falls) = (0, 0.0, 0.0, false);
        for &x in x {
            if falls && x > last {
                n += usize::from(own > 0.0 && own >= least);
                (own, falls) = (0.0, false);
            }
            falls |= x < last;
            own += x;
            last = x;
        }
        n + usize::from(own > 0.0 && own >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges() -> Ranges {
        let options = SpectrumOptions { n_bins: 31, range: [1e-3, 1.0], ..SpectrumOptions::default() };
        Ranges::new(&options, &options.diffusivities())
    }

    #[test]
    fn ranges_hold_each_bin_once() {
        assert_eq!(ranges().bins, [[0, 7], [7, 17], [17, 27]]);
        let options = SpectrumOptions::default();
        let bins = Ranges::new(&options, &options.diffusivities()).bins;
        assert_eq!((bins[0][0], bins[0][1], bins[1][1], bins[2][1]), (0, bins[1][0], bins[2][0], 200));
    }

    #[test]
    fn areas_and_positions_are_those_of_the_spikes() {
        let mut x = vec![0.0; 31];
        (x[1], x[3], x[10]) = (2.0, 2.0, 1.0);
        let [slow, middle, fast] = [0, 1, 2].map(|range| ranges().part(range, &x, 5.0));
        // Bins are 10^0.1 apart.
        assert!((slow.fraction - 0.8).abs() < 1e-15 && (slow.position / 10f64.powf(-2.8) - 1.0).abs() < 1e-12);
        assert!((middle.fraction - 0.2).abs() < 1e-15 && (middle.position / 1e-2 - 1.0).abs() < 1e-12);
        assert!(fast.fraction == 0.0 && fast.position.is_nan());
    }

    #[test]
    fn peaks_are_maxima_that_hold_enough() {
        let ranges = ranges();
        for (x, n) in [
            (&[0.0, 0.0, 0.0][..], 0),
            (&[0.0, 1.0, 0.0], 1),
            (&[3.0, 2.0, 1.0, 2.0, 3.0], 2),
            (&[1.0, 1.0, 0.0, 0.0, 1.0], 2),
            (&[1.0, 2.0, 2.0, 3.0, 1.0], 1),
            (&[100.0, 0.0, 1.0, 0.0, 3.0], 2),
        ] {
            assert_eq!(ranges.count(x, x.iter().sum()), n, "{x:?}");
        }
    }
}
