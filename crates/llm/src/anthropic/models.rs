//! `GET /models`: what is offered, page by page.
//!
//! <https://docs.anthropic.com/en/api/models-list>

use crate::{
    decoding::{MAX_LISTED, bounded_id, listed},
    failure::Failure,
    provider::{LlmError, OfferedModel},
    vendor::{Fetch, Vendor},
};
use serde::Deserialize;
use url::Url;

/// Pages of a thousand models: more than any list has.
const MAX_PAGES: usize = 10;

const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

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
        url.query_pairs_mut().append_pair("limit", "1000");
        if let Some(after) = &after {
            url.query_pairs_mut().append_pair("after_id", after);
        }
        let fetch = Fetch {
            url: &url,
            body: None,
            max_answer_bytes: MAX_ANSWER_BYTES,
            deadline,
        };
        let page = vendor.fetch(&vendor.circuits.listing, fetch, read).await?;
        models.extend(page.data.into_iter().map(OfferedModel::from));
        match page
            .last_id
            .filter(|_| page.has_more && models.len() < MAX_LISTED)
        {
            // A server that repeats itself has no more to say.
            Some(last) if after.as_ref() != Some(&last) => after = Some(last),
            _ => break,
        }
    }
    models.truncate(MAX_LISTED);
    Ok(models)
}

fn read(body: &[u8]) -> Result<Page, Failure> {
    listed(body)
}

impl From<Entry> for OfferedModel {
    fn from(entry: Entry) -> Self {
        let positive = |count: Option<i64>| count.filter(|count| *count > 0);
        Self {
            id: bounded_id(&entry.id),
            context_window: positive(entry.max_input_tokens),
            max_output_tokens: positive(entry.max_tokens),
        }
    }
}
