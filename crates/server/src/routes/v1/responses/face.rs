//! What a response says of its own request: kept beside it, and told again with it.

use crate::{
    error::ApiError,
    routes::v1::{
        input::Unread,
        writer::{raw, string},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// What a response was asked with, its input excepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ResponseFace {
    /// Members of the response's object, as the client gave them.
    echo: Box<RawValue>,
    /// Whether it goes on without a reader.
    pub(super) background: bool,
    /// Whether it can be read again.
    pub(super) store: bool,
    /// Whether the client wants to be handed what the model needs back of its reasoning.
    pub(super) sealed: bool,
}

/// Members that are told as they were given, with what is told where they were not.
pub(super) type Echo<'a> = [(&'static str, Unread<'a>, &'static str)];

impl ResponseFace {
    pub(super) fn new(members: &Echo<'_>, background: bool, store: bool, sealed: bool) -> Self {
        let mut echo = b"{".to_vec();
        for (name, given, default) in members {
            if echo.len() > 1 {
                raw(&mut echo, ",");
            }
            string(&mut echo, name);
            raw(&mut echo, ":");
            raw(&mut echo, given.map_or(default, RawValue::get));
        }
        raw(&mut echo, "}");
        // What the client spaced over several lines has to stand in one line of a stream.
        let echo = serde_json::from_slice::<Value>(&echo).and_then(|echo| to_raw_value(&echo));
        Self {
            echo: echo.expect("members of an object that was read make one"),
            background,
            store,
            sealed,
        }
    }

    /// As it is kept.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("it consists of JSON")
    }

    /// As it was kept.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map_err(|error| ApiError::internal(format!("a response's face: {error}")))
    }

    /// Appends the members, each after a comma.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let members = self.echo.get();
        let members = &members[1..members.len() - 1];
        if !members.is_empty() {
            raw(out, ",");
            raw(out, members);
        }
    }
}
