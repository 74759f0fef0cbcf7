//! `GET /search`

use crate::support::{app, chat, get, get_as, keys, list, missing, on_both, with_vendor};
use chatai_testkit::{app::User, provider::Reply};
use reqwest::Method;
use serde_json::{Value, json};

async fn search(user: &User, query: &str) -> Vec<Value> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let answer = get_as(user, &format!("/search?q={encoded}")).await;
    assert_eq!(answer.status, 200, "{query:?}: {answer:?}");
    list(&answer.json()).to_vec()
}

fn snippets(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["snippet"].as_str().unwrap()).collect()
}

on_both! {
    async fn questions_answers_and_titles_are_found(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({"title": "Sea <stories>"})).await;
        provider.push(Reply::text("Try the LIGHTHOUSE by the café."));
        let turn = chat(&user, &[("text", "Which novel has a keeper?"), ("conversation_id", &id.to_string())]).await;

        let hits = search(&user, "lighthouse cafe").await;
        assert_eq!(keys(&hits[0]), ["conversation_id", "title", "message_id", "role", "snippet", "created_at"]);
        assert_eq!((hits.len(), &hits[0]["message_id"]), (1, &turn["response_message_id"]));
        assert_eq!((&hits[0]["role"], &hits[0]["title"]), (&json!("assistant"), &json!("Sea <stories>")));
        assert_eq!(hits[0]["snippet"], "Try the <mark>LIGHTHOUSE</mark> by the <mark>café</mark>.");
        // The last word by its beginning, unless a blank follows.
        assert_eq!(search(&user, "novel KEEP").await[0]["message_id"], turn["request_message_id"]);
        assert_eq!(search(&user, "keep ").await.len(), 0);

        let hits = search(&user, "stories").await;
        assert_eq!((hits.len(), &hits[0]["message_id"], &hits[0]["role"]), (1, &Value::Null, &Value::Null));
        assert_eq!(hits[0]["snippet"], "Sea &lt;<mark>stories</mark>&gt;");
        // What it is called now, not what it was called.
        user.call(Method::PUT, &format!("/conversations/{id}/rename?new_title=Tales")).send().await.unwrap();
        assert_eq!(search(&user, "stories").await.len(), 0);
        assert_eq!(search(&user, "tales").await.len(), 1);
    }

    async fn other_scripts_are_found(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        for title in ["Straße nach Łódź", "Преступление и наказание", "我喜欢苹果和书", "서울의 봄", "ΟΔΥΣΣΕΙΑ", "naïve Ångström", "हिन्दी कहानी"] {
            user.post("/conversations/", &json!({"title": title})).await;
        }
        for query in ["strasse", "LODZ ", "преступление", "НАКАЗ", "苹果", "苹", "서울의", "οδυσσεια", "naive", "angstrom", "हिन्दी"] {
            assert_eq!(search(&user, query).await.len(), 1, "{query}");
        }
        assert_eq!(search(&user, "果苹").await.len(), 0, "a run is found as it stands");
    }

    async fn a_run_is_found_behind_newer_texts_that_have_its_characters(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        for title in ["苹果".to_owned()].into_iter().chain((0..120).map(|number| format!("果 {number} 苹"))) {
            user.post("/conversations/", &json!({"title": title})).await;
        }
        let hits = search(&user, "苹果").await;
        assert_eq!(snippets(&hits), ["<mark>苹果</mark>"]);
    }

    async fn every_text_is_a_search(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        user.post("/conversations/", &json!({"title": "plain words"})).await;
        for query in ["", " ", "\0", "\"", "'", "* OR *", "😀", "%", "()", "\\", "::", "\u{301}", "-", "^"] {
            assert_eq!(search(&user, query).await.len(), 0, "{query:?}");
        }
        for query in [
            "\"plain\" AND (words)", "plain*", "plain\0words", "'plain' & words:*", "title:plain".trim_start_matches("title:"),
            "plain'; drop table search_titles; --".split(';').next().unwrap(), "words\\", "plain|||words", "NEAR"
        ] {
            let expected = usize::from(!query.contains("AND") && query != "NEAR");
            assert_eq!(search(&user, query).await.len(), expected, "{query:?}");
        }
        for query in ["plain ".repeat(1_600), "é".repeat(2_000), "a b c d ".repeat(1_200)] {
            search(&user, &query).await;
        }
        let (status, _) = user.get("/conversations/").await;
        assert_eq!(status, 200);
    }

    async fn answers_are_found_as_text_and_questions_as_they_stand(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text(
            "## Three fit\n\n| Book | Author |\n|---|:-:|\n| **Moby-Dick** | [Herman Melville](https://example.org/m) |\n\nRun `find whale`."
        ));
        chat(&user, &[("text", "Which **whale** | and `why`?")]).await;
        let hits = search(&user, "whale").await;
        let mut found = snippets(&hits);
        found.retain(|snippet| snippet.contains("find"));
        assert_eq!(found, ["Three fit Book · Author Moby-Dick · Herman Melville Run find <mark>whale</mark>."]);
        let hits = search(&user, "melville moby").await;
        assert_eq!(
            snippets(&hits),
            ["Three fit Book · Author <mark>Moby</mark>-Dick · Herman <mark>Melville</mark> Run find whale."]
        );
        let hits = search(&user, "why ").await;
        let mine = hits.iter().find(|hit| hit["role"] == "user").unwrap();
        assert_eq!(mine["snippet"], "Which **whale** | and `<mark>why</mark>`?");
        // Where the words stand in what is not shown, it is.
        assert_eq!(search(&user, "example.org").await.len(), 1);
        assert!(snippets(&search(&user, "example.org").await)[0].contains("https://<mark>example</mark>.<mark>org</mark>/m"));
    }

    async fn another_users_words_are_nobodys(options) {
        let app = options.start().await;
        let (ada, eve) = (app.register("ada@example.com").await, app.register("eve@example.com").await);
        chat(&ada, &[("text", "the password is xylophone")]).await;
        assert!(!search(&ada, "xylophone").await.is_empty());
        for query in ["xylophone", "1xxylophone", "1x", "xylo"] {
            assert_eq!(search(&eve, query).await.len(), 0, "{query}");
        }
    }

    async fn what_is_deleted_is_found_no_more(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let turn = chat(&user, &[("text", "remember the quagmire")]).await;
        assert!(!search(&user, "quagmire").await.is_empty());
        user.delete(&format!("/conversations/{}", turn["conversation_id"])).await;
        assert_eq!(search(&user, "quagmire").await.len(), 0);
    }

    async fn the_best_come_first_and_no_more_than_asked_for(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        for title in ["the sea and much else besides that is of no interest", "sea", "seaside"] {
            user.post("/conversations/", &json!({"title": title})).await;
        }
        let hits = search(&user, "sea").await;
        let expected = ["<mark>sea</mark>", "the <mark>sea</mark> and much else besides that is of no interest", "<mark>seaside</mark>"];
        assert_eq!(snippets(&hits), expected);
        let (_, hits) = user.get("/search?q=sea&limit=1").await;
        assert_eq!(snippets(list(&hits)), expected[..1]);
    }
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    get_as(&user, "/search")
        .await
        .expect_faults(&json!([missing(json!(["query", "q"]))]));
    for limit in ["0", "201", "-1", "NaN", "1e9", "99999999999999999999", ""] {
        assert_eq!(
            get_as(&user, &format!("/search?q=a&limit={limit}")).await.status,
            422,
            "{limit}"
        );
    }
    assert_eq!(get_as(&user, "/search?q=%ff").await.status, 422);
    assert_eq!(get_as(&user, "/api/search/?q=a").await.status, 200);
    get(&app, "/search?q=a")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}
