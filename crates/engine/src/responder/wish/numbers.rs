//! How many books: `three novels`, `top 10`, `a couple of books`.

use super::{
    super::words::{BOOK_NOUNS, is_in},
    reader::Reader,
};

/// Numbers beyond this are no number of books.
const LARGEST: usize = 100;

impl Reader<'_, '_> {
    pub(super) fn read_number(&mut self) {
        let text = self.text;
        if text.has_phrase(
            "all books, all the books, all your books, every book, whole collection, entire collection",
        ) {
            self.wish.limit = Some(LARGEST);
            return;
        }
        for at in 0..text.len() {
            if self.is_spent(&(at..at + 1)) || self.mention_at(at).is_some() {
                continue;
            }
            let Some(number) = number_of(text.word(at)) else {
                continue;
            };
            let before = text.word_before(at, 1);
            let is_said_after = "top best recommend suggest give show find name list me us need want exactly just only most \
                to maximum another other next";
            let ends_there = is_in(text.word(at + 1), "more please others that of")
                || text.word(at + 1).is_empty()
                || text.gap_before(at + 1).contains([',', '.', '!', '?']);
            let is_pronoun = number == 1 && !is_in(before, "just only another exactly");
            if self.counts_books(at) || ends_there && !is_pronoun && is_in(before, is_said_after) {
                self.wish.limit = Some(number);
                self.spend(at..at + 1);
                return;
            }
        }
    }

    /// Whether a word for books follows a number closely.
    fn counts_books(&self, at: usize) -> bool {
        for next in at + 1..=at + 5 {
            let is_cut = self
                .text
                .gap_before(next)
                .contains(|c: char| !c.is_whitespace() && c != '-');
            let word = self.text.word(next);
            let ends = is_in(word, "about by with who from in to on set where for and or") || word.is_empty();
            if is_cut || ends || (word == "of" && next > at + 1) {
                return false;
            }
            let others = "others recommendation recommendations suggestion suggestions title titles options ideas picks";
            if is_in(word, BOOK_NOUNS) || is_in(word, others) {
                return true;
            }
        }
        false
    }
}

fn number_of(word: &str) -> Option<usize> {
    const NUMBERS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
        sixteen seventeen eighteen nineteen twenty";
    match word {
        "single" => Some(1),
        "couple" | "pair" => Some(2),
        "few" => Some(3),
        "handful" => Some(5),
        "dozen" => Some(12),
        _ => match NUMBERS.split_whitespace().position(|number| number == word) {
            Some(place) => Some(place + 1),
            None => word.parse().ok().filter(|number| (1..=LARGEST).contains(number)),
        },
    }
}
