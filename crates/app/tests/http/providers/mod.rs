//! Several providers side by side: who answers, who answers in whose place, and how that is seen.

mod commands;
mod discovery;
mod fallback;
mod helpers;
mod kinds;
mod prices;
mod routing;

use crate::support::options;
use chatai_testkit::{
    app::AppOptions,
    provider::{Reply, ScriptedProvider},
};

/// Prices of two models at each of two providers, and of a dear one.
pub(crate) const PRICES: &str = r#"{
    "first": {"input": 1, "output": 2, "provider": "one", "context_window": 100000},
    "second": {"input": 10, "output": 20, "provider": "two", "context_window": 100000},
    "third": {"input": 100, "output": 200, "provider": "two", "context_window": 100000}}"#;

/// Two providers, and the program's options with both.
pub(crate) struct Two {
    pub(crate) one: ScriptedProvider,
    pub(crate) two: ScriptedProvider,
}

impl Two {
    pub(crate) async fn start() -> Self {
        Self {
            one: ScriptedProvider::start().await,
            two: ScriptedProvider::start().await,
        }
    }

    /// Entries of `chatai.toml` for both, with more members for each and more of the file behind them.
    pub(crate) fn file(&self, one: &str, two: &str, rest: &str) -> String {
        format!(
            "[[providers]]\nname = \"one\"\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"sk-one\"\n{one}\n\
             [[providers]]\nname = \"two\"\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"sk-two\"\n{two}\n{rest}\n",
            self.one.base_url(),
            self.two.base_url(),
        )
    }

    /// Titles and the like are made by `first`, so that calls of the others are answers.
    pub(crate) fn options(&self, options: AppOptions, one: &str, two: &str, rest: &str) -> AppOptions {
        options.file("PRICING_FILE", "prices.json", PRICES).file(
            "CHATAI_TOML_OF_THE_TEST",
            "chatai.toml",
            self.file(one, two, rest),
        )
    }

    /// Both with the usual prices.
    pub(crate) fn usual(&self, rest: &str) -> AppOptions {
        self.options(options(), "", "", rest)
    }
}

/// A provider that is not well: no attempt after the first is worth its wait.
pub(crate) fn failing() -> Reply {
    Reply::unauthorized()
}
