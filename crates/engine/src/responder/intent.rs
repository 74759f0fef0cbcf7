//! What a person wants of the built-in responder, decided by rules from the words, the collection's titles and names,
//! and what was said before.
//!
//! The order of the rules is the point: what is certain comes first, guesses come last, and where even a guess would be
//! none, the intent says so.

use super::{
    about::{Aspect, TitleQuestion, asks_about_earlier, asks_about_something, aspect_of, title_question},
    attachments::{self, Document, Task, hold_an_answer, task_of},
    conversation::Conversation,
    cues::{How, Wanted, asks_for_kinds, is_task_for_others, wants_others, wants_similar, wish_of},
    history::{self, Referred},
    talk::{Talk, talk},
    topics,
    wish::{MOST_BOOKS, Wish},
    words::{BOOK_NOUNS, OTHER_THINGS, Text},
};
use chatai_rag::{Index, TitleOutcome};

/// How much of a long question is read for what it wants: its beginning and its end, in characters.
const BEGINNING_CHARS: usize = 1_500;
const END_CHARS: usize = 500;
/// A question longer than this carries its own material.
const MATERIAL_CHARS: usize = 600;
/// The longest topic that a refusal takes up, in characters.
const HINT_CHARS: usize = 60;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Intent<'a> {
    /// Something about the responder itself, or politeness.
    Talk(Talk),
    /// Something about titles.
    Titles(TitleQuestion),
    /// Books to read.
    Books { wish: Wish, why: Why },
    /// Both at once.
    TitlesAndBooks(TitleQuestion, Wish),
    /// Something of files.
    Files(Task, Vec<Document<'a>>),
    /// A summary of the message itself.
    OwnText,
    /// One of several books was meant, and it is not clear which.
    WhichOf(Vec<String>),
    /// Nothing that can be done here.
    Unable { topic: Option<String> },
}

/// Why books are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// They were wished for.
    Asked,
    /// Others than before were wished for.
    More,
    /// For the themes and genres they have.
    Kinds,
    /// A question that cannot be answered, but of which books treat.
    Related,
}

/// Decides what is wanted.
pub(super) fn understand<'a>(conversation: &Conversation<'a>, index: &Index) -> Intent<'a> {
    let read = beginning_and_end(conversation.question);
    let text = Text::new(&read);
    if !conversation.documents.is_empty() {
        return about_attached(conversation, &text, index);
    }
    let is_long = conversation.question.chars().nth(MATERIAL_CHARS).is_some();
    if is_long && task_of(&text) == Task::Summarise {
        return Intent::OwnText;
    }
    if let Some(talk) = talk(&text) {
        return Intent::Talk(talk);
    }
    if let Some(intent) = about_earlier_files(conversation, &text) {
        return intent;
    }
    if is_task_for_others(&text) {
        return Intent::Unable { topic: None };
    }
    if asks_for_kinds(&text) && !Wish::read(&text, index).names_books() {
        return Intent::Books {
            wish: Wish {
                limit: Some(MOST_BOOKS),
                ..Wish::default()
            },
            why: Why::Kinds,
        };
    }
    if let Some(author) = history::referred_author(conversation, &text, index) {
        let wish = Wish {
            authors: vec![author],
            ..Wish::default()
        };
        let wish = wish.without(history::named_titles(conversation, index));
        return Intent::Books { wish, why: Why::More };
    }
    let mut question = title_question(&text, index);
    let refers = match question {
        Some(_) => compares_with_earlier(&text),
        None => refers_to_books(&text, index),
    };
    if refers {
        match history::referred_titles(conversation, &text, index) {
            Some(Referred::These(titles)) => {
                let aspect = if speaks_of_a_book(&text) {
                    Aspect::Other
                } else {
                    Aspect::Summary
                };
                let aspect = aspect_of(&text).unwrap_or(aspect);
                let named = question.map(|question| question.titles).unwrap_or_default();
                let titles = titles.into_iter().chain(named).collect();
                question = Some(TitleQuestion { titles, aspect });
            }
            Some(Referred::Unclear(titles)) if question.is_none() => return Intent::WhichOf(titles),
            _ => {}
        }
    }
    let before = history::wish_before(conversation, index);
    match (question, wish_of(&text, index, before.as_ref())) {
        (
            Some(question),
            Some(Wanted {
                wish,
                how: How::Clearly,
            }),
        ) if !wish.examples.is_empty() || asks_about_something(&text) => {
            both_or_one(&text, question, wish, index)
        }
        (
            Some(question),
            None
            | Some(Wanted {
                how: How::Perhaps, ..
            }),
        ) => Intent::Titles(question),
        (_, Some(wanted)) => books(conversation, &text, wanted, index),
        (None, None) => by_guess(conversation, &text, index),
    }
}

