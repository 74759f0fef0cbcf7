//! Words with their places in the text.

use super::fold::{fold_char, is_unspaced_script, is_word_char};
use std::ops::Range;

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The folded word.
    pub(crate) word: String,
    /// Where it stands in the text, in bytes, possessive endings included.
    pub(crate) place: Range<usize>,
}

/// The folded words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for_each_token(text, |word, _| found.push(word.to_owned()));
    found
}

/// The words of a text with their places, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for_each_token(text, |word, place| {
        found.push(Token {
            word: word.to_owned(),
            place,
        })
    });
    found
}

/// Calls `visit` with every folded word and its place in bytes.
///
/// Hyphens, dots and dashes separate; an apostrophe joins (`O'Brien` is `obrien`), except in the possessive
/// (`Sophie's` is `sophie`) and in French or Italian elision (`L'Étranger` is `etranger`). `20,000` is one number.
pub(crate) fn for_each_token(text: &str, mut visit: impl FnMut(&str, Range<usize>)) {
    let mut word = String::new();
    let mut start = 0;
    let mut apostrophe: Option<usize> = None;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        let following = rest.as_str();
        if is_unspaced_script(c) {
            finish(&mut word, &mut apostrophe, start..at, &mut visit);
            fold_char(c, &mut word);
            finish(&mut word, &mut apostrophe, at..at + c.len_utf8(), &mut visit);
        } else if is_word_char(c) {
            if word.is_empty() {
                start = at;
            }
            fold_char(c, &mut word);
        } else if word.is_empty() {
            continue;
        } else if is_apostrophe(c) && following.starts_with(char::is_alphabetic) {
            apostrophe = Some(word.len());
        } else if c == ',' && groups_thousands(&word, following) {
            continue;
        } else {
            finish(&mut word, &mut apostrophe, start..at, &mut visit);
        }
    }
    finish(&mut word, &mut apostrophe, start..text.len(), &mut visit);
}

fn finish(
    word: &mut String,
    apostrophe: &mut Option<usize>,
    place: Range<usize>,
    visit: &mut impl FnMut(&str, Range<usize>),
) {
    if let Some(at) = apostrophe.take() {
        let (before, after) = word.split_at(at);
        let is_number = before.bytes().all(|b| b.is_ascii_digit());
        if after == "s" && !is_number {
            word.truncate(at);
        } else if after.len() > 1 && is_elided_article(before) {
            word.drain(..at);
        }
    }
    if !word.is_empty() {
        visit(word, place);
        word.clear();
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '‘' | '＇')
}

fn is_elided_article(word: &str) -> bool {
    matches!(word, "l" | "d" | "j" | "qu" | "dell" | "all" | "nell" | "un")
}

/// `20` before `,000 leagues`: exactly three digits follow.
fn groups_thousands(word: &str, following: &str) -> bool {
    let digits = following.bytes().take_while(u8::is_ascii_digit).count();
    digits == 3 && word.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_text() {
        for (text, expected) in [
            ("Sophie's World", "sophie world"),
            (
                "L’Étranger d'Urbervilles O'Brien don't",
                "etranger urbervilles obrien dont",
            ),
            ("Catch-22; J.R.R. Tolkien", "catch 22 j r r tolkien"),
            ("20,000 Leagues, 1,2 and 1920's", "20000 leagues 1 2 and 1920s"),
            ("'quoted' dogs' end'", "quoted dogs end"),
            ("吾輩は猫", "吾 輩 は 猫"),
            ("  —  ", ""),
            ("’", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn places_point_into_the_text() {
        let text = "Où est “L'Étranger”?";
        let found: Vec<&str> = tokens(text).into_iter().map(|token| &text[token.place]).collect();
        assert_eq!(found, ["Où", "est", "L'Étranger"]);
    }
}
