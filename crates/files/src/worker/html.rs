//! Web pages as Markdown: what a reader sees, without scripts, styles and embedded data.

use super::{Failure, Parsed, decode};
use crate::text::BoundedText;
use encoding_rs::Encoding;
use htmd::HtmlToMarkdown;
use htmd::element_handler::Handlers;

/// Elements that hold no words for a reader.
const SKIPPED: [&str; 14] = [
    "script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "embed", "audio",
    "video", "source", "link",
];

/// A page names its encoding within its first bytes (HTML standard, 4.2.5.4).
const CHARSET_WITHIN: usize = 1024;

pub(super) fn parse(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    let html = decode(bytes, false, declared_encoding(bytes));
    let converter = HtmlToMarkdown::builder()
        .skip_tags(SKIPPED.to_vec())
        // A picture's address is of no use to a model, and may hold the whole picture.
        .add_handler(vec!["img"], |_: &dyn Handlers, element: htmd::Element<'_>| {
            let alternative = element
                .attrs
                .iter()
                .find(|attribute| &*attribute.name.local == "alt")?;
            Some(alternative.value.to_string().into())
        })
        .build();
    let markdown = converter
        .convert(&html)
        .map_err(|error| Failure::Broken(format!("the page makes no sense: {error}")))?;
    text.push_str(markdown.trim());
    Ok(None)
}

/// The encoding of `<meta charset=…>` or its older form.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(CHARSET_WITHIN)].to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")?;
    let label = head[at + 8..].trim_ascii_start();
    let label = label
        .strip_prefix(b"\"")
        .or(label.strip_prefix(b"'"))
        .unwrap_or(label);
    let end = label
        .iter()
        .position(|byte| b"\"'>; /".contains(byte) || byte.is_ascii_whitespace())
        .unwrap_or(label.len());
    Encoding::for_label(&label[..end])
}