/// `who wrote it`, `tell me more about the second one`: a question about what was named before, not here.
fn refers_to_books(text: &Text<'_>, index: &Index) -> bool {
    let asks =
        aspect_of(text).is_some() || text.len() <= 4 || speaks_of_a_book(text) || asks_about_earlier(text);
    let names_books = Wish::read(text, index).names_books() || !index.mentions(text.source).titles.is_empty();
    asks && !wants_similar(text) && !names_books
}

/// `is it long`, `how does it end`
fn speaks_of_a_book(text: &Text<'_>) -> bool {
    text.len() <= 8
        && text.has_any("it")
        && text.starts_with("is, was, does, did, how, who, why, what, where, can")
        && text.has_any(
            "long short book books novel read reading scary sad funny violent hard easy difficult good worth true story plot end \
             ends ending character characters hero children kids series",
        )
}

/// `compare it with Dracula`
fn compares_with_earlier(text: &Text<'_>) -> bool {
    text.len() <= 12
        && text.has_any("compare compared difference versus vs than")
        && text.has_any("it this that")
}

/// A recommendation that names a title: `would you recommend Dune` asks about it, `tell me about Dune and recommend
/// something similar` wants both.
fn both_or_one<'a>(text: &Text<'_>, question: TitleQuestion, mut wish: Wish, index: &Index) -> Intent<'a> {
    let wants_similar = text.has_any("similar like");
    let asks_opinion = text
        .has_phrase("would you recommend, do you recommend, can you recommend, should i read")
        && !text.has_phrase("what should i read")
        && !text.has_any(BOOK_NOUNS)
        && !text.has_any("something")
        && !wants_similar;
    if asks_opinion {
        return Intent::Titles(question);
    }
    if wants_similar && wish.examples.is_empty() {
        let hits = index.find_titles(&question.titles).into_iter();
        let found = hits.filter(|hit| matches!(hit.outcome, TitleOutcome::Found { .. }));
        wish.examples = found.map(|hit| hit.asked).collect();
        wish.topic = None;
    }
    let wish = wish.without(question.titles.iter().cloned());
    Intent::TitlesAndBooks(question, wish)
}

fn books<'a>(conversation: &Conversation<'a>, text: &Text<'_>, wanted: Wanted, index: &Index) -> Intent<'a> {
    let Wanted { mut wish, how } = wanted;
    if !wish.says_something() && !wish.unknown_examples.is_empty() {
        return Intent::Titles(TitleQuestion {
            titles: wish.unknown_examples,
            aspect: Aspect::Example,
        });
    }
    let mut why = if how == How::ForMore {
        Why::More
    } else {
        Why::Asked
    };
    if wish.examples.is_empty() && wants_similar(text) {
        match history::referred_titles(conversation, text, index) {
            Some(Referred::These(titles) | Referred::Unclear(titles)) => {
                wish.topic = None;
                wish.examples = titles;
            }
            None => {}
        }
    } else if why == Why::More || wants_others(text) {
        let named = history::named_titles(conversation, index);
        why = if named.is_empty() { why } else { Why::More };
        wish = wish.without(named);
    }
    Intent::Books { wish, why }
}

