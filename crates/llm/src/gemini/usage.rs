//! What Gemini reports as used, in the normal form.
//!
//! The prompt's tokens include those from the cache; thoughts are counted beside the answer.
//!
//! <https://ai.google.dev/api/generate-content#UsageMetadata>

use crate::decoding::possible;
use chatai_types::{TokenCounts, TokenError};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    #[serde(default)]
    prompt_token_count: Option<i64>,
    #[serde(default)]
    cached_content_token_count: Option<i64>,
    #[serde(default)]
    tool_use_prompt_token_count: Option<i64>,
    #[serde(default)]
    candidates_token_count: Option<i64>,
    #[serde(default)]
    thoughts_token_count: Option<i64>,
    #[serde(default)]
    total_token_count: Option<i64>,
}

impl Usage {
    /// The counts of one report; `None`, and a warning, where they cannot be, or where it counts no prompt.
    pub(super) fn counts(self) -> Option<TokenCounts> {
        let prompt = self.prompt_token_count?;
        possible(self.disjoint(prompt))
    }

    fn disjoint(self, prompt: i64) -> Result<TokenCounts, TokenError> {
        let tools = self.tool_use_prompt_token_count.unwrap_or(0);
        let cached = self.cached_content_token_count.unwrap_or(0);
        let answer = self.candidates_token_count.unwrap_or(0);
        let thoughts = self.thoughts_token_count.unwrap_or(0);
        if tools < 0 || answer < 0 {
            return Err(TokenError::Negative);
        }
        let input = prompt.checked_add(tools).ok_or(TokenError::Overflow)?;
        let output = answer.checked_add(thoughts).ok_or(TokenError::Overflow)?;
        let counts = TokenCounts::from_inclusive(input, cached, output, thoughts)?;
        let whole = input.checked_add(output).ok_or(TokenError::Overflow)?;
        match self.total_token_count {
            // What tools of the vendor's own put into the prompt is not always in the total.
            Some(total) if total > 0 && total != whole && total != whole - tools => {
                Err(TokenError::PartExceedsWhole)
            }
            _ => Ok(counts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_become_disjoint() {
        for (report, expected) in [
            (
                r#"{"promptTokenCount":100,"cachedContentTokenCount":64,"candidatesTokenCount":10,"thoughtsTokenCount":20,"totalTokenCount":130}"#,
                Some((36, 64, 30, 20)),
            ),
            (
                r#"{"promptTokenCount":7,"totalTokenCount":7}"#,
                Some((7, 0, 0, 0)),
            ),
            (
                r#"{"promptTokenCount":7,"toolUsePromptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":8}"#,
                Some((10, 0, 1, 0)),
            ),
            (
                r#"{"promptTokenCount":7,"candidatesTokenCount":1,"totalTokenCount":99}"#,
                None,
            ),
            (r#"{"promptTokenCount":-7}"#, None),
            (r#"{"promptTokenCount":7,"candidatesTokenCount":-1}"#, None),
            (r#"{"promptTokenCount":7,"toolUsePromptTokenCount":-1}"#, None),
            (r#"{"promptTokenCount":7,"thoughtsTokenCount":-1}"#, None),
            (r#"{"promptTokenCount":7,"cachedContentTokenCount":8}"#, None),
            (
                r#"{"promptTokenCount":9223372036854775807,"candidatesTokenCount":1}"#,
                None,
            ),
            (
                r#"{"promptTokenCount":1,"candidatesTokenCount":9223372036854775807,"thoughtsTokenCount":1}"#,
                None,
            ),
            ("{}", None),
        ] {
            let usage: Usage = serde_json::from_str(report).unwrap();
            let counts = usage.counts().map(|counts| {
                assert_eq!(counts.cache_write, 0);
                (
                    counts.fresh_input,
                    counts.cache_read,
                    counts.output,
                    counts.reasoning,
                )
            });
            assert_eq!(counts, expected, "{report}");
        }
    }
}
