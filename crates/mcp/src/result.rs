//! What a tool gave back, as text: text as it is, everything else described, all of it within a bound.

use crate::server::Output;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

/// The longest name, type or address that is told of a part, in characters.
const SHOWN_CHARS: usize = 200;

/// A result as text of at most so many bytes; what is cut off is noted behind it.
pub(crate) fn output(result: &CallToolResult, max_bytes: usize) -> Output {
    let mut text = String::new();
    for part in &result.content {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&described(part));
    }
    // What it says in its own structure, it says in text as well; those that do not are read as they are.
    if text.is_empty()
        && let Some(structured) = &result.structured_content
    {
        text = structured.to_string();
    }
    Output {
        text: cut(text.replace('\0', ""), max_bytes),
        failed: result.is_error.unwrap_or(false),
    }
}

/// The longest beginning of at most so many bytes, with a note where there was more.
fn cut(mut text: String, max_bytes: usize) -> String {
    let whole = text.len();
    if whole <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&format!(
        "\n[cut: these are the first {end} bytes of {whole}; ask for less at once]"
    ));
    text
}

fn described(part: &ContentBlock) -> String {
    match part {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => blob("image", &image.mime_type, image.data.len()),
        ContentBlock::Audio(audio) => blob("audio", &audio.mime_type, audio.data.len()),
        ContentBlock::ResourceLink(link) => {
            format!("[resource `{}` at {}]", shown(&link.name), shown(&link.uri))
        }
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => {
                format!("[resource at {}]\n{text}", shown(uri))
            }
            ResourceContents::BlobResourceContents {
                uri, mime_type, blob, ..
            } => {
                let kind = mime_type.as_deref().unwrap_or("application/octet-stream");
                format!(
                    "[resource at {}: {}]",
                    shown(uri),
                    self::blob("file", kind, blob.len())
                )
            }
            _ => "[a resource of a kind that is not known here]".to_owned(),
        },
        _ => "[something of a kind that is not known here]".to_owned(),
    }
}

/// A file that was given as base64 of this length.
fn blob(what: &str, media_type: &str, base64: usize) -> String {
    format!(
        "[{what} of {}, about {} bytes, not shown]",
        shown(media_type),
        base64 / 4 * 3
    )
}

/// A name or an address on one line.
fn shown(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(result: serde_json::Value, max_bytes: usize) -> Output {
        output(&serde_json::from_value(result).unwrap(), max_bytes)
    }

    #[test]
    fn text_is_kept_and_everything_else_described() {
        let result = json!({"content": [
            {"type": "text", "text": "a\u{0}b"},
            {"type": "image", "data": "AAAAAAAA", "mimeType": "image/png"},
            {"type": "audio", "data": "AAAA", "mimeType": "audio/wav\nx"},
            {"type": "resource_link", "uri": "file:///a", "name": "a"},
            {"type": "resource", "resource": {"uri": "file:///b", "text": "bbb"}},
            {"type": "resource", "resource": {"uri": "file:///c", "blob": "AAAA", "mimeType": "application/pdf"}},
        ]});
        let told = of(result, 10_000);
        assert_eq!(
            told.text,
            "ab\n\n[image of image/png, about 6 bytes, not shown]\n\n[audio of audio/wav x, about 3 bytes, not shown]\
             \n\n[resource `a` at file:///a]\n\n[resource at file:///b]\nbbb\n\n\
             [resource at file:///c: [file of application/pdf, about 3 bytes, not shown]]"
        );
        assert!(!told.failed);
    }

    #[test]
    fn a_structure_without_text_is_its_json() {
        let told = of(
            json!({"content": [], "structuredContent": {"a": 1}, "isError": true}),
            100,
        );
        assert_eq!((told.text.as_str(), told.failed), (r#"{"a":1}"#, true));
        let both = json!({"content": [{"type": "text", "text": "one"}], "structuredContent": {"a": 1}});
        assert_eq!(of(both, 100).text, "one");
    }

    #[test]
    fn a_result_that_is_too_long_is_cut_between_characters_and_says_so() {
        let told = of(
            json!({"content": [{"type": "text", "text": "é".repeat(100)}]}),
            51,
        );
        assert!(told.text.starts_with(&"é".repeat(25)), "{told:?}");
        assert!(told.text.contains("the first 50 bytes of 200"), "{told:?}");
    }
}