fn about_attached<'a>(conversation: &Conversation<'a>, text: &Text<'_>, index: &Index) -> Intent<'a> {
    let wants_books = text.has_any("recommend suggest recommendation recommendations")
        && text.has_any("book books novel novels")
        && !text.has_any("does did");
    if !wants_books {
        return Intent::Files(task_of(text), conversation.documents.clone());
    }
    let mut wish = Wish::read(text, index);
    if wish
        .topic
        .as_deref()
        .is_some_and(attachments::speaks_of_files_alone)
    {
        wish.topic = None;
    }
    if !wish.says_something() {
        wish.topic = attachments::gist(&conversation.documents);
    }
    Intent::Books {
        wish,
        why: Why::Asked,
    }
}

/// Files of earlier messages, where the question speaks of them or goes on about them.
fn about_earlier_files<'a>(conversation: &Conversation<'a>, text: &Text<'_>) -> Option<Intent<'a>> {
    let earlier = || conversation.earlier_documents().flatten().copied();
    let named: Vec<Document<'a>> = earlier()
        .filter(|document| document.is_named_in(text.source))
        .collect();
    if !named.is_empty() {
        return Some(Intent::Files(task_of(text), named));
    }
    let Some(latest) = conversation.earlier_documents().next() else {
        let means_a_file = attachments::speaks_surely_of_a_file(text)
            || text.has_any("summarise summarize") && attachments::speaks_of_nothing_else(text);
        return means_a_file.then_some(Intent::Talk(Talk::NoFiles));
    };
    if attachments::speaks_of_a_file(text) {
        let several = text.has_any("files documents attachments both");
        let documents = if several {
            earlier().collect()
        } else {
            latest.to_vec()
        };
        return Some(Intent::Files(task_of(text), documents));
    }
    let goes_on =
        conversation.is_about_files() && text.len() > 1 && attachments::speaks_of_nothing_else(text);
    goes_on.then(|| Intent::Files(task_of(text), latest.to_vec()))
}

/// Nothing was asked in a known way: files or the collection, where they clearly fit, else nothing.
fn by_guess<'a>(conversation: &Conversation<'a>, text: &Text<'_>, index: &Index) -> Intent<'a> {
    let latest = conversation.earlier_documents().next();
    if let Some(latest) = latest
        && hold_an_answer(text.source, latest)
    {
        return Intent::Files(Task::Quote, latest.to_vec());
    }
    let wish = Wish::read(text, index);
    if text.len() <= 40 && topics::fit_well(text, &wish, index) {
        let why = if topics::is_question(text) {
            Why::Related
        } else {
            Why::Asked
        };
        return Intent::Books { wish, why };
    }
    if let Some(latest) = latest
        && conversation.is_about_files()
    {
        return Intent::Files(Task::Quote, latest.to_vec());
    }
    let is_hint = |topic: &String| {
        topic.chars().count() <= HINT_CHARS
            && !text.has_any(OTHER_THINGS)
            && !text.has_any("i im my me your")
            && topics::finds_something(topic, index)
    };
    Intent::Unable {
        topic: wish.topic.filter(is_hint),
    }
}

/// Long questions put what they want at their beginning or their end.
pub(super) fn beginning_and_end(question: &str) -> String {
    let Some((end, _)) = question.char_indices().nth(BEGINNING_CHARS + END_CHARS) else {
        return question.to_owned();
    };
    let beginning = question
        .char_indices()
        .nth(BEGINNING_CHARS)
        .map_or(end, |(at, _)| at);
    let last = question
        .char_indices()
        .rev()
        .nth(END_CHARS - 1)
        .map_or(end, |(at, _)| at);
    format!("{}\n{}", &question[..beginning], &question[last.max(beginning)..])
}
