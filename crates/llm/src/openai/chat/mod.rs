//! `POST /chat/completions`: OpenAI's older API, spoken by every compatible server: Ollama, vLLM, llama.cpp,
//! LM Studio, Groq, Mistral, DeepSeek, OpenRouter, Azure.

mod decode;
mod handed_back;
#[cfg(test)]
mod recorded;
mod usage;
mod wire;

pub use handed_back::ChatReasoning;

use super::{embeddings, error, models};
use crate::{
    http::{KeyHeader, SetupError},
    model::{Item, Request},
    provider::{Embeddings, EventStream, LlmError, OfferedModel, Provider},
    settings::VendorSettings,
    vendor::{Api, Vendor, json},
};
use async_trait::async_trait;
use decode::Decoder;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;
use wire::{Body, Manner};

/// A server with OpenAI's older API. One instance holds one connection pool and its circuits: share it.
#[derive(Debug)]
pub struct OpenAiChat {
    vendor: Vendor,
    completions_url: Url,
    embeddings_url: Url,
    models_url: Url,
    is_openai: bool,
    /// Whether the server refused to be asked for the report of use.
    reports_no_usage: AtomicBool,
}

impl OpenAiChat {
    /// OpenAI's own address.
    pub const DEFAULT_BASE_URL: &'static str = "https://api.openai.com/v1";

    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates. A base URL
    /// without a path means `/v1`.
    pub fn new(settings: VendorSettings) -> Result<Self, SetupError> {
        let vendor = Vendor::new(
            settings,
            &Api {
                name: "openai-compatible",
                key_header: KeyHeader::Bearer,
                headers: &[],
                default_path: Some("/v1"),
                refused: error::from_refusal,
            },
        )?;
        Ok(Self {
            completions_url: vendor.endpoint(&["chat", "completions"]),
            embeddings_url: vendor.endpoint(&["embeddings"]),
            models_url: vendor.endpoint(&["models"]),
            is_openai: is_openai(&vendor.settings.base_url),
            reports_no_usage: AtomicBool::new(false),
            vendor,
        })
    }

    async fn call(&self, request: &Request, asks_for_usage: bool) -> Result<EventStream, LlmError> {
        let manner = Manner {
            is_openai: self.is_openai,
            asks_for_usage,
        };
        let body = json(&Body::new(request, manner))?;
        let calls = request
            .items
            .iter()
            .filter(|item| matches!(item, Item::ToolCall(_)));
        let decoder = Decoder::new(
            self.vendor.secrets().clone(),
            self.vendor.settings.max_answer_bytes,
            calls.count(),
        );
        self.vendor
            .stream(&self.completions_url, request.priority, body, decoder)
            .await
    }
}

#[async_trait]
impl Provider for OpenAiChat {
    fn name(&self) -> &str {
        &self.vendor.settings.name
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let asks_for_usage = !self.reports_no_usage.load(Ordering::Relaxed);
        let refused = match self.call(&request, asks_for_usage).await {
            Err(LlmError::Rejected(detail)) if asks_for_usage && names_the_option(&detail) => detail,
            outcome => return outcome,
        };
        tracing::info!(
            provider = self.name(),
            refused,
            "this server does not report what calls use"
        );
        self.reports_no_usage.store(true, Ordering::Relaxed);
        self.call(&request, false).await
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        embeddings::embed(&self.vendor, &self.embeddings_url, model, texts).await
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        models::models(&self.vendor, &self.models_url).await
    }
}

/// Whether a refusal is about our asking for the report of use.
fn names_the_option(detail: &str) -> bool {
    ["stream_options", "include_usage"]
        .iter()
        .any(|name| detail.contains(name))
}

fn is_openai(base_url: &Url) -> bool {
    base_url.host_str().is_some_and(|host| {
        host == "api.openai.com"
            || host.ends_with(".openai.azure.com")
            || host.ends_with(".services.ai.azure.com")
    })
}
