//! Student's t distribution.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The t with `freedom` degrees of freedom between whose values ±t lies the probability `within`, 0 to 1; infinite
/// without a degree of freedom.
pub(super) fn t_of(within: f64, freedom: usize) -> f64 {
    if freedom == 0 {
        return f64::INFINITY;
    }
    // Halving a range of θ this often leaves less of it than f64 can hold.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        *(if probability(middle, freedom) < within { &mut low } else { &mut high }) = middle;
    }
    (freedom as f64).sqrt() * f64::midpoint(low, high).tan()
}

/// The probability of |t| below √ν·tan θ, in closed form (Zelen and Severo 1964, in Abramowitz and Stegun, Handbook of
/// Mathematical Functions, 26.7.3 and 26.7.4).
fn probability(theta: f64, freedom: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let is_odd = freedom % 2 == 1;
    let (mut term, mut sum, mut power) = if is_odd { (cos, 0.0, 1) } else { (1.0, 0.0, 0) };
    while power + 2 <= freedom {
        sum += term;
        term *= cos * cos * (power + 1) as f64 / (power + 2) as f64;
        power += 2;
    }
    if is_odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::t_of;

    /// Tables of the distribution, to their last digit.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (1, 12.7062),
            (2, 4.3027),
            (3, 3.1824),
            (4, 2.7764),
            (7, 2.3646),
            (10, 2.2281),
            (30, 2.0423),
            (120, 1.9799),
        ];
        let agrees = |(freedom, t): (usize, f64)| (t_of(0.95, freedom) - t).abs() < 5.1e-5;
        assert!(table.iter().all(|&row| agrees(row)), "{:?}", table.map(|(freedom, _)| t_of(0.95, freedom)));
        assert!(!agrees((3, 3.1825)) && !agrees((2, 3.1824)));
        assert!((t_of(0.99, 5) - 4.0321).abs() < 5.1e-5);
        assert!(t_of(0.95, 0).is_infinite());
    }
}
