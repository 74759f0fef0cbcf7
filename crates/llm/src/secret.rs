//! Keys, and the scrubbing of what vendors say about them.
//!
//! A vendor's error text goes to the log and, shortened, to a user. Some vendors quote the key back
//! (`Incorrect API key provided: sk-…`), so every such text passes [`Secrets::scrub`] first.

use std::{fmt, sync::Arc};

/// The longest vendor text that is passed on, in characters.
pub(crate) const MAX_DETAIL_CHARS: usize = 300;

/// What stands where a key stood.
const REDACTED: &str = "[redacted]";

/// Keys shorter than this are placeholders of keyless servers; replacing them would shred ordinary words.
const SHORTEST_KEY: usize = 8;

/// A key that never prints. Empty means that the server needs none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a key; blanks around it are dropped.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(Arc::from(key.as_ref().trim()))
    }

    /// The key itself, for the header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The secrets of one provider: its key and those of its headers that carry one.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<[Secret]>);

impl Secrets {
    /// Those of these that are long enough to be found in a text.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        // Keys shorter than this are placeholders; replacing them would shred ordinary words.
        Self(
            secrets
                .into_iter()
                .filter(|key| key.0.len() >= SHORTEST_KEY)
                .collect(),
        )
    }

    /// A vendor's text made fit to show: these keys and everything that looks like one removed, control
    /// characters turned into blanks (a log line cannot be forged with them), blanks joined, shortened.
    pub fn scrub(&self, text: &str) -> String {
        // Far more than is kept, far less than a hostile body may have.
        let mut text: String = text.chars().take(MAX_DETAIL_CHARS * 8).collect();
        for key in &*self.0 {
            text = text.replace(&*key.0, REDACTED);
        }
        let text = redact_key_shapes(&text);
        let mut clean = String::with_capacity(text.len());
        for word in text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
        {
            if !clean.is_empty() {
                clean.push(' ');
            }
            clean.push_str(word);
        }
        match clean.char_indices().nth(MAX_DETAIL_CHARS) {
            Some((end, _)) => {
                let end = clean[..end]
                    .char_indices()
                    .next_back()
                    .map_or(0, |(last, _)| last);
                format!("{}…", &clean[..end])
            }
            None => clean,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() {
            "Secret(none)"
        } else {
            "Secret([redacted])"
        })
    }
}

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl From<&str> for Secret {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

/// How vendors' keys begin: OpenAI's and Anthropic's, Groq's, Google's, xAI's.
const KEY_STARTS: [&str; 4] = ["sk-", "gsk_", "AIza", "xai-"];

/// Replaces every word that looks like a key, masked or not.
fn redact_key_shapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let next = |text: &str| {
        let starts = KEY_STARTS
            .iter()
            .filter_map(|start| Some((text.find(start)?, start.len())));
        starts.min()
    };
    while let Some((at, shortest)) = next(rest) {
        let (before, key) = rest.split_at(at);
        clean.push_str(before);
        let starts_word = !clean.chars().next_back().is_some_and(char::is_alphanumeric);
        let end = key
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '*')))
            .unwrap_or(key.len());
        clean.push_str(if starts_word && end > shortest {
            REDACTED
        } else {
            &key[..end]
        });
        rest = &key[end..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_key() {
        assert_eq!(format!("{:?}", Secret::new("sk-abcdef")), "Secret([redacted])");
        assert_eq!(format!("{:?}", Secret::default()), "Secret(none)");
    }

    #[test]
    fn keys_are_redacted_in_every_shape() {
        let secret = Secrets::new([
            Secret::new("a-second-header"),
            Secret::new("plain-key-of-a-proxy"),
        ]);
        for (text, clean) in [
            (
                "Incorrect API key provided: sk-proj-a_B9***xyz. See",
                "Incorrect API key provided: [redacted]. See",
            ),
            ("key `plain-key-of-a-proxy` refused", "key `[redacted]` refused"),
            ("sk-a and sk-b", "[redacted] and [redacted]"),
            (
                "a-second-header: AIzaSyD-x_9, gsk_1",
                "[redacted]: [redacted], [redacted]",
            ),
            (
                "a task-based risk-free answer, sk-",
                "a task-based risk-free answer, sk-",
            ),
            ("one\r\n  two\tthree\u{1b}[31m", "one two three [31m"),
        ] {
            assert_eq!(secret.scrub(text), clean);
        }
    }

    #[test]
    fn long_texts_are_shortened_at_a_character() {
        let scrubbed = Secrets::default().scrub(&"ä".repeat(5_000));
        assert_eq!(scrubbed.chars().count(), MAX_DETAIL_CHARS);
        assert!(scrubbed.ends_with('…'));
        assert_eq!(Secrets::default().scrub(&"ä".repeat(300)), "ä".repeat(300));
    }

    #[test]
    fn a_short_placeholder_key_does_not_shred_words() {
        assert_eq!(Secrets::new([Secret::new("a")]).scrub("a banana"), "a banana");
    }
}
