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
        text.end_block();
        if !read_page(&mut document, root, *page, text)? {
            unreadable += 1;
        }
        if text.is_truncated() {
            break;
        }
    }
    if unreadable == pages.len() {
        return Err(Failure::Broken("no page of the document can be read".to_owned()));
    }
    if has_more {
        text.mark_truncated();
    }
    Ok(note(text, unreadable, pages.len()))
}

/// Whether the page could be read. A page that makes the parser give up does not cost the others.
fn read_page(
    document: &mut Document,
    root: ObjectId,
    page: ObjectId,
    text: &mut BoundedText,
) -> Result<bool, Failure> {
    // The parser reads whole documents, so the tree is cut down to this page. What the page inherits comes through its
    // own `Parent`, which stays.
    let tree = document
        .get_dictionary_mut(root)
        .map_err(|error| broken(&error))?;
    tree.set("Kids", vec![Object::Reference(page)]);
    let content = catch_unwind(AssertUnwindSafe(|| document.get_page_content(page)));
    if matches!(content, Ok(Ok(content)) if content.len() > MAX_PAGE_BYTES) {
        return Err(Failure::Hostile(
            "a page of the document unpacks to too much".to_owned(),
        ));
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        output_doc(document, &mut PlainTextOutput::new(PageText(&mut *text)))
    }));
    match outcome {
        Ok(Ok(())) => Ok(true),
        // The text is full.
        Ok(Err(OutputError::FormatError(_))) => Ok(true),
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}

fn note(text: &BoundedText, unreadable: usize, pages: usize) -> Option<String> {
    if text.as_str().trim().is_empty() {
        Some("no text layer: the pages are probably scanned pictures".to_owned())
    } else if unreadable > 0 {
        Some(format!("{unreadable} of {pages} pages could not be read"))
    } else {
        None
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::Broken(format!("the document makes no sense: {error}"))
}
