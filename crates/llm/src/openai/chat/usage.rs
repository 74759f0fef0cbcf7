//! What compatible servers report as used, in the normal form.
//!
//! The input includes what was read from the cache and what was written to it. The output includes the reasoning,
//! but for servers that count it beside: the total tells them apart.

use crate::decoding::possible;
use chatai_types::{TokenCounts, TokenError};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: i64,
    #[serde(default)]
    completion_tokens: Option<i64>,
    #[serde(default)]
    total_tokens: Option<i64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek's name for what came from the cache.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<i64>,
    /// OpenRouter's, for vendors that bill it.
    cache_write_tokens: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<i64>,
}

/// The counts of one report; `None`, and a warning, where they cannot be.
pub(super) fn counts(usage: &str) -> Option<TokenCounts> {
    let usage: Result<Usage, _> = serde_json::from_str(usage);
    possible(
        usage
            .map_err(|error| error.to_string())
            .and_then(|usage| usage.counts().map_err(|error| error.to_string())),
    )
}

impl Usage {
    fn counts(self) -> Result<TokenCounts, TokenError> {
        let input = self.prompt_tokens;
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        let cached = prompt.cached_tokens.or(self.prompt_cache_hit_tokens).unwrap_or(0);
        let written = prompt.cache_write_tokens.unwrap_or(0);
        let completion = self.completion_tokens.unwrap_or(0);
        let reasoning = self
            .completion_tokens_details
            .and_then(|details| details.reasoning_tokens);
        let fresh = input
            .checked_sub(cached)
            .and_then(|rest| rest.checked_sub(written))
            .ok_or(TokenError::Overflow)?;
        if input >= 0 && fresh < 0 {
            return Err(TokenError::PartExceedsWhole);
        }
        let known = input.checked_add(completion).ok_or(TokenError::Overflow)?;
        // What the total has beyond both is reasoning that was counted beside the output.
        let beside = match self.total_tokens.filter(|total| *total > 0) {
            Some(total) => total.checked_sub(known).ok_or(TokenError::Overflow)?,
            None => 0,
        };
        if beside < 0 || beside > 0 && reasoning.is_some_and(|reasoning| reasoning > 0 && reasoning != beside)
        {
            return Err(TokenError::PartExceedsWhole);
        }
        let output = completion.checked_add(beside).ok_or(TokenError::Overflow)?;
        let reasoning = if beside > 0 {
            beside
        } else {
            reasoning.unwrap_or(0)
        };
        let counts = TokenCounts::from_disjoint(fresh, cached, written, output, reasoning)?;
        debug_assert_eq!(counts.input_total(), Some(input), "the parts are the whole");
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_many_servers_become_disjoint() {
        for (report, expected) in [
            // OpenAI
            (
                r#"{"prompt_tokens":100,"completion_tokens":30,"total_tokens":130,"prompt_tokens_details":
                {"cached_tokens":64,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":20}}"#,
                Some((36, 64, 0, 30, 20)),
            ),
            // DeepSeek
            (
                r#"{"prompt_tokens":50,"completion_tokens":9,"total_tokens":59,"prompt_cache_hit_tokens":48,
                "prompt_cache_miss_tokens":2}"#,
                Some((2, 48, 0, 9, 0)),
            ),
            // OpenRouter before Anthropic
            (
                r#"{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010,"cost":0.01,
                "prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":600}}"#,
                Some((100, 300, 600, 10, 0)),
            ),
            // xAI, and Gemini's compatible API, which names no reasoning
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,"completion_tokens_details":
                {"reasoning_tokens":100}}"#,
                Some((10, 0, 0, 105, 100)),
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115}"#,
                Some((10, 0, 0, 105, 100)),
            ),
            // Ollama, llama.cpp
            (
                r#"{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}"#,
                Some((7, 0, 0, 3, 0)),
            ),
            (
                r#"{"prompt_tokens":7,"total_tokens":7,"completion_tokens":null}"#,
                Some((7, 0, 0, 0, 0)),
            ),
            (
                r#"{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":null,"total_tokens":0}"#,
                Some((7, 0, 0, 3, 0)),
            ),
            // What cannot be
            (r#"{"prompt_tokens":-1,"completion_tokens":3}"#, None),
            (r#"{"prompt_tokens":1,"completion_tokens":-3}"#, None),
            (
                r#"{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}"#,
                None,
            ),
            (
                r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":-2}}"#,
                None,
            ),
            (
                r#"{"prompt_tokens":1,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#,
                None,
            ),
            (
                r#"{"prompt_tokens":10,"completion_tokens":10,"total_tokens":15}"#,
                None,
            ),
            (
                r#"{"prompt_tokens":1,"completion_tokens":1,"total_tokens":9,"completion_tokens_details":
                {"reasoning_tokens":3}}"#,
                None,
            ),
            (
                r#"{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}"#,
                None,
            ),
            (r#"{"prompt_tokens":1.5,"completion_tokens":1}"#, None),
            (r#"{"prompt_tokens":"7","completion_tokens":1}"#, None),
            ("{}", None),
            ("[]", None),
        ] {
            let counts = counts(report).map(|counts| {
                let TokenCounts {
                    fresh_input,
                    cache_read,
                    cache_write,
                    output,
                    reasoning,
                } = counts;
                (fresh_input, cache_read, cache_write, output, reasoning)
            });
            assert_eq!(counts, expected, "{report}");
        }
    }
}
