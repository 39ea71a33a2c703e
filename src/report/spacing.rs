//! How places along a plot's horizontal axis are spread.

use super::ticks::Ticks;

/// Where the root of time begins to bend, s.
const BEND_S: f64 = 10.0;
/// Even spacing would bring two phases nearer than this share of the axis.
const CROWDED: f64 = 0.05;

/// How places are spread along the horizontal axis of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// In proportion.
    #[default]
    Even,
    /// Seconds, by the root of time: arterial phases are seconds apart, late ones minutes, and both can be told apart.
    /// √(t + 10 s), so that the first seconds take no more room than they need; times before 0 are mirrored.
    RootOfTime,
}

impl Spacing {
    /// By the square root where two of these times would otherwise lie closer than a twentieth of their range.
    pub fn for_times(seconds: &[f64]) -> Self {
        let mut sorted: Vec<f64> = seconds.iter().copied().filter(|time| time.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let closest = sorted.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        match (sorted.first(), sorted.last()) {
            (Some(first), Some(last)) if closest < CROWDED * (last - first) => Self::RootOfTime,
            _ => Self::Even,
        }
    }

    /// Where a value lies along the axis, in units of its own.
    pub(super) fn place(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::RootOfTime => value.signum() * ((value.abs() + BEND_S).sqrt() - BEND_S.sqrt()),
        }
    }

    /// The value at a place.
    pub(super) fn value(self, place: f64) -> f64 {
        match self {
            Self::Even => place,
            Self::RootOfTime => place.signum() * ((place.abs() + BEND_S.sqrt()).powi(2) - BEND_S),
        }
    }

    /// Round numbers from `low` to `high` with room between them.
    pub(super) fn ticks(self, low: f64, high: f64) -> Ticks {
        match self {
            Self::Even => Ticks::within(low, high, 10),
            Self::RootOfTime => {
                let apart = (self.place(high) - self.place(low)) / 18.0;
                Ticks::seconds(low, high, |a, b| self.place(b) - self.place(a) >= apart)
            }
        }
    }

    /// A unit as the axis' name has it.
    pub(super) fn unit(self, unit: String) -> String {
        match self {
            Self::Even => unit,
            Self::RootOfTime => format!("{unit}, square-root scale"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_values_undo_each_other() {
        for spacing in [Spacing::Even, Spacing::RootOfTime] {
            for value in [-30.0, -0.25, 0.0, 1.0, 1200.0] {
                assert!((spacing.value(spacing.place(value)) - value).abs() < 1e-9);
            }
        }
        // By hand: √(6 + 10) − √10, and √(90 + 10) − √10.
        assert!((Spacing::RootOfTime.place(-6.0) + 0.837_722_339_8).abs() < 1e-9);
        assert!((Spacing::RootOfTime.place(90.0) - 6.837_722_339_8).abs() < 1e-9);
    }

    #[test]
    fn crowded_times_are_spread() {
        assert_eq!(Spacing::for_times(&[0.0, 32.0, 68.0, 180.0]), Spacing::Even);
        assert_eq!(Spacing::for_times(&[0.0, 18.0, 32.0, 68.0, 180.0, 1200.0]), Spacing::RootOfTime);
        for few in [&[][..], &[0.0], &[5.0, 5.0], &[f64::NAN, 1.0]] {
            assert_eq!(Spacing::for_times(few), Spacing::Even);
        }
    }

    #[test]
    fn marks_are_times_that_people_say() {
        let ticks = Spacing::RootOfTime.ticks(-30.0, 1250.0);
        let labels: Vec<String> = ticks.values.iter().map(|&t| ticks.label(t)).collect();
        assert_eq!(labels, ["−30", "0", "30", "60", "120", "180", "300", "600", "900", "1200"]);
    }
}
