//! An answer's Markdown as the text that its reader sees, for where there is no room to draw it.
//!
//! Deliberately not a parser: it goes line by line and knows the signs that answers are full of. What it does not know
//! stays as it is written.

use std::ops::Range;

/// What has begun and may still end, at once; so that no line, however it is made, is gone over again and again.
const MOST_OPEN: usize = 64;
/// Bytes of an address; what goes on for longer is none.
const LONGEST_ADDRESS: usize = 1_024;

/// Part of a text, and what is read in its place. The signs of one group go together or not at all.
struct Sign {
    place: Range<usize>,
    read: &'static str,
    group: usize,
}

/// The text without Markdown's signs, and where in it the marks stand. Signs that hold a part of a mark stay: that is
/// what was sought. `marks` are in order.
pub(super) fn plain(source: &str, marks: &[Range<usize>]) -> (String, Vec<Range<usize>>) {
    let mut signs = Signs::default();
    signs.read(source);
    let signs = signs.without(marks);
    let mut text = String::with_capacity(source.len());
    let mut moved = marks.to_vec();
    let mut by_end: Vec<usize> = (0..marks.len()).collect();
    by_end.sort_by_key(|mark| marks[*mark].end);
    // Marks begin and end between signs, so each moves by what was left out before it.
    let (mut at, mut begun, mut ended) = (0, 0, 0);
    let last = std::iter::once((source.len()..source.len(), ""));
    let signs = signs.iter().map(|sign| (sign.place.clone(), sign.read));
    for (place, read) in signs.chain(last) {
        let length = text.len();
        while begun < marks.len() && marks[begun].start <= place.start {
            moved[begun].start = length + marks[begun].start - at;
            begun += 1;
        }
        while ended < marks.len() && marks[by_end[ended]].end <= place.start {
            moved[by_end[ended]].end = length + marks[by_end[ended]].end - at;
            ended += 1;
        }
        text.push_str(&source[at..place.start]);
        text.push_str(read);
        at = place.end;
    }
    (text, moved)
}

/// The signs that were found, in whatever order.
#[derive(Default)]
struct Signs {
    found: Vec<Sign>,
    groups: usize,
}

impl Signs {
    /// In order, without those that lie over another, and without the groups that hold a part of a mark.
    fn without(mut self, marks: &[Range<usize>]) -> Vec<Sign> {
        let mut kept = vec![false; self.groups];
        self.found.sort_by_key(|sign| (sign.place.start, sign.place.end));
        let mut first = 0;
        for sign in &self.found {
            // Both are in order; a mark that ends before this sign ends before all that follow.
            while marks.get(first).is_some_and(|mark| mark.end <= sign.place.start) {
                first += 1;
            }
            let holds = |mark: &Range<usize>| mark.start < sign.place.end && mark.end > sign.place.start;
            let near = marks[first..]
                .iter()
                .take_while(|mark| mark.start < sign.place.end);
            kept[sign.group] |= near.into_iter().any(holds);
        }
        let mut end = 0;
        self.found.retain(|sign| {
            let goes = !kept[sign.group] && sign.place.start >= end;
            if goes {
                end = sign.place.end;
            }
            goes
        });
        self.found
    }

    fn one(&mut self, place: Range<usize>, read: &'static str) {
        let group = self.groups;
        self.groups += 1;
        self.found.push(Sign { place, read, group });
    }

    /// Two that go together.
    fn pair(&mut self, places: [Range<usize>; 2]) {
        let group = self.groups;
        self.groups += 1;
        self.found.extend(places.map(|place| Sign {
            place,
            read: "",
            group,
        }));
    }

