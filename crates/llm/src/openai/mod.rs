//! OpenAI's APIs: `/responses`, which it alone has, and `/chat/completions`, which every compatible server
//! speaks. Vectors, lists of models and errors are the same for both.

mod chat;
mod embeddings;
mod error;
mod generation;
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
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use url::Url;

/// The most models that are remembered for their thoughts not being told.
const MOST_UNTOLD: usize = 1_000;

/// OpenAI's own API: answers over `/responses`. One instance holds one connection pool and its circuits: share
/// it.
#[derive(Debug)]
pub struct OpenAiResponses {
    vendor: Vendor,
    responses_url: Url,
    embeddings_url: Url,
    models_url: Url,
    /// The models whose thoughts this account is not told.
    untold: Mutex<HashSet<String>>,
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
            untold: Mutex::default(),
            vendor,
        })
    }

    fn untold(&self) -> MutexGuard<'_, HashSet<String>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember_untold(&self, model: &str) {
        let mut untold = self.untold();
        if untold.len() < MOST_UNTOLD {
            untold.insert(model.to_owned());
        }
    }
}

#[async_trait]
impl Provider for OpenAiResponses {
    fn name(&self) -> &str {
        &self.vendor.settings.name
    }

    async fn stream(&self, mut request: Request) -> Result<EventStream, LlmError> {
        request.shows_reasoning &= !self.untold().contains(&request.model);
        let refused = match responses::stream(&self.vendor, &self.responses_url, &request).await {
            Err(LlmError::Rejected(detail))
                if request.shows_reasoning && responses::is_about_summaries(&detail) =>
            {
                detail
            }
            outcome => return outcome,
        };
        tracing::info!(
            provider = self.name(),
            model = request.model,
            refused,
            "this model's thoughts are not told"
        );
        self.remember_untold(&request.model);
        request.shows_reasoning = false;
        responses::stream(&self.vendor, &self.responses_url, &request).await
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        embeddings::embed(&self.vendor, &self.embeddings_url, model, texts).await
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        models::models(&self.vendor, &self.models_url).await
    }
}

/// The refusal of something that an API does not have.
fn unsupported(what: &str) -> LlmError {
    LlmError::Rejected(format!("this provider's API takes no {what}"))
}
