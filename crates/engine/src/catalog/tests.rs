//! What pricing data says, and what it must not.

use super::*;

const SHIPPED: &str = include_str!("../../../../data/pricing_data.json");

#[test]
fn the_shipped_catalog_loads_in_order_with_the_built_in_last() {
    let catalog = Catalog::parse(SHIPPED, "pricing_data.json").unwrap();
    let names: Vec<&str> = catalog.models().iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names.first(), Some(&"gpt-4.1-nano"));
    assert_eq!(names.last(), Some(&BUILT_IN));
    let nano = catalog.get("gpt-4.1-nano").unwrap();
    assert_eq!(nano.rates.unwrap().cache_read.per_million(), "0.025");
}

#[test]
fn cached_input_absent_means_the_input_rate_and_zero_means_free() {
    let data = r#"{"a": {"input": 20.0, "output": 80}, "b": {"input": 1, "cached_input": 0, "output": 2}}"#;
    let catalog = Catalog::parse(data, "test").unwrap();
    assert_eq!(
        catalog.get("a").unwrap().rates.unwrap().cache_read.per_million(),
        "20"
    );
    assert_eq!(
        catalog.get("b").unwrap().rates.unwrap().cache_read.per_million(),
        "0"
    );
}

#[test]
fn a_users_file_need_not_repeat_what_is_known() {
    let own = r#"{"gpt-4o": {"input": 1, "output": 2}, "mine": {"input": 1, "output": 2}}"#;
    let shipped = Catalog::parse(SHIPPED, "pricing_data.json").unwrap();
    let catalog = Catalog::parse(own, "own").unwrap().completed_by(&shipped);
    let known = catalog.get("gpt-4o").unwrap();
    assert!(known.sees && known.context_window == 128_000);
    assert_eq!(known.rates.unwrap().input.per_million(), "1");
    assert!(!catalog.get("mine").unwrap().sees);
    assert_eq!(catalog.models().len(), 3);
}

#[test]
fn a_price_may_be_said_to_be_unknown() {
    let data =
        r#"{"a": {"input": null, "output": null, "context_window": 9000, "capabilities": ["reasoning"]}}"#;
    let catalog = Catalog::parse(data, "test").unwrap();
    let model = catalog.get("a").unwrap();
    assert_eq!(
        (model.rates, model.context_window, model.reasons),
        (None, 9_000, true)
    );
    assert_eq!(model.charge(&TokenCounts::default()), None);
    assert_eq!(catalog.prices().len(), 1, "the built-in one's alone");
    for half in [
        r#"{"a": {"input": null}}"#,
        r#"{"a": {"input": 1, "output": null}}"#,
        r#"{"a": {}}"#,
    ] {
        Catalog::parse(half, "test").unwrap_err();
    }
}

/// Each entry says when its figures were right, and what it takes.
#[test]
fn the_shipped_entries_are_whole() {
    let catalog = Catalog::parse(SHIPPED, "pricing_data.json").unwrap();
    let is_date = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        digits && matches!(text.len(), 7 | 10)
    };
    for model in catalog.models().iter().filter(|model| model.name != BUILT_IN) {
        let label = model.label.as_deref().unwrap_or_default();
        assert!(is_date(label), "{}: {label}", model.name);
        assert!(
            model.described.window && model.described.abilities,
            "{}",
            model.name
        );
        assert!(model.deprecated.as_deref().is_none_or(is_date), "{}", model.name);
        // Mistral names no limit of its own.
        let has_limit = model.max_output_tokens.is_some() || model.embeds;
        assert!(has_limit || model.name == "mistral-large-2512", "{}", model.name);
    }
}

#[test]
fn all_faults_are_named_at_once() {
    let data = r#"{"a": {"output": 80}, "b": {"input": -1, "output": 2}, "c": {"input": "x", "output": 2},
        "built-in": {"input": 1, "output": 1}}"#;
    let error = Catalog::parse(data, "my.json").unwrap_err();
    assert_eq!(error.problems.len(), 4, "{error}");
    assert!(
        error.to_string().starts_with("my.json: `a`: `input` is missing"),
        "{error}"
    );
}
