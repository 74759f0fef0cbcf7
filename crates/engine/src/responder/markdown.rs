//! Text of others inside our Markdown: it is shown as it is and never becomes markup, an image or a link.

/// One line of text as Markdown that shows exactly this text. Line breaks become blanks.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut blank = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            blank = !escaped.is_empty();
            before = ' ';
            continue;
        }
        if c.is_control() {
            continue;
        }
        if std::mem::take(&mut blank) {
            escaped.push(' ');
        }
        let following = &text[at + c.len_utf8()..];
        let is_active = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '~' => true,
            // Inside a word it means nothing, and names of files and variables stay readable.
            '_' => !(before.is_alphanumeric() && following.starts_with(char::is_alphanumeric)),
            '&' => begins_entity(following),
            '#' | '>' | '+' | '-' | '=' | '|' => escaped.is_empty(),
            '.' | ')' => is_number(&escaped),
            _ => false,
        };
        if is_active {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// `amp;` and the like.
fn begins_entity(following: &str) -> bool {
    let name = following
        .bytes()
        .take(40)
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'#')
        .count();
    name > 0 && following[name..].starts_with(';')
}

/// Digits that would begin a numbered list; longer ones do not.
fn is_number(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A name in a code span, for files.
pub(super) fn code(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c == '`' || c.is_control() { '\'' } else { c })
        .take(200)
        .collect();
    let name = name.trim();
    if name.is_empty() {
        "the file".to_owned()
    } else {
        format!("`{name}`")
    }
}

/// Text between typographic quotation marks, for echoing what someone said.
pub(super) fn quoted(text: &str, most_chars: usize) -> String {
    let text = text.trim();
    let cut: String = text.chars().take(most_chars).collect();
    let mark = if cut.len() < text.len() { "…" } else { "" };
    format!("“{}{mark}”", inline(&cut))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed<T: AsRef<str>>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [most @ .., end] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", most.join(", "), end.as_ref())
        }
    }
}

/// What [`inline`] was made from, as far as one line can tell.
pub(super) fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut chars = markdown.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' {
            chars.next_if(char::is_ascii_punctuation)
        } else {
            None
        };
        text.push(escaped.unwrap_or(c));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        for (text, expected) in [
            ("![x](http://evil/)", r"!\[x\](http://evil/)"),
            ("a *b* _c_ snake_case", r"a \*b\* \_c\_ snake_case"),
            ("<script>", r"\<script>"),
            ("# head\n- item", r"\# head - item"),
            ("1. one", r"1\. one"),
            ("  a\t\u{0}b  ", "a b"),
            ("AT&T &amp; R&D", r"AT&T \&amp; R&D"),
            ("", ""),
        ] {
            assert_eq!(inline(text), expected, "{text}");
        }
    }

    #[test]
    fn names_and_lists() {
        assert_eq!(code("my `file`_v1.txt"), "`my 'file'_v1.txt`");
        assert_eq!(code("\n"), "`'`");
        assert_eq!(quoted(" the sea ", 40), "“the sea”");
        assert_eq!(quoted("the sea", 3), "“the…”");
        assert_eq!(listed(&["a"], "and"), "a");
        assert_eq!(listed(&["a", "b", "c"], "or"), "a, b or c");
    }

    proptest! {
        #[test]
        fn what_was_escaped_can_be_read_again(text in "[a-z*_`\\\\#>.&0-9 \\[\\]<|~-]{0,60}") {
            let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(plain(&inline(&text)), one_line);
        }
    }
}
