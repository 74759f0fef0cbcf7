//! Names of authors: which of them a person asked for.
//!
//! Exact in meaning, not in letters: initials, order, accents and the usual romanisations of one name are the same
//! name (`Dostoyevsky`, `Dostoevskii`); a different name never is, however similar (`Tolstoy`, `Tolstaya`).

use crate::book::Book;
use crate::text::{fold, for_each_token, words};

/// What is known about an author that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorHit {
    /// The name as it was asked.
    pub asked: String,
    /// The collection's authors of that name, in alphabetical order; empty where there is none.
    pub names: Vec<String>,
    /// Where there is none: up to three authors with a similar name.
    pub suggestions: Vec<String>,
}

/// One person's name in comparable parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonName {
    /// The name as the collection writes it.
    pub(crate) display: String,
    /// All parts, the family name last; a part of one letter is an initial.
    pub(crate) parts: Vec<String>,
    is_younger: bool,
}

/// How a name that was asked for fits a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameMatch {
    /// One part of the name, not the family name: `Dante`, `Jane`.
    OtherPart,
    /// The family name, or a full name.
    Name,
}

impl PersonName {
    pub(crate) fn family_name(&self) -> &str {
        self.parts.last().map(String::as_str).unwrap_or_default()
    }

    /// Whether `self`, a name someone asked for, means `person`.
    pub(crate) fn means(&self, person: &PersonName) -> Option<NameMatch> {
        if self.is_younger && !person.is_younger {
            return None;
        }
        if let [part] = self.parts.as_slice()
            && part.chars().count() > 1
        {
            return if part == person.family_name() {
                Some(NameMatch::Name)
            } else {
                person.parts.contains(part).then_some(NameMatch::OtherPart)
            };
        }
        self.full_name_means(person).then_some(NameMatch::Name)
    }

    fn full_name_means(&self, person: &PersonName) -> bool {
        let mut theirs: Vec<&str> = person.parts.iter().map(String::as_str).collect();
        let mut ours: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let mut has_family_name = false;
        let mut equal_full_parts = 0;
        ours.retain(|part| {
            let Some(at) = theirs.iter().position(|their| their == part) else {
                return true;
            };
            if part.chars().count() > 1 {
                equal_full_parts += 1;
                has_family_name |= *part == person.family_name();
            }
            theirs.remove(at);
            false
        });
        // An initial stands for a name, on either side.
        ours.retain(|part| {
            let Some(at) = theirs
                .iter()
                .position(|their| is_initial_of(part, their) || is_initial_of(their, part))
            else {
                return true;
            };
            theirs.remove(at);
            false
        });
        let is_same_family = has_family_name || equal_full_parts >= 2;
        // What the collection does not give (a patronymic, a middle initial) can not contradict it, provided that
        // everything which it does give was named.
        let contradicts = match ours.as_slice() {
            [] => false,
            _ => {
                !theirs.is_empty()
                    || (person.parts.len() < 2 && ours.iter().any(|part| part.chars().count() > 1))
            }
        };
        is_same_family && !contradicts
    }
}

/// The persons of an author member: `Neil Gaiman and Terry Pratchett` are two, `Le Guin, Ursula K.` is one.
pub(crate) fn persons(author: &str) -> Vec<PersonName> {
    let mut persons = Vec::new();
    for piece in author
        .split([';', '&', '/'])
        .flat_map(|piece| piece.split(" and "))
    {
        // `with` and `et al.` do not begin another name worth a filter.
        let comma_parts: Vec<&str> = piece
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        match comma_parts.as_slice() {
            [last, first] if is_inverted(last, first) => persons.extend(person(&format!("{first} {last}"))),
            parts => persons.extend(parts.iter().filter_map(|part| person(part))),
        }
    }
    persons
}

/// The persons of a book.
pub(crate) fn persons_of(book: &Book) -> Vec<PersonName> {
    book.author.as_deref().map(persons).unwrap_or_default()
}

fn is_inverted(last: &str, first: &str) -> bool {
    words(last).len() < 2 || words(first).len() < 2
}

fn person(name: &str) -> Option<PersonName> {
    let mut parts: Vec<String> = Vec::new();
    let mut is_younger = false;
    let mut last_place = 0;
    for_each_token(name, |_, place| last_place = place.start);
    for_each_token(name, |word, place| match word {
        "sir" | "dr" | "count" | "lord" | "lady" | "mrs" | "mr" | "ms" | "st" | "saint" | "prof"
        | "professor"
            if place.start < last_place => {}
        "jr" | "sr" | "junior" | "senior" | "elder" | "pere" | "the" => {}
        "fils" | "younger" => is_younger = true,
        _ => {
            let written = &name[place.clone()];
            let is_joined_initials = place.start < last_place
                && (2..=3).contains(&word.len())
                && word.is_ascii()
                && (written.bytes().all(|b| b.is_ascii_uppercase())
                    && name.bytes().any(|b| b.is_ascii_lowercase())
                    || !word.contains(['a', 'e', 'i', 'o', 'u', 'y']));
            if is_joined_initials {
                parts.extend(word.chars().map(String::from));
            } else {
                parts.push(one_romanisation(word));
            }
        }
    });
    if parts.is_empty() {
        return None;
    }
    Some(PersonName {
        display: name.split_whitespace().collect::<Vec<_>>().join(" "),
        parts,
        is_younger,
    })
}

