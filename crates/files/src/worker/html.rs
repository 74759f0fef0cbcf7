//! Web pages as Markdown: what a reader sees, without scripts, styles and embedded data.

use super::{Failure, Parsed, decode};
use crate::text::BoundedText;
use encoding_rs::Encoding;
use htmd::element_handler::{HandlerResult, Handlers};
use htmd::options::{BulletListMarker, Options};
use htmd::{Element, HtmlToMarkdown};

/// Elements that hold no words for a reader.
const SKIPPED: [&str; 14] = [
    "script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "embed", "audio",
    "video", "source", "link",
];

/// A page names its encoding within its first bytes (HTML standard, 4.2.5.4).
const CHARSET_WITHIN: usize = 1024;

pub(super) fn parse(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    let html = decode(bytes, false, declared_encoding(bytes));
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(SKIPPED.to_vec())
        .add_handler(vec!["img"], picture)
        .add_handler(vec!["a"], link)
        .build();
    let markdown = converter
        .convert(&html)
        .map_err(|error| Failure::Broken(format!("the page makes no sense: {error}")))?;
    text.push_str(markdown.trim());
    Ok(None)
}

/// What a picture shows. Its address is of no use to a model, and may hold the whole picture.
fn picture(_: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    attribute(&element, "alt").map(|alternative| alternative.trim().into())
}

/// A link's words, with its address where that leads to another page.
fn link(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let content = handlers.walk_children(element.node).content;
    let words = content.trim();
    let leads_elsewhere = |address: &&str| {
        ["https://", "http://", "mailto:"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
    };
    match attribute(&element, "href").filter(leads_elsewhere) {
        Some(address) if !words.is_empty() => {
            let address = address.replace(char::is_whitespace, "%20").replace(')', "%29");
            let (before, after) = content.split_once(words).unwrap_or_default();
            Some(format!("{before}[{words}]({address}){after}").into())
        }
        _ => Some(content.into()),
    }
}

fn attribute<'a>(element: &'a Element<'_>, name: &str) -> Option<&'a str> {
    let attribute = element
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name)?;
    Some(&attribute.value)
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
