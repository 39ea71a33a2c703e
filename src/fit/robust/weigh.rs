//! How much of a residual counts.

use crate::measure::noise::{SD_PER_MAD, median};

/// Residuals count in full up to so many scales in Huber's function (Huber 1964, doi:10.1214/aoms/1177703732), which finds a
/// start from anywhere...
pub const HUBER: f64 = 1.345;
/// ... and less and less up to so many in Tukey's biweight (Beaton & Tukey 1974, doi:10.1080/00401706.1974.10489171), beyond
/// which they do not. Of Gaussian noise, both keep 95 % of the efficiency of least squares (Holland & Welsch 1977,
/// doi:10.1080/03610927708827533).
pub const BIWEIGHT: f64 = 4.685;

/// A sample whose weight in the biweight is less is called discounted: beyond 2.54 scales, of Gaussian noise 1.1 %.
pub const DISCOUNTED: f64 = 0.5;

/// The scale of residuals: their median absolute value, as of a Gaussian's σ. The smallest are left out, as many as
/// parameters but one, since the fit has made them small. Never less than `floor`.
pub(super) fn scale(residuals: &[f64], n_parameters: usize, floor: f64) -> f64 {
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let from = n_parameters.saturating_sub(1).min(sizes.len().saturating_sub(1));
    match sizes.get_mut(from..) {
        Some(large) if !large.is_empty() => (SD_PER_MAD * median(large)).max(floor),
        _ => floor,
    }
}

/// A residual in scales as Huber's function counts it.
pub(super) fn huber(u: f64) -> f64 {
    u.clamp(-HUBER, HUBER)
}

/// The weight of a residual in scales, and the slope of what it counts by it.
pub(super) fn biweight(u: f64) -> (f64, f64) {
    let square = (u / BIWEIGHT).powi(2);
    match square < 1.0 {
        true => ((1.0 - square).powi(2), (1.0 - square) * (1.0 - 5.0 * square)),
        false => (0.0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rng;

    #[test]
    fn slopes_are_those_of_what_counts() {
        let counts = |u: f64| u * biweight(u).0;
        for u in [-6.0, -4.0, -2.1, 0.0, 0.7, 3.3, 4.6] {
            let step = 1e-6;
            let numeric = (counts(u + step) - counts(u - step)) / (2.0 * step);
            let agrees = |slope: f64| (slope - numeric).abs() < 1e-8;
            assert!(agrees(biweight(u).1), "{u}: {} {numeric}", biweight(u).1);
            assert!(!agrees(biweight(u).1 + 1e-6), "the comparison cannot fail");
        }
        assert!(biweight(2.53).0 > DISCOUNTED && biweight(2.54).0 < DISCOUNTED);
        assert_eq!((huber(-3.0), huber(0.3)), (-HUBER, 0.3));
    }

    /// Of 10,001 deviates the standard error is 1.2 %; a tenth that is far away adds 14 %.
    #[test]
    fn the_scale_is_that_of_most_residuals() {
        let clean: Vec<f64> = (0..10_001).map(|i| 3.0 * Rng::new(8).normals(i)[0]).collect();
        let relative = |residuals: &[f64]| scale(residuals, 1, 0.0) / 3.0;
        assert!((relative(&clean) - 1.0).abs() < 0.036, "{}", relative(&clean));
        let spoilt: Vec<f64> = clean.iter().enumerate().map(|(i, x)| if i % 10 == 0 { 90.0 } else { *x }).collect();
        assert!((relative(&spoilt) - 1.14).abs() < 0.05, "{}", relative(&spoilt));
        assert_eq!(scale(&[0.0; 4], 2, 0.25), 0.25);
        // Two parameters make the smallest residual small: it is left out.
        assert_eq!(scale(&[0.0, 1.0, 2.0, 3.0], 2, 0.0), SD_PER_MAD * 2.0);
    }
}