    fn read(&mut self, source: &str) {
        let mut fence: Option<(u8, usize)> = None;
        let mut at = 0;
        for line in source.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let line = line.trim_end();
            let begin = line.len() - line.trim_start().len();
            let rest = &line[begin..];
            if let Some((mark, length)) = fence {
                if run(rest, 0, mark) >= length && run(rest, 0, mark) == rest.len() {
                    self.one(start..start + line.len(), "");
                    fence = None;
                }
                continue;
            }
            fence = fence_at(rest);
            if fence.is_some() || is_rule(rest) {
                self.one(start..start + line.len(), "");
            } else {
                self.line(line, start, begin);
            }
        }
    }

    /// A line that is no code, from `begin`.
    fn line(&mut self, line: &str, start: usize, begin: usize) {
        let bytes = line.as_bytes();
        let mut at = begin;
        loop {
            let next = match bytes.get(at) {
                Some(b'>') => at + 1,
                Some(b'-' | b'*' | b'+') if bytes.get(at + 1) == Some(&b' ') => at + 2,
                Some(b'[')
                    if at > begin
                        && ["[ ] ", "[x] ", "[X] "]
                            .iter()
                            .any(|task| line[at..].starts_with(task)) =>
                {
                    at + 4
                }
                _ => break,
            };
            at = next + line[next..].len() - line[next..].trim_start().len();
        }
        let level = run(line, at, b'#');
        if (1..=6).contains(&level) && bytes.get(at + level) == Some(&b' ') {
            at += level + 1;
            let end = line.trim_end_matches('#').len();
            if end < line.len() && line[..end].ends_with(' ') && end > at {
                self.one(start + end..start + line.len(), "");
            }
        }
        if at > begin {
            self.one(start + begin..start + at, "");
        }
        if bytes.get(at) == Some(&b'|') {
            if line[at..].chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) {
                self.one(start + at..start + line.len(), "");
                return;
            }
            self.cells(line, start, at);
        }
        self.words(line, start, at);
    }

    /// The bars of a table's row: those at its ends go, those between cells become dots.
    fn cells(&mut self, line: &str, start: usize, begin: usize) {
        let bytes = line.as_bytes();
        for (at, _) in line.match_indices('|').filter(|(at, _)| *at >= begin) {
            if at > 0 && bytes[at - 1] == b'\\' {
                continue;
            }
            let before = line[..at].trim_end_matches(' ').len();
            let after = line.len() - line[at + 1..].trim_start_matches(' ').len();
            let is_outer = at == begin || after == line.len();
            let from = if at == begin { at } else { before };
            self.one(start + from..start + after, if is_outer { "" } else { " · " });
        }
    }

    /// What stands out within a line, code, links, and characters that are written with a backslash.
    fn words(&mut self, line: &str, start: usize, begin: usize) {
        let bytes = line.as_bytes();
        let place = |from: usize, to: usize| start + from..start + to;
        // Emphasis and links that have begun: where, with what, and how long that is.
        let mut open: Vec<(usize, u8, usize)> = Vec::new();
        let mut at = begin;
        while at < bytes.len() {
            let sign = bytes[at];
            let length = match sign {
                b'`' | b'*' | b'_' | b'~' => run(line, at, sign),
                _ => 1,
            };
            match sign {
                b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii_punctuation) => {
                    self.one(place(at, at + 1), "");
                    at += 2;
                }
                b'`' => {
                    at += length;
                    if let Some(end) = code_end(line, at, length) {
                        self.pair([place(at - length, at), place(end, end + length)]);
                        at = end + length;
                    }
                }
                b'*' | b'_' | b'~' => {
                    let (opens, closes) = flanks(line, at, length);
                    let matching = |one: &(usize, u8, usize)| one.1 == sign && one.2 == length;
                    let before = open.iter().rposition(matching).filter(|_| closes);
                    if let Some(before) = before {
                        let from = open[before].0;
                        self.pair([place(from, from + length), place(at, at + length)]);
                        open.truncate(before);
                    } else if opens
                        && open.len() < MOST_OPEN
                        && (1..=3).contains(&length)
                        && (sign != b'~' || length == 2)
                    {
                        open.push((at, sign, length));
                    }
                    at += length;
                }
                b'[' => {
                    if open.len() < MOST_OPEN {
                        open.push((at, b'[', 1));
                    }
                    at += 1;
                }
                b']' => {
                    let before = open.iter().rposition(|one| one.1 == b'[');
                    let link = before.and_then(|before| Some((before, link_end(line, at)?)));
                    if let Some((before, end)) = link {
                        let from = open[before].0;
                        let is_picture = from > begin && bytes[from - 1] == b'!';
                        self.pair([place(from - usize::from(is_picture), from + 1), place(at, end)]);
                        at = end;
                    } else {
                        at += 1;
                    }
                    if let Some(before) = before {
                        open.truncate(before);
                    }
                }
                b'<' => {
                    let rest = &line[at..];
                    let is_break = ["<br>", "<br/>", "<br />"].iter().find(|one| {
                        rest.get(..one.len())
                            .is_some_and(|rest| rest.eq_ignore_ascii_case(one))
                    });
                    if let Some(one) = is_break {
                        self.one(place(at, at + one.len()), " ");
                        at += one.len();
                    } else if ["<http://", "<https://", "<mailto:"]
                        .iter()
                        .any(|one| rest.starts_with(one))
                        && let Some(end) = address_end(rest)
                    {
                        self.pair([place(at, at + 1), place(at + end, at + end + 1)]);
                        at += end + 1;
                    } else {
                        at += 1;
                    }
                }
                _ => at += 1,
            }
        }
    }
}

/// How often a sign stands there in a row.
fn run(line: &str, at: usize, sign: u8) -> usize {
    let rest = line.as_bytes().get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| **byte == sign).count()
}

/// The fence that a line begins code with.
fn fence_at(line: &str) -> Option<(u8, usize)> {
    let sign = *line
        .as_bytes()
        .first()
        .filter(|sign| matches!(sign, b'`' | b'~'))?;
    let length = run(line, 0, sign);
    (length >= 3 && !(sign == b'`' && line[length..].contains('`'))).then_some((sign, length))
}

