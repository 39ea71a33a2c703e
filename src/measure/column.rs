//! Names of columns that any program takes without quotes.

/// `parts` and the unit, joined by underscores: `ADC_mean_mm2_per_s`. Units of plain numbers and of signals (empty, `1`,
/// `a.u.`) are left out; what is no letter, digit, `-` or `.` becomes an underscore.
pub fn column_name(parts: &[&str], unit: &str) -> String {
    let mut name = parts.join("_");
    if !matches!(unit, "" | "1" | "a.u.") {
        name.push('_');
        for character in unit.chars() {
            match character {
                '^' => {}
                '/' => name.push_str("_per_"),
                '%' => name.push_str("percent"),
                '°' => name.push_str("degree"),
                '²' => name.push('2'),
                '³' => name.push('3'),
                // The micro sign and the Greek letter.
                'µ' | 'μ' => name.push('u'),
                other => name.push(other),
            }
        }
    }
    name.replace(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.')), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_spelt_without_signs() {
        for (unit, expected) in [
            ("", "m_mean"),
            ("1", "m_mean"),
            ("a.u.", "m_mean"),
            ("mm^2/s", "m_mean_mm2_per_s"),
            ("mm²/s", "m_mean_mm2_per_s"),
            ("1/s", "m_mean_1_per_s"),
            ("%", "m_mean_percent"),
            ("signal s", "m_mean_signal_s"),
            ("signal*s", "m_mean_signal_s"),
            ("µg/ml", "m_mean_ug_per_ml"),
        ] {
            assert_eq!(column_name(&["m", "mean"], unit), expected, "{unit}");
        }
    }

    #[test]
    fn names_are_too() {
        assert_eq!(column_name(&["R2*", "portal venous", "sd"], "1/s"), "R2__portal_venous_sd_1_per_s");
        assert_eq!(column_name(&["slow_fraction-1.5"], ""), "slow_fraction-1.5");
    }
}
