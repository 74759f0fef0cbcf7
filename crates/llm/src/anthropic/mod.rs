//! Anthropic's Messages API, and servers that speak it.
//!
//! <https://platform.claude.com/docs/en/api/messages>

mod decode;
mod error;
mod generation;
mod messages;
mod models;
#[cfg(test)]
mod recorded;
mod wire;

use crate::{
    http::{KeyHeader, SetupError},
    model::Request,
    provider::{Embeddings, EventStream, LlmError, OfferedModel, Provider},
    settings::VendorSettings,
    vendor::{Api, Vendor, json},
};
use async_trait::async_trait;
use decode::Decoder;
use url::Url;
use wire::Body;

/// Anthropic's own API: answers over `/v1/messages`. One instance holds one connection pool and its circuits:
/// share it.
#[derive(Debug)]
pub struct Anthropic {
    vendor: Vendor,
    messages_url: Url,
    models_url: Url,
}

impl Anthropic {
    /// Anthropic's own address.
    pub const DEFAULT_BASE_URL: &'static str = "https://api.anthropic.com/v1";

    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates. A base URL
    /// that names a host alone means its `/v1`.
    pub fn new(settings: VendorSettings) -> Result<Self, SetupError> {
        let vendor = Vendor::new(
            settings,
            &Api {
                name: "anthropic",
                key_header: KeyHeader::Named("x-api-key"),
                headers: &[("anthropic-version", "2023-06-01")],
                default_path: Some("/v1"),
                refused: error::from_refusal,
            },
        )?;
        Ok(Self {
            messages_url: vendor.endpoint(&["messages"]),
            models_url: vendor.endpoint(&["models"]),
            vendor,
        })
    }
}

#[async_trait]
impl Provider for Anthropic {
    fn name(&self) -> &str {
        &self.vendor.settings.name
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let body = Body::try_from(&request)?;
        let decoder = Decoder::new(
            self.vendor.secrets().clone(),
            self.vendor.settings.max_answer_bytes,
            body.answer_tool().map(str::to_owned),
        );
        let body = json(&body)?;
        self.vendor
            .stream(&self.messages_url, request.priority, body, decoder)
            .await
    }

    async fn embed(&self, _model: &str, _texts: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Rejected(
            "this provider's API has no embeddings".to_owned(),
        ))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        models::models(&self.vendor, &self.models_url).await
    }
}
