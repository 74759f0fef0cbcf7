//! Politeness, questions about the responder itself, and what it says where it can do nothing.

use super::{
    markdown::{inline, listed, quoted},
    words::{Text, is_in},
};

/// What is said without looking anything up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    Greeting,
    Thanks,
    Goodbye,
    /// Who it is and what it can do.
    Abilities,
    /// How large the collection is.
    Size,
    /// A file was spoken of, but there is none.
    NoFiles,
    /// Nothing was said.
    Nothing,
}

const NEED_A_MODEL: &str = "For anything else choose a language model; where none is offered, whoever runs this service \
    can set `OPENAI_API_KEY` and restart it.";

/// The longest topic that is echoed, in characters.
const ECHO_CHARS: usize = 60;

const GREETINGS: &str = "hello hi hey hiya howdy greetings hallo hola bonjour привет morning evening yo";
const THANKS: &str = "thanks thank thx cheers danke gracias merci grazie obrigado obrigada спасибо";
const GOODBYES: &str = "bye goodbye ciao tschüss adios adiós";
/// What may stand beside them without asking for anything.
const FILLERS: &str = "a again all and are bot chatai cool day evening everyone for good great help helpful how is it lot \
    morning much nice ok okay perfect recommendation recommendations so suggestions that the there today very was you your";

/// Recognises talk.
pub(super) fn talk(text: &Text<'_>) -> Option<Talk> {
    if text.words.is_empty() {
        return Some(Talk::Nothing);
    }
    let is_only = |list: &str| {
        text.len() <= 10
            && text.has_any(list)
            && text
                .words
                .iter()
                .all(|word| is_in(&word.text, list) || is_in(&word.text, FILLERS))
    };
    if is_only(THANKS) {
        return Some(Talk::Thanks);
    }
    if is_only(GOODBYES) || text.len() <= 4 && text.has_phrase("good night, see you") {
        return Some(Talk::Goodbye);
    }
    if is_only(GREETINGS) || text.len() <= 5 && text.starts_with("how are you, how do you do, whats up") {
        return Some(Talk::Greeting);
    }
    if text.len() > 12 {
        return None;
    }
    let counts = text.has_phrase("how many books, how many titles, how big is, how large is")
        && text.has_any("books titles collection library")
        && !text.has_any("about by did has write wrote written");
    if counts {
        return Some(Talk::Size);
    }
    asks_about_responder(text).then_some(Talk::Abilities)
}

fn asks_about_responder(text: &Text<'_>) -> bool {
    let asks = text.has_phrase(
        "who are you, what are you, who am i talking to, what can you do, what do you do, how do you work, how does this \
         work, what can i ask, what can i do here, how can you help, how do i use, your name, are you a, are you an, are \
         you real, are you human, are you chatgpt, are you gpt, are you there, which model, what model, what is chatai, \
         introduce yourself, about yourself, your capabilities, built in responder",
    );
    let is_other = text.has_phrase("are you a fan, what are you reading");
    let asks_help = text.has_any("help commands usage menu")
        && text.all_in("help me please i need how usage commands menu");
    asks && !is_other || asks_help
}

/// What is answered.
pub(super) fn reply(talk: Talk, books: usize) -> String {
    match talk {
        Talk::Greeting => {
            format!("Hello! I am ChatAI's built-in responder: rules and a search, not a language model. {}", abilities(books))
        }
        Talk::Thanks => "You are welcome.".to_owned(),
        Talk::Goodbye => "Goodbye, and good reading.".to_owned(),
        Talk::Abilities => introduction(books),
        Talk::Size => match books {
            0 => "The collection is empty.".to_owned(),
            1 => "The collection has one book.".to_owned(),
            _ => format!("The collection has {books} books. Ask for a topic, a genre, an author or a period to see some."),
        },
        Talk::NoFiles => {
            "I see no file in this conversation. Attach it to your message, and I can summarise it or quote from it.".to_owned()
        }
        Talk::Nothing => format!("I can read no words in your message. {}", abilities(books)),
    }
}

fn introduction(books: usize) -> String {
    format!(
        "I am ChatAI's built-in responder: rules and a search, not a language model. I answer from the book collection and \
         from the files you attach, and from nothing else.\n\n\
         - Books to read, from {}: “three novels about the sea”, “something like” a title you know, “but nothing by” an \
         author, “more”.\n\
         - A title: what it is about, who wrote it, when, in which language.\n\
         - Attached files: a summary in the file's own sentences, or the places that fit a question.\n\n\
         {NEED_A_MODEL}",
        collection(books)
    )
}

/// What is answered where nothing can be done.
pub(super) fn refusal(topic: Option<&str>, books: usize) -> String {
    let hint = topic.map_or_else(String::new, |topic| {
        format!(
            " If you look for something to read on it, ask for books about {}.",
            quoted(topic, ECHO_CHARS)
        )
    });
    format!(
        "I cannot answer that: I am the built-in responder, rules and a search rather than a language model.{hint}\n\n{} \
         {NEED_A_MODEL}",
        abilities(books)
    )
}

/// What is asked back where one of several books may be meant. The titles stood in an earlier answer.
pub(super) fn which_of(titles: &[String]) -> String {
    let titles: Vec<String> = titles
        .iter()
        .map(|title| format!("*{}*", inline(title)))
        .collect();
    format!(
        "Which one do you mean: {}? Name it, or say its place in the list.",
        listed(&titles, "or")
    )
}

fn abilities(books: usize) -> String {
    match books {
        0 => "I can summarise or quote the files you attach; the book collection is empty.".to_owned(),
        _ => format!(
            "I can recommend books from {}, tell you about one of its titles, and summarise or quote the files you attach.",
            collection(books)
        ),
    }
}

fn collection(books: usize) -> String {
    match books {
        0 => "a collection that is still empty".to_owned(),
        1 => "a collection of one book".to_owned(),
        _ => format!("a collection of {books} books"),
    }
}
