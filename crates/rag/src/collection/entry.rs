//! One entry of a collection's file: tolerant of what is missing, exact about what is wrong.

use super::{Collection, EntryProblem};
use crate::book::{Book, Year};
use serde_json::{Map, Value};

/// Reads the entry with the given number.
pub(super) fn read_entry(number: usize, json: &str) -> Result<Book, Vec<EntryProblem>> {
    let whole = |message: String| {
        vec![EntryProblem {
            entry: number,
            member: None,
            message,
        }]
    };
    let mut entry = match serde_json::from_str(json) {
        Ok(Value::Object(entry)) => Entry {
            number,
            members: entry,
            problems: Vec::new(),
        },
        Ok(other) => return Err(whole(format!("must be an object, not {}", kind_of(&other)))),
        Err(fault) => return Err(whole(format!("can not be read: {fault}"))),
    };
    let book = Book {
        title: entry.title(),
        author: entry.text("author", Collection::MAX_NAME_CHARS),
        year: entry.year(),
        short_summary: entry
            .text("short_summary", Collection::MAX_BYTES)
            .unwrap_or_default(),
        full_summary: entry
            .text("full_summary", Collection::MAX_BYTES)
            .unwrap_or_default(),
        themes: entry.labels("themes"),
        genres: entry.labels("genres"),
        language: entry.text("language", Collection::MAX_NAME_CHARS),
    };
    if entry.problems.is_empty() {
        Ok(book)
    } else {
        Err(entry.problems)
    }
}

struct Entry {
    number: usize,
    members: Map<String, Value>,
    problems: Vec<EntryProblem>,
}

impl Entry {
    fn title(&mut self) -> String {
        if !self.members.contains_key("title") {
            self.problem("title", "is missing".to_owned());
            return String::new();
        }
        let before = self.problems.len();
        let title = self.text("title", Collection::MAX_NAME_CHARS).unwrap_or_default();
        if title.is_empty() && self.problems.len() == before {
            self.problem("title", "must not be blank".to_owned());
        }
        title
    }

    /// A text that may be missing, null or blank.
    fn text(&mut self, member: &'static str, max_chars: usize) -> Option<String> {
        match self.members.remove(member)? {
            Value::Null => None,
            Value::String(text) => {
                let lines: Vec<String> = text.lines().map(single_blanks).collect();
                // Only prose keeps its paragraphs; a name is one line.
                let text = if max_chars == Collection::MAX_BYTES {
                    lines.join("\n")
                } else {
                    lines.join(" ")
                };
                let text = text.trim().to_owned();
                if text.chars().count() > max_chars {
                    self.problem(member, format!("must not be longer than {max_chars} characters"));
                }
                (!text.is_empty()).then_some(text)
            }
            other => {
                self.problem(member, format!("must be text, not {}", kind_of(&other)));
                None
            }
        }
    }

    /// A list of texts; one text with commas is a list too.
    fn labels(&mut self, member: &'static str) -> Vec<String> {
        let mut labels = Vec::new();
        match self.members.remove(member) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => labels.extend(text.split(',').map(single_blanks)),
            Some(Value::Array(list)) => {
                for label in list {
                    match label {
                        Value::String(text) => labels.push(single_blanks(&text)),
                        other => {
                            let message = format!("must be a list of texts; it contains {}", kind_of(&other));
                            self.problem(member, message);
                            break;
                        }
                    }
                }
            }
            Some(other) => self.problem(
                member,
                format!("must be a list of texts, not {}", kind_of(&other)),
            ),
        }
        labels.retain(|label| !label.is_empty());
        if labels.len() > Collection::MAX_LABELS {
            self.problem(
                member,
                format!("must not have more than {} entries", Collection::MAX_LABELS),
            );
        }
        labels
    }

    fn year(&mut self) -> Option<Year> {
        match self.members.remove("year")? {
            Value::Null => None,
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(Year::from_text(&text)),
            Value::Number(number) => {
                let whole = number
                    .as_i64()
                    .or_else(|| number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64));
                match whole.map(i32::try_from) {
                    Some(Ok(year)) if (-9_999..=9_999).contains(&year) => Some(Year::from_number(year)),
                    Some(_) => {
                        self.problem("year", format!("must lie between -9999 and 9999: {number}"));
                        None
                    }
                    None => {
                        self.problem("year", format!("must be a whole number, text or null: {number}"));
                        None
                    }
                }
            }
            other => {
                self.problem(
                    "year",
                    format!("must be a whole number, text or null, not {}", kind_of(&other)),
                );
                None
            }
        }
    }

    fn problem(&mut self, member: &'static str, message: String) {
        self.problems.push(EntryProblem {
            entry: self.number,
            member: Some(member),
            message,
        });
    }
}

fn single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
