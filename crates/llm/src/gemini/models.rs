//! `GET /models`: what is offered, page by page.
//!
//! <https://ai.google.dev/api/models#method:-models.list>

use super::short_name;
use crate::{
    decoding::{MAX_LISTED, bounded_id, listed},
    failure::Failure,
    provider::{LlmError, OfferedModel},
    vendor::{Fetch, Vendor},
};
use serde::Deserialize;
use url::Url;

/// The largest page.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Pages of a thousand models: more than there are.
const MAX_PAGES: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    models: Vec<Entry>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    #[serde(default)]
    input_token_limit: Option<i64>,
    #[serde(default)]
    output_token_limit: Option<i64>,
}

pub(super) async fn models(vendor: &Vendor, url: &Url) -> Result<Vec<OfferedModel>, LlmError> {
    let deadline = vendor.deadline();
    let (mut models, mut page) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("pageSize", "1000");
        if let Some(token) = &page {
            url.query_pairs_mut().append_pair("pageToken", token);
        }
        let fetch = Fetch {
            url: &url,
            body: None,
            max_answer_bytes: MAX_ANSWER_BYTES,
            deadline,
        };
        let (more, next) = vendor.fetch(&vendor.circuits.listing, fetch, decode).await?;
        models.extend(more);
        page = next;
        if page.is_none() || models.len() >= MAX_LISTED {
            break;
        }
    }
    models.truncate(MAX_LISTED);
    Ok(models)
}

/// The models of a page, and the name of the next page if there is one.
fn decode(body: &[u8]) -> Result<(Vec<OfferedModel>, Option<String>), Failure> {
    let answer: Answer = listed(body)?;
    let positive = |count: Option<i64>| count.filter(|count| *count > 0);
    let models = answer.models.into_iter().map(|entry| OfferedModel {
        id: bounded_id(short_name(&entry.name)),
        context_window: positive(entry.input_token_limit),
        max_output_tokens: positive(entry.output_token_limit),
    });
    let next = answer.next_page_token.filter(|token| !token.is_empty());
    Ok((models.collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_limits_and_the_next_one() {
        let body = br#"{"models":[{"name":"models/gemini-2.5-pro","inputTokenLimit":1048576,"outputTokenLimit":65536},
            {"name":"models/odd","inputTokenLimit":-1}],"nextPageToken":"p2"}"#;
        let (models, next) = decode(body).unwrap();
        let shown: Vec<_> = models
            .iter()
            .map(|model| (&*model.id, model.context_window, model.max_output_tokens))
            .collect();
        let expected = [
            ("gemini-2.5-pro", Some(1_048_576), Some(65_536)),
            ("odd", None, None),
        ];
        assert_eq!(shown, expected);
        assert_eq!(next.as_deref(), Some("p2"));
        assert_eq!(decode(b"{}").unwrap(), (Vec::new(), None));
        assert!(decode(b"<html>").is_err());
    }
}
