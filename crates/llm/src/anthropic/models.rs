//! `GET /models`: what is offered, page by page.
//!
//! <https://platform.claude.com/docs/en/api/models/list>

use crate::{
    decoding::{MAX_LISTED, bounded_id, listed},
    failure::Failure,
    provider::{LlmError, OfferedModel},
    vendor::{Fetch, Vendor},
};
use serde::Deserialize;
use url::Url;

/// The largest page the API gives.
const PAGE_SIZE: usize = 1_000;

/// More pages than the bound of models needs are a server's that repeats itself.
const MAX_PAGES: usize = MAX_LISTED / PAGE_SIZE;

const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    data: Vec<Entry>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    last_id: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    max_input_tokens: Option<i64>,
    #[serde(default)]
    max_tokens: Option<i64>,
}

pub(super) async fn models(vendor: &Vendor, url: &Url) -> Result<Vec<OfferedModel>, LlmError> {
    let deadline = vendor.deadline();
    let mut models = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("limit", &PAGE_SIZE.to_string())
            .extend_pairs(after.iter().map(|id| ("after_id", id)));
        let fetch = Fetch {
            url: &url,
            body: None,
            max_answer_bytes: MAX_PAGE_BYTES,
            deadline,
        };
        let page = vendor.fetch(&vendor.circuits.listing, fetch, decode).await?;
        let room = MAX_LISTED - models.len();
        models.extend(page.data.into_iter().take(room).map(OfferedModel::from));
        // A page that names no further one, or itself, is the last, whatever it says.
        if !page.has_more || page.last_id.is_none() || page.last_id == after {
            return Ok(models);
        }
        after = page.last_id;
    }
    tracing::warn!(pages = MAX_PAGES, "provider's list of models has no end");
    Ok(models)
}

fn decode(body: &[u8]) -> Result<Page, Failure> {
    listed(body)
}

impl From<Entry> for OfferedModel {
    fn from(entry: Entry) -> Self {
        let positive = |count: Option<i64>| count.filter(|count| *count > 0);
        Self {
            id: bounded_id(entry.id),
            context_window: positive(entry.max_input_tokens),
            max_output_tokens: positive(entry.max_tokens),
        }
    }
}
