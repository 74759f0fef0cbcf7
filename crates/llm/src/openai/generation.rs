//! What one of OpenAI's models takes, by its name. Of other names, as compatible servers have them, nothing is known.
//!
//! <https://platform.openai.com/docs/guides/reasoning>, <https://developers.openai.com/api/docs/models>

use crate::model::Effort::{self, High, Low, Max, Medium, Minimal, None as Not, XHigh};

/// Whose kind a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `o1`, `o3-mini`.
    OSeries,
    /// `gpt-5.1`, `gpt-6-luna`: the version.
    Gpt(u32, u32),
    /// `gpt-oss-120b`, which anybody may serve.
    Open,
    /// Nothing is known of it.
    Unknown,
}

/// Whether OpenAI's model of this name reasons before it answers, and keeps what it thought unless asked for it.
pub(super) fn thinks(model: &str) -> bool {
    let name = short_name(model);
    match Kind::of(name) {
        Kind::OSeries => true,
        Kind::Gpt(major, _) => major >= 5 && !name.contains("chat"),
        Kind::Open => false,
        Kind::Unknown => name.starts_with("codex"),
    }
}

/// Whether OpenAI's `/chat/completions` refuses it tools unless it is told not to think: thoughts with tools are for
/// `/responses` alone since then.
pub(super) fn calls_without_thoughts(model: &str) -> bool {
    let name = short_name(model);
    let is_newer = matches!(Kind::of(name), Kind::Gpt(5, 2..) | Kind::Gpt(6.., _));
    is_newer && !["chat", "codex", "pro"].iter().any(|other| name.contains(other))
}

/// The word for an effort, for a model that need not know them all; `None` where it is told nothing.
pub(super) fn effort_word(model: &str, effort: Effort) -> Option<&'static str> {
    let name = short_name(model);
    let known: &[Effort] = match Kind::of(name) {
        Kind::OSeries | Kind::Open => &[Low, Medium, High],
        // It does not think, and refuses to be told how long to.
        Kind::Gpt(..=4, _) if effort == Not => return None,
        Kind::Gpt(5, 0) if name.contains("pro") => &[High],
        Kind::Gpt(5.., _) if name.contains("pro") => &[Medium, High, XHigh],
        Kind::Gpt(5, 0) if name.contains("codex") => &[Low, Medium, High],
        Kind::Gpt(5, 1) if name.contains("codex-max") => &[Not, Low, Medium, High, XHigh],
        Kind::Gpt(5, ..=1) if name.contains("codex") => &[Low, Medium, High],
        Kind::Gpt(5, 0) => &[Minimal, Low, Medium, High],
        Kind::Gpt(5, 1) => &[Not, Low, Medium, High],
        Kind::Gpt(5, _) if name.contains("codex") => &[Low, Medium, High, XHigh],
        Kind::Gpt(5, 2..=5) => &[Not, Low, Medium, High, XHigh],
        Kind::Gpt(5.., _) => &[Not, Low, Medium, High, XHigh, Max],
        Kind::Gpt(..) | Kind::Unknown => return Some(effort.as_str()),
    };
    Some(effort.nearest(known).as_str())
}

impl Kind {
    fn of(name: &str) -> Self {
        if name.starts_with("gpt-oss") {
            return Self::Open;
        }
        if let Some(rest) = name.strip_prefix('o') {
            let is_numbered = rest.starts_with(|digit: char| digit.is_ascii_digit());
            return if is_numbered { Self::OSeries } else { Self::Unknown };
        }
        let Some((major, rest)) = name.strip_prefix("gpt-").and_then(number) else {
            return Self::Unknown;
        };
        let minor = rest.strip_prefix('.').and_then(number);
        Self::Gpt(major, minor.map_or(0, |(minor, _)| minor))
    }
}

/// The number that a text begins with, and what comes after it.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|digit: char| !digit.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Routers put the vendor's name before it, and fine-tuned models say so first.
fn short_name(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.strip_prefix("ft:").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_think() {
        for model in [
            "o1",
            "o3-mini",
            "ft:o3",
            "gpt-5",
            "gpt-5.6-sol",
            "openai/gpt-6-luna",
            "gpt-10",
            "codex-mini",
        ] {
            assert!(thinks(model), "{model}");
        }
        for model in [
            "gpt-4.1",
            "gpt-4o",
            "chatgpt-4o",
            "gpt-5-chat-latest",
            "gpt-oss-120b",
            "gpt-",
            "omni",
            "llama",
        ] {
            assert!(!thinks(model), "{model}");
        }
    }

    #[test]
    fn efforts_in_the_words_that_each_model_knows() {
        for (model, words) in [
            ("o3", ["low", "low", "low", "medium", "high", "high", "high"]),
            (
                "openai/gpt-oss-20b",
                ["low", "low", "low", "medium", "high", "high", "high"],
            ),
            (
                "gpt-5-mini",
                ["minimal", "minimal", "low", "medium", "high", "high", "high"],
            ),
            ("gpt-5-pro", ["high"; 7]),
            (
                "gpt-5.1",
                ["none", "low", "low", "medium", "high", "high", "high"],
            ),
            (
                "gpt-5.1-codex-max",
                ["none", "low", "low", "medium", "high", "xhigh", "xhigh"],
            ),
            (
                "gpt-5.2",
                ["none", "low", "low", "medium", "high", "xhigh", "xhigh"],
            ),
            (
                "gpt-5.2-pro",
                ["medium", "medium", "medium", "medium", "high", "xhigh", "xhigh"],
            ),
            (
                "gpt-6-luna",
                ["none", "low", "low", "medium", "high", "xhigh", "max"],
            ),
            // A compatible server's own: it knows what it knows.
            (
                "qwen3",
                ["none", "minimal", "low", "medium", "high", "xhigh", "max"],
            ),
        ] {
            let sent: Vec<_> = Effort::ALL
                .iter()
                .filter_map(|effort| effort_word(model, *effort))
                .collect();
            assert_eq!(sent, words, "{model}");
        }
        assert_eq!(effort_word("gpt-4.1", Not), None);
        assert_eq!(effort_word("gpt-4.1", Low), Some("low"));
    }
}