fn is_initial_of(initial: &str, part: &str) -> bool {
    initial.chars().count() == 1 && part.starts_with(initial)
}

/// Folds the common ways of writing one Russian name with Latin letters. The rules are narrow: each keeps apart what are
/// different names (`Levi`, `Levy`).
fn one_romanisation(part: &str) -> String {
    let mut name = fold(part);
    if !name.is_ascii() || name.len() < 3 {
        return name;
    }
    name = match name.as_str() {
        "lev" => "leo",
        "aleksandr" | "aleksander" | "alexandr" => "alexander",
        "nikolay" | "nicolai" | "nicolay" => "nikolai",
        "gogol" | "gogol'" => "gogol",
        other => other,
    }
    .to_owned();
    for (ending, one) in [
        ("skii", "sky"),
        ("skiy", "sky"),
        ("skij", "sky"),
        ("ski", "sky"),
        ("oi", "oy"),
        ("nii", "ny"),
        ("niy", "ny"),
    ] {
        if let Some(before) = name.strip_suffix(ending) {
            name = format!("{before}{one}");
            break;
        }
    }
    if let Some(rest) = name.strip_prefix("tch") {
        name = format!("ch{rest}");
    }
    if let Some(rest) = name.strip_prefix("yev") {
        name = format!("ev{rest}");
    }
    name.replace("oye", "oe")
        .replace("aye", "ae")
        .replace("fyo", "fe")
        .replace("kh", "k")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(asked: &str, author: &str) -> Option<NameMatch> {
        persons(asked)
            .iter()
            .flat_map(|name| persons(author).into_iter().map(|person| name.means(&person)))
            .max()?
    }

    #[test]
    fn the_same_person_in_many_spellings() {
        for (asked, author) in [
            ("Tolstoy", "Leo Tolstoy"),
            ("leo tolstoy", "Leo Tolstoy"),
            ("Tolstoy, Leo", "Leo Tolstoy"),
            ("Lev Tolstoi", "Leo Tolstoy"),
            ("Count Leo Nikolayevich Tolstoy", "Leo Tolstoy"),
            ("Leo N. Tolstoy", "Leo Tolstoy"),
            ("L. Tolstoy", "Leo Tolstoy"),
            ("Dostoyevsky", "Fyodor Dostoevsky"),
            ("Fedor Dostoevskii", "Fyodor Dostoyevsky"),
            ("Tchekhov", "Anton Chekhov"),
            ("JRR Tolkien", "J. R. R. Tolkien"),
            ("jrr tolkien", "J.R.R. Tolkien"),
            ("John Ronald Reuel Tolkien", "J.R.R. Tolkien"),
            ("J.R.R. Tolkien", "John Ronald Reuel Tolkien"),
            ("Ursula Le Guin", "Le Guin, Ursula K."),
            ("Le Guin", "Ursula K. Le Guin"),
            ("Márquez", "Gabriel Garcia Marquez"),
            ("García Márquez", "Gabriel García Márquez"),
            ("Gabriel García", "Gabriel García Márquez"),
            ("Murakami Haruki", "Haruki Murakami"),
            ("Pratchett", "Neil Gaiman and Terry Pratchett"),
            ("Kurt Vonnegut Jr.", "Kurt Vonnegut"),
            ("Homer", "Homer"),
            ("Celeste Ng", "Celeste Ng"),
            ("Dr. Seuss", "Dr. Seuss"),
            ("O’Brien", "Flann O'Brien"),
        ] {
            assert_eq!(means(asked, author), Some(NameMatch::Name), "{asked} – {author}");
        }
    }

    #[test]
    fn different_people_stay_apart() {
        for (asked, author) in [
            ("Tolstoy", "Tatyana Tolstaya"),
            ("Tolstaya", "Leo Tolstoy"),
            ("Aleksey Tolstoy", "Leo Tolstoy"),
            ("A. Tolstoy", "Leo Tolstoy"),
            ("Levi", "Andrea Levy"),
            ("Charlotte Brontë", "Emily Brontë"),
            ("Alexandre Dumas fils", "Alexandre Dumas"),
            ("Henry James", "P. D. James"),
            ("Homer Hickam", "Homer"),
            ("", "Leo Tolstoy"),
            ("...", "Leo Tolstoy"),
            ("J", "Jane Austen"),
        ] {
            assert_eq!(means(asked, author), None, "{asked} – {author}");
        }
    }

    #[test]
    fn one_other_part_is_a_weaker_match() {
        assert_eq!(means("Dante", "Dante Alighieri"), Some(NameMatch::OtherPart));
        assert_eq!(means("Jane", "Jane Austen"), Some(NameMatch::OtherPart));
    }
}
