//! The text of an answer as it comes in: blanks at its two ends are held back, so that what is shown piece by piece is,
//! byte for byte, what is stored.

/// Collects an answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerText {
    /// Everything that came, but for the blanks before it.
    whole: String,
    /// How much of it was given out.
    given: usize,
}

impl AnswerText {
    /// Adds more; returns what can be shown now.
    pub(crate) fn push(&mut self, more: &str) -> Option<&str> {
        let more = if self.whole.is_empty() {
            more.trim_start()
        } else {
            more
        };
        self.whole.push_str(more);
        if more.trim_end().is_empty() {
            return None;
        }
        let from = self.given;
        self.given = self.whole.trim_end().len();
        Some(&self.whole[from..self.given])
    }

    /// The answer so far, as it will be stored.
    pub(crate) fn text(&self) -> &str {
        &self.whole[..self.given]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_add_up_to_the_trimmed_whole(pieces in prop::collection::vec("[ \\n\\ta-cé\u{a0}\u{2003}]{0,6}", 0..20)) {
            let mut text = AnswerText::default();
            let mut shown = String::new();
            for piece in &pieces {
                if let Some(more) = text.push(piece) {
                    shown.push_str(more);
                }
                prop_assert_eq!(&shown, text.text());
            }
            let whole = pieces.concat();
            prop_assert_eq!(shown, whole.trim());
        }
    }
}
