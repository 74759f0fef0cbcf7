//! A conversation as Markdown, for people to read elsewhere.

use chatai_engine::{Conversation, ExportedMessage};
use chatai_types::{Role, TurnStatus};

/// What stands before the messages.
pub(crate) fn beginning(conversation: &Conversation) -> String {
    let title = one_line(conversation.title.as_deref().unwrap_or_default());
    let title = if title.is_empty() { "Conversation" } else { &title };
    format!("# {title}\n")
}

/// A message under a heading that says who speaks, its files by their names.
pub(crate) fn message(exported: &ExportedMessage) -> String {
    let message = &exported.message;
    let speaker = match (message.role, message.model.as_deref()) {
        (Role::User, _) => "User".to_owned(),
        (Role::Assistant, None) => "Assistant".to_owned(),
        (Role::Assistant, Some(model)) => format!("Assistant ({})", one_line(model)),
    };
    let mut text = format!("\n## {speaker} · {} UTC\n", message.created_at.to_wire());
    let status = match (message.status, &message.error) {
        (TurnStatus::Complete, _) => None,
        (status, None) => Some(status.as_str().to_owned()),
        (status, Some((_, reason))) => Some(format!("{}: {}", status.as_str(), one_line(reason))),
    };
    if let Some(status) = status {
        text.push_str(&format!("\n*{status}*\n"));
    }
    if !message.attachments.is_empty() {
        text.push('\n');
    }
    for file in &message.attachments {
        let name = one_line(&file.filename).replace('`', "'");
        text.push_str(&format!("- attached: `{name}`\n"));
    }
    if !message.text.is_empty() {
        text.push('\n');
        text.push_str(&message.text);
        text.push('\n');
        if let Some(fence) = open_fence(&message.text) {
            // An answer that broke off in a block of code must not swallow what follows.
            text.push_str(fence);
            text.push('\n');
        }
    }
    text
}

/// A text that must not end a heading or a list's item.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The marks that end the block of code which a text leaves open.
fn open_fence(text: &str) -> Option<&str> {
    let mut open: Option<&str> = None;
    for line in text.lines() {
        let line = line.trim_start();
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'));
        let Some(mark) = mark else { continue };
        let marks = &line[..line.len() - line.trim_start_matches(mark).len()];
        if marks.len() < 3 {
            continue;
        }
        let rest = &line[marks.len()..];
        match open {
            // What follows the marks of a block's beginning names its language; at its end nothing does.
            None if mark == '~' || !rest.contains('`') => open = Some(marks),
            Some(begun) if marks.starts_with(begun) && rest.trim().is_empty() => open = None,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_code_that_is_left_open_is_known() {
        for (text, expected) in [
            ("plain", None),
            ("```rust\nlet x;\n```\n", None),
            ("```rust\nlet x;", Some("```")),
            ("  ~~~~\n~~~\n", Some("~~~~")),
            ("````\n```\n````", None),
            ("```\n~~~\n", Some("```")),
            ("```\na\n``` not the end\n", Some("```")),
            ("``` a `` b\n", None),
            ("``two``\n", None),
            ("```a\n```\n```b", Some("```")),
        ] {
            assert_eq!(open_fence(text), expected, "{text}");
        }
    }
}
