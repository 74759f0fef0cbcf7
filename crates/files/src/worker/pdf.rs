//! The text layer of PDF files, page by page.

use super::{Failure, Parsed};
use crate::text::BoundedText;
use pdf_extract::{ConvertToFmt, Document, Object, ObjectId, OutputError, PlainTextOutput, output_doc};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Pages that are read; a book rarely has more, and a hostile file claims millions.
const MAX_PAGES: usize = 2_000;

/// The content of one page, unpacked.
const MAX_PAGE_BYTES: usize = 64 << 20;

/// Lets the text be written into what stops when it is full.
struct PageText<'a>(&'a mut BoundedText);

impl<'a> ConvertToFmt for PageText<'a> {
    type Writer = &'a mut BoundedText;

    fn convert(self) -> Self::Writer {
        self.0
    }
}

pub(super) fn parse(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    let mut document = Document::load_mem(bytes).map_err(|error| broken(&error))?;
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(Failure::Broken(
            "the document is locked with a password".to_owned(),
        ));
    }
    let root = document
        .catalog()
        .and_then(|catalog| catalog.get(b"Pages"))
        .and_then(Object::as_reference);
    let root = root.map_err(|error| broken(&error))?;
    let mut pages: Vec<ObjectId> = document.page_iter().take(MAX_PAGES + 1).collect();
    if pages.is_empty() {
        return Err(Failure::Broken("the document has no pages".to_owned()));
    }
    let has_more = pages.len() > MAX_PAGES;
    pages.truncate(MAX_PAGES);

    let mut unreadable = 0_usize;
    for page in &pages {
        // The parsers read whole documents, so the tree is cut down to this page. What the page inherits
        // comes through its own `Parent`, which stays.
        let tree = document
            .get_dictionary_mut(root)
            .map_err(|error| broken(&error))?;
        tree.set("Kids", vec![Object::Reference(*page)]);
        if !read_page(&document, *page, text)? {
            unreadable += 1;
        }
        if text.is_truncated() {
            break;
        }
    }
    if has_more {
        text.mark_truncated();
    }
    Ok(note(text, unreadable, pages.len()))
}

/// Adds the text of the document's only page. Whether it could be read: one that makes the parser give up
/// does not cost the others.
fn read_page(document: &Document, page: ObjectId, text: &mut BoundedText) -> Result<bool, Failure> {
    let content = catch_unwind(AssertUnwindSafe(|| document.get_page_content(page)));
    if matches!(content, Ok(Ok(content)) if content.len() > MAX_PAGE_BYTES) {
        return Err(Failure::Hostile(
            "a page of the document unpacks to too much".to_owned(),
        ));
    }
    let mut words = BoundedText::new(text.room());
    let mut output = PlainTextOutput::new(PageText(&mut words));
    let (words, is_cut, is_read) = match catch_unwind(AssertUnwindSafe(|| output_doc(document, &mut output)))
    {
        // The text is full.
        Ok(Ok(()) | Err(OutputError::FormatError(_))) => {
            let (words, is_cut) = words.finish();
            (words, is_cut, true)
        }
        Ok(Err(_)) | Err(_) => match read_simply(document) {
            Some(words) => (words, false, true),
            None => (words.finish().0, false, false),
        },
    };
    text.end_block();
    push_tidy(&words, text);
    if is_cut {
        text.mark_truncated();
    }
    Ok(is_read)
}

/// A second parser, which knows nothing of places on the page but more encodings and never insists.
fn read_simply(document: &Document) -> Option<String> {
    let chunks = catch_unwind(AssertUnwindSafe(|| document.extract_text_chunks(&[1]))).ok()?;
    let words: String = chunks.into_iter().flatten().collect();
    (!words.trim().is_empty()).then_some(words)
}

/// Pages are full of empty lines, one for each gap between blocks.
fn push_tidy(words: &str, text: &mut BoundedText) {
    let mut blank = false;
    for line in words.trim().lines().map(str::trim_end) {
        if !(line.is_empty() && blank) {
            text.push_str(line);
            text.push('\n');
        }
        blank = line.is_empty();
    }
}

fn note(text: &BoundedText, unreadable: usize, pages: usize) -> Option<String> {
    if unreadable > 0 {
        Some(format!("{unreadable} of {pages} pages could not be read"))
    } else if text.as_str().trim().is_empty() {
        Some("no text layer: the pages are probably scanned pictures".to_owned())
    } else {
        None
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::Broken(format!("the document makes no sense: {error}"))
}
