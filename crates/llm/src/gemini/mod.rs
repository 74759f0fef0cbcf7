//! Google's Gemini API: `streamGenerateContent`, vectors and the list of models.
//!
//! <https://ai.google.dev/api/generate-content>

mod decode;
mod embeddings;
mod error;
mod models;
#[cfg(test)]
mod recorded;
mod usage;
mod wire;

use crate::{
    http::{KeyHeader, SetupError},
    model::{Item, Request},
    provider::{Embeddings, EventStream, LlmError, OfferedModel, Provider},
    settings::VendorSettings,
    vendor::{Api, Vendor, json},
};
use async_trait::async_trait;
use decode::Decoder;
use url::Url;
use wire::Body;

/// How ids of calls begin that this adapter made up because the model gave none. They are never sent.
const MADE_UP_ID: &str = "gemini_call_";

/// Gemini. One instance holds one connection pool and its circuits: share it.
#[derive(Debug)]
pub struct Gemini {
    vendor: Vendor,
    models_url: Url,
}

impl Gemini {
    /// Google's own address.
    pub const DEFAULT_BASE_URL: &'static str = "https://generativelanguage.googleapis.com/v1beta";

    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates. A base URL
    /// without a path means `/v1beta`.
    pub fn new(settings: VendorSettings) -> Result<Self, SetupError> {
        let vendor = Vendor::new(
            settings,
            &Api {
                name: "gemini",
                // In a header and not in the URL, which ends up in logs.
                key_header: KeyHeader::Named("x-goog-api-key"),
                headers: &[],
                default_path: Some("/v1beta"),
                refused: error::from_refusal,
            },
        )?;
        Ok(Self {
            models_url: vendor.endpoint(&["models"]),
            vendor,
        })
    }

    /// The URL of something a model does.
    fn method(&self, model: &str, method: &str) -> Url {
        self.vendor
            .endpoint(&["models", &format!("{}:{method}", short_name(model))])
    }
}

#[async_trait]
impl Provider for Gemini {
    fn name(&self) -> &str {
        &self.vendor.settings.name
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let body = json(&Body::new(&request)?)?;
        let mut url = self.method(&request.model, "streamGenerateContent");
        url.query_pairs_mut().append_pair("alt", "sse");
        let calls = request
            .items
            .iter()
            .filter(|item| matches!(item, Item::ToolCall(_)));
        let decoder = Decoder::new(
            self.vendor.secrets().clone(),
            self.vendor.settings.max_answer_bytes,
            calls.count(),
        );
        self.vendor.stream(&url, request.priority, body, decoder).await
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        let url = self.method(model, "batchEmbedContents");
        embeddings::embed(&self.vendor, &url, short_name(model), texts).await
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        models::models(&self.vendor, &self.models_url).await
    }
}

/// A model's name without the collection that the API lists it in.
fn short_name(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}
