//! What a direct call puts out, piece by piece, and how it ended. The same pieces make an answer in every interface.

use crate::EngineError;
use chatai_llm::{ReasoningState, StopReason};
use chatai_store::ops::direct::CallEnd;
use chatai_types::{Money, Timestamp, TokenCounts, TurnStatus, UsageSource};
use serde::{Deserialize, Serialize};

/// A piece of a call's output. Its JSON is how it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Piece {
    /// More of the text.
    #[serde(rename = "t")]
    Text(String),
    /// More of the reasoning that the model shows.
    #[serde(rename = "r")]
    Reasoning(String),
    /// A call of a tool, for the caller to run.
    #[serde(rename = "c")]
    ToolCall {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments: JSON text, unchecked.
        arguments: String,
    },
    /// What the model needs back with the results of the tool calls that follow, as [`chatai_llm::Item::Reasoning`].
    #[serde(rename = "s", with = "state")]
    State(ReasoningState),
    /// At which of the texts that were given for that the answer ended, from vendors that say so; the last piece.
    #[serde(rename = "e")]
    StoppedAt(String),
    /// Vectors, one a text.
    #[serde(rename = "v")]
    Vectors(Vec<Vec<f32>>),
}

/// How a call ended, and what it used.
#[derive(Clone, Debug)]
pub struct CallOutcome {
    /// How.
    pub status: TurnStatus,
    /// The model that answered: the one that was asked, or one in its place.
    pub model: String,
    /// Why the model ended.
    pub stop_reason: Option<StopReason>,
    /// Why it failed.
    pub error: Option<EngineError>,
    /// What it used.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost; `None` where no price is known.
    pub price: Option<Money>,
    /// When.
    pub at: Timestamp,
}

impl Piece {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::StoppedAt(text) => text.len(),
            Self::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
            Self::State(state) => state.text.len() + state.opaque.len(),
            Self::Vectors(vectors) => vectors.iter().map(|vector| vector.len() * 4).sum(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers can be written as JSON")
    }

    /// Pieces as they are stored.
    pub(super) fn parse_all(json: &str) -> Result<Vec<Self>, EngineError> {
        serde_json::from_str(json).map_err(|error| EngineError::internal(format!("stored pieces: {error}")))
    }
}

impl CallOutcome {
    /// As it was stored.
    pub(super) fn stored(end: &CallEnd, model: &str) -> Self {
        let used = end.used.as_ref();
        Self {
            model: model.to_owned(),
            status: end.status,
            stop_reason: end.stop_reason.as_deref().and_then(stop_reason),
            error: end
                .error
                .as_ref()
                .map(|(code, detail)| EngineError::new(*code, detail.clone())),
            tokens: used.map_or_else(TokenCounts::default, |used| used.tokens),
            source: used.map_or(UsageSource::None, |used| used.source),
            price: used.map_or(Some(Money::ZERO), |used| used.price),
            at: end.at,
        }
    }

    /// The same, of a call whose end could not be stored or is not known.
    pub(super) fn broken(self, error: EngineError) -> Self {
        Self {
            status: match self.status {
                TurnStatus::Complete | TurnStatus::Running => TurnStatus::Failed,
                other => other,
            },
            error: Some(error),
            ..self
        }
    }

    /// Of a call whose task is gone, or which was deleted while it was read.
    pub(super) fn lost(model: &str, at: Timestamp, error: EngineError) -> Self {
        Self {
            model: model.to_owned(),
            status: TurnStatus::Interrupted,
            stop_reason: None,
            error: Some(error),
            tokens: TokenCounts::default(),
            source: UsageSource::None,
            price: None,
            at,
        }
    }
}

const STOP_REASONS: [(StopReason, &str); 4] = [
    (StopReason::Stop, "stop"),
    (StopReason::ToolCalls, "tool_calls"),
    (StopReason::Length, "length"),
    (StopReason::Refusal, "refusal"),
];

/// The name of a reason, as stored.
pub(super) fn stop_name(reason: StopReason) -> &'static str {
    let known = STOP_REASONS.iter().find(|(known, _)| *known == reason);
    known.map_or("", |(_, name)| name)
}

fn stop_reason(name: &str) -> Option<StopReason> {
    let known = STOP_REASONS.iter().find(|(_, known)| *known == name);
    known.map(|(reason, _)| *reason)
}

/// How a reasoning state is stored.
mod state {
    use chatai_llm::{Dialect, ReasoningState};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    const DIALECTS: [(Dialect, &str); 4] = [
        (Dialect::OpenAiResponses, "openai-responses"),
        (Dialect::OpenAiChat, "openai-chat"),
        (Dialect::Anthropic, "anthropic"),
        (Dialect::Gemini, "gemini"),
    ];

    pub(super) fn serialize<S: Serializer>(state: &ReasoningState, to: S) -> Result<S::Ok, S::Error> {
        let known = DIALECTS.iter().find(|(known, _)| *known == state.dialect);
        let dialect = known.map_or("", |(_, name)| name);
        (dialect, &state.text, &state.opaque).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ReasoningState, D::Error> {
        let (dialect, text, opaque) = <(String, String, String)>::deserialize(from)?;
        let known = DIALECTS.iter().find(|(_, name)| *name == dialect);
        let (dialect, _) = known.ok_or_else(|| D::Error::custom("unknown kind of reasoning"))?;
        Ok(ReasoningState {
            dialect: *dialect,
            text,
            opaque,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_llm::Dialect;

    #[test]
    fn pieces_and_reasons_are_found_again_as_they_were_stored() {
        for piece in [
            Piece::Text("a\"\u{0}é".to_owned()),
            Piece::Reasoning("r".to_owned()),
            Piece::ToolCall {
                id: "c".to_owned(),
                name: "n".to_owned(),
                arguments: "{}".to_owned(),
            },
            Piece::State(ReasoningState {
                dialect: Dialect::Anthropic,
                text: "thought".to_owned(),
                opaque: "signed".to_owned(),
            }),
            Piece::StoppedAt("\n\n".to_owned()),
            Piece::Vectors(vec![vec![0.1, -1e-7], vec![]]),
        ] {
            let stored = piece.to_json();
            assert!(!stored.contains('\0'), "{stored:?}");
            assert_eq!(serde_json::from_str::<Piece>(&stored).unwrap(), piece);
        }
        for (reason, name) in STOP_REASONS {
            assert_eq!(stop_name(reason), name);
            assert_eq!(stop_reason(name), Some(reason));
        }
    }
}
