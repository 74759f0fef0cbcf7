//! Who answers under which name, to whom, on which day.

use super::Models;
use crate::{
    ModelSettings,
    catalog::Catalog,
    vendors::{
        Vendor,
        tests::{Mute, vendor},
    },
    views::Caller,
};
use chatai_llm::OfferedModel;
use chatai_types::{Clock, ErrorCode, ManualClock, Timestamp, UserId, UserRole};
use std::sync::Arc;

const DATA: &str = r#"{
    "gpt-4.1-nano": {"input": 1, "output": 1, "provider": "openai", "deprecated": "2026-10-23"},
    "gpt-4.1": {"input": 1, "output": 1, "provider": "openai", "deprecated": "soon"},
    "luna": {"input": 1, "output": 1, "provider": "openai"},
    "haiku": {"input": 1, "output": 1, "provider": "anthropic"},
    "vectors": {"input": 1, "output": 0, "provider": "openai", "capabilities": ["embedding"]}}"#;

struct World {
    models: Models,
    clock: Arc<ManualClock>,
}

/// OpenAI and Anthropic, on the day before OpenAI takes `gpt-4.1-nano` away.
fn world(is_vendors_own: bool, settings: ModelSettings) -> World {
    let start = Timestamp::parse_wire("2026-10-22 12:00:00").unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let own = |name: &'static str| Vendor {
        is_vendors_own,
        ..vendor(name, Some(name), &[])
    };
    let models = Models::new(
        Catalog::parse(DATA, "test").unwrap(),
        vec![own("openai"), own("anthropic")],
        Arc::new(Mute),
        settings,
        &(Arc::clone(&clock) as Arc<dyn Clock>),
    );
    World { models, clock }
}

fn lists(lists: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    lists
        .iter()
        .map(|(name, names)| ((*name).to_owned(), owned(names)))
        .collect()
}

fn usual() -> ModelSettings {
    ModelSettings {
        aliases: lists(&[
            ("fast", &["gpt-4.1-nano", "luna", "haiku"]),
            ("old", &["gpt-4.1-nano"]),
        ]),
        ..ModelSettings::default()
    }
}

fn caller(key_models: Option<&[&str]>) -> Caller {
    Caller {
        user_id: UserId(1),
        role: UserRole::User,
        session: "s".into(),
        expires_at: Timestamp::from_micros(i64::MAX),
        key: None,
        key_models: key_models.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        generation: 0,
    }
}

impl World {
    fn answering(&self) -> Vec<String> {
        self.models.answering().to_vec()
    }

    /// Who answers, with those in its place; or the refusal's code.
    fn asked(&self, key_models: Option<&[&str]>, name: Option<&str>) -> Result<Vec<String>, ErrorCode> {
        let served = self.models.resolve_for(&caller(key_models), name);
        let served = served.map_err(|error| error.code)?;
        let others = served.alternatives.iter().map(|other| other.model.name.clone());
        Ok(std::iter::once(served.model.name.clone()).chain(others).collect())
    }

    fn offered(&self, key_models: Option<&[&str]>) -> Vec<String> {
        let offers = self.models.offers(&caller(key_models)).into_iter();
        offers
            .map(|offer| format!("{} {}", offer.name, offer.provider))
            .collect()
    }
}

#[test]
fn what_its_vendor_took_away_is_passed_over_from_that_day_on() {
    let world = world(true, usual());
    assert_eq!(
        world.answering(),
        ["gpt-4.1-nano", "gpt-4.1", "luna", "haiku", "built-in"]
    );
    assert_eq!(world.asked(None, None).unwrap(), ["gpt-4.1-nano"]);
    assert_eq!(world.asked(None, Some("old")).unwrap(), ["gpt-4.1-nano"]);

    world.clock.advance_secs(12 * 3_600);
    assert_eq!(world.answering(), ["gpt-4.1", "luna", "haiku", "built-in"]);
    assert_eq!(world.asked(None, None).unwrap(), ["luna", "haiku"]);
    assert_eq!(world.asked(None, Some("fast")).unwrap(), ["luna", "haiku"]);
    assert_eq!(
        world.asked(None, Some("old")).unwrap_err(),
        ErrorCode::ModelUnavailable
    );
    let entries = world.models.entries();
    assert!(!entries[0].available && entries[1].available, "{entries:?}");
    // A client that names it may ask: its vendor has the last word.
    assert_eq!(world.asked(None, Some("gpt-4.1-nano")).unwrap(), ["gpt-4.1-nano"]);
}

