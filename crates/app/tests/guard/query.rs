//! What stands behind the question mark: every parameter of every route, as the program itself describes them.

use crate::support::*;
use reqwest::Method;
use serde_json::Value;

/// Already as they stand in an address.
const ABSURD: &[&str] = &[
    "-1",
    "-9223372036854775809",
    "99999999999999999999999999",
    "NaN",
    "-Infinity",
    "1e999",
    "1.5",
    "0x10",
    "",
    "%20",
    "%00",
    "a%0Ab",
    "%27%20or%201%3D1--",
];

/// Bytes that are no UTF-8.
const NOT_UNICODE: &[&str] = &["%FF", "%C3%28", "1%FE"];

/// A parameter of a query.
#[derive(Debug)]
struct Parameter {
    method: Method,
    path: String,
    name: String,
    is_number: bool,
}

/// All of them.
async fn parameters(app: &chatai_testkit::app::TestApp) -> Vec<Parameter> {
    let document = get(app, "/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array();
            for parameter in parameters.into_iter().flatten().filter(|it| it["in"] == "query") {
                let schema = described(&document, &parameter["schema"]);
                found.push(Parameter {
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path.clone(),
                    name: text(&parameter["name"]).to_owned(),
                    is_number: schema.contains("\"integer\"") || schema.contains("\"number\""),
                });
            }
        }
    }
    found
}

/// A schema's text, a named one looked up.
fn described(document: &Value, schema: &Value) -> String {
    match schema["$ref"].as_str() {
        Some(name) => document
            .pointer(name.trim_start_matches('#'))
            .unwrap_or(schema)
            .to_string(),
        None => schema.to_string(),
    }
}

/// The path with its parameters replaced by the first of everything, which the caller owns.
fn own(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

on_both! {
    async fn absurd_values_are_refused(options) {
        let app = options.start().await;
        let user = app.register("a@example.com").await;
        let (status, _) = user.chat(&[("text", "hello")]).await;
        assert_eq!(status, 200);
        let parameters = parameters(&app).await;
        assert!(parameters.iter().any(|parameter| parameter.name == "new_title"), "{parameters:?}");
        for parameter in &parameters {
            let Parameter { method, path, name, is_number } = parameter;
            let long = "9".repeat(8_000);
            let values = ABSURD.iter().copied().chain([long.as_str()]);
            let values = values.map(|value| (value, *is_number));
            for (value, is_wrong) in values.chain(NOT_UNICODE.iter().map(|value| (*value, true))) {
                let address = format!("{}?{name}={value}", own(path));
                let answer = send(user.call(method.clone(), &address)).await;
                let shown = &address[..address.len().min(120)];
                assert!(answer.status < 500, "{method} {shown}: {answer:?}");
                if is_wrong {
                    // The vendors whose API is spoken there know no 422.
                    let refusal = if path.starts_with("/v1/") { 400 } else { 422 };
                    assert!([404, refusal].contains(&answer.status), "{method} {shown}: {answer:?}");
                    answer.expect_plain_data();
                }
            }
        }
        assert_eq!(user.get("/users/me").await.0, 200);
    }
}
