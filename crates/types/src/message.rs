//! The closed vocabularies of the product: who speaks, how a turn ended, what a model call was for.

/// A stored or received name that is not in its vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}: `{value}`")]
pub struct UnknownName {
    /// The vocabulary, e.g. `role`.
    pub what: &'static str,
    /// The value that is not in it.
    pub value: String,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text, as stored and as sent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownName { what: $what, value: text.to_owned() }),
                }
            }
        }
    };
}

pub(crate) use names;

names! {
    /// Who speaks in a message.
    Role, "role" {
        /// The account's owner.
        User = "user",
        /// The model.
        Assistant = "assistant",
    }
}

names! {
    /// What an account may do.
    UserRole, "user role" {
        /// Owns conversations, nothing else.
        User = "user",
        /// Also sees and changes other accounts, models and settings.
        Admin = "admin",
    }
}

names! {
    /// Where an answer stands. A user's message is always `complete`.
    TurnStatus, "turn status" {
        /// Its `TurnTask` is alive, or its lease has not run out.
        Running = "running",
        /// The model ended by itself.
        Complete = "complete",
        /// The user stopped it.
        Stopped = "stopped",
        /// The server died, or the stream broke off after its first text.
        Interrupted = "interrupted",
        /// The provider refused or failed before any text.
        Failed = "failed",
    }
}

names! {
    /// What a model call was for.
    Scope, "scope" {
        /// The new conversation's title.
        Title = "title",
        /// How much context is needed.
        Intent = "intent",
        /// The compact form of a long message or answer.
        Summary = "summary",
        /// A round that ended in tool calls.
        Tool = "tool",
        /// The round that gave the answer.
        Final = "final",
        /// A call of a program's own, of no conversation.
        Direct = "direct",
        /// Vectors that a program asked for.
        Embedding = "embedding",
    }
}

names! {
    /// Which interface a direct call came through.
    CallKind, "kind of call" {
        /// Chat completions.
        Chat = "chat",
        /// Responses.
        Response = "response",
        /// Anthropic's messages.
        Message = "message",
        /// Embeddings.
        Embedding = "embedding",
    }
}

names! {
    /// Where the token counts of a usage row come from.
    UsageSource, "usage source" {
        /// The provider reported them.
        Provider = "provider",
        /// The provider reported none; counted by estimate.
        Estimated = "estimated",
        /// No tokens are known.
        None = "none",
    }
}
