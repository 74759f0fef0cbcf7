//! What questions are taken for: which tool with which arguments, or none.

use super::talker::Talker;
use serde_json::{Value, json};

/// The calls that a question leads to, `[]` for none.
fn calls(question: &str) -> Value {
    let mut talker = Talker::small();
    talker.ask(question);
    talker
        .last_calls
        .into_iter()
        .map(|(name, arguments)| json!([name, arguments]))
        .collect()
}

fn summaries(titles: &[&str]) -> Value {
    json!([["get_book_summaries", {"titles": titles}]])
}

fn recommendations(arguments: Value) -> Value {
    json!([["get_book_recommendations", arguments]])
}

#[test]
fn questions_about_titles() {
    for (question, titles) in [
        ("What is The Hobbit about?", &["The Hobbit"][..]),
        ("what's dune about", &["Dune"]),
        ("Tell me about Dune.", &["Dune"]),
        ("Dune", &["Dune"]),
        ("and Dracula?", &["Dracula"]),
        ("Summarise “Pride & Prejudice” please", &["Pride and Prejudice"]),
        ("Who wrote the hobit?", &["The Hobbit"]),
        ("who is the author of nineteen eighty-four", &["1984"]),
        ("¿Quién escribió 1984?", &["1984"]),
        ("When was War and Peace published?", &["War and Peace"]),
        ("Which is older, Dune or Dracula?", &["Dune", "Dracula"]),
        ("Compare Dune and War and Peace", &["Dune", "War and Peace"]),
        ("Would you recommend Dune?", &["Dune"]),
        ("Should I read Dracula?", &["Dracula"]),
        ("Have you read Dracula?", &["Dracula"]),
        ("Is Dracula in your collection?", &["Dracula"]),
        // Not in the collection: the tool says so.
        ("Who wrote The Da Vinci Code?", &["The Da Vinci Code"]),
        ("What is the novel Middlemarch about?", &["Middlemarch"]),
        ("should i read emma", &["emma"]),
        (
            "Summary of Dune and Foucault's Pendulum",
            &["Dune", "Foucault's Pendulum"],
        ),
        ("tell me about Twilight", &["Twilight"]),
        ("something like Twilight", &["Twilight"]),
    ] {
        assert_eq!(calls(question), summaries(titles), "{question}");
    }
}

#[test]
fn wishes_for_books() {
    for (question, arguments) in [
        (
            "Can you recommend three books about the sea?",
            json!({"content": "sea", "limit": 3}),
        ),
        ("What should I read next?", json!({})),
        ("dystopian novels", json!({"content": "dystopian novels"})),
        (
            "Something like Dune",
            json!({"content": "like Dune", "exclude_titles": ["Dune"]}),
        ),
        (
            "I loved Dracula and The Hobbit.",
            json!({"content": "like Dracula, like The Hobbit", "exclude_titles": ["Dracula", "The Hobbit"]}),
        ),
        ("books by Tolstoy", json!({"authors": ["Leo Tolstoy"]})),
        (
            "anything by orwell or austen?",
            json!({"authors": ["George Orwell", "Jane Austen"]}),
        ),
        (
            "Tolstoy's novels about war",
            json!({"content": "novels about war", "authors": ["Leo Tolstoy"]}),
        ),
        ("any novels by tolstoi", json!({"authors": ["Leo Tolstoy"]})),
        ("books by Dan Brown", json!({"authors": ["Dan Brown"]})),
        ("poetry by women", json!({"content": "poetry by women"})),
        (
            "novels by a Russian author",
            json!({"content": "novels by a Russian author"}),
        ),
        ("books about love", json!({"content": "love"})),
        (
            "I'd love a book about good and evil",
            json!({"content": "good and evil"}),
        ),
        (
            "I'm looking for a sad love story set in Japan",
            json!({"content": "sad love story set in Japan"}),
        ),
        ("top 10 fantasy books", json!({"content": "fantasy", "limit": 10})),
        (
            "a couple of horror novels",
            json!({"content": "horror novels", "limit": 2}),
        ),
        (
            "just one book about whales",
            json!({"content": "whales", "limit": 1}),
        ),
        ("give me 25 books", json!({"limit": 20})),
        (
            "a novel about two brothers",
            json!({"content": "novel about two brothers"}),
        ),
        (
            "Recommande-moi un livre de Tolstoy",
            json!({"authors": ["Leo Tolstoy"]}),
        ),
        ("list all books", json!({"limit": 20})),
        (
            "what about something for my 8 year old son?",
            json!({"content": "children"}),
        ),
        ("I want to learn about whales", json!({"content": "whales"})),
        (
            "Which books did Tolstoy write?",
            json!({"authors": ["Leo Tolstoy"]}),
        ),
        (
            "books like War and",
            json!({"content": "like War and Peace", "exclude_titles": ["War and Peace"]}),
        ),
        (
            "a horror novel like The Girl on the Train",
            json!({"content": "horror novel"}),
        ),
    ] {
        assert_eq!(calls(question), recommendations(arguments), "{question}");
    }
}

