//! Dialogues about books: what is said, and how later questions refer to it.

use super::talker::Talker;
use serde_json::json;

#[test]
fn a_list_has_title_author_year_sentence_and_reason() {
    let mut talker = Talker::small();
    let answer = talker.ask("two novels about the sea, please");
    assert_eq!(talker.argument("limit"), 2);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(
        lines[0],
        "Books of the collection for “novels about the sea”, the closest first:"
    );
    assert_eq!(
        lines[2],
        "1. **Moby-Dick** — Herman Melville (1851): A captain hunts a white whale over the oceans. *Fits: sea.*"
    );
    assert!(
        lines[3].starts_with("2. **The Odyssey** — Homer (700 BC): "),
        "{answer}"
    );
    assert_eq!(
        lines.last(),
        Some(&"Ask what one of them is about, or say “more” for others.")
    );
}

#[test]
fn each_question_about_a_title_gets_its_own_answer() {
    for (question, expected) in [
        ("who wrote 1984?", "**1984** (1949) is by George Orwell."),
        (
            "when was 1984 published?",
            "**1984** by George Orwell is dated 1949 in the collection.",
        ),
        (
            "what language was The Odyssey written in?",
            "**The Odyssey** by Homer was written in Ancient Greek.",
        ),
        (
            "do you have Dune?",
            "Yes, the collection has **Dune** — Frank Herbert (1965). Paul Atreides flees into the desert of Arrakis.",
        ),
        (
            "what is dune about?",
            "**Dune** — Frank Herbert (1965), written in English\n\nParagraph one: Paul Atreides",
        ),
        (
            "who wrote Untold?",
            "The collection does not say it of **Untold**.",
        ),
        (
            "what is Untold about?",
            "**Untold**\n\nThe collection has no summary of it.",
        ),
    ] {
        let answer = Talker::small().ask(question);
        let expected = expected.replace("Paragraph one: ", "");
        assert!(answer.starts_with(&expected), "{question}: {answer}");
    }
}

#[test]
fn what_the_collection_does_not_have_is_said() {
    let mut talker = Talker::small();
    assert_eq!(
        talker.ask("who wrote Emma?"),
        "The collection has no book called “Emma”, and I know no others."
    );
    let answer = talker.ask("what is the book Prejudice about?");
    assert!(
        answer.contains("Did you mean **Pride and Prejudice**?"),
        "{answer}"
    );
    let answer = talker.ask("books by Dan Brown");
    assert!(
        answer.starts_with("The collection has nothing by Dan Brown."),
        "{answer}"
    );
    let answer = talker.ask("recommend a book about submarines");
    assert!(
        answer.starts_with("The collection has nothing for “submarines”."),
        "{answer}"
    );
}

#[test]
fn more_repeats_the_wish_without_what_was_named() {
    let mut talker = Talker::small();
    talker.ask("one dystopian novel");
    let first = talker.named();
    talker.ask("more");
    assert_eq!(talker.argument("content"), "dystopian novel");
    assert_eq!(talker.argument("exclude_titles"), json!(first));
    assert!(talker.named().iter().all(|title| !first.contains(title)));
    talker.ask("another two, but nothing by Orwell");
    assert_eq!(talker.argument("limit"), 2);
    assert_eq!(talker.argument("exclude_authors"), json!(["George Orwell"]));
}

#[test]
fn more_ends_when_there_is_no_more() {
    let mut talker = Talker::small();
    talker.ask("books by Tolstoy");
    let answer = talker.ask("more please");
    assert!(
        answer.starts_with("The collection has nothing more by Leo Tolstoy."),
        "{answer}"
    );
}

#[test]
fn a_remark_refines_the_wish() {
    let mut talker = Talker::small();
    talker.ask("Recommend me a classic novel");
    talker.ask("but nothing about war");
    assert_eq!(talker.argument("content"), "classic novel");
    assert_eq!(talker.argument("exclude_content"), "war");
    talker.ask("only by Jane Austen");
    assert_eq!(talker.argument("authors"), json!(["Jane Austen"]));
    assert_eq!(talker.argument("exclude_content"), "war");
}

#[test]
fn words_refer_to_the_last_answer() {
    let mut talker = Talker::small();
    talker.ask("What is Dracula about?");
    assert_eq!(
        talker.ask("who wrote it?"),
        "**Dracula** (1897) is by Bram Stoker."
    );
    assert!(talker.ask("and when was it published?").contains("dated 1897"));
    talker.ask("something similar");
    assert_eq!(talker.argument("content"), "like Dracula");

    let mut talker = Talker::small();
    talker.ask("two novels about the sea");
    let named = talker.named();
    let answer = talker.ask("who wrote it?");
    assert!(
        answer.starts_with(&format!(
            "Which one do you mean: *{}* or *{}*?",
            named[0], named[1]
        )),
        "{answer}"
    );
    for question in [
        "tell me more about the second one",
        "what is the second one about?",
        "What was the second book about?",
    ] {
        let mut talker = Talker::small();
        talker.ask("two novels about the sea");
        talker.ask(question);
        assert_eq!(talker.argument("titles"), json!([named[1]]), "{question}");
    }
}

