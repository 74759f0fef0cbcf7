//! How a model reasoned before it called tools, as a client of chat completions hands it back: the members are those that
//! vendors send it in.

use super::wire::KeptReasoning;
use crate::model::{Dialect, ReasoningState};
use serde_json::Value;

/// The members of an assistant's message that say how it reasoned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReasoning {
    /// DeepSeek's word for the words.
    pub reasoning_content: Option<String>,
    /// OpenRouter's and vLLM's.
    pub reasoning: Option<String>,
    /// OpenRouter's parts, as they came.
    pub details: Vec<Value>,
}

impl ChatReasoning {
    /// What the next request hands back, in the member that it came in; `None` where nothing was said.
    pub fn into_state(self) -> Option<ReasoningState> {
        let said = |words: Option<String>| words.filter(|words| !words.is_empty());
        let (long, short) = (said(self.reasoning_content), said(self.reasoning));
        let kept = KeptReasoning {
            is_short_name: long.is_none() && short.is_some(),
            details: Some(self.details).filter(|details| !details.is_empty()),
        };
        if long.is_none() && short.is_none() && kept.details.is_none() {
            return None;
        }
        Some(ReasoningState {
            dialect: Dialect::OpenAiChat,
            text: long.or(short).unwrap_or_default(),
            opaque: kept.to_text(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_go_back_in_the_member_they_came_in() {
        let state = |reasoning: ChatReasoning| reasoning.into_state().map(|state| (state.text, state.opaque));
        let words = |text: &str| Some(text.to_owned());
        let (text, opaque) = state(ChatReasoning {
            reasoning_content: words("why"),
            reasoning: words("why"),
            ..ChatReasoning::default()
        })
        .unwrap();
        assert_eq!(
            (text.as_str(), opaque.as_str()),
            ("why", r#"{"is_short_name":false}"#)
        );
        let (text, opaque) = state(ChatReasoning {
            reasoning_content: words(""),
            reasoning: words("hm"),
            ..ChatReasoning::default()
        })
        .unwrap();
        assert_eq!(
            (text.as_str(), opaque.as_str()),
            ("hm", r#"{"is_short_name":true}"#)
        );
        let (text, opaque) = state(ChatReasoning {
            details: vec![json!({"type": "reasoning.text"})],
            ..ChatReasoning::default()
        })
        .unwrap();
        assert_eq!(
            (text.as_str(), opaque.as_str()),
            (
                "",
                r#"{"details":[{"type":"reasoning.text"}],"is_short_name":false}"#
            )
        );
        assert_eq!(state(ChatReasoning::default()), None);
    }
}
