//! `POST /responses`: one model call.

mod decode;
#[cfg(test)]
mod recorded;
mod wire;

use crate::{
    model::Request,
    provider::{EventStream, LlmError},
    vendor::{Vendor, json},
};
use decode::Decoder;
use url::Url;
use wire::Body;

/// Whether a refusal is about our asking for thoughts to be told: some models have none to tell, and an organisation has to
/// be verified for them.
pub(super) fn is_about_summaries(detail: &str) -> bool {
    ["reasoning.summary", "reasoning summar"]
        .iter()
        .any(|words| detail.contains(words))
}

/// Starts a call; see [`crate::Provider::stream`].
pub(super) async fn stream(vendor: &Vendor, url: &Url, request: &Request) -> Result<EventStream, LlmError> {
    let body = json(&Body::try_from(request)?)?;
    let decoder = Decoder::new(vendor.secrets().clone(), vendor.settings.max_answer_bytes);
    vendor.stream(url, request.priority, body, decoder).await
}
