//! Whole numbers as pydantic 2 reads them, bounded to 64 bits.

/// Why a value is no 64-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInteger {
    /// Text that spells no integer.
    Text,
    /// A JSON value of another kind.
    Type,
    /// A JSON number with a fraction.
    Fraction,
    /// An integer beyond 64 bits.
    Size,
}

/// Reads text: blanks around, a sign, single underscores between digits and a fraction of zeros are taken.
pub(crate) fn from_text(text: &str) -> Result<i64, NotInteger> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let whole = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return Err(NotInteger::Text),
        None => digits,
    };
    let mut value: Option<i64> = Some(0);
    let mut after_digit = false;
    for byte in whole.bytes() {
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                // Counted downwards, because the smallest integer has no positive twin.
                value = value.and_then(|value| value.checked_mul(10)?.checked_sub(digit));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return Err(NotInteger::Text),
        }
    }
    if !after_digit {
        return Err(NotInteger::Text);
    }
    let value = if negative {
        value
    } else {
        value.and_then(i64::checked_neg)
    };
    value.ok_or(NotInteger::Size)
}

/// Reads a valid JSON value: a number without a fraction, or text as [`from_text`] reads it.
pub(crate) fn from_json(json: &str) -> Result<i64, NotInteger> {
    match json.as_bytes().first() {
        Some(b'"') => {
            let text: String = serde_json::from_str(json).map_err(|_| NotInteger::Text)?;
            from_text(&text)
        }
        Some(b'-' | b'0'..=b'9') if json.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
            let value: f64 = json.parse().map_err(|_| NotInteger::Type)?;
            // Both bounds are powers of two and so exact.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
                return Err(NotInteger::Size);
            }
            if value.fract() != 0.0 {
                return Err(NotInteger::Fraction);
            }
            Ok(value as i64)
        }
        Some(b'-' | b'0'..=b'9') => json.parse().map_err(|_| NotInteger::Size),
        _ => Err(NotInteger::Type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken from pydantic 2.14, the bound to 64 bits apart.
    #[test]
    fn text() {
        for (text, expected) in [
            ("5", Ok(5)),
            (" 1 ", Ok(1)),
            ("\u{a0}1", Ok(1)),
            ("+1", Ok(1)),
            ("-1", Ok(-1)),
            ("-0", Ok(0)),
            ("00012", Ok(12)),
            ("1_0", Ok(10)),
            ("0_1", Ok(1)),
            ("1.0", Ok(1)),
            ("1_0.0", Ok(10)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(NotInteger::Size)),
            ("-9223372036854775809", Err(NotInteger::Size)),
            ("", Err(NotInteger::Text)),
            ("+", Err(NotInteger::Text)),
            ("1.", Err(NotInteger::Text)),
            (".0", Err(NotInteger::Text)),
            ("1.5", Err(NotInteger::Text)),
            ("1.0_0", Err(NotInteger::Text)),
            ("1__0", Err(NotInteger::Text)),
            ("_1", Err(NotInteger::Text)),
            ("1_", Err(NotInteger::Text)),
            ("+_1", Err(NotInteger::Text)),
            ("+-1", Err(NotInteger::Text)),
            ("- 1", Err(NotInteger::Text)),
            ("1e3", Err(NotInteger::Text)),
            ("0x1", Err(NotInteger::Text)),
            ("٣", Err(NotInteger::Text)),
            ("é1", Err(NotInteger::Text)),
            ("true", Err(NotInteger::Text)),
            ("\0", Err(NotInteger::Text)),
        ] {
            assert_eq!(from_text(text), expected, "{text:?}");
        }
        assert_eq!(from_text(&"1".repeat(1_000_000)), Err(NotInteger::Size));
    }

    #[test]
    fn json() {
        for (json, expected) in [
            ("5", Ok(5)),
            ("-0", Ok(0)),
            ("1.0", Ok(1)),
            ("1e2", Ok(100)),
            ("\" 5 \"", Ok(5)),
            ("1.5", Err(NotInteger::Fraction)),
            ("1e400", Err(NotInteger::Size)),
            ("9223372036854775808", Err(NotInteger::Size)),
            ("9223372036854775808.0", Err(NotInteger::Size)),
            ("-9223372036854775808.0", Ok(i64::MIN)),
            ("\"x\"", Err(NotInteger::Text)),
            ("\"\\ud800\"", Err(NotInteger::Text)),
            ("true", Err(NotInteger::Type)),
            ("null", Err(NotInteger::Type)),
            ("[1]", Err(NotInteger::Type)),
            ("{}", Err(NotInteger::Type)),
        ] {
            assert_eq!(from_json(json), expected, "{json}");
        }
        assert_eq!(from_json(&"1".repeat(1_000_000)), Err(NotInteger::Size));
    }
}
