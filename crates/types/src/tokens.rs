//! Token counters in the normal form: disjoint parts, so that no token is ever charged twice.

use serde::{Deserialize, Serialize};

/// What one model call used. The input parts are disjoint; `reasoning` is a part of `output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Input tokens that came from no cache and went into none.
    pub fresh_input: i64,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: i64,
    /// Input tokens written to the provider's prompt cache (Anthropic bills them apart).
    pub cache_write: i64,
    /// Output tokens, reasoning included.
    pub output: i64,
    /// Output tokens spent on reasoning.
    pub reasoning: i64,
}

/// Counters that cannot be: a provider's report that must not be billed as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// A counter below zero.
    #[error("negative token count")]
    Negative,
    /// More cached input than input, or more reasoning than output.
    #[error("a part is larger than its whole")]
    PartExceedsWhole,
    /// A sum beyond 64 bits.
    #[error("token counts overflow")]
    Overflow,
}

impl TokenCounts {
    /// From a report whose `input` includes the cached tokens (OpenAI's form).
    pub fn from_inclusive(input: i64, cached: i64, output: i64, reasoning: i64) -> Result<Self, TokenError> {
        if input < 0 || cached < 0 || output < 0 || reasoning < 0 {
            return Err(TokenError::Negative);
        }
        if cached > input || reasoning > output {
            return Err(TokenError::PartExceedsWhole);
        }
        Ok(Self {
            fresh_input: input - cached,
            cache_read: cached,
            cache_write: 0,
            output,
            reasoning,
        })
    }

    /// From a report whose counters are disjoint already (Anthropic's form).
    pub fn from_disjoint(
        fresh_input: i64,
        cache_read: i64,
        cache_write: i64,
        output: i64,
        reasoning: i64,
    ) -> Result<Self, TokenError> {
        let counts = Self {
            fresh_input,
            cache_read,
            cache_write,
            output,
            reasoning,
        };
        if fresh_input < 0 || cache_read < 0 || cache_write < 0 || output < 0 || reasoning < 0 {
            return Err(TokenError::Negative);
        }
        if reasoning > output {
            return Err(TokenError::PartExceedsWhole);
        }
        counts.input_total().ok_or(TokenError::Overflow)?;
        Ok(counts)
    }

    /// All input tokens, cached ones included: `input_tokens` on the wire. `None` beyond 64 bits.
    pub fn input_total(&self) -> Option<i64> {
        self.fresh_input
            .checked_add(self.cache_read)?
            .checked_add(self.cache_write)
    }

    /// The sum of two calls. `None` beyond 64 bits.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            fresh_input: self.fresh_input.checked_add(other.fresh_input)?,
            cache_read: self.cache_read.checked_add(other.cache_read)?,
            cache_write: self.cache_write.checked_add(other.cache_write)?,
            output: self.output.checked_add(other.output)?,
            reasoning: self.reasoning.checked_add(other.reasoning)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inclusive_reports_become_disjoint() {
        let counts = TokenCounts::from_inclusive(100, 40, 7, 3).unwrap();
        assert_eq!(
            (counts.fresh_input, counts.cache_read, counts.input_total()),
            (60, 40, Some(100))
        );
    }

    #[test]
    fn impossible_reports_are_refused() {
        assert_eq!(
            TokenCounts::from_inclusive(1, 2, 0, 0),
            Err(TokenError::PartExceedsWhole)
        );
        assert_eq!(
            TokenCounts::from_inclusive(1, 0, 1, 2),
            Err(TokenError::PartExceedsWhole)
        );
        assert_eq!(
            TokenCounts::from_inclusive(-1, 0, 0, 0),
            Err(TokenError::Negative)
        );
        assert_eq!(
            TokenCounts::from_disjoint(i64::MAX, 1, 0, 0, 0),
            Err(TokenError::Overflow)
        );
    }
}
