//! Numbers as text: exactly for files, rounded for people.

/// The shortest text that reads back as the same f32, which is what maps hold: 0.0011, 1.25e-5, 45, NaN.
pub fn exact(value: f64) -> String {
    let text = format!("{:?}", value as f32);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// `digits` significant digits, with an exponent below 1e-4 and from 1e6: 0.001234, 45.30, 1.234e-5.
pub fn rounded(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return exact(value);
    }
    let places = digits.saturating_sub(1);
    let scientific = format!("{value:.places$e}");
    // Read from the rounded text, since rounding may carry: 9.999 is 10.0 in three digits.
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(exponent @ -4..6) => {
            let decimals = (places as i32 - exponent).max(0) as usize;
            format!("{value:.decimals$}")
        }
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_text_reads_back_as_the_same_f32() {
        let mut bits = 1u32;
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            let back: f32 = exact(f64::from(value)).parse().unwrap();
            assert!(back == value || back.is_nan() && value.is_nan());
        }
        assert_eq!([0.0011, 45.0, 1.25e-5, 1e7, f64::NAN].map(exact), ["0.0011", "45", "1.25e-5", "10000000", "NaN"]);
    }

    #[test]
    fn rounded_keeps_significant_digits() {
        let shown = [0.001_234_56, 45.3, 9.9996, 123_456.0, 1_234_567.0, -1.2345e-5, 0.0];
        assert_eq!(
            shown.map(|value| rounded(value, 4)),
            ["0.001235", "45.30", "10.00", "123456", "1.235e6", "-1.234e-5", "0"]
        );
    }
}