#[test]
fn what_is_left_out() {
    for (question, arguments) in [
        (
            "Recommend a sea novel, but not Moby-Dick",
            json!({"content": "sea novel", "exclude_titles": ["Moby-Dick"]}),
        ),
        (
            "something dystopian but not Orwell",
            json!({"content": "dystopian", "exclude_authors": ["George Orwell"]}),
        ),
        (
            "dystopias except 1984",
            json!({"content": "dystopias", "exclude_titles": ["1984"]}),
        ),
        (
            "Suggest novels except Dune, Dracula and War and Peace",
            json!({"exclude_titles": ["Dune", "Dracula", "War and Peace"]}),
        ),
        (
            "a novel without war or violence",
            json!({"exclude_content": "war or violence"}),
        ),
        (
            "books about love, no vampires, please",
            json!({"content": "love", "exclude_content": "vampires"}),
        ),
        (
            "adventure books not about the sea",
            json!({"content": "adventure", "exclude_content": "sea"}),
        ),
        (
            "Recommend something. Nothing by Tolstoy!",
            json!({"exclude_authors": ["Leo Tolstoy"]}),
        ),
        (
            "I've read Dune and want another science fiction novel",
            json!({"content": "science fiction novel", "exclude_titles": ["Dune"]}),
        ),
        (
            "I have already read 1984 and loved it. What should I read?",
            json!({"content": "like 1984", "exclude_titles": ["1984"]}),
        ),
        (
            "I didn't like Dracula. Recommend another horror novel",
            json!({"content": "horror novel", "exclude_titles": ["Dracula"]}),
        ),
        (
            "recommend stories of people who lie to avoid punishment",
            json!({"content": "stories of people who lie to avoid punishment"}),
        ),
    ] {
        assert_eq!(calls(question), recommendations(arguments), "{question}");
    }
}

#[test]
fn what_it_cannot_do_it_says_without_looking_anything_up() {
    for question in [
        "Write a poem about the sea",
        "What's the weather today?",
        "2+2",
        "asdfgh qwerty",
        "How do I bake bread?",
        "recommend a restaurant in Paris",
        "tell me a joke",
        "Translate “good morning” into French",
        "What is the capital of France?",
        "the printer on the third floor is broken",
    ] {
        let mut talker = Talker::small();
        let answer = talker.ask(question);
        assert!(
            talker.last_calls.is_empty(),
            "{question}: {:?}",
            talker.last_calls
        );
        assert!(
            answer.starts_with("I cannot answer that: I am the built-in responder"),
            "{question}: {answer}"
        );
        assert!(answer.contains("OPENAI_API_KEY"), "{answer}");
    }
}

#[test]
fn what_it_is_and_politeness() {
    for (question, expected) in [
        ("hi", "Hello! I am ChatAI's built-in responder"),
        ("Good morning!", "Hello!"),
        ("how are you?", "Hello!"),
        ("hola", "Hello!"),
        ("thanks a lot, that was helpful", "You are welcome."),
        ("bye", "Goodbye"),
        (
            "Who are you?",
            "I am ChatAI's built-in responder: rules and a search, not a language model.",
        ),
        ("what can you do", "I am ChatAI's built-in responder"),
        ("help", "I am ChatAI's built-in responder"),
        ("Are you ChatGPT?", "I am ChatAI's built-in responder"),
        ("how many books do you have?", "The collection has 10 books."),
        (
            "summarise the attached file",
            "I see no file in this conversation.",
        ),
        ("?!", "I can read no words in your message."),
    ] {
        let mut talker = Talker::small();
        let answer = talker.ask(question);
        assert!(answer.starts_with(expected), "{question}: {answer}");
        assert!(talker.last_calls.is_empty(), "{question}");
    }
}

#[test]
fn a_question_on_a_theme_gets_books_and_no_answer() {
    let mut talker = Talker::small();
    let answer = talker.ask("What is love?");
    assert_eq!(talker.argument("content"), "love");
    assert!(
        answer.starts_with("I cannot answer that from knowledge of my own, but"),
        "{answer}"
    );
}

#[test]
fn titles_of_conversations() {
    let talker = Talker::small();
    for (question, title) in [
        ("what is the hobbit about?", "About The Hobbit"),
        ("Compare Dune and Dracula", "Dune and Dracula"),
        (
            "Can you please recommend me three books about the sea?",
            "Books about the sea",
        ),
        ("something like dune", "Books like Dune"),
        ("books by tolstoy", "Books by Leo Tolstoy"),
        ("dystopian novels", "Dystopian novels"),
        ("suggest something", "Books to read"),
        ("war", "War books"),
        ("hello", "A greeting"),
        (
            "Could you please explain to me in detail how the new tax law works?",
            "Detail how the new tax law works",
        ),
        ("Why is the sky blue?", "Why is the sky blue"),
        ("?!", "Conversation"),
    ] {
        assert_eq!(talker.title(question), title, "{question}");
    }
}
