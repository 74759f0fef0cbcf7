//! Whether a text wishes for books, how clearly, and what is no wish for books at all.

use super::{
    wish::Wish,
    words::{BOOK_NOUNS, OTHER_THINGS, Text, is_in, is_noise},
};
use chatai_rag::{Index, Mentions};

/// How a wish was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// In words that mean nothing else.
    Clearly,
    /// In words that a question about a title may have too.
    Perhaps,
    /// For more than was given before.
    ForMore,
}

/// A wish and how it was made.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) wish: Wish,
    pub(super) how: How,
}

/// The wish in a text, given the one before it.
pub(super) fn wish_of(text: &Text<'_>, index: &Index, before: Option<&Wish>) -> Option<Wanted> {
    if let Some(before) = before {
        if asks_for_more(text) {
            let own = Wish::read(text, index);
            let is_new = own.says_something() && !wants_similar(text);
            let wish = if is_new {
                own
            } else {
                before.clone().refined_by(Wish { topic: None, ..own })
            };
            return Some(Wanted {
                wish,
                how: How::ForMore,
            });
        }
        let own = Wish::read(text, index);
        let only_leaves_out = own.says_anything() && !own.says_something() && own.unknown_examples.is_empty();
        if refines(text) || only_leaves_out && !wants_clearly(text) {
            return Some(Wanted {
                wish: before.clone().refined_by(own),
                how: How::Perhaps,
            });
        }
    }
    let how = wants_books(text, index)?;
    Some(Wanted {
        wish: Wish::read(text, index),
        how,
    })
}

/// `something similar`, `more like that`: like books of the last answer.
pub(super) fn wants_similar(text: &Text<'_>) -> bool {
    text.has_any("similar")
        || text.has_phrase(
            "like it, like this, like that, like these, like those, like them, like the first, like the second, \
             like the third, like the last",
        )
}

/// `another`, `others`: not what was named before.
pub(super) fn wants_others(text: &Text<'_>) -> bool {
    text.has_any("another more other others else different")
}

/// `more`, `another one`, `anything else?`
fn asks_for_more(text: &Text<'_>) -> bool {
    let has_cue = text.has_any("more another others else next")
        || text
            .has_phrase("other ones, other books, different ones, other suggestions, other recommendations");
    let is_about_one =
        text.has_phrase("tell me more, more about it, more about that, more about this, more about the");
    has_cue && text.len() <= 10 && !is_about_one
}

/// `but nothing sad`, `only French ones`
fn refines(text: &Text<'_>) -> bool {
    text.len() <= 15
        && text.starts_with(
            "but, only, without, not, no, nothing, except, and not, and by, and without, just not, preferably, please no",
        )
        && !text.word(1).is_empty()
        && !is_in(text.word(1), "thanks thank problem")
}

fn wants_books(text: &Text<'_>, index: &Index) -> Option<How> {
    let mentions = index.mentions(text.source);
    let names_books = text.has_any(BOOK_NOUNS);
    let is_of_other_things = !names_books && text.has_any(OTHER_THINGS);
    if is_of_other_things && mentions.titles.is_empty() && mentions.authors.is_empty() {
        return None;
    }
    if wants_clearly(text) {
        return Some(How::Clearly);
    }
    let names_example = mentions.titles.iter().any(|mention| mention.is_example)
        || wants_similar(text) && !Wish::read(text, index).examples.is_empty();
    if names_example {
        return Some(How::Perhaps);
    }
    if text.starts_with("how, why, when, where, who, whos, hows, whens, wheres, is it, was it, did, does") {
        return None;
    }
    let wants = text.has_any(
        "looking want need find give show list any some search mood which what have prefer love like interested get gimme",
    );
    let says_what = || wants_similar(text) || Wish::read(text, index).says_anything();
    let wants_something = text.has_any("something anything")
        && (wants || text.starts_with("something, anything"))
        && !text.starts_with("tell, is, say");
    let wants_to_learn =
        text.has_phrase("learn about, learn more about, read about, read up on, know more about");
    let is_wish = names_books && (wants || says_what())
        || is_by_author(text, &mentions)
        || (wants_something || wants_to_learn) && says_what();
    is_wish.then_some(How::Perhaps)
}

fn wants_clearly(text: &Text<'_>) -> bool {
    text.has_any(
        "recommend recommendation recommendations suggest suggestion suggestions suggested empfiehl empfehle empfehlen \
         recomienda recomiéndame recomendar recomendarme recommande recommandez conseille consiglia consigliami recomenda recomende \
         посоветуй порекомендуй почитать",
    ) || text.has_phrase(
        "should i read, what to read, can i read, could i read, something to read, anything to read, to read next, \
         read next, good read, great read, reading list, next read, books to read, novels to read, to read about, \
         read something, read a book, want to read, like to read, love to read",
    )
}

/// `anything by Borges`, `Tolstoy`
fn is_by_author(text: &Text<'_>, mentions: &Mentions) -> bool {
    mentions.authors.iter().any(|mention| {
        let at = text.words_at(&mention.place).start;
        at == 0 || is_in(text.word_before(at, 1), "by from of about like")
    })
}

/// What needs a language model or another program, whatever it is about.
pub(super) fn is_task_for_others(text: &Text<'_>) -> bool {
    let polite = "please can could would you kindly now hey hi hello ok just";
    let tasks = "calculate code compose compute convert correct debug draw fix generate imagine paint program proofread \
        remind rewrite roleplay sing solve translate write paraphrase buy order call send";
    let first = text.words.iter().find(|word| !is_in(&word.text, polite));
    let begins_task = first.is_some_and(|word| is_in(&word.text, tasks));
    begins_task && !text.has_phrase("reading list, list of books, book recommendations")
        || text
            .has_phrase("tell me a joke, tell me a story, tell me a poem, write me, translate this, a joke")
}

/// `which genres do you have`: what kinds of books there are.
pub(super) fn asks_for_kinds(text: &Text<'_>) -> bool {
    let kinds = "genres themes topics subjects categories authors writers kinds types";
    let says_nothing_else = text
        .words
        .iter()
        .all(|word| is_noise(&word.text) || is_in(&word.text, kinds));
    let asks = text.starts_with(
        "what, which, list, show, who are, can you list, can you show, tell me which, tell me what",
    );
    let names_them = text.has_any("genres themes topics subjects categories authors writers")
        || text.has_phrase("kinds of books, kind of books, types of books");
    names_them && says_nothing_else && (asks || text.len() <= 2) && !text.has_any("about by like with")
}