#[test]
fn an_announcement_says_nothing_of_another_server_nor_against_the_vendors_own_list() {
    let gateway = world(false, usual());
    gateway.clock.advance_secs(40 * 86_400);
    assert_eq!(gateway.answering()[0], "gpt-4.1-nano");
    assert_eq!(gateway.asked(None, None).unwrap(), ["gpt-4.1-nano"]);

    let data = Catalog::parse(DATA, "test").unwrap();
    let own = Vendor {
        is_vendors_own: true,
        ..vendor("openai", Some("openai"), &[])
    };
    let listed = OfferedModel {
        id: "gpt-4.1-nano".to_owned(),
        ..OfferedModel::default()
    };
    for (said, is_there) in [(vec![listed], true), (Vec::new(), false)] {
        let catalog = super::assemble(&data, std::slice::from_ref(&own), &[said]);
        let names = super::answering(&catalog, std::slice::from_ref(&own), "2026-11-30");
        assert_eq!(names.contains(&"gpt-4.1-nano".to_owned()), is_there, "{names:?}");
    }
}

#[test]
fn titles_and_summaries_go_on_to_the_answering_model() {
    let world = world(true, usual());
    let helper = |configured| {
        let answering = world.models.resolve_for(&caller(None), Some("gpt-4.1")).unwrap();
        let helper = world.models.helper(&answering, configured);
        let others = helper.alternatives.iter().map(|other| other.model.name.clone());
        let names: Vec<String> = std::iter::once(helper.model.name.clone()).chain(others).collect();
        names
    };
    assert_eq!(helper(None), ["gpt-4.1-nano", "gpt-4.1"]);
    // What was configured is no more than that.
    assert_eq!(helper(Some("haiku")), ["haiku"]);
    world.clock.advance_secs(86_400);
    assert_eq!(helper(None), ["luna", "haiku", "gpt-4.1"]);
}

#[test]
fn a_keys_list_holds_aliases_and_names_behind_a_providers() {
    let world = world(false, usual());
    let fast = Some(&["fast"][..]);
    assert_eq!(
        world.asked(fast, Some("fast")).unwrap(),
        ["gpt-4.1-nano", "luna", "haiku"]
    );
    assert_eq!(world.asked(fast, None).unwrap(), ["gpt-4.1-nano"]);
    assert_eq!(world.asked(fast, Some("luna")).unwrap(), ["luna"]);
    assert_eq!(
        world.asked(fast, Some("gpt-4.1")).unwrap_err(),
        ErrorCode::ModelNotAllowed
    );
    let by_provider = Some(&["openai/gpt-4.1"][..]);
    for name in ["openai/gpt-4.1", "gpt-4.1"] {
        assert_eq!(
            world.asked(by_provider, Some(name)).unwrap(),
            ["gpt-4.1"],
            "{name}"
        );
    }
    assert_eq!(world.asked(by_provider, None).unwrap(), ["gpt-4.1"]);
    assert_eq!(world.offered(by_provider), ["gpt-4.1 openai"]);
}

#[test]
fn an_alias_is_the_first_of_its_list_that_the_key_is_for() {
    let settings = ModelSettings {
        default: Some("fast".to_owned()),
        fallbacks: lists(&[("luna", &["haiku", "gpt-4.1"])]),
        ..usual()
    };
    let world = world(false, settings);
    let haiku = Some(&["haiku"][..]);
    assert_eq!(world.asked(haiku, Some("fast")).unwrap(), ["haiku"]);
    assert_eq!(world.asked(haiku, None).unwrap(), ["haiku"]);
    assert_eq!(
        world.asked(haiku, Some("old")).unwrap_err(),
        ErrorCode::ModelNotAllowed
    );
    // A model's own fallbacks are no names for it.
    assert_eq!(
        world.asked(haiku, Some("luna")).unwrap_err(),
        ErrorCode::ModelNotAllowed
    );
    assert_eq!(
        world.asked(Some(&["luna", "haiku"]), Some("luna")).unwrap(),
        ["luna", "haiku"]
    );
    assert_eq!(world.offered(haiku), ["haiku anthropic", "fast anthropic"]);
}

#[test]
fn aliases_are_offered_after_the_models() {
    let world = world(true, usual());
    world.clock.advance_secs(86_400);
    assert_eq!(
        world.offered(None),
        [
            "gpt-4.1 openai",
            "luna openai",
            "haiku anthropic",
            "vectors openai",
            "built-in built-in",
            "fast openai"
        ]
    );
}

#[test]
fn a_configured_model_that_was_taken_away_is_told_of_at_the_start() {
    let settings = ModelSettings {
        default: Some("gpt-4.1-nano".to_owned()),
        title: Some("luna".to_owned()),
        ..usual()
    };
    let world = world(true, settings);
    assert!(world.models.misconfigured().is_empty());
    world.clock.advance_secs(86_400);
    let told = world.models.misconfigured();
    let [(key, error)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*key, "models.default");
    assert!(error.detail.contains("2026-10-23"), "{}", error.detail);
    assert_eq!(
        world.asked(None, None).unwrap(),
        ["gpt-4.1-nano"],
        "whoever configured it decides"
    );
}
