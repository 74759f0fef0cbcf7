//! What a file truly is. The bytes decide; name and declared type only choose between kinds of text.

mod language;
mod zip_directory;

use crate::content_type::essence;
use crate::decode::looks_like_text;
use crate::image::ImageFormat;
pub use language::Language;
use zip_directory::ZipDirectory;

/// How a file is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Portable Document Format.
    Pdf,
    /// A Word document in Office Open XML.
    Docx,
    /// An Excel workbook in Office Open XML.
    Xlsx,
    /// A table as text.
    Csv,
    /// A web page.
    Html,
    /// Markdown.
    Markdown,
    /// Any other text.
    PlainText,
    /// Text in a programming, data or markup language.
    SourceCode(Language),
    /// A picture that models see.
    Image(ImageFormat),
    /// A ZIP archive that is none of the above. Its entries are listed, never read.
    Zip,
    /// Anything else: stored, not understood.
    Other,
}

/// Some writers put bytes before the header of a PDF; readers look for it this far.
const PDF_HEADER_WITHIN: usize = 1024;

/// A web page shows that it is one within its first bytes.
const HTML_SIGN_WITHIN: usize = 1024;

impl Kind {
    /// The kind of these bytes.
    ///
    /// `declared_name` and `declared_type` are the sender's and prove nothing: they tell CSV, Markdown,
    /// source code and plain text apart, once the content is known to be text.
    pub fn detect(bytes: &[u8], declared_name: &str, declared_type: Option<&str>) -> Self {
        if let Some(format) = ImageFormat::detect(bytes) {
            return Self::Image(format);
        }
        if without_leading_blanks(bytes).starts_with(b"%PDF-") {
            return Self::Pdf;
        }
        let extension = extension(declared_name);
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return detect_archive(bytes, &extension);
        }
        if looks_like_text(bytes) {
            return detect_text(bytes, declared_name, &extension, declared_type);
        }
        if contains(head(bytes, PDF_HEADER_WITHIN), b"%PDF-") {
            return Self::Pdf;
        }
        Self::Other
    }

    /// The media type of the kind.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::PlainText | Self::SourceCode(_) => "text/plain",
            Self::Image(format) => format.media_type(),
            Self::Zip => "application/zip",
            Self::Other => "application/octet-stream",
        }
    }

    /// A short name for people and for models: `PDF`, `Word document`, `rust source code`.
    pub fn label(self) -> String {
        match self {
            Self::Pdf => "PDF".to_owned(),
            Self::Docx => "Word document".to_owned(),
            Self::Xlsx => "Excel workbook".to_owned(),
            Self::Csv => "CSV table".to_owned(),
            Self::Html => "web page".to_owned(),
            Self::Markdown => "Markdown".to_owned(),
            Self::PlainText => "text".to_owned(),
            Self::SourceCode(language) => format!("{} source", language.name()),
            Self::Image(_) => "picture".to_owned(),
            Self::Zip => "ZIP archive".to_owned(),
            Self::Other => "binary file".to_owned(),
        }
    }
}

fn detect_archive(bytes: &[u8], extension: &str) -> Kind {
    let Some(directory) = ZipDirectory::read(bytes) else {
        // A cut-off archive: what it was meant to be names the error.
        return match extension {
            "docx" => Kind::Docx,
            "xlsx" => Kind::Xlsx,
            _ => Kind::Zip,
        };
    };
    let mut kind = Kind::Zip;
    for name in directory {
        let name = String::from_utf8_lossy(name)
            .to_ascii_lowercase()
            .replace('\\', "/");
        // The main part of a document need not be called `document.xml`: its relations name it.
        if name.starts_with("word/document") && name.ends_with(".xml") {
            return Kind::Docx;
        }
        if name == "xl/workbook.xml" {
            kind = Kind::Xlsx;
        }
    }
    kind
}

fn detect_text(bytes: &[u8], name: &str, extension: &str, declared_type: Option<&str>) -> Kind {
    if begins_as_html(bytes) {
        return Kind::Html;
    }
    match extension {
        "html" | "htm" | "xhtml" => return Kind::Html,
        "csv" | "tsv" => return Kind::Csv,
        "md" | "markdown" | "mdown" | "mkd" => return Kind::Markdown,
        "txt" | "text" | "log" => return Kind::PlainText,
        _ => {}
    }
    if let Some(language) = Language::of_file(name, extension) {
        return Kind::SourceCode(language);
    }
    match declared_type.and_then(essence).as_deref() {
        Some("text/html" | "application/xhtml+xml") => Kind::Html,
        Some("text/csv" | "text/tab-separated-values") => Kind::Csv,
        Some("text/markdown") => Kind::Markdown,
        _ => Kind::PlainText,
    }
}

fn begins_as_html(bytes: &[u8]) -> bool {
    let mut start = without_leading_blanks(head(bytes, HTML_SIGN_WITHIN));
    // The declaration of XHTML and comments may stand before it.
    while let Some((rest, close)) = after_opening(start) {
        let Some(end) = rest.windows(close.len()).position(|window| window == close) else {
            return false;
        };
        start = without_leading_blanks(&rest[end + close.len()..]);
    }
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|sign| {
            let follows = start.get(sign.len());
            start
                .get(..sign.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(sign))
                && follows.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-')
        })
}

