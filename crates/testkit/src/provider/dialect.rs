//! The wire formats the scripted provider speaks, told apart by what a client asks for.

/// A vendor's way to ask for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's `POST /responses`.
    Responses,
    /// The `POST /chat/completions` of OpenAI and of compatible servers.
    Chat,
    /// Anthropic's `POST /messages`.
    Anthropic,
    /// Gemini's `POST /models/NAME:streamGenerateContent`.
    Gemini,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Responses, Self::Chat, Self::Anthropic, Self::Gemini];

    /// The word for it in configurations of the program under test.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Responses => "openai",
            Self::Chat => "openai-chat",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The dialect of a model call to this path; `None` for any other request.
    pub(super) fn of_call(path: &str) -> Option<Self> {
        let path = without_query(path);
        Some(if path.ends_with("/chat/completions") {
            Self::Chat
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with("/messages") {
            Self::Anthropic
        } else if path.ends_with(":streamGenerateContent") {
            Self::Gemini
        } else {
            return None;
        })
    }

    /// The vendor whose server a request is meant for, whatever it asks for: Anthropic's clients name the version of
    /// its API, Google's have it in the path.
    pub(super) fn of_vendor(path: &str, names_version: bool) -> Self {
        match Self::of_call(path) {
            Some(dialect) => dialect,
            None if names_version => Self::Anthropic,
            None if path.starts_with("/v1beta/") => Self::Gemini,
            None => Self::Responses,
        }
    }
}

/// A path without what follows its question mark, and without a slash at its end.
pub(super) fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default().trim_end_matches('/')
}