#[test]
fn questions_about_the_last_book_and_its_author() {
    let mut talker = Talker::small();
    talker.ask("What is 1984 about?");
    for question in [
        "who's the author?",
        "Is it a long book?",
        "what else did he write?",
        "Compare it with Dune",
    ] {
        talker.ask(question);
        let expected = match question {
            "what else did he write?" => json!({"authors": ["George Orwell"], "exclude_titles": ["1984"]}),
            "Compare it with Dune" => json!({"titles": ["Animal Farm", "Dune"]}),
            _ => json!({"titles": ["1984"]}),
        };
        assert_eq!(talker.last_calls[0].1, expected, "{question}");
    }
}

#[test]
fn what_is_only_left_out_belongs_to_the_wish_before() {
    let mut talker = Talker::small();
    talker.ask("dystopian novels");
    talker.ask("I've already read 1984");
    assert_eq!(talker.argument("content"), "dystopian novels");
    assert_eq!(talker.argument("exclude_titles"), json!(["1984"]));
}

#[test]
fn an_example_that_is_not_known_is_said() {
    let answer = Talker::small().ask("a horror novel like The Girl on the Train");
    assert!(
        answer.contains("I do not know “The Girl on the Train”, so I went by the rest of your words."),
        "{answer}"
    );
    let answer = Talker::small().ask("Books for people who like Murakami");
    assert!(
        answer.ends_with("Tell me what you like about it: a theme, a genre, a period."),
        "{answer}"
    );
}

#[test]
fn the_beginning_of_a_title_is_enough() {
    let title = "Harry Potter and the Philosopher's Stone";
    let books =
        json!([{"title": title, "themes": ["magic"]}, {"title": "The Snow Queen", "themes": ["magic"]}])
            .to_string();
    for question in ["what is harry potter about", "books similar to Harry Potter"] {
        let mut talker = Talker::with(&books);
        talker.ask(question);
        let asked = &talker.last_calls[0].1;
        assert!(
            asked["titles"] == json!([title]) || asked["exclude_titles"] == json!([title]),
            "{question}: {asked}"
        );
    }
}

#[test]
fn one_question_may_want_both() {
    let mut talker = Talker::small();
    let answer = talker.ask("Tell me about Dune and recommend something similar");
    let names: Vec<&str> = talker.last_calls.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["get_book_summaries", "get_book_recommendations"]);
    assert!(answer.starts_with("**Dune** — Frank Herbert"), "{answer}");
    assert!(answer.contains("of the collection like *Dune*"), "{answer}");
}

#[test]
fn answers_of_other_models_are_understood_too() {
    let mut talker = Talker::small();
    talker.say(
        "What should I read?",
        "You could try Moby-Dick by Herman Melville, or perhaps Pride and Prejudice.",
    );
    talker.ask("who wrote the first one?");
    assert_eq!(talker.argument("titles"), json!(["Moby-Dick"]));
}

#[test]
fn markup_in_a_collection_stays_text() {
    let books = r#"[{"title": "A **bold** <i>tale</i>", "author": "X_Y", "short_summary": "![a](http://evil/) Of ships.", "themes": ["ships"]}]"#;
    let mut talker = Talker::with(books);
    let answer = talker.ask("books about ships");
    assert!(
        answer.contains(r"**A \*\*bold\*\* \<i>tale\</i>** — X_Y: !\[a\](http://evil/) Of ships."),
        "{answer}"
    );
}

#[test]
fn the_kinds_of_books_come_from_books() {
    let mut talker = Talker::small();
    let answer = talker.ask("Which genres do you have?");
    assert_eq!(talker.argument("limit"), 20);
    assert!(
        answer.starts_with("Of 10 books, picked for variety:\n\n- Genres: "),
        "{answer}"
    );
    assert!(answer.contains("dystopian fiction"), "{answer}");
}

#[test]
fn many_questions_over_the_shipped_collection_keep_the_rules() {
    // The talker checks after each answer that what is set in bold came from a tool.
    for question in [
        "recommend me something",
        "five japanese novels",
        "Books by Tolstoy, Austen and Kafka",
        "I've read everything by Orwell, what is similar?",
        "what is One Hundred Years of Solitude about, and who wrote Beloved?",
        "novels about war, not set in Europe, without soldiers, except War and Peace",
        "tell me about Kafka",
        "a short sad book for a rainy weekend",
        "science fiction from eastern europe",
        "is there anything on economics?",
    ] {
        let mut talker = Talker::shipped();
        let answer = talker.ask(question);
        assert!(!talker.last_calls.is_empty(), "{question}: {answer}");
        talker.ask("more");
        talker.ask("what is the second one about?");
    }
}
