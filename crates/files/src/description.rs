//! Everything about a file that needs no parser.

use crate::{ContentHash, Kind, clean_name, stored_content_type};

/// An uploaded file as it is stored and treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, safe to show and to send. Never a path.
    pub name: String,
    /// The media type to store: as declared where that is one, else by content.
    pub content_type: String,
    /// What it truly is.
    pub kind: Kind,
    /// The hash of its bytes.
    pub hash: ContentHash,
}

/// Describes a file from what the sender said and from its bytes.
///
/// Never fails and never blocks on anything, but reads all bytes once for the hash: call it off the async
/// threads for files of many megabytes.
pub fn describe(name: &str, declared_type: Option<&str>, bytes: &[u8]) -> Description {
    let name = clean_name(name);
    let kind = Kind::detect(bytes, &name, declared_type);
    let content_type = stored_content_type(declared_type, kind);
    Description {
        name,
        content_type,
        kind,
        hash: ContentHash::of(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_the_declared_type_is_kept() {
        let described = describe("../Notes.txt", Some("text/plain"), b"%PDF-1.7\n...");
        assert_eq!(described.name, "Notes.txt");
        assert_eq!(described.content_type, "text/plain");
        assert_eq!(described.kind, Kind::Pdf);
        assert_eq!(described.hash, ContentHash::of(b"%PDF-1.7\n..."));
    }
}
