//! What a model asks of a protocol, in the words of its file: `2 >= 200` means that at least two samples lie at 200 or
//! above, `none in 2..49` that none lies between, `2 distinct` that at least two values differ.

use std::fmt::{Display, Formatter, Result as Written};
use std::str::FromStr;

use super::SignalModel;

/// One demand on the values of an axis, in the axis's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Requirement {
    /// At least so many samples; `None`: no sample at all.
    at_least: Option<usize>,
    what: What,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    /// Samples between two values, these included.
    Between(f64, f64),
    /// Values that differ.
    Distinct,
}

impl Requirement {
    /// Samples that lie where this one looks.
    pub fn count(&self, values: &[f64]) -> usize {
        match self.what {
            What::Between(lowest, highest) => values.iter().filter(|&value| (lowest..=highest).contains(value)).count(),
            What::Distinct => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                sorted.dedup();
                sorted.len()
            }
        }
    }

    /// What it asks of the axis of a name, for people.
    pub fn in_words(&self, axis: &str) -> String {
        let samples = match self.at_least {
            None => "no sample".into(),
            Some(1) => "at least 1 sample".into(),
            Some(n) => format!("at least {n} samples"),
        };
        match self.what {
            What::Between(f64::NEG_INFINITY, highest) => format!("{samples} with {axis} <= {highest}"),
            What::Between(lowest, f64::INFINITY) => format!("{samples} with {axis} >= {lowest}"),
            What::Between(lowest, highest) => format!("{samples} with {axis} from {lowest} to {highest}"),
            What::Distinct => format!("at least {} different values of {axis}", self.at_least.unwrap_or_default()),
        }
    }

    /// Whether the values of an axis, one a sample, are what it asks for.
    pub fn is_met(&self, values: &[f64]) -> bool {
        self.at_least.map_or_else(|| self.count(values) == 0, |least| self.count(values) >= least)
    }
}

impl SignalModel {
    /// What the model asks of its axes `[axis][sample]`, in their units, and does not find: a sentence each.
    pub fn unmet(&self, axes: &[Vec<f64>]) -> Vec<String> {
        let mut unmet = Vec::new();
        for (axis, values) in self.axes.iter().zip(axes) {
            for requirement in axis.requires.iter().filter(|requirement| !requirement.is_met(values)) {
                let found = match requirement.count(values) {
                    0 => "there is none".into(),
                    1 => "there is 1".into(),
                    n => format!("there are {n}"),
                };
                unmet.push(format!("{} ({found})", requirement.in_words(&axis.name)));
            }
        }
        unmet
    }
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no requirement: write \"2 <= 10\", \"2 in 10..150\", \"2 >= 200\", \"none in 2..49\" or \"2 distinct\""
            )
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |count: &str| count.parse().ok().filter(|&n: &usize| n > 0).ok_or_else(wrong);
        let (count, relation, limit) = match *words.as_slice() {
            [count, "distinct"] => return Ok(Self { at_least: Some(number(count)?), what: What::Distinct }),
            [count, relation, limit] => (count, relation, limit),
            _ => return Err(wrong()),
        };
        let at_least = match count {
            "none" => None,
            count => Some(number(count)?),
        };
        let limit_of = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(wrong);
        let (lowest, highest) = match relation {
            "<=" => (f64::NEG_INFINITY, limit_of(limit)?),
            ">=" => (limit_of(limit)?, f64::INFINITY),
            "in" => {
                let (low, high) = limit.split_once("..").ok_or_else(wrong)?;
                (limit_of(low)?, limit_of(high)?)
            }
            _ => return Err(wrong()),
        };
        if lowest > highest {
            return Err(wrong());
        }
        Ok(Self { at_least, what: What::Between(lowest, highest) })
    }
}

impl Display for Requirement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        match self.at_least {
            Some(n) => write!(f, "{n} ")?,
            None => f.write_str("none ")?,
        }
        match self.what {
            What::Between(f64::NEG_INFINITY, highest) => write!(f, "<= {highest}"),
            What::Between(lowest, f64::INFINITY) => write!(f, ">= {lowest}"),
            What::Between(lowest, highest) => write!(f, "in {lowest}..{highest}"),
            What::Distinct => write!(f, "distinct"),
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
            ("6 distinct", true),
            ("7 distinct", false),
        ] {
            let requirement: Requirement = text.parse().unwrap();
            assert_eq!(requirement.is_met(&b), met, "{text}");
            assert_eq!(requirement.to_string(), text);
        }
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let ivim = SignalModel::builtin("ivim").unwrap();
        assert_eq!(ivim.unmet(&[vec![0.0, 20.0, 60.0, 200.0, 800.0]]), Vec::<String>::new());
        let unmet = ivim.unmet(&[vec![50.0, 200.0, 500.0, 750.0]]);
        assert_eq!(
            unmet,
            ["at least 1 sample with b <= 10 (there is none)", "at least 2 samples with b from 10 to 150 (there is 1)"]
        );
        let simplified = SignalModel::builtin("ivim_simplified").unwrap();
        let unmet = simplified.unmet(&[vec![0.0, 10.0, 20.0, 200.0, 800.0]]);
        assert_eq!(unmet, ["no sample with b from 1 to 49 (there are 2)"]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            "2",
            "none distinct",
            "2 distinct 3",
            "2 > 10",
            "0 >= 2",
            "-1 >= 2",
            "1 in 5",
            "1 in 9..5",
            "1 >= x",
            "some in 1..2",
            "1 >= 2 3",
        ] {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