/// What follows the opening of a comment or declaration, and what closes it.
fn after_opening(start: &[u8]) -> Option<(&[u8], &'static [u8])> {
    let comment = start.strip_prefix(b"<!--").map(|rest| (rest, &b"-->"[..]));
    comment.or_else(|| start.strip_prefix(b"<?xml").map(|rest| (rest, &b"?>"[..])))
}

fn without_leading_blanks(bytes: &[u8]) -> &[u8] {
    bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start()
}

/// In lower case, without the dot; empty where there is none.
fn extension(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    }
}

fn head(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[..bytes.len().min(length)]
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Cursor, Write as _};
    use zip::write::SimpleFileOptions;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(b"content").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn content_outweighs_name_and_declared_type() {
        let docx = archive(&["[Content_Types].xml", "word/document.xml"]);
        let xlsx = archive(&["[Content_Types].xml", "xl/workbook.xml"]);
        let presentation = archive(&["[Content_Types].xml", "ppt/presentation.xml"]);
        for (bytes, name, declared, kind) in [
            (&b"%PDF-1.4\n"[..], "a.txt", Some("text/plain"), Kind::Pdf),
            (b"\r\n%PDF-1.4\n", "a", None, Kind::Pdf),
            (b"\x01\x02\x03\0junk%PDF-1.4\n", "a", None, Kind::Pdf),
            (b"how to write a %PDF-1.4 header", "a.txt", None, Kind::PlainText),
            (
                b"\x89PNG\r\n\x1a\n....",
                "a.jpg",
                Some("image/jpeg"),
                Kind::Image(ImageFormat::Png),
            ),
            (
                b"GIF89a......",
                "a.pdf",
                Some("application/pdf"),
                Kind::Image(ImageFormat::Gif),
            ),
            (&docx, "a.xlsx", None, Kind::Docx),
            (&xlsx, "a.docx", None, Kind::Xlsx),
            (&presentation, "a.docx", None, Kind::Zip),
            (&docx[..docx.len() - 30], "a.docx", None, Kind::Docx),
            (&docx[..docx.len() - 30], "a.bin", None, Kind::Zip),
            (b"plain words", "a.pdf", Some("application/pdf"), Kind::PlainText),
            (b"plain words", "a.docx", None, Kind::PlainText),
            (b"<!DOCTYPE HTML><p>x", "a.txt", Some("text/plain"), Kind::Html),
            (b"\xef\xbb\xbf <!-- c --> <html lang=de>", "a", None, Kind::Html),
            (
                b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>",
                "a.txt",
                None,
                Kind::Html,
            ),
            (
                b"<?xml version='1.0'?>\n<html-like/>",
                "a.txt",
                None,
                Kind::PlainText,
            ),
            (b"<!-- never ends <html>", "a.txt", None, Kind::PlainText),
            (b"<header-like>", "a.txt", None, Kind::PlainText),
            (b"<p>fragment", "a.htm", None, Kind::Html),
            (
                b"<p>fragment",
                "upload",
                Some("text/html; charset=utf-8"),
                Kind::Html,
            ),
            (b"a,b\n1,2\n", "A.CSV", None, Kind::Csv),
            (b"a,b\n1,2\n", "blob", Some("text/csv"), Kind::Csv),
            (b"# Title", "readme.md", None, Kind::Markdown),
            (b"# Title", "notes.txt", Some("text/markdown"), Kind::PlainText),
            (b"\xff\xfeh\0i\0", "a.txt", None, Kind::PlainText),
            (
                b"\x7fELF\x02\x01\x01\0\0\0",
                "a.txt",
                Some("text/plain"),
                Kind::Other,
            ),
            (b"", "empty.pdf", Some("application/pdf"), Kind::PlainText),
            (b"", "", None, Kind::PlainText),
        ] {
            assert_eq!(
                Kind::detect(bytes, name, declared),
                kind,
                "{name} {declared:?} {:?}",
                head(bytes, 30)
            );
        }
    }

    #[test]
    fn source_code_goes_by_extension_only_where_the_content_is_text() {
        let Kind::SourceCode(rust) = Kind::detect(b"fn main() {}", "main.rs", None) else {
            panic!()
        };
        assert_eq!(rust.name(), "rust");
        assert!(matches!(
            Kind::detect(b"FROM scratch", "Dockerfile", None),
            Kind::SourceCode(_)
        ));
        assert_eq!(Kind::detect(b"\0\x01\x02\x03", "main.rs", None), Kind::Other);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"%PDF-", b"RIFF", b"\xff\xfe", b"<!--"]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
            end in prop::sample::select(vec![&b""[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x30\0\0\0\0\0\0\0\0\0"]),
        ) {
            Kind::detect(&[start, &rest, end].concat(), "a.docx", Some("x/y"));
        }
    }
}
