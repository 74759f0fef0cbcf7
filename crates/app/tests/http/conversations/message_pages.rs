//! `GET /conversations/{id}/messages` in pages: the latest first, and back in time from there.

use crate::support::{Answer, chat, choose, get_as, list, on_both, regenerate, with_vendor};
use chatai_testkit::app::User;
use serde_json::{Value, json};

/// The target of a `Link` header's relation.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let links = answer.header("link").split(", ");
    let mut found = links.filter_map(|link| link.strip_suffix(&format!("; rel=\"{rel}\"")));
    let target = found.next()?;
    Some(target.strip_prefix('<')?.strip_suffix('>')?.to_owned())
}

fn texts(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let texts = list(&body["messages"])
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned());
    texts.collect()
}

/// Reads a whole conversation page by page, backwards and forwards; both must be `expected`.
async fn expect_pages(user: &User, path: &str, limit: usize, expected: &[String]) {
    let first = get_as(user, &format!("{path}?limit={limit}")).await;
    assert_eq!(link(&first, "next"), None, "nothing is later than the first page");
    let mut pages = vec![texts(&first)];
    let mut page = first;
    while let Some(earlier) = link(&page, "prev") {
        page = get_as(user, &earlier).await;
        pages.push(texts(&page));
        assert!(pages.len() <= expected.len() + 1);
    }
    pages.reverse();
    assert_eq!(pages.concat(), expected, "backwards, {limit} at a time");
    assert!(pages[1..].iter().all(|page| page.len() == limit) && pages[0].len() <= limit);
    let mut forwards = vec![texts(&page)];
    while let Some(later) = link(&page, "next") {
        page = get_as(user, &later).await;
        forwards.push(texts(&page));
        assert!(forwards.len() <= expected.len() + 1);
    }
    assert_eq!(forwards.concat(), expected, "forwards, {limit} at a time");
}

on_both! {
    async fn lead_through_the_whole_conversation(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "m1")]).await;
        let at = first["conversation_id"].to_string();
        for number in 2..=5 {
            chat(&user, &[("text", &format!("m{number}")), ("conversation_id", &at)]).await;
        }
        let path = format!("/conversations/{at}/messages");
        let everything = get_as(&user, &path).await;
        assert_eq!(everything.header("link"), "", "the contract's answer is whole");
        let all = texts(&everything);
        assert_eq!(all.len(), 10);
        let latest = get_as(&user, &format!("{path}?limit=3")).await;
        assert_eq!(texts(&latest), ["Echo: m4", "m5", "Echo: m5"], "the latest, oldest first");
        let prefixed = get_as(&user, &format!("/api{path}?limit=3")).await;
        assert!(link(&prefixed, "prev").unwrap().starts_with(&format!("/api{path}?limit=3&before=")));
        for limit in [1, 2, 3, 5, 9, 10, 11, 200] {
            expect_pages(&user, &path, limit, &all).await;
        }
        // A page that was read does not move when more comes.
        let earlier = link(&latest, "prev").unwrap();
        let before = texts(&get_as(&user, &earlier).await);
        chat(&user, &[("text", "m6"), ("conversation_id", &at)]).await;
        assert_eq!(texts(&get_as(&user, &earlier).await), before);
        let next = earlier.replace("before=", "after=");
        assert_eq!(texts(&get_as(&user, &next).await), ["m5", "Echo: m5", "m6"]);
        // Past either end.
        let empty = user.post("/conversations/", &json!({})).await.1;
        let none = get_as(&user, &format!("/conversations/{empty}/messages?limit=5")).await;
        assert_eq!((texts(&none), none.header("link")), (vec![], ""));
    }

    async fn follow_the_active_branch(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "m1")]).await;
        let conversation = first["conversation_id"].clone();
        let at = conversation.to_string();
        let mut answers = vec![first["response_message_id"].clone()];
        for number in 2..=4 {
            let body = chat(&user, &[("text", &format!("m{number}")), ("conversation_id", &at)]).await;
            answers.push(body["response_message_id"].clone());
        }
        regenerate(&user, answers[1].as_i64().unwrap(), &json!({})).await;
        for number in 5..=6 {
            chat(&user, &[("text", &format!("m{number}")), ("conversation_id", &at)]).await;
        }
        let path = format!("/conversations/{at}/messages");
        let with_siblings = |answer: &Answer| -> Vec<Value> {
            list(&answer.json()["messages"]).iter().map(|message| message["siblings"].clone()).collect()
        };
        for head in [&answers[3], &answers[0]] {
            choose(&user, &conversation, head).await;
            let everything = get_as(&user, &path).await;
            let all = texts(&everything);
            assert_eq!(all.len(), 8);
            for limit in [1, 2, 3, 7, 8, 9] {
                expect_pages(&user, &path, limit, &all).await;
            }
            let latest = get_as(&user, &format!("{path}?limit=5")).await;
            assert_eq!(with_siblings(&latest), with_siblings(&everything)[3..]);
            assert_eq!(list(&with_siblings(&latest)[0]).len(), 2, "the regenerated answer");
        }
    }

    async fn cursors_are_their_conversations_own(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let one = chat(&user, &[("text", "one")]).await["conversation_id"].clone();
        let two = chat(&user, &[("text", "two")]).await["conversation_id"].clone();
        let page = get_as(&user, &format!("/conversations/{one}/messages?limit=1")).await;
        let earlier = link(&page, "prev").unwrap();
        assert_eq!(get_as(&eve, &earlier).await.status, 404);
        let cursor = earlier.rsplit('=').next().unwrap();
        for query in [
            format!("before={cursor}"), format!("after={cursor}"), "before=x".to_owned(), "after=".to_owned(),
            "limit=0".to_owned(), "limit=201".to_owned(), "limit=-1".to_owned(), "limit=x".to_owned(),
        ] {
            let answer = get_as(&user, &format!("/conversations/{two}/messages?{query}")).await;
            assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")), "{query}");
        }
        let both = get_as(&user, &format!("/conversations/{one}/messages?before={cursor}&after={cursor}")).await;
        assert_eq!(both.status, 422);
        let unlimited = get_as(&user, &format!("/conversations/{one}/messages?before={cursor}")).await;
        assert_eq!(texts(&unlimited), ["one"]);
    }
}
