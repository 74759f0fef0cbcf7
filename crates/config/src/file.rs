//! The configuration file: TOML becomes values by dotted key, each with its line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::inputs::TextFile;
use crate::kinds::Raw;
use crate::load::Given;
use crate::problem::{Problem, Source};
use crate::suggest;
use crate::table::{Key, Table};

/// Reads the file; broken lines do not keep the others from being checked.
pub(crate) fn read(file: &TextFile, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    let mut walk = Walk {
        file,
        given,
        problems,
    };
    for error in errors {
        let start = error.span().map_or(0, |span| span.start);
        // The parser's message names what it expected and does not quote the line, which may hold a secret.
        let problem = Problem::new(
            walk.source(start),
            format!("the file is not valid TOML: {}", one_line(error.message())),
        );
        walk.problems.push(problem);
    }
    walk.table("", document.get_ref());
}

struct Walk<'a> {
    file: &'a TextFile,
    given: &'a mut Vec<Given>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn source(&self, offset: usize) -> Source {
        let before = self.file.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        Source::File {
            path: self.file.path.clone(),
            line,
        }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (part, value) in in_order_of_lines(table) {
            let part_text = part.get_ref().as_ref();
            let name = if prefix.is_empty() {
                part_text.to_owned()
            } else {
                format!("{prefix}.{part_text}")
            };
            let source = self.source(part.span().start);
            self.entry(&name, source, value.get_ref());
        }
    }

    fn entry(&mut self, name: &str, source: Source, value: &DeValue<'_>) {
        let table = Table::get();
        if let Some(key) = table.key(name) {
            self.given.push(Given {
                key,
                source,
                raw: raw(value),
            });
            return;
        }
        match (table.is_section(name), value) {
            (true, DeValue::Table(inner)) => self.table(name, inner),
            (true, _) => {
                let problem = Problem::new(source, format!("`{name}` is a section, not a key"));
                self.problems
                    .push(problem.with_hint(Some(format!("write `[{name}]` and its keys below"))));
            }
            (false, DeValue::Table(_)) => {
                let sections = table.sections.iter().map(|section| section.name);
                let hint =
                    suggest::nearest(name, sections).map(|section| format!("did you mean `[{section}]`?"));
                self.problems.push(
                    Problem::new(
                        source,
                        format!("unknown section: `{}`", crate::kinds::for_message(name)),
                    )
                    .with_hint(hint),
                );
            }
            (false, _) => self.problems.push(unknown_key(source, name)),
        }
    }
}

/// A problem with a key that is not in the table.
pub(crate) fn unknown_key(source: Source, name: &str) -> Problem {
    let names = Table::get().keys.iter().map(|key: &Key| key.name);
    let hint = suggest::nearest(name, names).map(|key| format!("did you mean `{key}`?"));
    Problem::new(
        source,
        format!("unknown key: `{}`", crate::kinds::for_message(name)),
    )
    .with_hint(hint)
}

fn in_order_of_lines<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<toml::de::DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(part, _)| part.span().start);
    entries
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Raw::Integer(number.to_string()),
            Err(_) => Raw::Other(integer.to_string()),
        },
        DeValue::Float(float) => Raw::Other(float.to_string()),
        DeValue::Boolean(boolean) => Raw::Other(boolean.to_string()),
        DeValue::Datetime(datetime) => Raw::Other(datetime.to_string()),
        DeValue::Table(_) => Raw::Other("a table".to_owned()),
        DeValue::Array(entries) => {
            let texts: Option<Vec<String>> = entries
                .iter()
                .map(|entry| entry.get_ref().as_str().map(str::to_owned))
                .collect();
            texts.map_or_else(
                || Raw::Other("a list with other entries than text".to_owned()),
                Raw::List,
            )
        }
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}
