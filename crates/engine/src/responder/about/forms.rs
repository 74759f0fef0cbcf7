//! Ways of asking about a book: what stands before its title, and what may end it.

use super::{
    super::words::{Text, is_in},
    Aspect,
};
use std::ops::Range;

/// One way of asking.
pub(super) struct Form {
    before: &'static str,
    /// What may follow the title; phrases between commas.
    after: &'static str,
    pub(super) aspect: Aspect,
    /// Whether only a book can be asked for in this way.
    pub(super) is_of_books: bool,
}

const fn of_books(before: &'static str, after: &'static str, aspect: Aspect) -> Form {
    Form {
        before,
        after,
        aspect,
        is_of_books: true,
    }
}

const fn of_anything(before: &'static str, after: &'static str, aspect: Aspect) -> Form {
    Form {
        before,
        after,
        aspect,
        is_of_books: false,
    }
}

const WRITTEN: &str = "written, published, released, first published, come out, made";
const HAD: &str = "in your collection, in the collection, in your library, available, there";

/// Longer ways before those that they contain.
const FORMS: &[Form] = &[
    of_books("who is the author of", "", Aspect::Author),
    of_books("whos the author of", "", Aspect::Author),
    of_books("who was the author of", "", Aspect::Author),
    of_books("author of", "", Aspect::Author),
    of_books("who wrote", "", Aspect::Author),
    of_books("who has written", "", Aspect::Author),
    of_anything("when was", WRITTEN, Aspect::Year),
    of_anything("when did", "come out, appear", Aspect::Year),
    of_books("what year was", WRITTEN, Aspect::Year),
    of_books("which year was", WRITTEN, Aspect::Year),
    of_anything("year of", "", Aspect::Year),
    of_anything("how old is", "", Aspect::Year),
    of_books("what language was", WRITTEN, Aspect::Language),
    of_books("which language was", WRITTEN, Aspect::Language),
    of_books("what language is", "in, written", Aspect::Language),
    of_anything("language of", "", Aspect::Language),
    of_books("summary of", "", Aspect::Summary),
    of_books("synopsis of", "", Aspect::Summary),
    of_books("plot of", "", Aspect::Summary),
    of_anything("review of", "", Aspect::Summary),
    of_books("summarise", "", Aspect::Summary),
    of_books("summarize", "", Aspect::Summary),
    of_books("what happens in", "", Aspect::Summary),
    of_anything("what is", "all about, about", Aspect::Summary),
    of_anything("whats", "all about, about", Aspect::Summary),
    of_anything("what was", "about", Aspect::Summary),
    of_anything("tell me more about", "", Aspect::Summary),
    of_anything("tell me something about", "", Aspect::Summary),
    of_anything("tell me all about", "", Aspect::Summary),
    of_anything("tell me about", "", Aspect::Summary),
    of_anything("what can you tell me about", "", Aspect::Summary),
    of_anything("what do you know about", "", Aspect::Summary),
    of_anything("more about", "", Aspect::Summary),
    of_anything("information about", "", Aspect::Summary),
    of_anything("information on", "", Aspect::Summary),
    of_anything("info about", "", Aspect::Summary),
    of_anything("info on", "", Aspect::Summary),
    of_anything("details about", "", Aspect::Summary),
    of_anything("details on", "", Aspect::Summary),
    of_books("do you have the book", "", Aspect::Presence),
    of_books("do you have the novel", "", Aspect::Presence),
    of_anything("do you have", HAD, Aspect::Presence),
    of_anything("have you got", HAD, Aspect::Presence),
    of_books("have you read", "", Aspect::Presence),
    of_anything("do you know", "", Aspect::Presence),
    of_anything("is there", HAD, Aspect::Presence),
    of_anything("is", HAD, Aspect::Presence),
    of_books("would you recommend", "", Aspect::Summary),
    of_books("do you recommend", "", Aspect::Summary),
    of_books("can you recommend", "", Aspect::Summary),
    of_books("should i read", "", Aspect::Summary),
    of_anything(
        "is",
        "worth reading, any good, a good book, good",
        Aspect::Summary,
    ),
    of_anything("describe", "", Aspect::Summary),
    of_anything("explain", "", Aspect::Summary),
    of_anything("compare", "", Aspect::Summary),
    of_anything("difference between", "", Aspect::Summary),
    of_anything("what about", "", Aspect::Summary),
    of_anything("how about", "", Aspect::Summary),
    of_anything("about", "", Aspect::Summary),
];

/// Ways that are questions about a subject only where their ending follows.
const NEED_THEIR_ENDING: [&str; 6] = ["what is", "whats", "what was", "is", "when did", "when was"];

/// How a text asks about something, and the words for that something.
pub(super) fn asked(text: &Text<'_>) -> Option<(&'static Form, Range<usize>)> {
    FORMS
        .iter()
        .find_map(|form| subject(text, form).map(|words| (form, words)))
}

/// The words between what begins a way of asking and what ends it.
fn subject(text: &Text<'_>, form: &Form) -> Option<Range<usize>> {
    let start = (0..text.len()).find_map(|at| {
        let length = text.phrase_at(at, form.before);
        let is_other = match form.before {
            // Elsewhere in a sentence it is a verb like any other.
            "is" => at > 0,
            // `what should I read`
            "should i read" | "do you have" => {
                is_in(text.word_before(at, 1), "what which book books novel how")
            }
            _ => false,
        };
        (length > 0 && !is_other).then_some(at + length)
    })?;
    let mut end = start;
    while end < text.len() && (end == start || !ends_subject(text, end)) {
        if end > start && text.longest_phrase_at(end, form.after) > 0 {
            return Some(start..end);
        }
        end += 1;
    }
    (end > start && !NEED_THEIR_ENDING.contains(&form.before)).then_some(start..end)
}

fn ends_subject(text: &Text<'_>, at: usize) -> bool {
    let gap = text.gap_before(at);
    let begins_other =
        is_in(text.word(at), "and then") && is_in(text.word(at + 1), "recommend suggest what give who when");
    gap.contains(['?', '!', ';', '\n']) || gap.contains(". ") || begins_other || text.word(at) == "please"
}
