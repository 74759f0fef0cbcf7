//! What is refused or known already: `but not Orwell`, `without romance`, `I've read Dune`.

use super::{
    super::words::{PLAIN_BOOK_NOUNS, Text, is_in, overlap},
    reader::Reader,
};
use std::ops::Range;

/// A refusal's first words, and what kind of refusal it is.
struct Beginning {
    words: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing like it is wanted.
    Refuses,
    /// The books are known; perhaps others like them are wanted.
    Knows,
}

const KNOWS: &str = "i have already read, ive already read, already read, i have read, ive read, have read, i read, \
    just read, just finished, i finished, ive finished, i already know, i know, already know";

const REFUSES: &str = "other than, apart from, aside from, anything but, everything but, nothing like, nothing by, \
    nothing about, nothing with, but not, do not like, dont like, do not want, dont want, did not like, didnt like, \
    did not enjoy, didnt enjoy, cant stand, tired of, bored of, sick of, without, except, except for, except from, \
    excluding, besides, please avoid, want to avoid, like to avoid, minus, hate, hated, unlike, nothing, no books by, no books about, not by, not about, \
    not too, not any, not from, without any";

impl Reader<'_, '_> {
    pub(super) fn read_refusals(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            let Some(beginning) = beginning_at(self.text, at) else {
                at += 1;
                continue;
            };
            let start = at + beginning.words;
            let end = self.end_of_refusal(start, beginning.kind);
            self.refuse(start..end, beginning.kind);
            self.spend(at..end);
            at = end;
        }
    }

    fn end_of_refusal(&self, start: usize, kind: Kind) -> usize {
        let mut at = start;
        while at < self.text.len() {
            if at > start && (self.text.clause_ends_before(at) || self.begins_something_else(at, kind)) {
                break;
            }
            // A title or a name is one thing, whatever words it has.
            at = self.mention_at(at).map_or(at + 1, |words| words.end.max(at + 1));
        }
        at
    }

    /// Whether what is refused ends before a word inside a sentence.
    fn begins_something_else(&self, at: usize, kind: Kind) -> bool {
        let text = self.text;
        let is_joined = text.gap_before(at).contains(',');
        if is_in(
            text.word(at),
            "but please that which because so what can could with something",
        ) {
            return true;
        }
        if !is_joined && !is_in(text.word(at), "and or nor") {
            return false;
        }
        let mut next = at;
        while is_in(text.word(next), "and or nor also by the a") {
            next += 1;
        }
        if self.mention_at(at).is_some() || self.mention_at(next).is_some() {
            return false;
        }
        let starts_anew = "set about in from i it preferably maybe want looking like not no without with need would loved \
            liked give recommend suggest";
        kind == Kind::Knows || is_joined || is_in(text.word(next), starts_anew)
    }

    fn refuse(&mut self, words: Range<usize>, kind: Kind) {
        let span = self.text.place(words.clone());
        let was_liked = kind == Kind::Knows
            && self
                .text
                .has_any("loved liked enjoyed adored love favourite favorite similar")
            && !self
                .text
                .has_phrase("didnt like, did not like, dont like, didnt enjoy");
        let mut rest: Vec<usize> = words.clone().collect();
        for mention in self.mentions.titles.clone() {
            if !overlap(&mention.place, &span) {
                continue;
            }
            let title = self.title_of(mention.books.first());
            if was_liked {
                self.wish.examples.extend(title.clone());
            }
            self.wish.exclude_titles.extend(title);
            rest.retain(|at| !overlap(&self.text.words[*at].place, &mention.place));
        }
        for mention in self.mentions.authors.clone() {
            if !overlap(&mention.place, &span) {
                continue;
            }
            if !self.only_says_which_title(&mention) {
                self.wish.exclude_authors.push(mention.name.clone());
            }
            rest.retain(|at| !overlap(&self.text.words[*at].place, &mention.place));
        }
        if rest.len() == words.len() && self.text.is_quoted(words.clone()) {
            // A title that the collection does not have: harmless.
            self.wish.exclude_titles.push(self.text.slice(words).to_owned());
        } else if kind == Kind::Refuses {
            let runs = self.runs(&rest);
            let things = runs
                .into_iter()
                .filter_map(|run| self.trimmed(run, PLAIN_BOOK_NOUNS));
            let things: Vec<String> = things.collect();
            self.wish.exclude_content.extend(things);
        }
    }
}

fn beginning_at(text: &Text<'_>, at: usize) -> Option<Beginning> {
    // `should I read`, `have I read` ask; they do not say that something is known.
    let is_question = at > 0
        && !text.clause_ends_before(at)
        && !text.gap_before(at).contains(',')
        && is_in(
            text.word_before(at, 1),
            "should can could shall must may would did have you if when",
        );
    let knows = text.longest_phrase_at(at, KNOWS);
    if knows > 0 && !is_question {
        return Some(Beginning {
            words: knows,
            kind: Kind::Knows,
        });
    }
    let refuses = text.longest_phrase_at(at, REFUSES);
    if refuses > 0 {
        return Some(Beginning {
            words: refuses,
            kind: Kind::Refuses,
        });
    }
    let next = text.word(at + 1);
    let is_refusal = match text.word(at) {
        // `to avoid being caught` tells of a plot.
        "avoid" => at == 0 || text.clause_ends_before(at) || text.gap_before(at).contains(','),
        "no" => !next.is_empty() && !is_in(next, "longer one more matter idea problem thanks i"),
        "not" => !next.is_empty() && !is_in(next, "only just necessarily sure yet really much"),
        _ => false,
    };
    is_refusal.then_some(Beginning {
        words: 1,
        kind: Kind::Refuses,
    })
}
