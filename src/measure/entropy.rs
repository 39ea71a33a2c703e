//! How disordered the values of a region are: entropy, which means something only with the bins it was found in.

use serde::Serialize;

/// How values become bins, as the image biomarker standardisation initiative has it (IBSI; Zwanenburg et al. 2020,
/// doi:10.1148/radiol.2020191145).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Discretisation {
    /// Bins of the same width everywhere (IBSI's fixed bin size), so that regions and patients can be compared.
    Width {
        /// Width of a bin in the unit of the values, above 0.
        width: f64,
        /// An edge that bins meet at. Values below it have bins too.
        from: f64,
    },
    /// So many bins between a region's smallest and largest value (IBSI's fixed bin number); at least 1. For images
    /// without a scale of their own.
    Count(usize),
}

/// Entropy with the bins that it holds for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Entropy {
    /// −Σ p·log₂ p over the shares p of the bins, bits. NaN without a finite value or with impossible bins.
    pub bits: f64,
    /// Width of a bin in the unit of the values; 0 where a number of bins was asked for and all values are the same.
    pub bin_width: f64,
}

/// The entropy of the finite ones of `values` (IBSI's discretised intensity entropy).
pub fn entropy(values: impl Iterator<Item = f64>, discretisation: Discretisation) -> Entropy {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let (bins, bin_width): (Vec<i64>, f64) = match discretisation {
        Discretisation::Width { width, from } if width > 0.0 && width.is_finite() && from.is_finite() => {
            (values.iter().map(|value| floor((value - from) / width)).collect(), width)
        }
        Discretisation::Count(n) if n > 0 => {
            let min = values.iter().copied().fold(f64::NAN, f64::min);
            let range = values.iter().copied().fold(f64::NAN, f64::max) - min;
            // The largest value ends the last bin. 0 / 0, of values that are all the same, becomes bin 0.
            let bin = |value: &f64| floor(n as f64 * (value - min) / range).min(n as i64 - 1);
            (values.iter().map(bin).collect(), range / n as f64)
        }
        Discretisation::Width { width, .. } => (Vec::new(), width),
        Discretisation::Count(_) => (Vec::new(), f64::NAN),
    };
    if bins.is_empty() {
        return Entropy { bits: f64::NAN, bin_width };
    }
    let n = bins.len() as f64;
    let of_bin = |count: usize| {
        let share = count as f64 / n;
        share * share.log2()
    };
    // A difference, since a minus sign would turn the 0 of one bin into −0.
    Entropy { bits: 0.0 - counts(bins).into_iter().map(of_bin).sum::<f64>(), bin_width }
}

/// The whole number at or below `value`. `f64::floor` is a call into a library on x86-64 without SSE 4.1.
fn floor(value: f64) -> i64 {
    let towards_zero = value as i64;
    towards_zero.saturating_sub(i64::from(towards_zero as f64 > value))
}

/// How many values each bin that has any holds, from the lowest bin on.
fn counts(mut bins: Vec<i64>) -> Vec<usize> {
    let (low, high) = bins.iter().fold((i64::MAX, i64::MIN), |(low, high), &bin| (low.min(bin), high.max(bin)));
    match high.checked_sub(low) {
        Some(span) if span < bins.len() as i64 => {
            let mut counts = vec![0; span as usize + 1];
            bins.iter().for_each(|bin| counts[(bin - low) as usize] += 1);
            counts.retain(|&count| count > 0);
            counts
        }
        // Far more bins than values.
        _ => {
            bins.sort_unstable();
            bins.chunk_by(|a, b| a == b).map(<[i64]>::len).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(values: &[f64], discretisation: Discretisation) -> f64 {
        entropy(values.iter().copied(), discretisation).bits
    }

    #[test]
    fn equal_shares_have_the_logarithm_of_their_number() {
        let values: Vec<f64> = (0..64).map(f64::from).collect();
        for (width, expected) in [(1.0, 6.0), (2.0, 5.0), (16.0, 2.0), (64.0, 0.0)] {
            assert!((bits(&values, Discretisation::Width { width, from: 0.0 }) - expected).abs() < 1e-12, "{width}");
        }
        let four = entropy(values.iter().copied(), Discretisation::Count(4));
        assert!((four.bits - 2.0).abs() < 1e-12 && four.bin_width == 15.75, "{four:?}");
        // Edges between the values' own bins share them out unevenly.
        assert!((bits(&values, Discretisation::Width { width: 16.0, from: 4.0 }) - 2.0).abs() > 0.1);
    }

    /// By hand: bins [−1, 0) and [0, 1) hold 1 and 3 of 4 values.
    #[test]
    fn values_below_the_edge_have_bins() {
        let expected = -(0.25 * 0.25f64.log2() + 0.75 * 0.75f64.log2());
        let width = Discretisation::Width { width: 1.0, from: 0.0 };
        assert!((bits(&[-0.1, 0.0, 0.5, 0.9], width) - expected).abs() < 1e-15);
        // Both sides of the edge are not one bin, as they were if −0.1 were cut off to 0.
        assert!(bits(&[0.1, 0.0, 0.5, 0.9], width) < 0.1);
    }

    #[test]
    fn many_more_bins_than_values_are_counted_too() {
        assert_eq!(counts(vec![3, -1, 3, 0, 3]), [1, 1, 3]);
        assert_eq!(counts(vec![3_000, -1, 3_000, 0, 3_000]), [1, 1, 3]);
        assert_eq!(counts(vec![i64::MAX, i64::MIN, i64::MAX]), [1, 2]);
        assert_eq!(bits(&[0.0, 1e300, 0.0, 1e300], Discretisation::Width { width: 1e-3, from: 0.0 }), 1.0);
    }

    #[test]
    fn floor_is_that_of_the_library() {
        for value in [-2.0, -1.5, -0.1, -0.0, 0.0, 0.9, 1.0, 1e15 + 0.5, -1e15 - 0.5, f64::MAX, f64::MIN, f64::NAN] {
            assert_eq!(floor(value), value.floor() as i64, "{value}");
        }
    }

    #[test]
    fn what_has_no_entropy_has_none() {
        let one = entropy([7.0, 7.0].into_iter(), Discretisation::Count(32));
        assert_eq!((one.bits.to_bits(), one.bin_width), (0, 0.0));
        assert!(bits(&[f64::NAN, f64::INFINITY], Discretisation::Count(8)).is_nan());
        assert!(bits(&[1.0, 2.0], Discretisation::Count(0)).is_nan());
        for width in [0.0, -1.0, f64::NAN] {
            assert!(bits(&[1.0, 2.0], Discretisation::Width { width, from: 0.0 }).is_nan());
        }
        // Values that are not finite do not count.
        assert_eq!(bits(&[1.0, f64::NAN, 2.0], Discretisation::Count(2)), 1.0);
    }
}
