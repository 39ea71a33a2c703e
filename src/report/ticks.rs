//! Round numbers along a scale, and how they are written.

/// Marks along a range of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    /// Values of the marks, ascending.
    pub(super) values: Vec<f64>,
    /// Power of ten that is taken out of the numbers and written with the unit; a multiple of three.
    pub(super) exponent: i32,
    decimals: usize,
}

impl Ticks {
    /// About `wanted` marks at multiples of 1, 2 or 5 times a power of ten within `low` to `high`.
    pub(super) fn within(low: f64, high: f64, wanted: usize) -> Self {
        let largest = low.abs().max(high.abs());
        let exponent = match largest {
            // Numbers that need no power of ten to be read at a glance.
            0.01..1e5 | 0.0 => 0,
            _ => 3 * (largest.log10() / 3.0).floor() as i32,
        };
        let raw = (high - low) / wanted.max(1) as f64;
        let power = raw.log10().floor();
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * 10f64.powf(power))
            .into_iter()
            .find(|step| *step >= raw * 0.999)
            .unwrap_or(raw);
        let first = (low / step - 1e-6).ceil() as i64;
        let last = (high / step + 1e-6).floor() as i64;
        let decimals = f64::from(exponent) - (step * 1.001).log10().floor();
        Self {
            values: (first..=last).map(|n| n as f64 * step).collect(),
            exponent,
            decimals: decimals.max(0.0) as usize,
        }
    }

    /// Seconds and minutes that people say within `low` to `high`, counted from 0 on both sides, each `far_enough` from the
    /// one before.
    pub(super) fn seconds(low: f64, high: f64, far_enough: impl Fn(f64, f64) -> bool) -> Self {
        const SAID: [f64; 18] = [
            0.0, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2700.0, 3600.0,
            5400.0, 7200.0,
        ];
        let side = |sign: f64| {
            let mut kept: Vec<f64> = Vec::new();
            for time in SAID {
                if kept.last().is_none_or(|&last| far_enough(last, time)) {
                    kept.push(time);
                }
            }
            kept.into_iter().map(move |time| sign * time)
        };
        let mut values: Vec<f64> = side(-1.0).skip(1).chain(side(1.0)).filter(|t| (low..=high).contains(t)).collect();
        values.sort_by(f64::total_cmp);
        Self { values, exponent: 0, decimals: 0 }
    }

    /// A mark's number, the power of ten left out.
    pub(super) fn label(&self, value: f64) -> String {
        self.number(value, self.decimals)
    }

    /// Any number of the scale, with one digit more than the marks need if that says more.
    pub(super) fn fine_label(&self, value: f64) -> String {
        let fine = self.number(value, self.decimals + 1);
        match fine.strip_suffix('0') {
            Some(_) => self.label(value),
            None => fine,
        }
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", value / 10f64.powi(self.exponent));
        match text.strip_prefix('-') {
            // Minus zero is zero.
            Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_owned(),
            Some(digits) => format!("\u{2212}{digits}"),
            None => text,
        }
    }

    /// The unit with the power of ten in front: "×10⁻³ mm²/s".
    pub(super) fn unit(&self, unit: &str) -> String {
        if self.exponent == 0 {
            return unit.to_owned();
        }
        let raised: String = self
            .exponent
            .to_string()
            .chars()
            .map(|c| match c.to_digit(10) {
                Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
                None => '⁻',
            })
            .collect();
        format!("×10{raised} {unit}").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> (Vec<String>, String) {
        let ticks = Ticks::within(low, high, 6);
        let labels = ticks.values.iter().map(|&v| ticks.label(v)).collect();
        (labels, ticks.unit("mm²/s"))
    }

    #[test]
    fn marks_are_round_and_share_a_power_of_ten() {
        let (numbers, unit) = labels(0.0, 0.0031);
        assert_eq!(numbers, ["0", "1", "2", "3"]);
        assert_eq!(unit, "×10⁻³ mm²/s");
        let (numbers, unit) = labels(-120.0, 120.0);
        assert_eq!(numbers, ["−100", "−50", "0", "50", "100"]);
        assert_eq!(unit, "mm²/s");
        let (numbers, unit) = labels(2.0e6, 2.4e6);
        assert_eq!(numbers, ["2.0", "2.1", "2.2", "2.3", "2.4"]);
        assert_eq!(unit, "×10⁶ mm²/s");
        assert_eq!(labels(0.0, 0.5).0, ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
    }

    #[test]
    fn a_scale_of_nothing_has_no_unit_but_its_power() {
        assert_eq!(Ticks::within(0.0, 1e-4, 5).unit(""), "×10⁻⁶");
        assert_eq!(Ticks::within(0.0, 1.0, 5).unit(""), "");
    }

    #[test]
    fn ends_can_be_written_finer() {
        let ticks = Ticks::within(0.0, 0.00308, 6);
        assert_eq!(ticks.fine_label(0.00308), "3.1");
        assert_eq!(ticks.fine_label(0.003), "3");
    }
}
