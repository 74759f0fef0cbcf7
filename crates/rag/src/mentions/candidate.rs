//! A place where a title may stand: what around it speaks for the book, and what for an everyday word.

use super::FoundTitle;
use crate::index::Index;
use crate::text::{Token, is_stop_word};
use std::ops::Range;

/// A place in a text where the words of a title stand.
pub(super) struct Candidate<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) words: Range<usize>,
    pub(super) form: &'a str,
    pub(super) slots: &'a [u32],
}

impl Candidate<'_> {
    pub(super) fn found(&self) -> FoundTitle {
        FoundTitle {
            slots: self.slots.to_vec(),
            place: self.place(),
            words: self.words_with_article(),
            is_example: self.is_example(),
        }
    }

    fn words_with_article(&self) -> Range<usize> {
        let start = self.words.start;
        let has_article = start > 0 && matches!(self.tokens[start - 1].word.as_str(), "the" | "a" | "an");
        start - usize::from(has_article)..self.words.end
    }

    fn place(&self) -> Range<usize> {
        let words = self.words_with_article();
        self.tokens[words.start].place.start..self.tokens[words.end - 1].place.end
    }

    fn word_before(&self, distance: usize) -> &str {
        let start = self.words_with_article().start;
        start
            .checked_sub(distance)
            .map_or("", |at| self.tokens[at].word.as_str())
    }

    fn word_after(&self) -> &str {
        self.tokens
            .get(self.words.end)
            .map_or("", |token| token.word.as_str())
    }

    pub(super) fn is_quoted(&self) -> bool {
        let place = self.place();
        let before = self.text[..place.start].chars().next_back();
        let after = self.text[place.end..]
            .chars()
            .find(|c| !matches!(c, ',' | '.' | '?' | '!'));
        let opens = |c| {
            matches!(
                c,
                '"' | '“' | '„' | '«' | '»' | '\'' | '‘' | '*' | '_' | '`' | '「' | '『' | '《'
            )
        };
        let closes = |c| {
            matches!(
                c,
                '"' | '”' | '“' | '»' | '«' | '\'' | '’' | '*' | '_' | '`' | '」' | '』' | '》'
            )
        };
        before.is_some_and(opens) && after.is_some_and(closes)
    }

    pub(super) fn is_capital_inside_sentence(&self) -> bool {
        is_capital_inside_sentence(self.text, &self.tokens[self.words.start])
    }

    /// `the novel It`: words that announce a title, and a capital that no pronoun would have there.
    pub(super) fn is_capital_after_cue(&self) -> bool {
        self.is_capital_inside_sentence()
            && self.form != "i"
            && matches!(
                self.word_before(1),
                "read" | "called" | "titled" | "book" | "novel" | "finished" | "like" | "loved"
            )
    }

    /// Words before or after that speak of a book.
    pub(super) fn has_cue(&self) -> bool {
        let (last, second) = (self.word_before(1), self.word_before(2));
        let asks_about = self.word_after() == "about" && matches!(last, "is" | "what" | "whats" | "was");
        let is_told = last == "about" && matches!(second, "me" | "us") && self.word_after().is_empty();
        asks_about
            || is_told
            || self.is_example()
            || matches!(
                last,
                "read"
                    | "reading"
                    | "reread"
                    | "finished"
                    | "called"
                    | "titled"
                    | "entitled"
                    | "wrote"
                    | "novel"
                    | "book"
            )
            || (last == "of"
                && matches!(
                    second,
                    "summary" | "plot" | "author" | "ending" | "copy" | "synopsis"
                ))
            || (matches!(last, "summarize" | "summarise" | "explain" | "describe"))
    }

    /// `in 1984`, `1984 novels`: a year rather than a title.
    pub(super) fn reads_as_a_date(&self) -> bool {
        let is_counted = matches!(
            self.word_after(),
            "book" | "books" | "novel" | "novels" | "years" | "pages" | "words"
        );
        let is_dated = matches!(
            self.word_before(1),
            "in" | "from"
                | "since"
                | "before"
                | "after"
                | "until"
                | "till"
                | "by"
                | "around"
                | "about"
                | "during"
                | "between"
                | "and"
                | "circa"
                | "year"
                | "summer"
                | "winter"
                | "spring"
                | "autumn"
                | "early"
                | "late"
        );
        is_counted || (is_dated && !self.is_example())
    }

    pub(super) fn is_followed_by_author(&self, index: &Index) -> bool {
        if self.word_after() != "by" {
            return false;
        }
        let following: Vec<&str> = self.tokens[self.words.end + 1..]
            .iter()
            .take(4)
            .map(|token| token.word.as_str())
            .collect();
        let persons = self.slots.iter().flat_map(|slot| &index.keys_at(*slot).persons);
        persons
            .into_iter()
            .any(|person| following.contains(&person.family_name()))
    }

    /// Whether shortly before stands what makes the title an example of the wanted, and not the wanted itself.
    fn is_example(&self) -> bool {
        let start = self.words_with_article().start;
        let before: Vec<&str> = self.tokens[start.saturating_sub(5)..start]
            .iter()
            .rev()
            .map(|token| token.word.as_str())
            .collect();
        for (distance, word) in before.iter().enumerate() {
            match *word {
                "unlike" => return false,
                "similar" | "resembling" | "reminiscent" | "loved" | "enjoyed" | "liked" | "adored"
                | "devoured" | "love" | "enjoy" | "vein" | "style" | "spirit" | "fan" | "fans"
                | "comparable" | "likes" => {
                    return true;
                }
                "like" => return before.get(distance + 1) != Some(&"not"),
                "finished" | "after" if distance < 2 => return true,
                "read"
                    if matches!(
                        before.get(distance + 1),
                        Some(&("i" | "ive" | "just" | "already" | "we"))
                    ) =>
                {
                    return true;
                }
                "than" if distance == 0 => return true,
                // Only words that belong to such a phrase may stand between.
                "to" | "of" | "the" | "in" | "reading" | "book" | "novel" | "read" | "really" | "both"
                | "and" | "or" | "s" | "just" | "as" | "a" | "other" | "books" | "by" => {}
                _ if distance < 3 && word.len() > 2 && !is_stop_word(word) => {}
                _ => return false,
            }
        }
        false
    }
}

/// A capital letter where the sentence alone would not put one.
pub(super) fn is_capital_inside_sentence(text: &str, token: &Token) -> bool {
    let starts_upper = text[token.place.clone()].starts_with(char::is_uppercase);
    let before = text[..token.place.start].trim_end_matches([' ', '\t', '"', '“', '\'', '‘', '(', '*', '_']);
    starts_upper && !before.is_empty() && !before.ends_with(['.', '!', '?', ':', '\n', '-', '•', '…'])
}
