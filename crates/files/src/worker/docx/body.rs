//! The running text of a part: paragraphs, list items, table rows.

use super::super::Failure;
use super::super::xml::{Element, Step, Steps};
use super::lists::Lists;
use super::styles::{Styles, heading_of_outline};
use crate::text::BoundedText;

/// Elements whose content is not part of the text as it reads now: deleted or moved words, former properties,
/// the second form of what newer readers show differently, positions of tab stops.
const SKIPPED: [&str; 9] = [
    "del",
    "moveFrom",
    "pPrChange",
    "rPrChange",
    "tblPrChange",
    "sectPr",
    "Fallback",
    "tabs",
    "rt",
];

/// A paragraph while it is read.
#[derive(Debug, Default)]
struct Paragraph {
    words: String,
    heading: Option<usize>,
    list: Option<String>,
    level: Option<usize>,
}

/// Writes parts into the text, one after the other.
pub(super) struct Body<'a> {
    text: &'a mut BoundedText,
    styles: &'a Styles,
    lists: Lists,
    paragraph: Paragraph,
    /// The cells of the outermost table's current row; tables within cells become part of them.
    row: Vec<String>,
    cell_depth: usize,
    table_depth: usize,
    is_first_row: bool,
    after_item: bool,
    /// Stands before the first paragraph of a note.
    note_mark: Option<String>,
    in_words: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(text: &'a mut BoundedText, styles: &'a Styles, lists: Lists) -> Self {
        Self {
            text,
            styles,
            lists,
            paragraph: Paragraph::default(),
            row: Vec::new(),
            cell_depth: 0,
            table_depth: 0,
            is_first_row: true,
            after_item: false,
            note_mark: None,
            in_words: false,
        }
    }

    /// Reads a whole part, or as much of it as the text has room for.
    pub(super) fn read(&mut self, xml: &str) -> Result<(), Failure> {
        let mut steps = Steps::of(xml);
        let mut skipped_depth = 0_usize;
        while let Some(step) = steps.next()? {
            if self.text.is_truncated() {
                return Ok(());
            }
            match step {
                Step::Open(_) if skipped_depth > 0 => skipped_depth += 1,
                Step::Close(_) if skipped_depth > 0 => skipped_depth -= 1,
                Step::Text(_) if skipped_depth > 0 => {}
                Step::Open(element) if SKIPPED.contains(&element.name()) || is_separator(&element) => {
                    skipped_depth = 1
                }
                Step::Open(element) => self.open(&element),
                Step::Close(name) => self.close(&name),
                Step::Text(words) if self.in_words => self.paragraph.words.push_str(&words),
                Step::Text(_) => {}
            }
        }
        self.end_paragraph();
        Ok(())
    }

    fn open(&mut self, element: &Element<'_>) {
        match element.name() {
            // Also where a text box stands within a paragraph: its paragraphs follow what has been read so
            // far.
            "p" => self.end_paragraph(),
            "t" => self.in_words = true,
            "tab" | "ptab" => self.paragraph.words.push('\t'),
            "br" | "cr" => self.paragraph.words.push('\n'),
            "noBreakHyphen" => self.paragraph.words.push('-'),
            "footnoteReference" => self.paragraph.words.push_str(&mark("", element)),
            "endnoteReference" => self.paragraph.words.push_str(&mark("e", element)),
            "footnote" => self.note_mark = Some(mark("", element)),
            "endnote" => self.note_mark = Some(mark("e", element)),
            "tbl" => self.open_table(),
            "tc" => self.open_cell(),
            _ => self.open_property(element),
        }
    }

    fn open_property(&mut self, element: &Element<'_>) {
        let Some(value) = element.attribute("val") else {
            return;
        };
        match element.name() {
            "pStyle" => {
                if let Some(style) = self.styles.get(&value) {
                    self.paragraph.heading = style.heading;
                    self.paragraph.list = self.paragraph.list.take().or(style.list.clone());
                    self.paragraph.level = self.paragraph.level.or(Some(style.level));
                }
            }
            "outlineLvl" => self.paragraph.heading = heading_of_outline(&value),
            "numId" => self.paragraph.list = Some(value),
            "ilvl" => self.paragraph.level = value.parse().ok(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" => self.end_paragraph(),
            "t" => self.in_words = false,
            "tc" => {
                self.end_paragraph();
                self.cell_depth = self.cell_depth.saturating_sub(1);
            }
            "tr" if self.cell_depth == 0 => self.end_row(),
            "tbl" => {
                self.table_depth = self.table_depth.saturating_sub(1);
                if self.table_depth == 0 {
                    self.text.end_block();
                }
            }
            _ => {}
        }
    }

    fn open_table(&mut self) {
        self.end_paragraph();
        if self.table_depth == 0 {
            self.text.end_block();
            self.is_first_row = true;
            self.after_item = false;
        }
        self.table_depth += 1;
    }

    fn open_cell(&mut self) {
        if self.cell_depth == 0 {
            self.row.push(String::new());
        }
        self.cell_depth += 1;
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if row.is_empty() {
            return;
        }
        self.text.push_str(&format!("| {} |\n", row.join(" | ")));
        if std::mem::take(&mut self.is_first_row) {
            self.text.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let words = paragraph.words.trim();
        if words.is_empty() {
            return;
        }
        if self.cell_depth > 0 {
            let Some(cell) = self.row.last_mut() else { return };
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(&words.replace(['\n', '\t'], " ").replace('|', "\\|"));
            return;
        }
        let list = paragraph
            .list
            .filter(|list| list != "0" && paragraph.heading.is_none());
        if list.is_some() && self.after_item {
            self.text.end_line();
        } else {
            self.text.end_block();
        }
        self.after_item = list.is_some();
        if let Some(mark) = self.note_mark.take() {
            self.text.push_str(&format!("{mark}: "));
        }
        if let Some(level) = paragraph.heading {
            self.text.push_str(&format!("{} ", "#".repeat(level)));
        }
        if let Some(list) = list {
            let mark = self.lists.next_mark(&list, paragraph.level.unwrap_or_default());
            self.text.push_str(&mark);
        }
        self.text.push_str(words);
    }
}

/// The lines that part notes from the text are kept as notes as well.
fn is_separator(element: &Element<'_>) -> bool {
    matches!(element.name(), "footnote" | "endnote")
        && element
            .attribute("type")
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("separator"))
}

fn mark(prefix: &str, element: &Element<'_>) -> String {
    format!("[^{prefix}{}]", element.attribute("id").unwrap_or_default())
}
