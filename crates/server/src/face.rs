//! In whose words an error is told: ours, or under `/v1` those of the API that the client believes to speak to.

mod anthropic;
mod openai;

pub(crate) use anthropic::Body as AnthropicBody;
pub(crate) use openai::Body as OpenAiBody;

use chatai_types::ErrorCode;
use http::StatusCode;

/// Whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Ours.
    Native,
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

/// What an error says, whoever says it.
pub(crate) struct Said<'a> {
    pub(crate) code: ErrorCode,
    /// A sentence.
    pub(crate) message: &'a str,
    /// The member of the request that is at fault.
    pub(crate) param: Option<&'a str>,
    /// The name of a request that ends with it; a stream that breaks off has told it before.
    pub(crate) request_id: Option<&'a str>,
}

impl Face {
    /// The face of a canonical path.
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix("/v1") {
            Some(rest) if rest.starts_with("/messages") => Self::Anthropic,
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self::OpenAi,
            _ => Self::Native,
        }
    }

    /// The status that this face gives an error.
    pub(crate) fn status(self, code: ErrorCode) -> StatusCode {
        let status = match self {
            Self::Native => code.status(),
            Self::OpenAi => openai::status(code),
            Self::Anthropic => anthropic::status(code),
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether asking again is pointless though the status says otherwise, for SDKs that ask again by themselves.
    pub(crate) fn forbids_retry(self, code: ErrorCode) -> bool {
        let hopeless = matches!(
            code,
            ErrorCode::BudgetExceeded | ErrorCode::ProviderAuth | ErrorCode::StorageFull
        );
        self != Self::Native && hopeless
    }

    /// The body in a vendor's words; `None` for our own.
    pub(crate) fn body(self, said: &Said<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Native => None,
            Self::OpenAi => Some(openai::body(said)),
            Self::Anthropic => Some(anthropic::body(said)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_go_by_path() {
        for (path, face) in [
            ("/v1", Face::OpenAi),
            ("/v1/chat/completions", Face::OpenAi),
            ("/v1/nothing", Face::OpenAi),
            ("/v1/messages", Face::Anthropic),
            ("/v1/messages/count_tokens", Face::Anthropic),
            ("/v12", Face::Native),
            ("/chat/", Face::Native),
        ] {
            assert_eq!(Face::of(path), face, "{path}");
        }
    }

    #[test]
    fn every_code_has_a_status_of_its_kind_in_every_face() {
        for code in ErrorCode::ALL {
            for face in [Face::OpenAi, Face::Anthropic] {
                let (ours, theirs) = (code.status(), face.status(*code).as_u16());
                assert_eq!(ours / 100, theirs / 100, "{code}");
                // Their clients know no 422 for what a caller can mend, and no 402 from OpenAI.
                assert_ne!(theirs, 422, "{code}");
            }
        }
        assert_eq!(Face::OpenAi.status(ErrorCode::BudgetExceeded), 429);
        assert_eq!(Face::Anthropic.status(ErrorCode::BudgetExceeded), 402);
        assert_eq!(Face::OpenAi.status(ErrorCode::ModelUnknown), 404);
        assert_eq!(Face::Anthropic.status(ErrorCode::Validation), 400);
    }

    #[test]
    fn bodies_are_in_their_words() {
        let said = Said {
            code: ErrorCode::BudgetExceeded,
            message: "no \"money\"",
            param: None,
            request_id: Some("r"),
        };
        let text = |face: Face| String::from_utf8(face.body(&said).unwrap()).unwrap();
        assert_eq!(
            text(Face::OpenAi),
            r#"{"error":{"message":"no \"money\"","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#
        );
        assert_eq!(
            text(Face::Anthropic),
            r#"{"type":"error","error":{"type":"billing_error","message":"no \"money\""},"request_id":"r"}"#
        );
        assert_eq!(Face::Native.body(&said), None);
    }
}
