//! Titles: which book a title names, in spite of articles, subtitles, number words and small typing mistakes.

use crate::authors::{NameMatch, persons, persons_of};
use crate::edit_distance::distance_within;
use crate::field::Field;
use crate::index::Index;
use crate::text::{merge_spelled_words, words};
use chatai_types::BookId;
use std::cmp::Reverse;

/// What is known about a title that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleHit {
    /// The title as it was asked.
    pub asked: String,
    /// The book, or titles that may have been meant.
    pub outcome: TitleOutcome,
}

/// Whether a title is in the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TitleOutcome {
    /// It is.
    Found {
        /// The book.
        book: BookId,
        /// How well the title fits.
        how: TitleMatch,
    },
    /// It is not; up to three books that may have been meant, best first.
    Unknown {
        /// The books.
        suggestions: Vec<BookId>,
    },
}

/// How well a title that was asked for fits a book's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TitleMatch {
    /// The same words.
    Exact,
    /// The same but for a leading article or a subtitle.
    Variant,
    /// The same but for a small typing mistake.
    Typo,
}

/// A title in comparable forms: folded words with numbers as digits and initials as one word, joined by blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TitleForms {
    /// All of it.
    pub(crate) full: String,
    /// Without a leading article.
    pub(crate) bare: String,
    /// Without article and subtitle; the same as `bare` where there is no subtitle.
    pub(crate) main: String,
}

impl TitleForms {
    pub(crate) fn of(title: &str) -> TitleForms {
        let full = comparable(title);
        let bare = without_article(&full).to_owned();
        let main_full = comparable(before_subtitle(title));
        let main = without_article(&main_full);
        let main = if main.is_empty() {
            bare.clone()
        } else {
            main.to_owned()
        };
        TitleForms { full, bare, main }
    }

    /// Whether `self`, a title someone named, is the title of `book`. Articles do not count; a subtitle may be missing on
    /// either side, but two different subtitles are two books.
    pub(crate) fn names(&self, book: &TitleForms) -> bool {
        !self.bare.is_empty() && (self.bare == book.bare || self.bare == book.main || self.main == book.bare)
    }
}

impl Index {
    /// Finds titles, each on its own, in the order in which they were asked: exactly, then without regard to articles and
    /// subtitles, then with small typing mistakes. `Dune by Frank Herbert` names the author too.
    pub fn find_titles(&self, asked: &[String]) -> Vec<TitleHit> {
        asked
            .iter()
            .map(|title| {
                let outcome = match self.find_title(title) {
                    Some((slot, how)) => TitleOutcome::Found {
                        book: self.id(slot),
                        how,
                    },
                    None => {
                        let suggestions = self
                            .similar_titles(title)
                            .into_iter()
                            .map(|slot| self.id(slot))
                            .collect();
                        TitleOutcome::Unknown { suggestions }
                    }
                };
                TitleHit {
                    asked: title.clone(),
                    outcome,
                }
            })
            .collect()
    }

    /// The books of this very title: the same words, in spite of case, accents and punctuation. It costs the same in a
    /// collection of any size.
    pub fn called(&self, title: &str) -> Vec<BookId> {
        let forms = TitleForms::of(clip(title));
        self.slots_of_title(&forms.bare)
            .iter()
            .filter(|slot| self.keys_at(**slot).title.full == forms.full)
            .map(|slot| self.id(*slot))
            .collect()
    }

    fn find_title(&self, asked: &str) -> Option<(u32, TitleMatch)> {
        let asked = clip(asked);
        if let Some(found) = self.find_written_title(asked, None) {
            return Some(found);
        }
        // `ascii_lowercase` keeps the length in bytes, so the place is valid in the original.
        let by = asked.to_ascii_lowercase().rfind(" by ")?;
        self.find_written_title(&asked[..by], Some(&asked[by + 4..]))
    }

    fn find_written_title(&self, title: &str, author: Option<&str>) -> Option<(u32, TitleMatch)> {
        let forms = TitleForms::of(title);
        if forms.bare.is_empty() {
            return None;
        }
        let asked_persons = author.map(persons).unwrap_or_default();
        let is_by_author = |slot: u32| {
            author.is_none()
                || persons_of(self.book_at(slot)).iter().any(|person| {
                    asked_persons
                        .iter()
                        .any(|asked| asked.means(person) >= Some(NameMatch::OtherPart))
                })
        };
        let candidates: Vec<u32> = self
            .slots_of_title(&forms.bare)
            .iter()
            .chain(self.slots_of_title(&forms.main))
            .copied()
            .filter(|slot| forms.names(&self.keys_at(*slot).title) && is_by_author(*slot))
            .collect();
        if let Some(exact) = candidates
            .iter()
            .find(|slot| self.keys_at(**slot).title.full == forms.full)
        {
            return Some((*exact, TitleMatch::Exact));
        }
        if let Some(variant) = candidates.first() {
            return Some((*variant, TitleMatch::Variant));
        }
        self.misspelled_title(&forms, is_by_author)
            .map(|slot| (slot, TitleMatch::Typo))
    }

