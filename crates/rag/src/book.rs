//! One book of the collection.

use std::fmt;

/// A book as the collection's file describes it. Texts are trimmed, their inner blanks single;
/// summaries keep their line breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The title, never blank.
    pub title: String,
    /// The author or authors as the file names them.
    pub author: Option<String>,
    /// When it was first published or written.
    pub year: Option<Year>,
    /// One or two sentences; empty where the file has none.
    pub short_summary: String,
    /// The long summary; empty where the file has none.
    pub full_summary: String,
    /// What it is about, in a few words each.
    pub themes: Vec<String>,
    /// What kind of book it is.
    pub genres: Vec<String>,
    /// The language in which it was written.
    pub language: Option<String>,
}

impl Book {
    /// The hash of everything the entry says. Two entries are the same to the index exactly when this is the same.
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = blake3::Hasher::new();
        // Every part is preceded by its length, so that moving text from one member to the next changes the hash.
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(&self.title);
        part(self.author.as_deref().unwrap_or_default());
        part(self.year.as_ref().map(Year::label).unwrap_or_default());
        part(&self.short_summary);
        part(&self.full_summary);
        for list in [&self.themes, &self.genres] {
            part(&list.len().to_string());
            list.iter().for_each(|entry| part(entry));
        }
        part(self.language.as_deref().unwrap_or_default());
        ContentHash(*hasher.finalize().as_bytes())
    }

    /// The text whose embedding stands for the book: who and what first, because models weigh the beginning.
    /// It depends on nothing but what [`Book::content_hash`] covers.
    pub fn embedding_text(&self) -> String {
        let mut text = self.title.clone();
        if let Some(author) = &self.author {
            text.push_str(" by ");
            text.push_str(author);
        }
        let published = self.year.as_ref().map(Year::label).unwrap_or_default();
        let language = self.language.as_deref().unwrap_or_default();
        let lines = [
            ("Published", published.to_owned()),
            ("Language", language.to_owned()),
            ("Genres", self.genres.join(", ")),
            ("Themes", self.themes.join(", ")),
        ];
        for (name, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
            text.push_str(&format!("\n{name}: {line}"));
        }
        for summary in [&self.short_summary, &self.full_summary] {
            if !summary.is_empty() {
                text.push('\n');
                text.push_str(summary);
            }
        }
        text
    }
}

/// A year as a file gives it: a number, or text such as `c. 800 BC` that may contain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Year {
    number: Option<i32>,
    label: String,
}

impl Year {
    /// A plain year, negative before Christ.
    pub fn from_number(number: i32) -> Year {
        let label = if number < 0 {
            format!("{} BC", -i64::from(number))
        } else {
            number.to_string()
        };
        Year {
            number: Some(number),
            label,
        }
    }

    /// A year in words. The first number counts: `c. 800 BC`, `1605–1615`, `8th century BC` (its middle), `-400`.
    pub fn from_text(text: &str) -> Year {
        let label = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Year {
            number: read_year(&label),
            label,
        }
    }

    /// The year for comparisons, negative before Christ; `None` where the text has no number.
    pub fn number(&self) -> Option<i32> {
        self.number
    }

    /// The year as it is shown.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

fn read_year(label: &str) -> Option<i32> {
    let start = label.find(|c: char| c.is_ascii_digit())?;
    let digits: String = label[start..].chars().take_while(char::is_ascii_digit).collect();
    let number: i32 = digits.parse().ok().filter(|number| *number <= 9_999)?;
    let rest = label[start + digits.len()..].to_lowercase();
    let is_century = ["st", "nd", "rd", "th"]
        .iter()
        .any(|ending| rest.starts_with(ending))
        && rest.contains("century");
    let number = if is_century {
        (number - 1) * 100 + 50
    } else {
        number
    };
    let is_before_christ = rest
        .split(|c: char| !c.is_alphabetic())
        .any(|word| word == "bc" || word == "bce")
        || rest.contains("b.c")
        || label.starts_with('-');
    Some(if is_before_christ { -number } else { number })
}

/// The hash of a book's content (BLAKE3, 32 bytes). Embeddings are kept under it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ContentHash {
    /// The hash that [`fmt::Display`] wrote so; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        // One hash has one name.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        blake3::Hash::from_hex(text)
            .ok()
            .map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_in_words() {
        for (text, number) in [
            ("1866", Some(1866)),
            ("c. 800 BC", Some(-800)),
            ("ca. 1021 AD", Some(1021)),
            ("8th century BC", Some(-750)),
            ("12th century", Some(1150)),
            ("1605–1615", Some(1605)),
            ("-400", Some(-400)),
            ("800 B.C.E.", Some(-800)),
            ("unknown", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Year::from_text(text).number(), number, "{text}");
        }
        assert_eq!(Year::from_number(-800).label(), "800 BC");
    }

    #[test]
    fn every_member_is_hashed_and_none_runs_into_the_next() {
        let book = Book {
            title: "Dune".to_owned(),
            themes: vec!["sand".to_owned()],
            ..Book::default()
        };
        let author = Some("Frank Herbert".to_owned());
        let others = [
            Book {
                title: "Dunes".to_owned(),
                ..book.clone()
            },
            Book {
                author,
                ..book.clone()
            },
            Book {
                year: Some(Year::from_number(1965)),
                ..book.clone()
            },
            Book {
                short_summary: "Sand.".to_owned(),
                ..book.clone()
            },
            Book {
                full_summary: "Sand.".to_owned(),
                ..book.clone()
            },
            Book {
                themes: vec![],
                genres: vec!["sand".to_owned()],
                ..book.clone()
            },
            Book {
                themes: vec!["sa".to_owned(), "nd".to_owned()],
                ..book.clone()
            },
            Book {
                language: Some("English".to_owned()),
                ..book.clone()
            },
        ];
        let mut hashes: Vec<ContentHash> = others.iter().map(Book::content_hash).collect();
        hashes.push(book.content_hash());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 1);
        assert_eq!(book.content_hash(), book.clone().content_hash());
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = Book::default().content_hash();
        let text = hash.to_string();
        assert_eq!(ContentHash::from_hex(&text), Some(hash));
        for other in [
            "",
            "none",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &text.replace('a', "g"),
        ] {
            assert_eq!(ContentHash::from_hex(other), None, "{other}");
        }
    }

    #[test]
    fn embedding_text_leaves_out_what_is_missing() {
        let book = Book {
            title: "Dune".to_owned(),
            genres: vec!["Science fiction".to_owned()],
            ..Book::default()
        };
        assert_eq!(book.embedding_text(), "Dune\nGenres: Science fiction");
    }
}