/// A line across the page, or one under a heading.
fn is_rule(line: &str) -> bool {
    let Some(sign) = line
        .chars()
        .next()
        .filter(|sign| matches!(sign, '-' | '*' | '_' | '='))
    else {
        return false;
    };
    let signs = line.chars().filter(|c| *c == sign).count();
    signs >= 3 && line.chars().all(|c| c == sign || c == ' ')
}

/// Where code in a line ends, which a run of as many ticks does.
fn code_end(line: &str, from: usize, length: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = line.get(at..)?.find('`') {
        let ticks = run(line, at + found, b'`');
        if ticks == length {
            return Some(at + found);
        }
        at += found + ticks;
    }
    None
}

/// Behind the address of a link, whose text ends at `at`.
fn link_end(line: &str, at: usize) -> Option<usize> {
    let rest = line[at..].strip_prefix("](")?;
    let mut depth = 0;
    for (offset, c) in rest.bytes().enumerate().take(LONGEST_ADDRESS) {
        match c {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at + 2 + offset + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The end of an address between angle brackets, which holds no blank.
fn address_end(rest: &str) -> Option<usize> {
    let mut bytes = rest.bytes().take(LONGEST_ADDRESS);
    let end = bytes.position(|byte| matches!(byte, b'>' | b' '))?;
    rest[end..].starts_with('>').then_some(end)
}

/// Whether a run of signs may begin and whether it may end what stands out.
fn flanks(line: &str, at: usize, length: usize) -> (bool, bool) {
    let before = line[..at].chars().next_back();
    let after = line[at + length..].chars().next();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let touches = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    // Within a word an underscore is one.
    let inside = line.as_bytes()[at] == b'_' && is_word(before) && is_word(after);
    (touches(after) && !inside, touches(before) && !inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(source: &str) -> String {
        plain(source, &[]).0
    }

    #[test]
    fn signs_are_not_read() {
        for (source, text) in [
            ("## A heading ##", "A heading "),
            ("# C# is a language", "C# is a language"),
            ("> - [x] *done*, **done** and ***done***", "done, done and done"),
            (
                "a ~~struck~~ word, `code *as it is*` and ``two ` ticks``",
                "a struck word, code *as it is* and two ` ticks",
            ),
            (
                "[a *text*](https://example.org/a_(b)_c) and ![a picture](data:x)",
                "a text and a picture",
            ),
            ("<https://example.org> one<br>two", "https://example.org one two"),
            (r"\*as it is\* and \| too", "*as it is* and | too"),
            (
                "snake_case_name, 2 * 3 * 4, _soft_, a*b",
                "snake_case_name, 2 * 3 * 4, soft, a*b",
            ),
            ("| a | b |\n|:--|--:|\n|c|*d*|", "a · b\n\nc · d"),
            ("one\n---\ntwo\n***", "one\n\ntwo\n"),
            (
                "```rust\nlet a = *b; // **\n```\n*out*",
                "\nlet a = *b; // **\n\nout",
            ),
            ("~~~\n```\n~~~", "\n```\n"),
            (
                "an [open bracket, a *star, a `tick and a | bar",
                "an [open bracket, a *star, a `tick and a | bar",
            ),
        ] {
            assert_eq!(read(source), text, "{source}");
        }
    }

    #[test]
    fn marks_go_with_their_words_and_keep_the_signs_that_hold_them() {
        let source = "| **whale** | [here](https://whale.org) |";
        let at: Vec<Range<usize>> = source
            .match_indices("whale")
            .map(|(at, one)| at..at + one.len())
            .collect();
        let (text, marks) = plain(source, &at);
        assert_eq!(text, "whale · [here](https://whale.org)");
        assert_eq!(
            marks.iter().map(|mark| &text[mark.clone()]).collect::<Vec<_>>(),
            ["whale", "whale"]
        );
    }

    /// Going over the rest of the line for each sign of it would take hours.
    #[test]
    fn a_long_line_is_gone_over_once() {
        for piece in [
            "a", "é", "](", "[a](", "<http://", "*a ", "a* ", "[a*", "_a_", "~~a", "` `` ", "|", "| ", "> ",
            "# ", "\\", "<br>",
        ] {
            let source = piece.repeat(1_000_000 / piece.len());
            let (text, _) = plain(&source, &[]);
            assert!(text.len() <= source.len(), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn marks_are_where_their_words_are(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("*"), Just("**"), Just("_"), Just("`"), Just("```"), Just("[sea]("), Just(")"), Just("|"), Just("\n"), Just("# "),
                    Just(" "), Just("sea"), Just("é"), Just("\\"), Just("> "), Just("- "), Just("~~"), Just("<br>"), Just("<https://sea"), Just(">"),
                ],
                0..40,
            )
        ) {
            let source = pieces.concat();
            let marks: Vec<Range<usize>> = source.match_indices("sea").map(|(at, one)| at..at + one.len()).collect();
            let (text, moved) = plain(&source, &marks);
            prop_assert_eq!(moved.len(), marks.len());
            for mark in moved {
                prop_assert_eq!(&text[mark], "sea");
            }
        }
    }
}
