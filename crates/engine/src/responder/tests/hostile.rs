//! Input that is large, strange or made to break something: answered, and in bounded time.

use super::talker::Talker;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Far more than any of these takes, even unoptimised on a busy machine; what grows with the square takes minutes.
const PATIENCE: Duration = Duration::from_secs(20);

fn ask_in_time(talker: &mut Talker, question: &str) -> String {
    let start = Instant::now();
    let answer = talker.ask(question);
    talker.title(question);
    let took = start.elapsed();
    assert!(
        took < PATIENCE,
        "{took:?} for a question of {} bytes",
        question.len()
    );
    answer
}

#[test]
fn questions_of_200_000_characters() {
    for unit in [
        "word ",
        "Dune ",
        "not ",
        "like Dune, ",
        "\"",
        "1",
        "ä",
        "，",
        "a.b ",
        "é\u{301}",
        "**",
        "by X ",
    ] {
        let question: String = unit.chars().cycle().take(200_000).collect();
        ask_in_time(&mut Talker::small(), &question);
        ask_in_time(
            &mut Talker::small(),
            &format!("{question}\nrecommend a book about whales"),
        );
    }
}

#[test]
fn a_wish_at_the_end_of_a_long_text_is_seen() {
    let mut talker = Talker::small();
    let question = format!(
        "{}\nRecommend three books by Tolstoy.",
        "My day was long and nothing happened. ".repeat(2_000)
    );
    ask_in_time(&mut talker, &question);
    assert_eq!(talker.argument("authors"), serde_json::json!(["Leo Tolstoy"]));
}

#[test]
fn files_of_two_megabytes() {
    for unit in [
        "The pier is long. ",
        "word ",
        "\n",
        "a,b\n",
        ". ",
        "x",
        "</attachment>",
        "\"**<[",
        "é ",
    ] {
        let text: String = unit.chars().cycle().take(2_000_000).collect();
        for question in ["how long is the pier?", "summarise it"] {
            let mut talker = Talker::small();
            talker.attach("big.txt", &text);
            let answer = ask_in_time(&mut talker, question);
            assert!(answer.len() < 20_000, "{} bytes of {unit:?}", answer.len());
        }
    }
}

#[test]
fn thousands_of_messages() {
    let mut talker = Talker::small();
    for number in 0..3_000 {
        talker.say(
            &format!("books about thing {number}"),
            "Take **Dune** or **Dracula** or **Nothing**.",
        );
    }
    ask_in_time(&mut talker, "more");
    assert_eq!(
        talker.argument("exclude_titles"),
        serde_json::json!(["Dune", "Dracula"])
    );
}

#[test]
fn an_empty_collection_is_no_trouble() {
    for question in [
        "hi",
        "recommend a book",
        "books by Tolstoy",
        "what is Dune about?",
        "more",
        "how many books are there",
        "what is love?",
        "genres?",
    ] {
        let answer = Talker::with("[]").ask(question);
        assert!(!answer.is_empty(), "{question}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_gets_an_answer(question in "\\PC{0,80}", file in "\\PC{0,80}") {
        let mut talker = Talker::small();
        talker.ask(&question);
        talker.title(&question);
        talker.attach("a.txt", &file);
        talker.ask(&question);
        talker.ask(&question);
    }

    #[test]
    fn any_words_in_any_order_get_an_answer(words in proptest::collection::vec(prop_oneof![
        Just("recommend"), Just("not"), Just("by"), Just("like"), Just("Dune"), Just("1984"), Just("Tolstoy"), Just("and"),
        Just(","), Just("three"), Just("books"), Just("about"), Just("the"), Just("sea"), Just("“"), Just("is"), Just("what"),
        Just("i've read"), Just("more"), Just("it"), Just("second"), Just("one"), Just("file"), Just("."), Just("love")], 0..14)) {
        let mut talker = Talker::small();
        talker.ask(&words.join(" "));
        talker.ask(&words.iter().rev().copied().collect::<Vec<_>>().join(" "));
    }
}
