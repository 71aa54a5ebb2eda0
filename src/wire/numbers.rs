//! Numbers as JavaScript writes and reads them (WIRE §6).

/// The nearest integer towards zero, clamped to `i64`; `NaN` is 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float to int `as` saturates, as wanted"
)]
pub(crate) fn saturating_int(number: f64) -> i64 {
    number as i64
}

/// Reads a hash field the way JavaScript's `parseInt` does for what other clients write:
/// digits, perhaps a sign, a fraction or an exponent.
pub(crate) fn int_text(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    let number = text.parse::<f64>().ok()?;
    number.is_finite().then(|| saturating_int(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_other_clients_read_as_their_integer() {
        for (text, number) in [
            ("42", 42),
            (" 42 ", 42),
            ("-1", -1),
            ("100.5", 100),
            ("1.7e+15", 1_700_000_000_000_000),
            ("1e300", i64::MAX),
        ] {
            assert_eq!(int_text(text), Some(number), "{text}");
        }
        for text in ["", "x", "NaN", "Infinity", "1,5"] {
            assert_eq!(int_text(text), None, "{text}");
        }
    }
}
