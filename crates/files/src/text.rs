//! Text as it leaves this crate: bounded, and without characters that a store or a terminal cannot take.

use std::fmt;

/// Collects text up to a number of bytes, cleaning it on the way.
///
/// NUL and other control characters go, all line ends become `\n`, a byte order mark is dropped. What does
/// not fit any more is left out and marked.
#[derive(Debug)]
pub(crate) struct BoundedText {
    text: String,
    limit: usize,
    truncated: bool,
    after_carriage_return: bool,
}

impl BoundedText {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
            truncated: false,
            after_carriage_return: false,
        }
    }

    /// Adds what fits. Nothing is added any more once something was left out.
    pub(crate) fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            if self.truncated {
                return;
            }
            self.push(c);
        }
    }

    pub(crate) fn push(&mut self, c: char) {
        let follows_carriage_return = std::mem::replace(&mut self.after_carriage_return, c == '\r');
        let c = match c {
            '\n' if follows_carriage_return => return,
            '\r' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\n' | '\t' => c,
            '\u{FEFF}' => return,
            _ if c.is_control() => return,
            _ => c,
        };
        if self.text.len() + c.len_utf8() > self.limit {
            self.truncated = true;
        }
        if !self.truncated {
            self.text.push(c);
        }
    }

    /// Begins a new line, unless one has just begun.
    pub(crate) fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push('\n');
        }
    }

    /// Leaves one empty line before what follows.
    pub(crate) fn end_block(&mut self) {
        self.end_line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.push('\n');
        }
    }

    /// The bytes that still fit.
    pub(crate) fn room(&self) -> usize {
        self.limit - self.text.len()
    }

    pub(crate) fn mark_truncated(&mut self) {
        self.truncated = true;
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, and whether something was left out.
    pub(crate) fn finish(self) -> (String, bool) {
        (self.text, self.truncated)
    }
}

/// Fails once the text is full, so that whoever writes can stop early.
impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        if self.truncated { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(pieces: &[&str], limit: usize) -> (String, bool) {
        let mut text = BoundedText::new(limit);
        pieces.iter().for_each(|piece| text.push_str(piece));
        text.finish()
    }

    #[test]
    fn controls_go_and_line_ends_are_one() {
        for (pieces, cleaned) in [
            (&["a\0b\u{7}c"][..], "abc"),
            (&["a\r\nb\rc\nd\u{C}e"], "a\nb\nc\nd\ne"),
            (&["a\r", "\nb"], "a\nb"),
            (&["\u{FEFF}a\tb"], "a\tb"),
            (&["\u{1b}[31mred"], "[31mred"),
        ] {
            assert_eq!(clean(pieces, 100), (cleaned.to_owned(), false));
        }
    }

    #[test]
    fn the_limit_falls_between_characters() {
        assert_eq!(clean(&["aé"], 3), ("aé".to_owned(), false));
        assert_eq!(clean(&["aéz"], 3), ("aé".to_owned(), true));
        assert_eq!(clean(&["éé", "a"], 3), ("é".to_owned(), true));
        assert_eq!(clean(&["\0\0\0"], 0), (String::new(), false));
    }

    proptest! {
        #[test]
        fn never_longer_than_its_limit(pieces in prop::collection::vec(any::<String>(), 0..5), limit in 0_usize..40) {
            let mut text = BoundedText::new(limit);
            for piece in &pieces {
                text.push_str(piece);
                text.end_block();
            }
            let (text, _) = text.finish();
            prop_assert!(text.len() <= limit);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
