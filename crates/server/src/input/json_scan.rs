//! Where and why a text is no JSON, in the words and offsets of Python's `json` module, which clients of the
//! original know.
//!
//! Not a parser: it builds nothing, and runs only after the real parser refused. Iterative, so that nesting costs
//! a bit of heap and never the stack. Unlike Python it takes `NaN` and `Infinity` for faults, as JSON does.

/// A fault's place, in characters, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault {
    /// Characters before it.
    pub(crate) offset: usize,
    /// Python's word for it.
    pub(crate) message: &'static str,
}

/// What the innermost open bracket is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

/// The first fault of a text; `None` for valid JSON.
pub(crate) fn first_fault(text: &str) -> Option<JsonFault> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    let (at, message) = scanner.document().err()?;
    let before = &text.as_bytes()[..at.min(text.len())];
    // Every byte that does not continue a character begins one.
    let offset = before.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
    Some(JsonFault { offset, message })
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Scanned = Result<(), (usize, &'static str)>;

impl Scanner<'_> {
    fn document(&mut self) -> Scanned {
        let mut open = Vec::new();
        self.blanks();
        loop {
            // Here a value begins, or an object or array was entered and may end at once.
            self.value(&mut open)?;
            // Here a value ended; close what ends with it.
            loop {
                self.blanks();
                match (open.last(), self.peek()) {
                    (None, None) => return Ok(()),
                    (None, Some(_)) => return Err((self.at, "Extra data")),
                    (Some(Open::Object), Some(b'}')) | (Some(Open::Array), Some(b']')) => {
                        open.pop();
                        self.at += 1;
                    }
                    (Some(inner), Some(b',')) => {
                        let inner = *inner;
                        self.at += 1;
                        self.blanks();
                        if inner == Open::Object {
                            self.key()?;
                        }
                        break;
                    }
                    (Some(_), _) => return Err((self.at, "Expecting ',' delimiter")),
                }
            }
        }
    }

    /// One scalar, an empty container, or the way down to the first scalar of nested containers.
    fn value(&mut self, open: &mut Vec<Open>) -> Scanned {
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    self.blanks();
                    if self.take(b'}') {
                        return Ok(());
                    }
                    open.push(Open::Object);
                    self.key()?;
                }
                Some(b'[') => {
                    self.at += 1;
                    self.blanks();
                    if self.take(b']') {
                        return Ok(());
                    }
                    open.push(Open::Array);
                }
                Some(b'"') => return self.string(),
                Some(b'n') => return self.literal(b"null"),
                Some(b't') => return self.literal(b"true"),
                Some(b'f') => return self.literal(b"false"),
                _ => return self.number(),
            }
        }
    }

    /// A member's name, its colon and the blanks behind.
    fn key(&mut self) -> Scanned {
        if self.peek() != Some(b'"') {
            return Err((self.at, "Expecting property name enclosed in double quotes"));
        }
        self.string()?;
        self.blanks();
        if !self.take(b':') {
            return Err((self.at, "Expecting ':' delimiter"));
        }
        self.blanks();
        Ok(())
    }

    fn string(&mut self) -> Scanned {
        let begin = self.at;
        let unterminated = Err((begin, "Unterminated string starting at"));
        self.at += 1;
        loop {
            match self.peek() {
                None => return unterminated,
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(0..=0x1f) => return Err((self.at, "Invalid control character at")),
                Some(b'\\') => match self.bytes.get(self.at + 1) {
                    None => return unterminated,
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                    Some(b'u') => self.unicode_escape()?,
                    Some(_) => return Err((self.at, "Invalid \\escape")),
                },
                Some(_) => self.at += 1,
            }
        }
    }

    fn unicode_escape(&mut self) -> Scanned {
        let digits = self.bytes.get(self.at + 2..self.at + 6);
        // Python also wants a character behind the digits: without one, the string cannot end.
        let complete = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            && self.bytes.len() > self.at + 6;
        if !complete {
            return Err((self.at + 1, "Invalid \\uXXXX escape"));
        }
        self.at += 6;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Scanned {
        if !self.bytes[self.at..].starts_with(word) {
            return Err((self.at, "Expecting value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Scanned {
        let begin = self.at;
        self.take(b'-');
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err((begin, "Expecting value")),
        }
        if self.peek() == Some(b'.') && self.digit_at(self.at + 1) {
            self.at += 1;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            let sign = usize::from(matches!(self.bytes.get(self.at + 1), Some(b'+' | b'-')));
            if self.digit_at(self.at + 1 + sign) {
                self.at += 1 + sign;
                self.digits();
            }
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.digit_at(self.at) {
            self.at += 1;
        }
    }

    fn digit_at(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(u8::is_ascii_digit)
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    /// Taken from Python 3.11's `json.loads`.
    #[test]
    fn messages_and_offsets_are_pythons() {
        for (text, offset, message) in PYTHON {
            assert_eq!(
                first_fault(text),
                Some(JsonFault {
                    offset: *offset,
                    message
                }),
                "{text:?}"
            );
        }
    }

    const PYTHON: &[(&str, usize, &str)] = &[
        ("", 0, "Expecting value"),
        ("   ", 3, "Expecting value"),
        ("{", 1, "Expecting property name enclosed in double quotes"),
        ("{\"a\"", 4, "Expecting ':' delimiter"),
        ("{\"a\":", 5, "Expecting value"),
        ("{\"a\":1", 6, "Expecting ',' delimiter"),
        (
            "{\"a\":1,",
            7,
            "Expecting property name enclosed in double quotes",
        ),
        (
            "{\"a\":1,}",
            7,
            "Expecting property name enclosed in double quotes",
        ),
        ("{a:1}", 1, "Expecting property name enclosed in double quotes"),
        ("{'a':1}", 1, "Expecting property name enclosed in double quotes"),
        ("[", 1, "Expecting value"),
        ("[1", 2, "Expecting ',' delimiter"),
        ("[1,", 3, "Expecting value"),
        ("[1,]", 3, "Expecting value"),
        ("[1 2]", 3, "Expecting ',' delimiter"),
        ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
        ("{\"a\":1 \"b\":2}", 7, "Expecting ',' delimiter"),
        ("1 2", 2, "Extra data"),
        ("{} x", 3, "Extra data"),
        ("\"abc", 0, "Unterminated string starting at"),
        ("\"a\nb\"", 2, "Invalid control character at"),
        ("\"a\\x\"", 2, "Invalid \\escape"),
        ("\"\\u12\"", 2, "Invalid \\uXXXX escape"),
        ("\"\\u12g4\"", 2, "Invalid \\uXXXX escape"),
        ("\"\\u", 2, "Invalid \\uXXXX escape"),
        ("\"\\u1234", 2, "Invalid \\uXXXX escape"),
        ("\"\\", 0, "Unterminated string starting at"),
        ("tru", 0, "Expecting value"),
        ("nul", 0, "Expecting value"),
        ("-", 0, "Expecting value"),
        ("01", 1, "Extra data"),
        ("1.", 1, "Extra data"),
        ("1e", 1, "Extra data"),
        (".5", 0, "Expecting value"),
        ("+1", 0, "Expecting value"),
        ("é", 0, "Expecting value"),
        ("[\"é\", é]", 6, "Expecting value"),
        ("{\"é\":tru}", 5, "Expecting value"),
        ("\"é\tx\"", 2, "Invalid control character at"),
        ("[1}", 2, "Expecting ',' delimiter"),
        ("{\"a\":[1}", 7, "Expecting ',' delimiter"),
        ("{\"a\":\"b\\q\"}", 7, "Invalid \\escape"),
        ("\"\\ud83d\\uZZ\"", 8, "Invalid \\uXXXX escape"),
        ("\n\n  x", 4, "Expecting value"),
        ("{\"text\": \"Hallo}", 9, "Unterminated string starting at"),
        ("[[[", 3, "Expecting value"),
        ("{\"a\":{\"b\":", 10, "Expecting value"),
        ("\"\\u00e9x", 0, "Unterminated string starting at"),
        ("[,1]", 1, "Expecting value"),
        ("{,}", 1, "Expecting property name enclosed in double quotes"),
        ("{\"a\"::1}", 5, "Expecting value"),
        ("{\"a\":1}}", 7, "Extra data"),
        ("]", 0, "Expecting value"),
        ("}", 0, "Expecting value"),
        ("{\"a\":1]", 6, "Expecting ',' delimiter"),
    ];

    #[test]
    fn valid_json_has_no_fault() {
        for text in [
            "{}",
            " [ ] ",
            "null",
            "-0.5e+7",
            r#"{"a":[1,{"b":"\u00e9\\"}],"c":true}"#,
            "\"\u{7f}é\"",
        ] {
            assert_eq!(first_fault(text), None, "{text}");
        }
    }

    #[test]
    fn what_only_python_takes_is_a_fault() {
        for (text, offset) in [("NaN", 0), ("[Infinity]", 1), ("{\"a\": -Infinity}", 6)] {
            assert_eq!(
                first_fault(text),
                Some(JsonFault {
                    offset,
                    message: "Expecting value"
                })
            );
        }
    }

    #[test]
    fn depth_and_length_cost_no_stack() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(first_fault(&deep).unwrap().offset, 1_000_000);
        let long = "1".repeat(1_000_000);
        assert_eq!(first_fault(&long), None);
    }

    proptest! {
        /// The scanner and the parser that it explains agree on what is JSON.
        #[test]
        fn agrees_with_the_parser(text in r#"[\[\]{}",:0-2eE.\-+ntrufals\\/ \n\x01é]{0,24}"#) {
            let parsed = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(first_fault(&text).is_none(), parsed, "{}", text);
        }
    }
}
