//! Facts of images: what the case file states, and what their sidecars add.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A time of day in s.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct ClockTime(f64);

/// What [`ClockTime`] accepts, for the schema.
const PATTERN: &str = r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?$";
/// A day in s.
const DAY: f64 = 86_400.0;

impl ClockTime {
    /// A time in s after midnight.
    pub(super) fn of_day(seconds: f64) -> Self {
        Self(seconds)
    }

    /// Seconds from an earlier time to this one; past midnight where that is nearer.
    pub fn seconds_after(self, earlier: Self) -> f64 {
        let seconds = self.0 - earlier.0;
        if seconds < -0.5 * DAY {
            seconds + DAY
        } else if seconds > 0.5 * DAY {
            seconds - DAY
        } else {
            seconds
        }
    }
}

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for ClockTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time of day; write HH:MM:SS");
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let [hours, minutes, seconds] = text.split(':').collect::<Vec<_>>().try_into().map_err(|_| wrong())?;
        let (whole, fraction) = seconds.split_once('.').map_or((seconds, None), |(w, f)| (w, Some(f)));
        let is_fraction = |f: &str| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit());
        if ![hours, minutes, whole].into_iter().all(digits) || !fraction.is_none_or(is_fraction) {
            return Err(wrong());
        }
        let number = |part: &str| part.parse::<f64>().map_err(|_| wrong());
        let (h, m, s) = (number(hours)?, number(minutes)?, number(seconds)?);
        if h >= 24.0 || m >= 60.0 || s >= 60.0 {
            return Err(wrong());
        }
        Ok(Self(3600.0 * h + 60.0 * m + s))
    }
}

impl JsonSchema for ClockTime {
    fn schema_name() -> Cow<'static, str> {
        "ClockTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "description": "A time of day: HH:MM:SS." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_and_wrong_ones_refused() {
        let time = |text: &str| text.parse::<ClockTime>().unwrap();
        assert_eq!(time("10:32:05.5").seconds_after(time("10:31:33")), 32.5);
        assert_eq!(time("00:00:20").seconds_after(time("23:59:50")), 30.0);
        assert_eq!(time("23:59:50").seconds_after(time("00:00:20")), -30.0);
        for wrong in [
            "",
            "10:32",
            "24:00:00",
            "10:60:00",
            "10:00:60",
            "1:00:00",
            "10:00:0x",
            "10:00:00.",
            "-1:00:00",
            "10:00:1e",
        ] {
            assert!(wrong.parse::<ClockTime>().is_err(), "{wrong}");
        }
    }
}
