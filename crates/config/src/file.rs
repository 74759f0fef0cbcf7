//! The configuration file: TOML becomes values by dotted key, each with its line.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::entries;
use crate::inputs::TextFile;
use crate::kinds::Raw;
use crate::load::Given;
use crate::mcp;
use crate::problem::{Problem, Source};
use crate::suggest;
use crate::table::{Key, Table};

/// The entries of lists of tables.
#[derive(Default)]
pub(crate) struct Lists {
    /// Of `[[providers]]`.
    pub(crate) providers: Vec<entries::Given>,
    /// Of `[[mcp]]`.
    pub(crate) mcp: Vec<mcp::Given>,
}

/// Reads the file; broken lines do not keep the others from being checked. Gives the entries of its lists.
pub(crate) fn read(file: &TextFile, given: &mut Vec<Given>, problems: &mut Vec<Problem>) -> Lists {
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    let mut walk = Walk {
        places: Places { file },
        given,
        problems,
        lists: Lists::default(),
    };
    for error in errors {
        let start = error.span().map_or(0, |span| span.start);
        // The parser's message names what it expected and does not quote the line, which may hold a secret.
        let problem = Problem::new(
            walk.places.source(start),
            format!("the file is not valid TOML: {}", one_line(error.message())),
        );
        walk.problems.push(problem);
    }
    walk.table("", document.get_ref());
    walk.lists
}

/// Turns offsets into lines.
pub(crate) struct Places<'a> {
    file: &'a TextFile,
}

impl Places<'_> {
    /// The line that an offset is in.
    pub(crate) fn source(&self, offset: usize) -> Source {
        let before = self.file.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        Source::File {
            path: self.file.path.clone(),
            line,
        }
    }
}

/// The section that a list of tables may stand for.
const PROVIDERS: &str = "providers";
/// What only a list of tables stands for.
const MCP: &str = "mcp";

struct Walk<'a> {
    places: Places<'a>,
    given: &'a mut Vec<Given>,
    problems: &'a mut Vec<Problem>,
    lists: Lists,
}

impl Walk<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (part, value) in in_order_of_lines(table) {
            let part_text = part.get_ref().as_ref();
            let name = if prefix.is_empty() {
                part_text.to_owned()
            } else {
                format!("{prefix}.{part_text}")
            };
            let source = self.places.source(part.span().start);
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
            (true, DeValue::Array(list)) if name == PROVIDERS => match tables(list) {
                Some(list) => self.lists.providers = entries::read(&list, &self.places, self.problems),
                None => self.no_list(name, source, "a list of tables, or a section"),
            },
            (false, DeValue::Array(list)) if name == MCP => match tables(list) {
                Some(list) => self.lists.mcp = mcp::read(&list, &self.places, self.problems),
                None => self.no_list(name, source, "a list of tables"),
            },
            (false, _) if name == MCP => self.no_list(name, source, "a list of tables"),
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

    fn no_list(&mut self, name: &str, source: Source, what: &str) {
        let problem = Problem::new(source, format!("`{name}` is {what}"));
        self.problems
            .push(problem.with_hint(Some(format!("write `[[{name}]]` above each"))));
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

/// The entries of a list that holds tables alone.
fn tables<'a, 'i>(list: &'a DeArray<'i>) -> Option<Vec<&'a DeTable<'i>>> {
    let table = |entry: &'a Spanned<DeValue<'i>>| match entry.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    };
    list.iter().map(table).collect()
}

pub(crate) fn in_order_of_lines<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<toml::de::DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(part, _)| part.span().start);
    entries
}

/// A value as keys read it.
pub(crate) fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Raw::Integer(number.to_string()),
            Err(_) => Raw::Other(integer.to_string()),
        },
        DeValue::Float(float) => Raw::Other(float.to_string()),
        DeValue::Boolean(boolean) => Raw::Other(boolean.to_string()),
        DeValue::Datetime(datetime) => Raw::Other(datetime.to_string()),
        DeValue::Table(table) => {
            let lists: Option<Vec<(String, Vec<String>)>> = in_order_of_lines(table)
                .into_iter()
                .map(|(part, value)| Some((part.get_ref().to_string(), names(value.get_ref())?)))
                .collect();
            lists.map_or_else(|| Raw::Other("a table".to_owned()), Raw::Table)
        }
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

/// A text, or a list of texts.
fn names(value: &DeValue<'_>) -> Option<Vec<String>> {
    match raw(value) {
        Raw::Text(text) => Some(vec![text]),
        Raw::List(list) => Some(list),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}
