//! A usage report as clients see it, and the query that asks for one.

use super::message::input_total;
use crate::{
    error::ApiError,
    input::{
        fault::{Fault, echo},
        fields::{Fields, Raw},
        urlencoded::Urlencoded,
        values::Given,
    },
};
use chatai_engine::{UsageGroup, UsageKey, UsageQuery, UsageReport, UsageSum};
use serde::Serialize;
use utoipa::ToSchema;

/// What model calls used and cost.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageReport)]
pub(crate) struct ReportBody<'a> {
    /// Over all groups.
    total: SumBody,
    /// Each group with at least one call, in order.
    groups: Vec<GroupBody<'a>>,
}

/// One group of a report.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageGroup)]
pub(crate) struct GroupBody<'a> {
    /// What the group's calls have in common: a member for each `group_by`.
    key: KeyBody<'a>,
    #[serde(flatten)]
    sum: SumBody,
}

/// What a group's calls have in common: a member for each `group_by`.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageKeyFields)]
pub(crate) struct KeyBody<'a> {
    /// The account's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<i64>,
    /// `YYYY-MM`, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<&'a str>,
    /// `YYYY-MM-DD`, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    /// What the calls were for.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    /// The conversation's id; it may have been deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<i64>,
}

/// Sums over model calls.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageSum)]
pub(crate) struct SumBody {
    /// Model calls.
    calls: i64,
    /// Input tokens, cached ones included.
    input_tokens: i64,
    /// Output tokens, reasoning included.
    output_tokens: i64,
    /// Input tokens read from the provider's cache, a part of `input_tokens`.
    cached_tokens: i64,
    /// Input tokens written to the provider's cache, a part of `input_tokens`.
    cache_write_tokens: i64,
    /// Output tokens spent on reasoning, a part of `output_tokens`.
    reasoning_tokens: i64,
    /// US dollars.
    price: f64,
    /// US dollars as an exact decimal.
    price_exact: String,
    /// Calls whose price nobody knows: they are not in `price`, which is then less than what all calls cost.
    unpriced_calls: i64,
}

impl From<&UsageSum> for SumBody {
    fn from(sum: &UsageSum) -> Self {
        Self {
            calls: sum.calls,
            input_tokens: input_total(&sum.tokens),
            output_tokens: sum.tokens.output,
            cached_tokens: sum.tokens.cache_read,
            cache_write_tokens: sum.tokens.cache_write,
            reasoning_tokens: sum.tokens.reasoning,
            price: sum.price.to_f64(),
            price_exact: sum.price.to_string(),
            unpriced_calls: sum.unpriced_calls,
        }
    }
}

impl<'a> From<&'a UsageKey> for KeyBody<'a> {
    fn from(key: &'a UsageKey) -> Self {
        Self {
            user: key.user.map(|user| user.0),
            month: key.month.as_deref(),
            day: key.day.map(|day| day.to_string()),
            model: key.model.as_deref(),
            scope: key.scope.as_deref(),
            conversation: key.conversation.map(|conversation| conversation.0),
        }
    }
}

impl<'a> From<&'a UsageReport> for ReportBody<'a> {
    fn from(report: &'a UsageReport) -> Self {
        let group = |(key, sum): &'a (UsageKey, UsageSum)| GroupBody {
            key: key.into(),
            sum: sum.into(),
        };
        Self {
            total: (&report.total).into(),
            groups: report.groups.iter().map(group).collect(),
        }
    }
}

/// Who asks for a report decides what it may be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// An account, for itself.
    Account,
    /// An administrator, for all.
    Administrator,
}

/// Reads a report's query.
pub(crate) fn report_query(query: Option<&str>, asking: Asking) -> Result<UsageQuery, ApiError> {
    let query = Urlencoded::query(query.unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&query, &mut faults);
    let from = fields.optional_moment("from");
    let to = fields.optional_moment("to");
    let mut group_by = Vec::new();
    for raw in query.all("group_by") {
        let group = match &raw {
            Raw::Text(name) => group(name, asking),
            _ => None,
        };
        match group {
            Some(group) => group_by.push(group),
            None => {
                let loc = vec!["query".into(), "group_by".into()];
                faults.push(Fault::literal(loc, echo(&raw), expected(asking)));
                break;
            }
        }
    }
    match (from, to) {
        (Some(from), Some(to)) if faults.is_empty() => Ok(UsageQuery {
            from: Given::value(from),
            to: Given::value(to),
            group_by,
        }),
        _ => Err(ApiError::validation(faults)),
    }
}

fn group(name: &str, asking: Asking) -> Option<UsageGroup> {
    match name {
        "user" if asking == Asking::Administrator => Some(UsageGroup::User),
        "month" => Some(UsageGroup::Month),
        "day" => Some(UsageGroup::Day),
        "model" => Some(UsageGroup::Model),
        "scope" => Some(UsageGroup::Scope),
        "conversation" => Some(UsageGroup::Conversation),
        _ => None,
    }
}

fn expected(asking: Asking) -> &'static str {
    match asking {
        Asking::Account => "'day', 'month', 'model', 'scope' or 'conversation'",
        Asking::Administrator => "'user', 'day', 'month', 'model', 'scope' or 'conversation'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_all_their_faults_named() {
        let read = report_query(
            Some("group_by=day&group_by=model&from=2025-01-01&to=2025-02-01T00:00:00Z&x=1"),
            Asking::Account,
        )
        .unwrap();
        assert_eq!(read.group_by, [UsageGroup::Day, UsageGroup::Model]);
        assert!(read.from < read.to);
        assert!(report_query(None, Asking::Account).unwrap().group_by.is_empty());
        for query in [
            "group_by=user",
            "group_by=",
            "group_by=day&group_by=%ff",
            "from=x",
            "to=NaN",
        ] {
            assert!(report_query(Some(query), Asking::Account).is_err(), "{query}");
        }
        assert!(report_query(Some("group_by=user"), Asking::Administrator).is_ok());
    }
}
