//! What the engine has to be told: plain values, already validated by whoever read the configuration.

use std::time::Duration;

/// Everything the rules depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Accounts and tokens.
    pub auth: AuthSettings,
    /// Which model does what.
    pub models: ModelSettings,
    /// Bounds.
    pub limits: LimitSettings,
    /// How long what is worth caching is kept.
    pub cache_ttl: Duration,
}

/// Accounts and tokens.
#[derive(Clone)]
pub struct AuthSettings {
    /// The key that signs tokens.
    pub jwt_secret: Vec<u8>,
    /// The one algorithm that counts.
    pub jwt_algorithm: JwtAlgorithm,
    /// How long a token lives, in minutes.
    pub token_minutes: i64,
    /// The fewest characters of a new password.
    pub password_min_chars: usize,
    /// The most characters of any password.
    pub password_max_chars: usize,
    /// Whether anyone may register.
    pub registration_open: bool,
}

impl std::fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
    }
}

/// HMAC algorithms of tokens; the original knows no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// Which model does what; `None` leaves it to the rules.
#[derive(Clone, Debug, Default)]
pub struct ModelSettings {
    /// Answers when the client names none.
    pub default: Option<String>,
    /// Makes titles.
    pub title: Option<String>,
    /// Decides how much context is needed; `None` asks no model.
    pub intent: Option<String>,
    /// Makes summaries.
    pub summary: Option<String>,
    /// Embeds the collection; `None` means words alone.
    pub embedding: Option<String>,
    /// Names that stand for the first of several models that can answer.
    pub aliases: Vec<(String, Vec<String>)>,
    /// Models that answer in place of another whose provider fails before its first byte.
    pub fallbacks: Vec<(String, Vec<String>)>,
}

/// Bounds; a rate of 0 is off.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// New accounts a minute and address.
    pub registrations_per_minute: u32,
    /// Turns a minute and account.
    pub turns_per_minute: u32,
    /// Turns a minute and address, over all accounts.
    pub turns_per_minute_and_address: u32,
    /// Wrong passwords a minute, for one e-mail from one address; ten times as many from an address in all.
    pub sign_in_failures_per_minute: u32,
    /// Files of one message.
    pub files_per_message: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Characters of one message.
    pub message_chars: usize,
    /// Rounds of tool calls in one turn.
    pub tool_rounds: usize,
    /// Turns running at once.
    pub concurrent_turns: usize,
    /// Tokens of earlier messages given to a model.
    pub context_tokens: i64,
}
