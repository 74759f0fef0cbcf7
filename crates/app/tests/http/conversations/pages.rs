//! `GET /conversations/?limit=…`: pages, and the links between them.

use crate::support::{Answer, app, get_as, list, on_both};
use chatai_testkit::app::User;
use chatai_types::SeededRandom;
use serde_json::json;
use std::collections::BTreeSet;

/// The target of a relation in a `Link` header.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    answer.header("link").split(", ").find_map(|link| {
        let (target, relation) = link.split_once("; ")?;
        (relation == format!("rel=\"{rel}\"")).then(|| target.trim_matches(['<', '>']).to_owned())
    })
}

fn ids(answer: &Answer) -> Vec<i64> {
    list(&answer.json())
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect()
}

async fn make(user: &User, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(user.post("/conversations/", &json!({})).await.1.as_i64().unwrap());
    }
    ids
}

on_both! {
    async fn pages_lead_on_and_back(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let mut all = make(&user, 7).await;
        all.reverse();
        let mut path = "/api/conversations/?limit=3&x=%20y".to_owned();
        let mut pages = Vec::new();
        loop {
            let answer = get_as(&user, &path).await;
            pages.push(ids(&answer));
            assert!(path.starts_with("/api/conversations/?limit=3&x=%20y"), "{path}");
            match link(&answer, "next") {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(pages, [&all[..3], &all[3..6], &all[6..]]);
        let last = get_as(&user, &path).await;
        let back = get_as(&user, &link(&last, "prev").unwrap()).await;
        assert_eq!(ids(&back), all[3..6]);
        let first = get_as(&user, &link(&back, "prev").unwrap()).await;
        assert_eq!((ids(&first), link(&first, "prev")), (all[..3].to_vec(), None));
        assert_eq!(ids(&get_as(&user, &link(&first, "next").unwrap()).await), all[3..6]);
        // Whole where it fits, and as ever without a limit.
        for path in ["/conversations/?limit=7", "/conversations/"] {
            let answer = get_as(&user, path).await;
            assert_eq!((ids(&answer), answer.header("link")), (all.clone(), ""));
        }
    }

    /// Another's cursor is none: nothing of the other list is told.
    async fn a_cursor_belongs_to_its_list(options) {
        let app = options.start().await;
        let (ada, eve) = (app.register("ada@example.com").await, app.register("eve@example.com").await);
        make(&ada, 2).await;
        make(&eve, 2).await;
        let page = get_as(&ada, "/conversations/?limit=1").await;
        let next = link(&page, "next").unwrap();
        assert_eq!(get_as(&ada, &next).await.status, 200);
        assert_eq!(get_as(&eve, &next).await.status, 422);
    }

    /// Whatever comes and goes between the pages, a row that is there throughout is seen once.
    async fn rows_that_stay_are_neither_skipped_nor_repeated(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let seed = u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        println!("seed {seed}");
        let random = SeededRandom::new(seed);
        for round in 0..6 {
            let present = get_as(&user, "/conversations/").await;
            let mut living: Vec<i64> = ids(&present);
            living.extend(make(&user, 12).await);
            let mut stayed: BTreeSet<i64> = living.iter().copied().collect();
            let limit = 1 + random.below(4);
            let (first, rel) = match round % 2 {
                0 => (format!("/conversations/?limit={limit}"), "next"),
                _ => {
                    // Back from the oldest: the page ahead of it, and so on.
                    let oldest = get_as(&user, &format!("/conversations/?limit={}", living.len() - 1)).await;
                    let last = get_as(&user, &link(&oldest, "next").unwrap()).await;
                    stayed.remove(&ids(&last)[0]);
                    (link(&last, "prev").unwrap().replace(&format!("limit={}", living.len() - 1), &format!("limit={limit}")), "prev")
                }
            };
            let mut seen = Vec::new();
            let mut next = Some(first);
            while let Some(path) = next {
                let answer = get_as(&user, &path).await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                seen.extend(ids(&answer));
                next = link(&answer, rel);
                for _ in 0..random.below(3) {
                    if random.below(2) == 0 {
                        let new = make(&user, 1).await;
                        living.extend(new);
                    } else if !living.is_empty() {
                        let gone = living.swap_remove(random.below(living.len() as u64) as usize);
                        user.delete(&format!("/conversations/{gone}")).await;
                        stayed.remove(&gone);
                    }
                }
                assert!(seen.len() < 500, "it goes on for ever");
            }
            let unique: BTreeSet<i64> = seen.iter().copied().collect();
            assert_eq!(unique.len(), seen.len(), "repeated: {seen:?}");
            assert!(stayed.is_subset(&unique), "skipped: {:?}", stayed.difference(&unique));
        }
    }
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    make(&user, 2).await;
    let answer = get_as(&user, "/conversations/?limit=0").await;
    answer.expect_faults(
        &json!([{"type": "greater_than_equal", "loc": ["query", "limit"], "input": 0,
        "msg": "Input should be greater than or equal to 1", "ctx": {"ge": 1}}]),
    );
    let answer = get_as(&user, "/conversations/?limit=201").await;
    answer.expect_faults(
        &json!([{"type": "less_than_equal", "loc": ["query", "limit"], "input": 201,
        "msg": "Input should be less than or equal to 200", "ctx": {"le": 200}}]),
    );
    for query in [
        "limit=",
        "limit=x",
        "limit=NaN",
        "limit=-1",
        "limit=1e3",
        "after=",
        "after=x",
        "before=%00",
        "after=%ff",
        "after=AWMAAAAAAAAAAQAAAAAAAAABAAAAAAAAAAEAAAAA",
    ] {
        let answer = get_as(&user, &format!("/conversations/?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {answer:?}");
    }
}
