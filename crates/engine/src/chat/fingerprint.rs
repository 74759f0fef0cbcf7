//! Hashes of what is asked: by these a repeated request is told from another one of the same key.

use crate::views::{self, Regenerate, SendMessage};

/// Of a message: its fields and files, not the form they came in.
pub(super) fn of_message(message: &SendMessage) -> String {
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, Some(b"send"));
    let number = |number: i64| number.to_le_bytes();
    put(
        &mut hasher,
        message
            .conversation_id
            .map(|id| number(id.0))
            .as_ref()
            .map(|bytes| &bytes[..]),
    );
    let parent = match message.parent {
        views::Parent::Head => None,
        views::Parent::Nothing => Some(number(0)),
        views::Parent::Message(id) => Some(number(id.0)),
    };
    put(&mut hasher, parent.as_ref().map(|bytes| &bytes[..]));
    put(&mut hasher, Some(message.text.as_bytes()));
    put(&mut hasher, message.model.as_deref().map(str::as_bytes));
    for file in &message.files {
        put(&mut hasher, Some(file.filename.as_bytes()));
        put(&mut hasher, file.content_type.as_deref().map(str::as_bytes));
        put(&mut hasher, Some(&file.bytes));
    }
    hasher.finalize().to_hex().to_string()
}

/// Of an answer to be given again.
pub(super) fn of_regeneration(again: &Regenerate) -> String {
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, Some(b"regenerate"));
    put(&mut hasher, Some(&again.answer.0.to_le_bytes()));
    put(&mut hasher, again.model.as_deref().map(str::as_bytes));
    if again.goes_on {
        put(&mut hasher, Some(b"go on"));
    }
    hasher.finalize().to_hex().to_string()
}

/// Adds a field so that no two sequences of fields look alike.
pub(crate) fn put(hasher: &mut blake3::Hasher, field: Option<&[u8]>) {
    match field {
        None => {
            hasher.update(&[0]);
        }
        Some(bytes) => {
            hasher.update(&[1]);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }
}
