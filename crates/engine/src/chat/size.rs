//! How large a text is for a model: a cheap estimate, kept with each message so that nothing is counted twice.

/// What a message costs beside its text.
pub(crate) const MESSAGE_OVERHEAD: i64 = 4;
/// What an image costs, whatever its size: vendors scale it down before they count.
pub(crate) const IMAGE_TOKENS: i64 = 1_100;

/// The size of a text that grows, piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextSize {
    ascii: usize,
    other: usize,
}

impl TextSize {
    /// The size of a whole text.
    pub(crate) fn of(text: &str) -> Self {
        let mut size = Self::default();
        size.add(text);
        size
    }

    /// The size of this and another text together.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            ascii: self.ascii + other.ascii,
            other: self.other + other.other,
        }
    }

    pub(crate) fn add(&mut self, more: &str) {
        let chars = more.chars().count();
        // Every character that is not ASCII has continuation bytes, but not one each; count its first bytes.
        let ascii = more.bytes().filter(u8::is_ascii).count();
        self.ascii += ascii;
        self.other += chars - ascii;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.ascii + self.other == 0
    }

    /// An estimate of its tokens: four ASCII characters are one, three quarters of any other character.
    pub(crate) fn tokens(self) -> i64 {
        i64::try_from(self.ascii.div_ceil(4) + (self.other * 3).div_ceil(4)).unwrap_or(i64::MAX)
    }
}

/// An estimate of a text's tokens.
pub(crate) fn estimate_tokens(text: &str) -> i64 {
    TextSize::of(text).tokens()
}

/// The longest beginning of a text that is estimated at no more than `tokens`, cut between characters.
pub(crate) fn cut_to_tokens(text: &str, tokens: i64) -> &str {
    if estimate_tokens(text) <= tokens {
        return text;
    }
    let budget = tokens.max(0).unsigned_abs() * 4;
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += if character.is_ascii() { 1 } else { 3 };
        if used > budget {
            return &text[..index];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_grow_with_the_text() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("abcd"), 1);
        assert_eq!(estimate_tokens("abcde"), 2);
        assert_eq!(estimate_tokens("日本語文"), 3);
    }

    #[test]
    fn a_cut_text_fits() {
        let text = "слово word ".repeat(100);
        let cut = cut_to_tokens(&text, 50);
        assert!(
            estimate_tokens(cut) <= 50 && estimate_tokens(cut) > 45,
            "{}",
            estimate_tokens(cut)
        );
        assert!(text.starts_with(cut));
        assert_eq!(cut_to_tokens("short", 50), "short");
        assert_eq!(cut_to_tokens("abc", 0), "");
    }
}
