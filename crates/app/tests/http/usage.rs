//! `GET /usage`

use crate::support::{chat, get_as, keys, list, on_both, usage, with_vendor};
use chatai_testkit::{app::User, provider::Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SUM: [&str; 9] = [
    "calls",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "price",
    "price_exact",
    "unpriced_calls",
];

async fn report(user: &User, query: &str) -> Value {
    let (status, body) = user.get(&format!("/usage?{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    body
}

/// Millionths of a millionth of a dollar.
fn pico(exact: &Value) -> i64 {
    let text = exact.as_str().unwrap();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<12}").parse().unwrap()
}

/// The sums of usage rows: calls, then token counts, then money.
fn recount(rows: &[Value]) -> [i64; 7] {
    let sum = |name: &str| rows.iter().map(|row| row[name].as_i64().unwrap()).sum();
    [
        rows.len() as i64,
        sum("input_tokens"),
        sum("output_tokens"),
        sum("cached_tokens"),
        sum("cache_write_tokens"),
        sum("reasoning_tokens"),
        rows.iter().map(|row| pico(&row["price_exact"])).sum(),
    ]
}

fn sums(body: &Value) -> [i64; 7] {
    let mut sums = [0; 7];
    for (sum, name) in sums.iter_mut().zip(&SUM[..6]) {
        *sum = body[name].as_i64().unwrap();
    }
    sums[6] = pico(&body["price_exact"]);
    let price = body["price"].as_f64().unwrap();
    assert!((price * 1e12 - sums[6] as f64).abs() < 1.0, "{body}");
    sums
}

on_both! {
    /// Every grouping is the recount of the rows, for the caller alone, and stays when chats are deleted.
    async fn every_grouping_is_the_recount(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let other = app.register("bob@example.com").await;
        chat(&other, &[("text", "not Ada's")]).await;
        let mut rows = Vec::new();
        let mut conversations = Vec::new();
        for (number, model) in ["gpt-4o", "gpt-4.1-nano", "gpt-4o", "o3"].into_iter().enumerate() {
            provider.push(Reply::text("fine").usage(1_000 + number as i64, 200, 30, 10));
            let sent = chat(&user, &[("text", "hello"), ("model", model)]).await;
            for mut row in usage(&user, &sent["response_message_id"]).await {
                row["conversation"] = sent["conversation_id"].clone();
                row["day"] = json!(row["created_at"].as_str().unwrap()[..10]);
                row["month"] = json!(row["created_at"].as_str().unwrap()[..7]);
                rows.push(row);
            }
            conversations.push(sent["conversation_id"].clone());
        }
        let groupings = ["", "day", "month", "model", "scope", "conversation", "model scope", "day model",
                         "month scope conversation", "day month model scope conversation"];
        let mut before = BTreeMap::new();
        for grouping in groupings {
            let members: Vec<&str> = grouping.split_whitespace().collect();
            let query: Vec<String> = members.iter().map(|name| format!("group_by={name}")).collect();
            let body = report(&user, &query.join("&")).await;
            assert_eq!(keys(&body), ["total", "groups"]);
            assert_eq!(keys(&body["total"]), SUM);
            assert_eq!(sums(&body["total"]), recount(&rows), "{grouping}");
            let mut expected = BTreeMap::<String, Vec<Value>>::new();
            for row in rows.iter().filter(|_| !members.is_empty()) {
                let key: BTreeMap<&str, &Value> = members.iter().map(|name| (*name, &row[*name])).collect();
                expected.entry(json!(key).to_string()).or_default().push(row.clone());
            }
            let expected: BTreeMap<String, [i64; 7]> =
                expected.into_iter().map(|(key, rows)| (key, recount(&rows))).collect();
            let found: BTreeMap<String, [i64; 7]> = list(&body["groups"])
                .iter()
                .map(|group| {
                    let key: BTreeMap<&String, &Value> = group["key"].as_object().unwrap().iter().collect();
                    (json!(key).to_string(), sums(group))
                })
                .collect();
            assert_eq!(found, expected, "{grouping}");
            before.insert(query.join("&"), body);
        }
        for conversation in conversations {
            assert_eq!(user.delete(&format!("/conversations/{conversation}")).await.0, 200);
        }
        for (query, body) in before {
            assert_eq!(report(&user, &query).await, body, "{query}");
        }
    }

    async fn periods_include_their_beginning_and_not_their_end(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let sent = chat(&user, &[("text", "hello")]).await;
        let rows = usage(&user, &sent["response_message_id"]).await;
        let at = rows[0]["created_at"].as_str().unwrap().to_owned();
        let (day, calls) = (&at[..10], rows.len());
        let year: i64 = at[..4].parse().unwrap();
        for (query, expected) in [
            (String::new(), calls),
            (format!("from={day}"), calls),
            (format!("from={day}T00:00:00Z"), calls),
            (format!("to={day}"), 0),
            (format!("from={}-01-01&to={}-01-01", year - 1, year + 2), calls),
            (format!("from={}-06-01T12:30:00%2B02:00&to={}-06-01T12:30:00Z", year - 1, year + 1), calls),
            (format!("to={}-01-01", year - 1), 0),
            (format!("from={}-01-01", year + 2), 0),
            (format!("from={}-01-01&to={}-01-01", year + 2, year - 2), 0),
        ] {
            for grouped in ["", "&group_by=day", "&group_by=conversation"] {
                let body = report(&user, &format!("{query}{grouped}")).await;
                assert_eq!(body["total"]["calls"], calls.min(expected), "{query}{grouped}");
                assert_eq!(list(&body["groups"]).is_empty(), expected == 0 || grouped.is_empty());
            }
        }
    }

    async fn of_nothing_there_is_nothing(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let nothing = json!({"total": {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cached_tokens": 0,
            "cache_write_tokens": 0, "reasoning_tokens": 0, "price": 0.0, "price_exact": "0", "unpriced_calls": 0}, "groups": []});
        assert_eq!(report(&user, "group_by=day").await, nothing);
        for wrong in ["group_by=user", "group_by=week", "group_by=", "from=x", "to=-1", "from=NaN", "from=", "to=9e99"] {
            let answer = get_as(&user, &format!("/usage?{wrong}")).await;
            assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")), "{wrong}");
        }
        let faults = get_as(&user, "/usage?group_by=week").await.json();
        assert_eq!(faults["detail"][0]["loc"], json!(["query", "group_by"]));
    }
}
