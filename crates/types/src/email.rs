//! The form of an e-mail address, asked of new accounts alone, however they are made.
//!
//! Loose on purpose: whether an address exists only a letter can tell. What is refused can be no address, or would
//! look like another one.

/// RFC 5321's path less its brackets.
const LONGEST_BYTES: usize = 254;

/// Why a text is no e-mail address, in the words of Python's `email-validator`.
pub fn email_fault(text: &str) -> Option<String> {
    let Some((local, domain)) = text.split_once('@') else {
        return Some("An email address must have an @-sign.".to_owned());
    };
    if local.is_empty() {
        return Some("There must be something before the @-sign.".to_owned());
    }
    if domain.is_empty() {
        return Some("There must be something after the @-sign.".to_owned());
    }
    if let Some(bad) = local.chars().find(|c| is_refused(*c)) {
        let bad = name(bad);
        return Some(format!(
            "The email address contains invalid characters before the @-sign: {bad}."
        ));
    }
    if let Some(bad) = domain.chars().find(|c| *c == '@' || is_refused(*c)) {
        return Some(format!(
            "The part after the @-sign contains invalid characters: {}.",
            name(bad)
        ));
    }
    if text.len() > LONGEST_BYTES {
        let over = text.len() - LONGEST_BYTES;
        let plural = if over == 1 { "" } else { "s" };
        return Some(format!(
            "The email address is too long ({over} character{plural} too many)."
        ));
    }
    None
}

/// Blanks, controls, and what is invisible or turns the direction of writing.
fn is_refused(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn name(c: char) -> String {
    match c {
        ' ' => "SPACE".to_owned(),
        '@' => "'@'".to_owned(),
        other => format!("U+{:04X}", u32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "a@b",
            "Ada.Lovelace+x@example.com",
            "é@bücher.example",
            "\"quoted\"@b.de",
        ] {
            assert_eq!(email_fault(text), None, "{text}");
        }
    }

    /// The words are `email-validator`'s.
    #[test]
    fn faults() {
        for (text, reason) in [
            ("", "An email address must have an @-sign."),
            ("a", "An email address must have an @-sign."),
            ("@b", "There must be something before the @-sign."),
            ("a@", "There must be something after the @-sign."),
            (
                "a@b@c",
                "The part after the @-sign contains invalid characters: '@'.",
            ),
            (
                "a b@c.de",
                "The email address contains invalid characters before the @-sign: SPACE.",
            ),
            (
                "a@b c.de",
                "The part after the @-sign contains invalid characters: SPACE.",
            ),
            (
                "a\tb@c.de",
                "The email address contains invalid characters before the @-sign: U+0009.",
            ),
            (
                "a@b.de\n",
                "The part after the @-sign contains invalid characters: U+000A.",
            ),
            (
                "a@b\u{202e}.de",
                "The part after the @-sign contains invalid characters: U+202E.",
            ),
        ] {
            assert_eq!(email_fault(text).as_deref(), Some(reason), "{text:?}");
        }
        let just = format!("{}@b.de", "a".repeat(249));
        assert_eq!(email_fault(&just), None);
        let long = format!("{}@b.de", "a".repeat(250));
        assert_eq!(
            email_fault(&long).unwrap(),
            "The email address is too long (1 character too many)."
        );
    }
}
