//! The text of an answer as it comes in: blanks at its two ends are held back, so that what is shown piece by piece is,
//! byte for byte, what is stored.

/// Collects an answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerText {
    /// Everything that came, but for the blanks before it.
    whole: String,
    /// How much of it was given out.
    given: usize,
    is_begun: bool,
}

impl AnswerText {
    /// An answer that begins with what another one said.
    pub(crate) fn begun(text: &str) -> Self {
        Self {
            whole: text.to_owned(),
            given: text.trim_end().len(),
            is_begun: true,
        }
    }

    /// Whether nothing has come yet that goes on with what it began with.
    pub(crate) fn is_just_begun(&self) -> bool {
        self.is_begun
    }

    /// Adds more; returns what can be shown now.
    pub(crate) fn push(&mut self, more: &str) -> Option<&str> {
        let more = if self.whole.is_empty() {
            more.trim_start()
        } else if self.is_begun && self.whole.ends_with(' ') {
            more.trim_start_matches(' ')
        } else {
            more
        };
        self.whole.push_str(more);
        if more.trim_end().is_empty() {
            return None;
        }
        self.is_begun = false;
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

/// What of an answer that broke off is kept when it is gone on with: all but its last word, which may be half of one. Its
/// end is a blank, so that what comes next joins on. `None` where nothing is left.
pub(crate) fn to_go_on_from(text: &str) -> Option<&str> {
    let end = text.rfind(char::is_whitespace)?;
    let blank = text[end..].chars().next().map_or(0, char::len_utf8);
    Some(&text[..end + blank]).filter(|begun| !begun.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_goes_on_where_another_broke_off() {
        assert_eq!(to_go_on_from("The sea is wi"), Some("The sea is "));
        assert_eq!(to_go_on_from("fn f() {\n    le"), Some("fn f() {\n    "));
        assert_eq!(to_go_on_from("word"), None);
        assert_eq!(to_go_on_from(""), None);
        let mut text = AnswerText::begun("The sea is ");
        assert_eq!((text.text(), text.is_just_begun()), ("The sea is", true));
        assert_eq!(text.push(" "), None);
        assert!(text.is_just_begun());
        assert_eq!(text.push(" wide"), Some(" wide"));
        assert!(!text.is_just_begun());
        assert_eq!(text.push(" and deep"), Some(" and deep"));
        assert_eq!(text.text(), "The sea is wide and deep");
        let mut text = AnswerText::begun("if x:\n");
        assert_eq!(text.push("    y"), Some("\n    y"), "an indentation is kept");
    }

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
