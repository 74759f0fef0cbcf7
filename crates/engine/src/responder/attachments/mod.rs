//! Attached files: how they stand in a request, and which of them a question means.

mod answer;
mod speech;

pub(super) use answer::{answer, first_sentence, gist, hold_an_answer, summary_of_text};
pub(super) use speech::{
    speaks_of_a_file, speaks_of_files_alone, speaks_of_nothing_else, speaks_surely_of_a_file, task_of,
};

/// A file as the request carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Empty where the request does not say it.
    pub(super) name: &'a str,
    /// What a reader should know, such as that only the beginning is there.
    pub(super) note: Option<&'a str>,
    pub(super) body: Body<'a>,
}

/// What of a file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    Text(&'a str),
    Image,
    Unreadable(&'a str),
}

/// What is wanted of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Summarise,
    Quote,
    /// Something that would need a model: a translation, a correction.
    Rework,
}

impl<'a> Document<'a> {
    /// Reads a fenced file, as the context writes it.
    pub(super) fn read(fenced: &'a str) -> Option<Self> {
        let (name, mut rest) = fenced.strip_prefix("<attachment name=\"")?.split_once('"')?;
        let (mut note, mut state) = (None, "");
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (key, after) = attribute.split_once("=\"")?;
            let (value, after) = after.split_once('"')?;
            match key {
                "note" => note = Some(value),
                "state" => state = value,
                _ => {}
            }
            rest = after;
        }
        let text = rest.strip_prefix(">\n")?.strip_suffix("\n</attachment>")?;
        let body = match state {
            "image" => Body::Image,
            "unreadable" => Body::Unreadable(text),
            _ => Body::Text(text),
        };
        Some(Self { name, note, body })
    }

    /// An image that the request carries as such: for models that see.
    pub(super) fn image() -> Self {
        Self {
            name: "",
            note: None,
            body: Body::Image,
        }
    }

    /// Its text, where there is any.
    fn text(&self) -> Option<&'a str> {
        match self.body {
            Body::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether a question calls the file by its name, with or without the ending.
    pub(super) fn is_named_in(&self, question: &str) -> bool {
        let (stem, ending) = self.name.rsplit_once('.').unwrap_or((self.name, ""));
        let (question, stem, ending) = (
            question.to_lowercase(),
            stem.to_lowercase(),
            ending.to_lowercase(),
        );
        // Short names, and names that are a word like another, count with their ending alone.
        let is_word = stem.chars().all(char::is_alphabetic);
        stem.chars().count() > 1
            && question.match_indices(&stem).any(|(at, found)| {
                let before = question[..at].chars().next_back();
                let after = &question[at + found.len()..];
                let has_ending = !ending.is_empty()
                    && after
                        .strip_prefix('.')
                        .is_some_and(|after| after.starts_with(&ending));
                let stands_alone =
                    !before.is_some_and(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
                stands_alone && (has_ending || !is_word && stem.chars().count() > 3)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::context;
    use chatai_llm::Part;

    /// What the context writes for a file.
    fn fenced(filename: &str, body: context::DocumentBody) -> String {
        let document = context::Document {
            filename: filename.to_owned(),
            body,
        };
        match context::question("?", &[document], false).swap_remove(0) {
            Part::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_context_writes_is_read_back() {
        use context::DocumentBody as Given;
        let note = Some("only the \"beginning\"".to_owned());
        let image = Given::Image {
            media_type: "image/png".to_owned(),
            bytes: bytes::Bytes::new(),
        };
        for (name, given, read_name, note, body) in [
            (
                "a.txt",
                Given::Text {
                    text: "x\n\ny".to_owned(),
                    note: None,
                },
                "a.txt",
                None,
                Body::Text("x\n\ny"),
            ),
            (
                "a\"b>.txt",
                Given::Text {
                    text: String::new(),
                    note,
                },
                "a'b>.txt",
                Some("only the 'beginning'"),
                Body::Text(""),
            ),
            ("p.png", image, "p.png", None, Body::Image),
            (
                "x.zip",
                Given::Nothing {
                    reason: "no text".to_owned(),
                },
                "x.zip",
                None,
                Body::Unreadable("no text"),
            ),
        ] {
            let text = fenced(name, given);
            assert_eq!(
                Document::read(&text),
                Some(Document {
                    name: read_name,
                    note,
                    body
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn other_text_is_no_file() {
        for text in [
            "",
            "<attachment",
            "<attachment name=\"a",
            "<attachment name=\"a\">x",
            "<attachment name=\"a\" b>\nx\n</attachment>",
        ] {
            assert_eq!(Document::read(text), None, "{text}");
        }
    }

    #[test]
    fn files_are_called_by_name() {
        for (name, question, expected) in [
            ("report.pdf", "What does report.pdf say?", true),
            ("Q3-report.pdf", "look into q3-report", true),
            ("report.pdf", "I report to my boss", false),
            ("a.txt", "a.txt and b", false),
            ("ab.txt", "compare ab.txt", true),
            ("data.csv", "mydata.csv", false),
            ("", "anything", false),
        ] {
            let document = Document {
                name,
                note: None,
                body: Body::Image,
            };
            assert_eq!(document.is_named_in(question), expected, "{name} {question}");
        }
    }
}
