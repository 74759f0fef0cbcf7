//! Where sentences end.

/// A sentence is cut at a blank when it grows beyond this, in bytes: text without punctuation (tables, minified code)
/// must not become one giant sentence.
const MAX_SENTENCE_BYTES: usize = 1_200;

/// A line that is longer than this was not wrapped to a page: its end is a paragraph's end.
const LONGEST_WRAPPED_LINE: usize = 130;
/// A line that is shorter than this was not wrapped either: a heading, a verse, a table's row.
const SHORTEST_WRAPPED_LINE: usize = 45;

/// The sentences of a text (of its first 4 MiB), in order, trimmed, none blank. Headings, list items and table rows are
/// sentences of their own; a line break inside a wrapped paragraph stays inside the sentence.
pub fn split_sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    for block in blocks(super::clip(text)) {
        split_block(block, &mut sentences);
    }
    sentences
}

/// Paragraphs, headings, list items and rows.
fn blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let following = text[end..].split('\n').next().unwrap_or_default();
        if end == text.len() || ends_block(line, following) {
            blocks.push(&text[start..end]);
            start = end;
        }
        at = end;
    }
    blocks
}

fn ends_block(line: &str, following: &str) -> bool {
    let (line, following) = (line.trim(), following.trim_start());
    if line.is_empty() || following.trim_end().is_empty() || begins_item(following) {
        return true;
    }
    let is_row = line.contains(['\t', '|']) || line.matches([',', ';']).count() > 3 && !line.contains(". ");
    if is_row || line.starts_with('#') {
        return true;
    }
    let continues = following.starts_with(char::is_lowercase) || line.ends_with(['-', ',', '\u{ad}']);
    let is_wrapped = (SHORTEST_WRAPPED_LINE..=LONGEST_WRAPPED_LINE).contains(&line.chars().count());
    !(continues && line.len() <= LONGEST_WRAPPED_LINE * 4 || is_wrapped)
}

/// A bullet, a heading's mark, a row's bar or a number with a full stop or a bracket.
fn begins_item(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=3).contains(&digits)
        && line[digits..].starts_with([')', '.'])
        && line[digits + 1..].starts_with(' ');
    numbered
        || line.starts_with(['#', '|', '>', '•', '◦', '▪', '‣'])
        || ["- ", "* ", "+ ", "– ", "— "]
            .iter()
            .any(|mark| line.starts_with(mark))
}

fn split_block<'a>(block: &'a str, sentences: &mut Vec<&'a str>) {
    let mut start = 0;
    let mut last_blank = 0;
    let mut chars = block.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut end = at + c.len_utf8();
        if c.is_whitespace() {
            last_blank = end;
        }
        let is_end = match c {
            '。' | '！' | '？' | '।' | '؟' => true,
            '.' | '!' | '?' | '…' => {
                while let Some((_, closing)) = chars.next_if(|(_, next)| is_closing(*next)) {
                    end += closing.len_utf8();
                }
                ends_sentence(c, &block[start..at], &block[end..])
            }
            _ => false,
        };
        if is_end {
            push(&block[start..end], sentences);
            start = end;
        } else if end - start > MAX_SENTENCE_BYTES {
            let cut = if last_blank > start { last_blank } else { end };
            push(&block[start..cut], sentences);
            start = cut;
        }
    }
    push(&block[start..], sentences);
}

fn push<'a>(sentence: &'a str, sentences: &mut Vec<&'a str>) {
    let sentence = sentence.trim();
    if sentence.chars().any(char::is_alphanumeric) {
        sentences.push(sentence);
    }
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '"' | '”' | '’' | '\'' | ')' | ']' | '»'
    )
}

/// Whether a mark ends the sentence that stands before it: something new has to follow, and before a full stop there
/// must be neither an abbreviation nor an initial.
fn ends_sentence(mark: char, before: &str, after: &str) -> bool {
    if after.is_empty() {
        return true;
    }
    if !after.starts_with(char::is_whitespace) {
        return false;
    }
    let following = after.trim_start();
    let Some(next) = following
        .trim_start_matches(['"', '“', '\'', '‘', '(', '[', '«', '*', '_'])
        .chars()
        .next()
    else {
        return true;
    };
    if next.is_lowercase() {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let last = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“'))
        .next()
        .unwrap_or_default();
    let is_initial = last.chars().count() == 1 && last.starts_with(char::is_uppercase) && last != "I";
    !is_initial && !is_abbreviation(last, next)
}

fn is_abbreviation(word: &str, next: char) -> bool {
    const TITLES: [&str; 22] = [
        "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Sr", "Jr", "Rev", "Gen", "Col", "Lt", "Capt", "Sgt",
        "Hon", "vs", "e.g", "i.e", "cf", "al", "ca",
    ];
    const BEFORE_NUMBERS: [&str; 14] = [
        "No", "no", "p", "pp", "Vol", "vol", "Fig", "fig", "Ch", "ch", "Art", "art", "Sec", "sec",
    ];
    TITLES.contains(&word) || (next.is_numeric() && BEFORE_NUMBERS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sentences_of_many_texts() {
        let cases: [(&str, &[&str]); 10] = [
            ("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"]),
            (
                "Dr. Smith paid $3.50 to J. R. Jones. He left.",
                &["Dr. Smith paid $3.50 to J. R. Jones.", "He left."],
            ),
            (
                "He said \"Stop!\" and left. \"Why?\" She asked.",
                &["He said \"Stop!\" and left.", "\"Why?\"", "She asked."],
            ),
            ("See no. 5 on p. 7. Done.", &["See no. 5 on p. 7.", "Done."]),
            ("Title\n\nA paragraph.", &["Title", "A paragraph."]),
            (
                "# Head\ntext here\n- one\n- two",
                &["# Head", "text here", "- one", "- two"],
            ),
            (
                "This line is wrapped by a mail program at some width\nand goes on here. The end.",
                &[
                    "This line is wrapped by a mail program at some width\nand goes on here.",
                    "The end.",
                ],
            ),
            (
                "name,price\nApple,3\nPear,4",
                &["name,price", "Apple,3", "Pear,4"],
            ),
            (
                "吾輩は猫である。名前はまだ無い。",
                &["吾輩は猫である。", "名前はまだ無い。"],
            ),
            (" ... \n\n --- ", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(split_sentences(text), expected, "{text}");
        }
    }

    #[test]
    fn text_without_an_end_is_cut() {
        let text = "word ".repeat(1_000);
        let sentences = split_sentences(&text);
        assert!(sentences.len() > 3);
        assert!(
            sentences
                .iter()
                .all(|sentence| sentence.len() <= MAX_SENTENCE_BYTES + 4)
        );
        assert!(split_sentences(&"x".repeat(10_000)).len() > 5);
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_and_signs_is_lost(text in "[a-zé .!?\n\"(,-]{0,200}") {
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(letters(&split_sentences(&text).join("")), letters(&text));
        }

        #[test]
        fn any_text_is_split(text in "\\PC{0,200}") {
            prop_assert!(split_sentences(&text).iter().all(|sentence| !sentence.trim().is_empty()));
        }
    }
}
