//! What a model asks of a protocol, in the words of its file: `2 >= 200` means that at least two samples lie at 200 or
//! above, `none in 2..49` that none lies between.

use std::fmt::{Display, Formatter, Result as Written};
use std::str::FromStr;

/// One demand on the values of an axis, in the axis's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Requirement {
    /// At least so many samples; `None`: no sample at all.
    at_least: Option<usize>,
    lowest: f64,
    highest: f64,
}

impl Requirement {
    /// Samples that lie where this one looks.
    pub fn count(&self, values: &[f64]) -> usize {
        values.iter().filter(|&&value| (self.lowest..=self.highest).contains(&value)).count()
    }

    /// Whether the values of an axis, one a sample, are what it asks for.
    pub fn is_met(&self, values: &[f64]) -> bool {
        self.at_least.map_or_else(|| self.count(values) == 0, |least| self.count(values) >= least)
    }
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no requirement: write \"2 <= 10\", \"2 in 10..150\", \"2 >= 200\" or \"none in 2..49\""
            )
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[count, relation, limit] = words.as_slice() else { return Err(wrong()) };
        let at_least = match count {
            "none" => None,
            count => Some(count.parse().ok().filter(|&n: &usize| n > 0).ok_or_else(wrong)?),
        };
        let number = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(wrong);
        let (lowest, highest) = match relation {
            "<=" => (f64::NEG_INFINITY, number(limit)?),
            ">=" => (number(limit)?, f64::INFINITY),
            "in" => {
                let (low, high) = limit.split_once("..").ok_or_else(wrong)?;
                (number(low)?, number(high)?)
            }
            _ => return Err(wrong()),
        };
        if lowest > highest {
            return Err(wrong());
        }
        Ok(Self { at_least, lowest, highest })
    }
}

impl Display for Requirement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        match self.at_least {
            Some(n) => write!(f, "{n} ")?,
            None => f.write_str("none ")?,
        }
        match (self.lowest, self.highest) {
            (f64::NEG_INFINITY, highest) => write!(f, "<= {highest}"),
            (lowest, f64::INFINITY) => write!(f, ">= {lowest}"),
            (lowest, highest) => write!(f, "in {lowest}..{highest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_counted() {
        let b = [0.0, 10.0, 50.0, 150.0, 200.0, 800.0];
        for (text, met) in [
            ("1 <= 10", true),
            ("2 <= 10", true),
            ("3 <= 10", false),
            ("2 in 11..150", true),
            ("4 in 10..150", false),
            ("2 >= 200", true),
            ("3 >= 200", false),
            ("none in 1..9", true),
            ("none in 1..10", false),
        ] {
            let requirement: Requirement = text.parse().unwrap();
            assert_eq!(requirement.is_met(&b), met, "{text}");
            assert_eq!(requirement.to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in
            ["", "2", "2 > 10", "0 >= 2", "-1 >= 2", "1 in 5", "1 in 9..5", "1 >= x", "some in 1..2", "1 >= 2 3"]
        {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
