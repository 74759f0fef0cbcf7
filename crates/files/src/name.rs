//! File names as people send them, made safe to keep, to show and to put into a header.
//!
//! A cleaned name is never a path: bytes are stored under generated names, this one is only shown.

use std::fmt::Write as _;

/// The longest name that is kept, in bytes of UTF-8: the limit of common file systems.
pub const MAX_NAME_BYTES: usize = 255;

/// What a file is called whose name has nothing that can be kept.
const NAMELESS: &str = "file";

/// An extension up to this many bytes, dot included, survives the shortening of a long name.
const KEPT_EXTENSION_BYTES: usize = 17;

/// The last component of `name` without control characters, invisible direction marks, runs of dots and
/// surrounding blanks, at most [`MAX_NAME_BYTES`] long; `file` where nothing is left. Idempotent.
pub fn clean_name(name: &str) -> String {
    // Marks go first, so that removing one cannot join two dots afterwards.
    let visible: String = name.chars().filter(|c| !is_unwanted(*c)).collect();
    let component = visible.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut cleaned = String::with_capacity(component.len());
    for c in component.trim().chars() {
        if !(c == '.' && cleaned.ends_with('.')) {
            cleaned.push(c);
        }
    }
    let shortened = shorten(&cleaned);
    match shortened.as_str() {
        "" | "." => NAMELESS.to_owned(),
        _ => shortened,
    }
}

/// The value of a `Content-Disposition` header (RFC 6266) that makes a browser save the file under `name`.
///
/// Always visible ASCII. A plain name stands as `filename="x.txt"` alone; any other one also in the form of
/// RFC 8187, with an ASCII stand-in for readers that do not know it.
pub fn content_disposition(name: &str) -> String {
    let name = clean_name(name);
    if name.chars().all(is_plain) {
        return format!("attachment; filename=\"{name}\"");
    }
    let stand_in: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut header = format!("attachment; filename=\"{stand_in}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if is_attribute_char(byte) {
            header.push(char::from(byte));
        } else {
            write!(header, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    header
}

/// Control characters, line separators and the marks that turn the direction of what follows: `gpj.exe` must
/// not look like `exe.jpg`.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Stands in a quoted string as itself for every reader; `%` does not, as some decode it.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%')
}

/// `attr-char` of RFC 8187.
fn is_attribute_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    let extension = match name.rfind('.') {
        Some(dot) if name.len() - dot <= KEPT_EXTENSION_BYTES => &name[dot..],
        _ => "",
    };
    let stem = &name[..name.floor_char_boundary(MAX_NAME_BYTES - extension.len())];
    // The cut may fall behind a dot or a blank, which would bring back what was cleaned away.
    format!(
        "{}{extension}",
        stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_paths_and_controls() {
        for (sent, kept) in [
            ("report.pdf", "report.pdf"),
            ("Übersicht – 2024.xlsx", "Übersicht – 2024.xlsx"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\Brief.docx", "Brief.docx"),
            ("/etc/passwd", "passwd"),
            ("..", "file"),
            (".", "file"),
            ("...", "file"),
            (".\0.", "file"),
            ("", "file"),
            ("  ", "file"),
            ("folder/", "file"),
            ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie: x=1.txt"),
            ("a..b...txt", "a.b.txt"),
            (".htaccess", ".htaccess"),
            ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
            (" \tnotes.md ", "notes.md"),
            ("<script>.html", "<script>.html"),
        ] {
            assert_eq!(clean_name(sent), kept, "{sent:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = clean_name(&format!("{}.docx", "ü".repeat(300)));
        assert!(name.len() <= MAX_NAME_BYTES && name.len() > MAX_NAME_BYTES - 3);
        assert!(name.ends_with("ü.docx"));
        assert_eq!(clean_name(&"x".repeat(300)).len(), MAX_NAME_BYTES);
        assert_eq!(
            clean_name(&format!("a.{}", "y".repeat(300))).len(),
            MAX_NAME_BYTES
        );
    }

    #[test]
    fn headers_are_ascii_and_quoted() {
        for (name, header) in [
            ("x.txt", "attachment; filename=\"x.txt\""),
            ("two words.txt", "attachment; filename=\"two words.txt\""),
            (
                "naïve.txt",
                "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt",
            ),
            (
                "書.pdf",
                "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E6%9B%B8.pdf",
            ),
            (
                "a\"b.txt",
                "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt",
            ),
            (
                "100%.txt",
                "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt",
            ),
            ("it's;.txt", "attachment; filename=\"it's;.txt\""),
            (
                "é'(1).txt",
                "attachment; filename=\"_'(1).txt\"; filename*=UTF-8''%C3%A9%27%281%29.txt",
            ),
            ("a\r\nX-Evil: 1", "attachment; filename=\"aX-Evil: 1\""),
        ] {
            assert_eq!(content_disposition(name), header);
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_safe_one(name in "\\PC*|[./\\\\\r\n\u{0}\" a]{0,12}|.{250,400}") {
            let cleaned = clean_name(&name);
            prop_assert!(!cleaned.is_empty() && cleaned.len() <= MAX_NAME_BYTES);
            prop_assert!(!cleaned.contains("..") && !cleaned.contains(['/', '\\']));
            prop_assert!(!cleaned.chars().any(is_unwanted));
            prop_assert_eq!(clean_name(&cleaned), cleaned);
        }

        #[test]
        fn any_name_becomes_one_header(name in "\\PC*|[\r\n\";\\\\ %'a]{0,12}") {
            let header = content_disposition(&name);
            prop_assert!(header.chars().all(|c| matches!(c, ' '..='~')));
            prop_assert_eq!(header.matches('"').count(), 2);
            if let Some((_, encoded)) = header.split_once("filename*=UTF-8''") {
                let mut bytes = Vec::new();
                let mut rest = encoded.bytes();
                while let Some(byte) = rest.next() {
                    bytes.push(if byte == b'%' {
                        let digits = [rest.next().unwrap(), rest.next().unwrap()];
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                    } else {
                        byte
                    });
                }
                prop_assert_eq!(String::from_utf8(bytes).unwrap(), clean_name(&name));
            }
        }
    }
}
