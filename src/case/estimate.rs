//! Values with their standard errors, and arithmetic of independent ones.

use crate::measure::{Reference, Summary};

/// A value with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) standard_error: f64,
}

impl From<Reference> for Estimate {
    fn from(reference: Reference) -> Self {
        Self { value: reference.value, standard_error: reference.standard_error }
    }
}

impl Estimate {
    /// A region's mean, its voxels taken as independent.
    pub(super) fn mean(summary: &Summary) -> Self {
        Self { value: summary.mean, standard_error: summary.sd / (summary.n as f64).sqrt() }
    }

    /// A function of three independent ones, to first order.
    pub(super) fn of(from: [Self; 3], value: impl Fn([f64; 3]) -> f64) -> Self {
        let at = from.map(|estimate| estimate.value);
        let slope = |i: usize| {
            let moved = |by: f64| {
                let mut moved = at;
                moved[i] += by * from[i].standard_error;
                value(moved)
            };
            0.5 * (moved(1.0) - moved(-1.0))
        };
        Self { value: value(at), standard_error: [0, 1, 2].map(slope).into_iter().fold(0.0, f64::hypot) }
    }

    /// Less an independent one.
    pub(super) fn minus(self, other: Self) -> Self {
        let standard_error = self.standard_error.hypot(other.standard_error);
        Self { value: self.value - other.value, standard_error }
    }

    /// Over an independent one, to first order.
    pub(super) fn over(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, standard_error: self.standard_error.hypot(value * other.standard_error) / other.value.abs() }
    }

    /// Times a number.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, standard_error: self.standard_error * factor.abs() }
    }

    /// Plus a number.
    pub(super) fn plus(self, number: f64) -> Self {
        Self { value: self.value + number, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_add_in_squares() {
        let (a, b) = (Estimate { value: 12.0, standard_error: 3.0 }, Estimate { value: 4.0, standard_error: 4.0 });
        assert_eq!(a.minus(b), Estimate { value: 8.0, standard_error: 5.0 });
        // (3² + (3·4)²)^½ / 4.
        let ratio = a.over(b);
        assert!((ratio.value - 3.0).abs() < 1e-15 && (ratio.standard_error - 153f64.sqrt() / 4.0).abs() < 1e-15);
        let sum = Estimate::of([a, b, a], |[a, b, c]| a + b + 2.0 * c);
        assert!((sum.value - 40.0).abs() < 1e-12 && (sum.standard_error - 61f64.sqrt()).abs() < 1e-12);
        assert_eq!(a.times(-2.0).plus(1.0), Estimate { value: -23.0, standard_error: 6.0 });
    }
}
