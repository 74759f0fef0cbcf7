//! OpenAI's APIs: `/responses`, which it alone has, and `/chat/completions`, which every compatible server
//! speaks. Vectors, lists of models and errors are the same for both.

mod chat;
mod embeddings;
mod error;
mod models;
mod responses;

pub use chat::{ChatReasoning, OpenAiChat};

use crate::{
    http::{KeyHeader, SetupError},
    model::Request,
    provider::{Embeddings, EventStream, LlmError, OfferedModel, Provider},
    settings::VendorSettings,
    vendor::{Api, Vendor},
};
use async_trait::async_trait;
use url::Url;

/// OpenAI's own API: answers over `/responses`. One instance holds one connection pool and its circuits: share
/// it.
#[derive(Debug)]
pub struct OpenAiResponses {
    vendor: Vendor,
    responses_url: Url,
    embeddings_url: Url,
    models_url: Url,
}

impl OpenAiResponses {
    /// OpenAI's own address.
    pub const DEFAULT_BASE_URL: &'static str = "https://api.openai.com/v1";

    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates.
    pub fn new(settings: VendorSettings) -> Result<Self, SetupError> {
        let vendor = Vendor::new(
            settings,
            &Api {
                name: "openai",
                key_header: KeyHeader::Bearer,
                headers: &[],
                default_path: None,
                refused: error::from_refusal,
            },
        )?;
        Ok(Self {
            responses_url: vendor.endpoint(&["responses"]),
            embeddings_url: vendor.endpoint(&["embeddings"]),
            models_url: vendor.endpoint(&["models"]),
            vendor,
        })
    }
}

#[async_trait]
impl Provider for OpenAiResponses {
    fn name(&self) -> &str {
        &self.vendor.settings.name
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        responses::stream(&self.vendor, &self.responses_url, &request).await
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        embeddings::embed(&self.vendor, &self.embeddings_url, model, texts).await
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        models::models(&self.vendor, &self.models_url).await
    }
}

/// Whether OpenAI's model of this name reasons before it answers.
fn thinks(model: &str) -> bool {
    // Routers put the vendor's name before it, and fine-tuned models say so first.
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let of_the_o_series = name
        .strip_prefix('o')
        .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    of_the_o_series || name.starts_with("gpt-5") && !name.contains("chat") || name.starts_with("codex")
}

/// The refusal of something that an API does not have.
fn unsupported(what: &str) -> LlmError {
    LlmError::Rejected(format!("this provider's API takes no {what}"))
}
