//! The part of a text around its words, as HTML that holds nothing but marks.

use std::ops::Range;

/// Characters of text in a snippet, and of those the ones ahead of the first word.
const CHARS: usize = 200;
const LEAD: usize = 60;
/// How far a cut moves so that it goes through no word.
const WORD: usize = 20;

/// The window with the most marks, escaped; `…` where the text goes on. `marks` are in order.
pub(super) fn snippet(text: &str, marks: &[Range<usize>]) -> String {
    // Where the text ends soon, there is room for more of what is ahead.
    let latest = back(text, text.len(), CHARS);
    let first = richest(text, marks);
    let start = word_begin(text, back(text, first, LEAD).min(latest), first);
    let last = marks.iter().map(|mark| mark.end);
    let end = forward(text, start, CHARS);
    let end = word_end(text, last.filter(|last| *last <= end).max().unwrap_or(start), end);
    let mut html = String::from(if start > 0 { "…" } else { "" });
    let mut at = start;
    for mark in merged(marks) {
        if mark.start < at || mark.end > end {
            continue;
        }
        escape(&text[at..mark.start], &mut html);
        html.push_str("<mark>");
        escape(&text[mark.clone()], &mut html);
        html.push_str("</mark>");
        at = mark.end;
    }
    escape(&text[at..end], &mut html);
    if end < text.len() {
        html.push('…');
    }
    html
}

/// Where the mark begins behind which most others follow closely.
fn richest(text: &str, marks: &[Range<usize>]) -> usize {
    let mut best = (0, 0);
    let mut last = 0;
    for (first, mark) in marks.iter().enumerate() {
        let reach = forward(text, mark.start, CHARS - LEAD);
        last = last.max(first);
        while marks.get(last).is_some_and(|mark| mark.end <= reach) {
            last += 1;
        }
        if last - first > best.0 {
            best = (last - first, mark.start);
        }
    }
    if best.0 == 0 {
        marks.first().map_or(0, |mark| mark.start)
    } else {
        best.1
    }
}

/// Marks that touch or overlap are one.
fn merged(marks: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => merged.push(mark.clone()),
        }
    }
    merged
}

/// So many characters further on, or the end.
fn forward(text: &str, from: usize, chars: usize) -> usize {
    let mut following = text[from..].char_indices().skip(chars);
    following.next().map_or(text.len(), |(offset, _)| from + offset)
}

/// So many characters back, or the start.
fn back(text: &str, from: usize, chars: usize) -> usize {
    let before = text[..from].char_indices().rev().take(chars);
    before.last().map_or(from, |(offset, _)| offset)
}

/// Where the next word begins, unless that is far, or behind what has to be seen.
fn word_begin(text: &str, from: usize, seen: usize) -> usize {
    let seen = seen.max(from);
    let is_begin = |at: usize| text[..at].chars().next_back().is_none_or(char::is_whitespace);
    let mut near = text[from..].char_indices().take(WORD);
    let blank = near.find(|(_, c)| c.is_whitespace());
    let begin = match blank {
        Some((at, blank)) if !is_begin(from) => (from + at + blank.len_utf8()).min(seen),
        _ => from,
    };
    if begin == 0 {
        return begin;
    }
    // What parts the cells of a table parts nothing here.
    let rest = text[begin..seen].trim_start_matches(|c: char| c == '·' || c.is_whitespace());
    seen - rest.len()
}

/// Where the last whole word ends, unless that is far, or ahead of what has to be seen.
fn word_end(text: &str, seen: usize, to: usize) -> usize {
    if text[to..].chars().next().is_none_or(char::is_whitespace) {
        return to;
    }
    let mut near = text[..to].char_indices().rev().take(WORD);
    let blank = near.find(|(_, c)| c.is_whitespace());
    blank.map_or(to, |(at, _)| at.max(seen.min(to)))
}

/// Text inside HTML. White space is one blank.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_whitespace() => {
                if !html.ends_with(' ') {
                    html.push(' ');
                }
            }
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_stand_in_escaped_text() {
        let text = "<b>sea</b> & \"the\nsea\"";
        let marks = [3..6, 18..21];
        assert_eq!(
            snippet(text, &marks),
            "&lt;b&gt;<mark>sea</mark>&lt;/b&gt; &amp; &quot;the <mark>sea</mark>&quot;"
        );
    }

    #[test]
    fn a_long_text_is_cut_around_its_words() {
        let text = format!("{}sea and sea{}", "before ".repeat(100), " behind".repeat(100));
        let html = snippet(&text, &[700..703, 708..711]);
        assert!(html.starts_with('…') && html.ends_with('…'), "{html}");
        assert!(html.contains("<mark>sea</mark> and <mark>sea</mark>"), "{html}");
        assert!(html.chars().count() < 250);
        assert!(
            html.starts_with("…before ") && html.ends_with(" behind…"),
            "{html}"
        );
        let text = format!("{}cell · {} · sea", "before ".repeat(40), "y".repeat(55));
        let at = text.len() - 3;
        let text = format!("{text}{}", " behind".repeat(60));
        assert!(snippet(&text, std::slice::from_ref(&(at..at + 3))).starts_with("…yyy"));
    }

    #[test]
    fn a_text_that_fits_is_whole() {
        let text = format!("{}sea", "before ".repeat(20));
        assert_eq!(
            snippet(&text, std::slice::from_ref(&(140..143))),
            format!("{}<mark>sea</mark>", "before ".repeat(20))
        );
    }

    proptest! {
        #[test]
        fn nothing_but_marks_is_html(text in ".{0,300}", query in ".{1,10}") {
            let marks: Vec<Range<usize>> = text.match_indices(&query).map(|(at, part)| at..at + part.len()).collect();
            let html = snippet(&text, &marks).replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
        }
    }
}
