//! What Anthropic's models can, by the version in their names: the API refuses what a model does not know.
//!
//! <https://docs.anthropic.com/en/docs/about-claude/models/overview>

/// A model's version, e.g. 4.5; 0.0 where its name has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32);

impl Version {
    /// The version in `claude-opus-4-7`, `claude-3-5-haiku-20241022`, `vendor/claude-sonnet-4.5`.
    pub(super) fn of(model: &str) -> Self {
        let mut parts = model
            .split(['-', '.', '@', '/', ':', '_'])
            .skip_while(|part| *part != "claude")
            // A date is no version.
            .map(|part| part.parse::<u32>().ok().filter(|_| part.len() <= 2))
            .skip_while(Option::is_none);
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(major), minor) => Self(major, minor.unwrap_or(0)),
            (None, _) => Self(0, 0),
        }
    }

    /// Whether it is held to a schema by `output_config.format`.
    pub(super) fn keeps_to_schemas(self) -> bool {
        self >= Self(4, 5)
    }

    /// Whether it decides itself how long to think, given an effort.
    pub(super) fn thinks_as_it_likes(self) -> bool {
        self >= Self(4, 6)
    }

    /// Whether it thinks within a budget of tokens.
    pub(super) fn thinks_within_a_budget(self) -> bool {
        self >= Self(3, 7) && !self.thinks_as_it_likes()
    }

    /// How long an answer may be where the caller does not say, since the API wants a number: what every model of
    /// this version can.
    pub(super) fn usual_output(self) -> u32 {
        match self {
            Self(0..=2, _) | Self(3, 0) => 4_096,
            Self(3, _) => 8_192,
            _ => 32_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_names_of_all_forms() {
        for (model, expected) in [
            ("claude-opus-4-7", Version(4, 7)),
            ("claude-sonnet-4-5-20250929", Version(4, 5)),
            ("claude-opus-4-20250514", Version(4, 0)),
            ("claude-3-7-sonnet-latest", Version(3, 7)),
            ("claude-3-haiku-20240307", Version(3, 0)),
            ("anthropic/claude-sonnet-4.5", Version(4, 5)),
            ("claude-2.1", Version(2, 1)),
            ("claude-instant", Version(0, 0)),
            ("qwen-3", Version(0, 0)),
            ("", Version(0, 0)),
        ] {
            assert_eq!(Version::of(model), expected, "{model}");
        }
    }
}
