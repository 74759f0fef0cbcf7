//! Titles and authors of the collection that free text mentions.
//!
//! A title of several words is a mention wherever it stands. One of a single content word (`Dune`, `The Trial`, `1984`,
//! `It`) is an everyday word as well, so that something else has to show that the book is meant: quotation marks, a
//! capital inside a sentence, words such as `read` or `like` before it, `by` its author after it, or that the word
//! occurs nowhere else in the collection.

mod candidate;

use crate::authors::persons;
use crate::field::Field;
use crate::index::{Index, Person};
use crate::text::{Analyser, Token, is_stop_word, merge_spelled_words, tokens};
use candidate::{Candidate, is_capital_inside_sentence};
use chatai_types::BookId;
use std::collections::HashSet;
use std::ops::Range;

/// What a text mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Titles, in the text's order.
    pub titles: Vec<TitleMention>,
    /// Authors, in the text's order, each once.
    pub authors: Vec<AuthorMention>,
}

/// A title of the collection in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleMention {
    /// The books of that title; more than one where several authors used it.
    pub books: Vec<BookId>,
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// Whether it is named as an example of what is wanted (`something like Dune`, `I loved Dune`).
    pub is_example: bool,
}

/// An author of the collection in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorMention {
    /// The author, as the collection writes the name.
    pub name: String,
    /// The author's books, in the collection's order.
    pub books: Vec<BookId>,
    /// Where the name stands, in bytes.
    pub place: Range<usize>,
}

impl Mentions {
    /// The mentioned books, then those of the mentioned authors, each once.
    pub fn books(&self) -> Vec<BookId> {
        let mut seen = HashSet::new();
        let titles = self.titles.iter().flat_map(|mention| &mention.books);
        let all = titles.chain(self.authors.iter().flat_map(|mention| &mention.books));
        all.copied().filter(|book| seen.insert(*book)).collect()
    }
}

/// A title in a text, in the index's own terms.
pub(crate) struct FoundTitle {
    pub(crate) slots: Vec<u32>,
    pub(crate) place: Range<usize>,
    /// The tokens it takes.
    pub(crate) words: Range<usize>,
    pub(crate) is_example: bool,
}

/// The most of a text that is searched, in bytes.
const MAX_BYTES: usize = 64 * 1024;

impl Index {
    /// The titles and authors of the collection that the text mentions (in its first 64 KiB).
    pub fn mentions(&self, text: &str) -> Mentions {
        let text = &text[..text.floor_char_boundary(MAX_BYTES)];
        let tokens = tokens(text);
        let found = self.title_mentions(text, &tokens);
        let authors = self.author_mentions(text, &tokens, &found);
        let titles = found.into_iter().map(|title| TitleMention {
            books: title.slots.iter().map(|slot| self.id(*slot)).collect(),
            place: title.place,
            is_example: title.is_example,
        });
        Mentions {
            titles: titles.collect(),
            authors,
        }
    }

    /// Titles in a text of which the tokens are known: the longest at each place, without overlap.
    pub(crate) fn title_mentions(&self, text: &str, tokens: &[Token]) -> Vec<FoundTitle> {
        let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        let pieces = merge_spelled_words(&words);
        let mut analyser = Analyser::new();
        let mut found: Vec<FoundTitle> = Vec::new();
        let mut at = 0;
        while at < pieces.len() {
            let longest = self.longest_title_from(&pieces[at].0).min(pieces.len() - at);
            let title = (1..=longest).rev().find_map(|length| {
                let form = pieces[at..at + length]
                    .iter()
                    .map(|piece| piece.0.as_str())
                    .collect::<Vec<_>>()
                    .join(" ");
                let slots = self.slots_of_title(&form);
                let words = pieces[at].1.start..pieces[at + length - 1].1.end;
                let title = Candidate {
                    text,
                    tokens,
                    words,
                    form: &form,
                    slots,
                };
                (!slots.is_empty() && self.is_meant(&title, &mut analyser)).then(|| (length, title.found()))
            });
            match title {
                Some((length, title)) => {
                    found.push(title);
                    at += length;
                }
                None => at += 1,
            }
        }
        found
    }

    fn is_meant(&self, title: &Candidate<'_>, analyser: &mut Analyser) -> bool {
        let content: Vec<&str> = title.form.split(' ').filter(|word| !is_stop_word(word)).collect();
        match content.as_slice() {
            [] => title.is_quoted() || title.is_followed_by_author(self) || title.is_capital_after_cue(),
            [word] => {
                let is_number = word.bytes().all(|b| b.is_ascii_digit());
                if title.is_quoted() || title.is_followed_by_author(self) {
                    return true;
                }
                if is_number {
                    return !title.reads_as_a_date();
                }
                title.is_capital_inside_sentence()
                    || title.has_cue()
                    || self.occurs_in_titles_only(analyser.stem(word), title.slots)
            }
            _ => true,
        }
    }

    /// Whether a stem is found in no book's text but that of the given ones.
    fn occurs_in_titles_only(&self, stem: &str, slots: &[u32]) -> bool {
        let Some(term) = self.terms().find(stem) else {
            return true;
        };
        let names = [Field::Title as u8, Field::Author as u8];
        let postings = self.terms().postings(term);
        postings
            .iter()
            .all(|posting| names.contains(&posting.field) || slots.contains(&posting.slot))
    }

    fn author_mentions(&self, text: &str, tokens: &[Token], titles: &[FoundTitle]) -> Vec<AuthorMention> {
        let mut analyser = Analyser::new();
        let mut mentions: Vec<AuthorMention> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            if titles.iter().any(|title| title.words.contains(&at)) {
                continue;
            }
            // The same romanisation as the collection's names went through.
            let Some(part) = persons(&token.word)
                .pop()
                .and_then(|name| name.parts.into_iter().next_back())
            else {
                continue;
            };
            let same_family: Vec<&Person> = self
                .persons_with_part(&part)
                .filter(|person| person.name.family_name() == part)
                .collect();
            let named = |person: &Person| given_names_before(text, tokens, at, &person.name.parts);
            let longest = same_family
                .iter()
                .map(|person| named(person))
                .max()
                .unwrap_or_default();
            let is_evident = longest > 0
                || (!is_stop_word(&token.word)
                    && token.word.chars().count() > 2
                    && (is_capital_inside_sentence(text, token)
                        || (at > 0 && tokens[at - 1].word == "by")
                        || self.occurs_in_titles_only(analyser.stem(&token.word), &[])));
            if !is_evident {
                continue;
            }
            for person in same_family.into_iter().filter(|person| named(person) == longest) {
                if mentions.iter().any(|known| known.name == person.name.display) {
                    continue;
                }
                mentions.push(AuthorMention {
                    name: person.name.display.clone(),
                    books: person.slots.iter().map(|slot| self.id(*slot)).collect(),
                    place: tokens[at - longest].place.start..token.place.end,
                });
            }
        }
        mentions
    }
}

/// How many tokens right before a family name are other parts of the same name, or their initials.
fn given_names_before(text: &str, tokens: &[Token], family: usize, parts: &[String]) -> usize {
    let others = &parts[..parts.len() - 1];
    let mut count = 0;
    for token in tokens[..family].iter().rev().take(others.len().max(1)) {
        let written = persons(&text[token.place.start..tokens[family].place.end]);
        let part = written.first().and_then(|name| name.parts.first());
        let is_part = part
            .is_some_and(|part| others.contains(part) || others.iter().any(|other| is_initial(other, part)));
        if !is_part {
            break;
        }
        count += 1;
    }
    count
}

fn is_initial(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    short.chars().count() == 1 && long.starts_with(short)
}