    /// The one nearest title within the tolerance; none where two are equally near, because a guess would be a coin toss.
    fn misspelled_title(&self, forms: &TitleForms, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let asked: Vec<char> = forms.bare.chars().collect();
        let limit = title_tolerance(asked.len());
        if limit == 0 {
            return None;
        }
        let mut best: Option<(usize, u32)> = None;
        let mut is_tie = false;
        for slot in self.slots() {
            let title = &self.keys_at(slot).title;
            let nearest = [&title.bare, &title.main]
                .into_iter()
                .filter(|form| form.len().abs_diff(forms.bare.len()) <= limit * 4)
                .filter_map(|form| distance_within(&asked, &form.chars().collect::<Vec<_>>(), limit))
                .filter(|_| is_same_number(&forms.bare, &title.bare))
                .min();
            let Some(distance) = nearest.filter(|_| is_meant(slot)) else {
                continue;
            };
            match best {
                Some((least, _)) if distance > least => {}
                Some((least, _)) if distance == least => is_tie = true,
                _ => {
                    best = Some((distance, slot));
                    is_tie = false;
                }
            }
        }
        best.filter(|_| !is_tie).map(|(_, slot)| slot)
    }

    /// Up to three titles that share words with what was asked, or are nearly spelled like it.
    fn similar_titles(&self, asked: &str) -> Vec<u32> {
        let forms = TitleForms::of(clip(asked));
        let mut scored = self.rank_by_field(clip(asked), Field::Title, 10);
        let wanted = bigrams(&forms.bare);
        for (slot, score) in &mut scored {
            *score *= 1.0 + similarity(&wanted, &bigrams(&self.keys_at(*slot).title.bare));
        }
        scored.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        let mut slots: Vec<u32> = scored.into_iter().map(|(slot, _)| slot).collect();
        if slots.len() < 3 && wanted.len() > 2 {
            let mut near: Vec<(Reverse<u32>, u32)> = self
                .slots()
                .filter(|slot| !slots.contains(slot))
                .filter(|slot| {
                    // Cheap looks first: the rest of the work is done for few titles.
                    let main = &self.keys_at(*slot).title.main;
                    main.as_bytes().first() == forms.bare.as_bytes().first()
                        && main.len() <= forms.bare.len() * 2
                        && forms.bare.len() <= main.len() * 2
                })
                .filter_map(|slot| {
                    let alike = similarity(&wanted, &bigrams(&self.keys_at(slot).title.main));
                    (alike >= 0.5).then_some((Reverse((alike * 1_000.0) as u32), slot))
                })
                .collect();
            near.sort();
            slots.extend(near.into_iter().map(|(_, slot)| slot));
        }
        slots.truncate(3);
        slots
    }
}

/// Titles are short; what is longer is cut, so that the work for one is bounded.
fn clip(title: &str) -> &str {
    let end = title.char_indices().nth(300).map_or(title.len(), |(at, _)| at);
    &title[..end]
}

fn comparable(title: &str) -> String {
    let spelled = title.replace('&', " and ");
    let pieces: Vec<String> = merge_spelled_words(&words(&spelled))
        .into_iter()
        .map(|piece| piece.0)
        .collect();
    pieces.join(" ")
}

/// The part before the first `:`, `;`, dash between blanks or bracket.
fn before_subtitle(title: &str) -> &str {
    [":", ";", " - ", " – ", " — ", "(", " or, ", ", or "]
        .iter()
        .filter_map(|separator| title.find(separator))
        .min()
        .map_or(title, |end| &title[..end])
}

fn without_article(title: &str) -> &str {
    const ARTICLES: [&str; 15] = [
        "the", "a", "an", "le", "la", "les", "el", "los", "las", "der", "die", "das", "il", "lo", "gli",
    ];
    match title.split_once(' ') {
        Some((first, rest)) if ARTICLES.contains(&first) => rest,
        _ => title,
    }
}

/// A number is never a typing mistake of another: `Catch-22` is not `Catch-23`.
fn is_same_number(left: &str, right: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(left) == digits(right)
}

fn title_tolerance(chars: usize) -> usize {
    match chars {
        0..=3 => 0,
        4..=8 => 1,
        9..=19 => 2,
        _ => 3,
    }
}

fn bigrams(text: &str) -> Vec<(char, char)> {
    let chars: Vec<char> = text.chars().collect();
    let mut pairs: Vec<(char, char)> = chars.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Dice's coefficient of two sorted sets, 0 to 1.
fn similarity(left: &[(char, char)], right: &[(char, char)]) -> f32 {
    let shared = left
        .iter()
        .filter(|pair| right.binary_search(pair).is_ok())
        .count();
    let all = left.len() + right.len();
    if all == 0 {
        0.0
    } else {
        2.0 * shared as f32 / all as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_title_in_many_spellings() {
        for (asked, title) in [
            ("the hobbit", "The Hobbit"),
            ("Hobbit", "The Hobbit; or, There and Back Again"),
            ("Frankenstein", "Frankenstein; or, The Modern Prometheus"),
            ("Frankenstein: Or, the Modern Prometheus", "Frankenstein"),
            ("1984", "Nineteen Eighty-Four"),
            ("100 Years of Solitude", "One Hundred Years of Solitude"),
            ("Les Miserables", "Les Misérables"),
            ("pride & prejudice", "Pride and Prejudice"),
            ("Stranger", "The Stranger"),
            ("A", "A"),
        ] {
            assert!(
                TitleForms::of(asked).names(&TitleForms::of(title)),
                "{asked} – {title}"
            );
        }
    }

    #[test]
    fn other_titles_are_other_books() {
        for (asked, title) in [
            ("Dune", "Dune Messiah"),
            (
                "The Lord of the Rings: The Two Towers",
                "The Lord of the Rings: The Return of the King",
            ),
            ("The", "The Trial"),
            ("", "The Trial"),
            ("?!", "..."),
            ("Emma", "Emmas"),
        ] {
            assert!(
                !TitleForms::of(asked).names(&TitleForms::of(title)),
                "{asked} – {title}"
            );
        }
    }
}
