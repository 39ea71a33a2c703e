//! Descriptors of an enhancement curve, in closed form.

use super::signal::Signals;

/// Late change, as a fraction of the peak, that makes a curve persistent or wash-out.
const LATE_CHANGE: f64 = 0.1;
const PERSISTENT: f64 = 1.0;
const PLATEAU: f64 = 2.0;
const WASH_OUT: f64 = 3.0;

/// End of the area under the enhancement, in s after injection.
const AREA_END_S: f64 = 180.0;

/// The enhancement over time: 0 from t = 0 to the first phase after contrast by a straight line, and so on.
#[derive(Clone)]
pub(super) struct Curve {
    /// Of the phases after contrast that are on the curve, which are the first ones.
    pub(super) times_s: Vec<f64>,
    /// Enhancement up to which a tissue counts as not enhanced.
    pub(super) threshold: f64,
}

impl Curve {
    fn rises(&self, s: &Signals) -> Vec<f64> {
        (1..=self.times_s.len()).map(|i| s.rise(i)).collect()
    }

    /// The largest enhancement and when it is first reached.
    pub(super) fn peak(&self, s: &Signals) -> (f64, f64) {
        std::iter::zip(self.rises(s), &self.times_s)
            .fold((f64::NEG_INFINITY, f64::NAN), |best, (rise, &t)| if rise > best.0 { (rise, t) } else { best })
    }

    pub(super) fn time_to_peak(&self, s: &Signals) -> f64 {
        let (peak, time) = self.peak(s);
        if peak > self.threshold { time } else { f64::NAN }
    }

    /// (time, enhancement) at injection and at each phase after it.
    fn points(&self, s: &Signals) -> Vec<(f64, f64)> {
        std::iter::once((0.0, 0.0)).chain(std::iter::zip(self.times_s.iter().copied(), self.rises(s))).collect()
    }

    pub(super) fn slope(&self, s: &Signals) -> f64 {
        self.points(s).windows(2).map(|w| (w[1].1 - w[0].1) / (w[1].0 - w[0].0)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether the curve reaches the area's end.
    pub(super) fn has_area(&self) -> bool {
        self.times_s.last().is_some_and(|&last| last >= AREA_END_S)
    }

    /// Trapezoids up to the end.
    pub(super) fn area(&self, s: &Signals) -> f64 {
        let points = self.points(s);
        let piece = |w: &[(f64, f64)]| {
            let ((t0, e0), (t1, e1)) = (w[0], w[1]);
            let end = t1.min(AREA_END_S).max(t0);
            let at_end = e0 + (e1 - e0) * (end - t0) / (t1 - t0);
            (end - t0) * (e0 + at_end) / 2.0
        };
        points.windows(2).map(piece).sum()
    }

    /// The last phase against the peak, and against the peak of those before it.
    pub(super) fn class(&self, s: &Signals) -> f64 {
        let rises = self.rises(s);
        let (peak, _) = self.peak(s);
        let last = rises[rises.len() - 1];
        let early = rises[..rises.len() - 1].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if peak <= self.threshold {
            0.0
        } else if last - peak < -LATE_CHANGE * peak {
            WASH_OUT
        } else if last - early > LATE_CHANGE * peak {
            PERSISTENT
        } else {
            PLATEAU
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(phases: [f64; 4]) -> (Curve, Signals) {
        let curve = Curve { times_s: vec![30.0, 60.0, 240.0], threshold: 5.0 };
        (curve, Signals { phases: phases.to_vec(), ..Signals::default() })
    }

    #[test]
    fn a_curve_that_washes_out_has_the_descriptors_worked_by_hand() {
        let (curve, s) = curve([100.0, 160.0, 190.0, 130.0]);
        assert_eq!(curve.peak(&s), (90.0, 60.0));
        assert_eq!(curve.time_to_peak(&s), 60.0);
        assert_eq!(curve.slope(&s), 2.0);
        // At 180 s the enhancement is 90 − 60·120/180 = 50: 900 + 2250 + 120·70.
        assert!((curve.area(&s) - 11_550.0).abs() < 1e-9);
        assert_eq!(curve.class(&s), WASH_OUT);
    }

    #[test]
    fn late_change_decides_the_class() {
        for (last, class) in [(150.0, PERSISTENT), (141.0, PLATEAU), (139.0, PLATEAU), (130.0, WASH_OUT)] {
            let (curve, s) = curve([100.0, 120.0, 140.0, last]);
            assert_eq!(curve.class(&s), class, "{last}");
        }
    }

    #[test]
    fn what_does_not_enhance_has_no_time_to_peak_and_no_class() {
        let (curve, s) = curve([100.0, 100.0, 105.0, 100.0]);
        assert!(curve.time_to_peak(&s).is_nan());
        assert_eq!(curve.class(&s), 0.0);
        assert_eq!(curve.peak(&s).0, 5.0);
    }

    #[test]
    fn a_short_curve_has_no_area() {
        let (mut curve, _) = curve([100.0, 120.0, 140.0, 150.0]);
        assert!(curve.has_area());
        curve.times_s = vec![20.0, 40.0, 60.0];
        assert!(!curve.has_area());
    }

    #[test]
    fn what_comes_after_the_curve_does_not_matter() {
        let (mut curve, s) = curve([100.0, 160.0, 150.0, 900.0]);
        curve.times_s.truncate(2);
        assert_eq!((curve.peak(&s), curve.class(&s)), ((60.0, 30.0), WASH_OUT));
    }
}
