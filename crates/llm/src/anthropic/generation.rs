//! What a model takes, by its name: the API has one form, but refuses to older models what came later, and to
//! newer ones what was given up.
//!
//! <https://platform.claude.com/docs/en/about-claude/models/overview>

/// The version in a model's name, such as 4.5; `None` for names that are not of Anthropic's form, as other
/// servers have them. Those are sent only what every model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(Option<(u32, u32)>);

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It cannot, or nothing is known of it.
    None,
    /// By a number of tokens.
    Budget,
    /// As it sees fit, guided by an effort.
    Adaptive,
}

impl Generation {
    /// Reads `claude-3-5-haiku-20241022`, `claude-opus-4-1`, `anthropic/claude-sonnet-4.5`.
    pub(super) fn of(model: &str) -> Self {
        let Some((_, name)) = model.split_once("claude-") else {
            return Self(None);
        };
        // A date has eight digits, a version one or two.
        let number = |piece: &str| piece.parse().ok().filter(|_| piece.len() <= 2);
        let mut pieces = name.split(['-', '.', '@', ':']);
        let Some(major) = pieces.find_map(number) else {
            return Self(None);
        };
        Self(Some((major, pieces.next().and_then(number).unwrap_or(0))))
    }

    fn since(self, major: u32, minor: u32) -> bool {
        self.0 >= Some((major, minor))
    }

    pub(super) fn thinking(self) -> Thinking {
        if self.since(4, 6) {
            Thinking::Adaptive
        } else if self.since(3, 7) {
            Thinking::Budget
        } else {
            Thinking::None
        }
    }

    /// Whether it thinks unless told not to, and some of its kind cannot be told not to.
    pub(super) fn thinks_by_itself(self) -> bool {
        self.since(5, 0)
    }

    /// Whether it knows an effort between `high` and `max`.
    pub(super) fn knows_xhigh(self) -> bool {
        self.since(4, 7)
    }

    /// Whether it can be held to a schema, of its answer or of a tool's arguments.
    pub(super) fn keeps_to_schemas(self) -> bool {
        self.since(4, 5)
    }

    /// Whether it lets a caller choose how much chance there is.
    pub(super) fn takes_sampling(self) -> bool {
        !self.since(4, 7)
    }

    /// How long an answer may be where the caller does not say: the API demands a number, and refuses one that
    /// is beyond the model.
    pub(super) fn output_limit(self) -> u32 {
        if self.since(3, 7) {
            32_000
        } else if self.0.is_some() && !self.since(3, 5) {
            4_096
        } else {
            8_192
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names() {
        for (model, version) in [
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-3-5-haiku-20241022", Some((3, 5))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-opus-4-1", Some((4, 1))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("anthropic/claude-sonnet-4.6", Some((4, 6))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-instant", None),
            ("claude-", None),
            ("MiniMax-M2", None),
            ("", None),
        ] {
            assert_eq!(Generation::of(model), Generation(version), "{model}");
        }
    }

    #[test]
    fn what_is_unknown_gets_what_all_take() {
        let unknown = Generation::of("other");
        assert_eq!(unknown.thinking(), Thinking::None);
        assert!(!unknown.keeps_to_schemas() && unknown.takes_sampling());
        assert_eq!(unknown.output_limit(), 8_192);
        for (model, limit) in [
            ("claude-3-haiku-20240307", 4_096),
            ("claude-3-5-haiku-20241022", 8_192),
            ("claude-opus-4-1", 32_000),
        ] {
            assert_eq!(Generation::of(model).output_limit(), limit, "{model}");
        }
    }
}
