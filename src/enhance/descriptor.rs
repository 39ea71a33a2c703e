//! What an enhancement curve can be reduced to, and the codes that say how it went.

use crate::device::ColumnType;

/// Status bit: a sample is not a number; the same bit as that of maps by formula.
pub const BAD_INPUT: u16 = 1;
/// Status bit: the peak enhancement does not exceed the threshold.
pub const NOT_ENHANCED: u16 = 16;

/// Curve types, as written to the map; 0 is none.
pub const CURVE_TYPES: [&str; 4] = ["none", "persistent", "plateau", "wash-out"];
pub(super) const PERSISTENT: u16 = 1;
pub(super) const PLATEAU: u16 = 2;
pub(super) const WASH_OUT: u16 = 3;

/// What a curve can be reduced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descriptor {
    /// max E, image units.
    PeakEnhancement,
    /// When the peak is first reached, s after injection.
    TimeToPeak,
    /// Largest slope, image units per s.
    WashInSlope,
    /// Area under E, image units · s.
    AreaUnderEnhancement,
    /// One of [`CURVE_TYPES`].
    CurveType,
}

impl Descriptor {
    /// All of them, in the order of their columns.
    pub const ALL: [Self; 5] =
        [Self::PeakEnhancement, Self::TimeToPeak, Self::WashInSlope, Self::AreaUnderEnhancement, Self::CurveType];

    /// The map's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PeakEnhancement => "peak_enhancement",
            Self::TimeToPeak => "time_to_peak",
            Self::WashInSlope => "wash_in_slope",
            Self::AreaUnderEnhancement => "area_under_enhancement",
            Self::CurveType => "curve_type",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::PeakEnhancement => "Peak enhancement",
            Self::TimeToPeak => "Time to peak",
            Self::WashInSlope => "Wash-in slope",
            Self::AreaUnderEnhancement => "Area under the enhancement",
            Self::CurveType => "Curve type (1 persistent, 2 plateau, 3 wash-out)",
        }
    }

    /// Unit of the map for images in `signal` units.
    pub fn unit(self, signal: &str) -> String {
        match self {
            Self::PeakEnhancement => signal.into(),
            Self::TimeToPeak => "s".into(),
            Self::WashInSlope => format!("{signal}/s"),
            Self::AreaUnderEnhancement => format!("{signal}·s"),
            Self::CurveType => String::new(),
        }
    }

    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::CurveType => ColumnType::U16,
            _ => ColumnType::F32,
        }
    }

    /// The status bits that leave it without a value.
    pub(super) fn undefined_at(self) -> u16 {
        match self {
            Self::TimeToPeak | Self::CurveType => BAD_INPUT | NOT_ENHANCED,
            _ => BAD_INPUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status_bits;

    #[test]
    fn bits_mean_the_same_as_those_of_maps_or_something_else() {
        let of_maps = |bit: u16| status_bits().iter().find(|b| b.bit == bit).map(|b| b.name);
        assert_eq!(of_maps(BAD_INPUT), Some("bad_input"));
        assert_eq!(of_maps(NOT_ENHANCED), None);
    }

    #[test]
    fn codes_are_places_in_the_list_of_types() {
        let names = [PERSISTENT, PLATEAU, WASH_OUT].map(|code| CURVE_TYPES[usize::from(code)]);
        assert_eq!(names, ["persistent", "plateau", "wash-out"]);
    }
}
